// Package projector runs projections (package projections): it takes the events of a projection's
// aggregates from Kafka, folds them, and writes states, rows and progress to a store, each event once
// (G12).
//
//	Kafka ──▶ member ──▶ Folding ──▶ Store: rows, states and progress in one step
//	          a member of the build's group        └──▶ a build that is level takes over
//
// A [Projector] runs all builds of the version and the folds that the program has, one member of a consumer
// group for each. It begins a build if there is none. It asks every few seconds which builds there are: one
// that an operator has begun with Store.Begin is filled, one that was dropped is left.
//
// A process that does nothing else has several members of each build's group (Options.Members): while the
// store writes the batch of one, another one folds the next.
//
// A build that is level takes over by itself, unless that is left to an operator. It never takes the place
// of a build of a later version; going back is an operator's decision. Builds that were live are kept up to
// a limit. Builds that were never live are dropped by operators only, as another release may be filling
// one.
//
// # Where a batch begins and ends
//
// The store has the progress of each partition: the offset that is taken next. A member that is given a
// partition claims it in the store, which raises its epoch, and begins where the store is. Offsets are
// committed to Kafka, too, in the background; nobody reads them but tools that show lag.
//
// A write moves the progress from where the batch begins to where it ends, and fails unless the store is
// where the batch begins. That is all that exactly once needs: rows are there if, and only if, their events
// are passed. A batch may be cut anywhere, as the fold goes on from the states in the store.
//
// # Races
//
// A zombie. A process stands still with a batch in its hands; the group gives its partition to another,
// which claims it and takes the same events. Then the first one wakes up and writes. Its epoch is not the
// last one: ErrFenced, and nothing is written. It leaves the group and joins it anew. Even if the epochs
// were equal, its batch would begin where the store is no more. A twin of this without the comparison
// doubles the rows.
//
// An answer that is lost. A store commits a batch, and the connection breaks. The batch is written again:
// ErrMoved. The member claims again, and finds the progress at the end of the batch, or at its beginning if
// it was not committed. It goes on from there.
//
// A restored backup. The store is what it was ten minutes ago, rows, states and progress alike. Whoever
// writes next gets ErrMoved or ErrFenced. It finds the progress where nothing of what it holds begins,
// forgets all states that it has in memory, joins its group anew, and takes the events of the ten minutes
// again, from the states and the rows of the backup. Others that have not noticed yet can't write: their
// batches begin elsewhere. While nothing comes, nothing is written: so a member that is idle asks the store
// now and then where it is. A build that the backup does not have begins again. The states of the backup are
// older than the next events, which looks as if events were missing: before a dead letter is written, or a
// partition held, a write of nothing asks whether the store is where the batch begins.
//
// A restored topic. It ends before what the store has taken, or has other events at these offsets. The
// partition is held, since to go on would leave out the events that come next: their sequences are in the
// states already. Another build can't be level with this one, so an operator sets it back first (processor
// project take-over --fewer-events). A topic that has grown beyond the store's offset can't be told from the
// old one: restart nothing before that.
//
// A crash between a dead letter and the write that passes it. The letter is written first. After the crash
// the event is taken again, and gets a second letter, with the same key and the same origin. The other way
// round it could be lost without a trace.
//
// A fill from tables. The end of the events is asked before the table is read, so the table has at least
// the events up to there. It may have more; those events are left out by the sequences of the states when
// they come. A fill that a rebalance ends begins again, and writes the same rows: a projection of states
// alone adds nothing.
//
// A lookup that comes before its state. An account's event refers to an order's, and the member that has the
// order's partition is behind. The account's partition ends its batch before the event, and waits, while all
// others go on; every 20 ms it looks whether the store has the state. That it never will have it is certain
// when the build's progress in the order's partition has reached the end which that had when the account's
// event was there already: an event that is referred to was committed before the referring one was decided.
// The progress is read before the states: in the other order, the state may come in between. Then the event
// is poison.
//
// Partitions that wait for each other. Events e1, then e2, are in one partition, f1, then f2, in another one;
// e1 refers to f2, and f1 to e2. If each refers to what was there before it, then f2 < e1 < e2 < f1 < f2,
// which can't be. But the writer of a reference may err, and one false reference is enough for two partitions
// to wait for each other. So a partition waits no longer than the other one moves. If that stands still for
// two seconds, whatever the reason, the events of the one aggregate are read from its log and folded, from
// where the build is. That makes the same state, or shows that there is none. The state is for the one event
// that waits: others must not find it ahead of the build. In its own partition an event
// is not waited for at all: it stands before the one that refers to it, or the reference is poison. A
// reference to an event that comes later is found or is poison, depending on when it is looked for; the
// latter has a dead letter.
//
// Taking over. The store holds the live build while the new one takes the last events, and swaps both in
// one statement when it has all that the live one has. Members of the live build get ErrHeld meanwhile, and
// wait. A hold lapses by itself.
//
// # What can't be taken
//
// An event that can't be decoded or folded, for which the projection's function panics, that looks up what is
// not there, or whose row the store refuses, is poison. It goes to the dead letters, or holds its partition
// (Options.OnPoison). If the store has refused a batch, its halves are written one after the other until the
// event is alone. An event that was folded has only its rows missing; one that could not be folded leaves a
// gap, and all later events of its aggregate follow it to the dead letters. A dead letter of a projection is
// not put back, as the event is in its topic: the projection is mended and rebuilt.
//
// All else is a fault: the store, the registry or Kafka is away. The batch stays in memory and is tried
// again with a pause that doubles, while the group may rebalance. Ready tells of a fault that lasts.
package projector
