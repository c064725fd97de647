// Package processors is what the graphs of all aggregates share: a command's way from a record
// of the commands topic to its events, its row and its one result.
//
//	decode (codecs) → snapshot (group table) → eventsourcing.Handle → events, row, result
//	                                                               ↘ dead-letters
//
// An aggregate is described by [Aggregate] and turned into an ordinary Goka group graph by
// [Aggregate.Graph]. Whether the graph runs exactly once is the business of who runs it
// (package exactlyonce); this package never asks.
package processors
