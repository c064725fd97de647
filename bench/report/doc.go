// Package report keeps what a comparison has measured, and renders it. The tables of docs/BENCHMARKS.md and
// README.md come from the same file, so that they can't disagree.
package report
