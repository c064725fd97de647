// Package views is the read side: it keeps local copies of what workers have committed, and answers from
// them.
//
// A [Views] serves any number of aggregates, each described by a [Description]:
//
//	table topic     → current rows             → Aggregate.Get, WaitFor, List
//	results topic   → outcomes by command ID   ↘
//	commands topic  → commands by their ID     → Views.Command, WaitCommand
//	events topic    → histories                → Aggregate.Events, WaitEvents
//
// and, of all of these but the tables and of the dead letters, an index by correlation ID, from which
// [Views.Trace] makes the causal tree of a command.
//
// Which partitions a process keeps, and how their records come to it, is its [Placement]:
//
//   - [Owned]: those that its processors own. Rows are read from the committed table. The other copies are
//     fed with each transaction that the process commits ([Views.Committed]), and read from Kafka only what
//     they lack when a session begins. Other partitions answer [ErrNotHere]: somebody else owns them. So does
//     a process that can't be certain that it still owns a partition: a pod that was stopped for a while
//     never answers with what was true before.
//   - [Everywhere]: all of them. Each topic has a Goka view, whose storages are followers of package
//     snapshots. A follower restores itself in bulk; Goka then reads the live tail with Sarama, read
//     committed.
//
// Everything a reader sees is committed, and may be behind: a reader that needs more says which sequence it
// has to see and waits ([Aggregate.WaitFor], promise G10).
//
// The package knows no aggregate, only descriptions. Package httpapi shows it to the world.
package views
