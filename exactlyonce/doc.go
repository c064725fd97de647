// Package exactlyonce runs any Goka group graph exactly once: the offsets of what came in and
// everything that a callback wrote (events, table rows, loop messages) become visible together or
// not at all.
//
// Put New or NewProcessor where goka.NewProcessor was; nothing else changes:
//
//	p, err := exactlyonce.NewProcessor(brokers, graph) // was: goka.NewProcessor(brokers, graph)
//
// # How it works
//
// Goka lets each part that speaks to Kafka be replaced through its options, and each option that
// this package replaces has a file of its own: group.go is the sarama.ConsumerGroup that Goka
// sees, producer.go its producer, storage.go its stores, topics.go its topic manager. Behind them
// franz-go moves every byte: one client consumes, and transactional producers take turns, one
// transaction each. A batch is what came in while the last one was committing, so a lone record
// is visible within milliseconds and a busy partition commits thousands at a time:
//
//	poll → hand the records to Goka → when all are handled, close the batch → produce its
//	records and the last row of each key → flush → commit the offsets inside the transaction,
//	under the consumer's member ID and generation (KIP-447) → end the transaction → commit the
//	rows to the local store
//
// Meanwhile the next batch is handled on top of the uncommitted rows of the one below it. Layers
// commit in order. When one fails, all later ones are forgotten, the consumer goes back to the
// committed offsets, and it goes on.
//
// machine.go decides all of it and does nothing: it is a pure state machine, with its stories in
// testdata. run.go carries out what it says.
//
// # Writing rows between two transactions
//
// Sometimes rows are to be written that no record asks for: a table that is folded anew from its
// events, say. Config.Background gets each session, and Session.Between runs a function while
// everything that was handled before is committed and nothing after has begun. Its rows are committed
// in a transaction of their own, which commits the partition's offsets as well, as they are: so a
// worker that lost the partition is refused, as with any batch. between.go does it,
// machine_between.go decides when. What a worker has to tell the others of its group (Config.
// MemberData) is asked for by Members.
//
// # What a worker promises
//
// Its local tables hold committed rows only, plus, in memory, what the batches in hand wrote.
// Rebalances, aborted transactions, a broker that is away and a fence by another worker do not end
// the Processor: it makes its clients anew, learns the truth from the broker and goes on; Ready
// tells. A partition that can't be read, or that Config.Held holds, is held alone: Ready and the metric
// held_partition name it, the others go on, and so does it when the cause is gone (held.go). Whatever the
// cause, Ready says which partitions have had something to handle for Config.StallAfter of which nothing was
// committed; brokers are asked for that, not the client's fetches (progress.go).
//
// The Processor ends with its context, with Stop, when a callback fails (as in Goka), at a record that no
// broker will ever take (too large), and at offsets that fit neither the inputs nor the table, because a
// topic was truncated or the group's offsets are gone: it never guesses what was handled. Input that brokers
// have deleted before it was handled does not end it; the log (an error) and the metric
// deleted_input_offsets_total tell.
//
// # What differs from Goka
//
//   - goka.Visitor is refused: a visit belongs to no input, so no transaction holds it.
//   - WithHotStandby and WithRecoverAhead are refused: both restore tables outside of a session,
//     where the owner may still be writing. A Tables that outlives sessions gives the same speed.
//   - The builders that this package replaces, and WithTester, are refused when given.
//   - Streams start at their oldest record, not at the newest.
//   - Keys go to partitions by murmur2, as in Kafka's Java client, unless WithHasher says
//     otherwise. Goka's own hash is goka.DefaultHasher().
//   - WithUpdateCallback serves the live tail of joins; Tables restore by themselves.
//   - The group speaks Kafka's "range" protocol: members of plain Goka ("copartition") and of this
//     package can't be in one group. Stop the old ones first.
package exactlyonce
