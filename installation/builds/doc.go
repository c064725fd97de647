// Package builds looks after the builds of read models, in the stores that the configuration gives: which
// there are, how far each has come, and what is done to them by hand.
package builds
