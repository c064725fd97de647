// Package deadletters is the way back from the dead-letter topic: it lists what the workers have set
// aside (G8), puts records back where they came from, and remembers what became of each.
//
//	dead-letters ──▶ Queue.Each ──▶ list, show
//	             ──▶ Queue.Settle ──▶ the commands topic (or a process's loop)   ┐ one Kafka
//	                            └──▶ dead-letters-settled: <partition>/<offset>  ┘ transaction
//
// A dead letter is put back at most once, whatever happens: the record and the marker that it was put
// back become visible together, and all processes that settle use the same transactional ID. Settle first
// ends what a dead predecessor has left open, and fences one that is alive. Only then does it read the
// markers, so that it sees every marker but its own.
//
// A marker outlives its dead letter, which retention removes. Settle writes tombstones over the
// markers of dead letters that are gone; compaction does the rest. A marker also names the time of
// its dead letter, so that it says nothing about a record that comes to the same place after the
// topic was deleted and made again.
package deadletters
