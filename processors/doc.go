// Package processors defines aggregates and processes, and turns them into Goka group graphs.
//
// An [Aggregate] is the whole definition of a kind of aggregate, a [Process] that of a process between
// aggregates; [Define] collects those of a program, and [Definitions.Open] makes their codecs. The graphs are
// ordinary Goka group graphs: see graph.go and processgraph.go. A command takes one way through them:
//
//	decode (codecs) → snapshot (group table) → eventsourcing.Handle → events, row, result
//	                                                               ↘ dead-letters
//
// This package does not depend on how a graph is run; package exactlyonce runs it exactly once.
package processors
