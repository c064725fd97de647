// Package exactlyonce runs any Goka group graph exactly once: the offsets of the input and everything that
// a callback wrote (events, table rows, loop messages) become visible together or not at all.
//
// Put New or NewProcessor where goka.NewProcessor was; nothing else changes:
//
//	p, err := exactlyonce.NewProcessor(brokers, graph) // was: goka.NewProcessor(brokers, graph)
//
// # How it works
//
// Goka lets each part that speaks to Kafka be replaced through its options. This package replaces them and
// moves every byte by franz-go: one client consumes, and transactional producers take turns, one transaction
// each. A batch is what came in while the last batch was committing. So a lone record is visible within
// milliseconds, and a busy partition commits thousands of records at a time:
//
//	poll → hand the records to Goka → when all are handled, close the batch → produce its
//	records and the last row of each key → flush → commit the offsets inside the transaction,
//	under the consumer's member ID and generation (KIP-447) → end the transaction → commit the
//	rows to the local store
//
// Meanwhile the next batch is handled on top of the uncommitted rows of the batch before. Layers of rows
// commit in order. When one fails, all later ones are dropped, the consumer goes back to the committed
// offsets, and the worker goes on.
//
// # Where to read
//
//	machine           decides what happens next: a pure state machine; begin with its package comment
//	run.go            carries out what the machine decides, for one life of the clients
//	clients.go        makes the clients and joins the group
//	inputs.go         compares the group's offsets with the inputs; start.go: where a group begins
//	poll.go           brings records from the brokers to Goka; session.go, claim.go: what Goka sees of it
//	internal/outbox   holds what callbacks emit; Goka's producer
//	storage.go        the group table's store as Goka sees it; tables.go: what a store must do
//	internal/memory   the stores of a Config that names no others
//	flight.go         a batch in its transaction; batch.go, producer.go: how it gets there
//	commit.go         what a transaction has made visible, for Config.Committed
//	between.go        Session.Between; rowwriter.go: what its caller writes
//	lease.go          how long the group certainly counts the worker as a member
//	holds.go          partitions that are held; stalls.go: that stand still; fit.go: that don't fit
//	engine.go         starts over after faults; processor.go, config.go, options.go: what callers use
//	internal/message, internal/gokaoptions and kafka/gokatopics adapt what is left to Goka
//
// # Writing rows between two transactions
//
// Some rows are not the outcome of a record: those of a table that is folded again from its events, for
// example. Config.Background gets each session, and Session.Between runs a function while everything that was
// handled before is committed and nothing after has begun. Its rows are committed in a transaction of their
// own. That also commits the partition's offsets as they are, so a worker that lost the partition is refused,
// as with any batch.
//
// # What a worker promises
//
// Its local tables hold committed rows only, and in memory, on top, what the batches in hand wrote.
// Rebalances, aborted transactions, a broker that is away and a fence by another worker do not end the
// Processor: it makes its clients anew, learns from the broker what was committed, and goes on; Ready reports
// it. A partition that can't be read, or that Config.Held holds, is held alone: Ready and the metric
// held_partition name it, and the others go on. It goes on by itself when the cause is gone. Ready also names
// the partitions that have had something to handle for Config.StallAfter of which nothing was committed,
// whatever the cause; the brokers are asked for that, not the client's fetches.
//
// The Processor ends with its context, with Stop, when a callback fails (as in Goka), at a record that no
// broker will ever take (too large), and at offsets that fit neither the inputs nor the table, because a
// topic was truncated or the group's offsets are gone: it never guesses what was handled. Input that brokers
// have deleted before it was handled does not end it; the log (an error) and the metric
// deleted_input_offsets_total report it.
//
// # What differs from Goka
//
//   - goka.Visitor is refused: a visit belongs to no input, so no transaction holds it.
//   - WithHotStandby and WithRecoverAhead are refused: both restore tables outside of a session, where the
//     owner may still be writing. Tables that outlive sessions give the same speed.
//   - The builders that this package replaces, and WithTester, are refused when given.
//   - Streams start at their oldest record, not at the newest, unless Config.Start says otherwise.
//   - Keys go to partitions by murmur2, as in Kafka's Java client, unless WithHasher says otherwise. Goka's
//     own hash is goka.DefaultHasher().
//   - WithUpdateCallback serves the live tail of joins; Tables restore by themselves.
//   - The group speaks Kafka's "range" protocol: members of plain Goka ("copartition") and of this package
//     can't be in one group. Stop the old ones first.
package exactlyonce
