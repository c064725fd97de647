// Package livefeed lets people and programs listen to what becomes visible now: commands, events,
// results and dead letters of all aggregates.
//
// Kafka is the buffer. Each listener has a consumer of its own (no group, read committed) that
// holds about a megabyte for each broker; what it has not taken stays in Kafka. Hence a slow
// listener costs no memory, and any process can go on where another one stopped: a [Position]
// names the next offset of every partition, and every item carries the one behind it.
//
// What a listener gets: of each partition every record that its filter means, in order, once.
// Between partitions the order is that of arrival: a result may come before the events of its
// command. For the whole history read an aggregate's events instead.
//
// A listener that is too far behind is moved to the end, and one whose next record retention has
// deleted to the beginning; either is told so by a [Missed], never silently.
package livefeed
