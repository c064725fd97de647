// Package traces shows everything that a command has led to: the tree of commands, events and results across
// aggregates, along an axis of time.
package traces
