// Package views is the read side: it keeps local copies of what the worker has committed and
// answers from them, on every pod for all partitions.
//
// A [Views] serves any number of aggregates, each described by a [Description], with four Goka
// views per aggregate, whose storages are followers of package snapshots:
//
//	table topic     → current rows             → Aggregate.Get, WaitFor, List
//	results topic   → outcomes by command ID   ↘
//	commands topic  → commands by their ID     → Views.Command, WaitCommand
//	events topic    → histories                → Aggregate.Events, WaitEvents
//
// and, of all of these but the tables and of the dead letters, an index by correlation ID, which
// [Views.Trace] makes the causal tree of a command from.
//
// A follower restores itself in Open, in bulk; Goka then reads the live tail with Sarama, read
// committed. Everything a reader sees is therefore committed, and may be behind: a reader that
// needs more says which sequence it has to see and waits ([Aggregate.WaitFor], promise G10).
//
// The package knows no aggregate, only descriptions. Package httpapi shows it to the world.
package views
