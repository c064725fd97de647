// Package gokaoptions finds out which of Goka's options a caller has replaced. Goka does not tell: its
// options are functions over a struct that it does not export.
package gokaoptions
