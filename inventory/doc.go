// Package inventory records which topics an installation has: not by their names alone, but by the IDs that
// brokers give them (KIP-516). A topic that is deleted and made again under its name is another topic, and
// empty: a worker that takes it for the old one decides again what was decided long ago.
//
// The IDs are records of a topic of one partition, which is never compacted. A record names the ID that it
// replaces, and counts only if that was the installation's when the record was written. So the first of two
// contradicting records wins, for every reader at any time. (Compaction would keep the last.)
//
// Two workers start at the same moment on an empty cluster:
//
//	A: reads no records                   B: reads no records
//	A: makes the topic                    B: makes it, too: it is there already
//	A: asks for its ID: 1                 B: asks for its ID: 1
//	A: writes "1 instead of none"         B: writes "1 instead of none"; that does not count any more
//	A: reads both: 1                      B: reads both: 1
//
// And one that stands still at the worst moment:
//
//	A: reads no records, and stands still
//	                                      B: makes the topic, writes "1 instead of none", works for a day
//	                                      somebody deletes the topic
//	A: makes the topic, ID 2
//	A: writes "2 instead of none"; that does not count
//	A: reads: 1, and refuses              B: finds 2, and refuses
//
// A worker that dies between making a topic and writing its record leaves a topic without a record. The next
// worker records it, as it does with all topics of an installation that is older than this package, or whose
// topic of records was lost. Whether their contents fit together is checked for each partition, as always
// ([Fit]).
//
// [Catalog.Accept] writes such a record for an operator: "2 instead of 1", or "none instead of 1", after
// which the topic is made again.
package inventory
