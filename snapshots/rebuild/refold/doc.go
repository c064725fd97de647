// Package refold folds a partition of a table again from offset zero of its events (G7), while its
// owner goes on handling commands: [Run]. [Build] does the first half, for callers that only need the fold.
//
// # How
//
// The owner of a partition is the only writer of its events and rows, so it can refold beside its work:
//
//  1. Fold events 0 to x into a shadow: a store of its own, with a cache of the states in use in front.
//     Events that have come meanwhile are folded, too, again and again, until few are left.
//  2. Go through the live rows and the shadow side by side. A row at the fold's sequence that says what
//     the fold says is right. All others are candidates: those that say something else, are at another
//     sequence, have no events, or are missing.
//  3. Closing steps, between two transactions, of at most Options.StepRows candidates each: fold the few
//     events that are left, judge the candidates again, and write those that are not the fold.
//
// What is written is state and sequence of the fold, with the live row's ring of recent commands:
// rejected commands are no events, so that no fold could make the ring (design §6).
//
// # Why it is right
//
// Let F(k, n) be the fold of events 1…n of the aggregate k by the Evolve that is running. Commands that
// are handled while the refold runs use the same Evolve, for the owner runs the refold itself, and
// when it stops being the owner the refold's context ends. Hence: from a row that is F(k, n) commands
// only make rows that are F(k, m), m ≥ n; and from one that is not, only rows that are not known to be.
//
// The pass (2) reads the shadow as of x, and the live rows as of some moment t after it was built; both
// stand still while commands go on. It meets a key in one of these ways:
//
//   - Row and shadow at the same sequence n, and equal. The row is F(k, n), and whatever comes after t
//     keeps it right. It is never looked at again.
//   - The same sequence, and not equal. The row is wrong; so is what commands make of it until it is
//     corrected. Candidate.
//   - The row is ahead of the shadow: an event came after x and before t. Nothing can be said, since
//     F(k, n+1) is not there yet. Candidate: at the closing step the shadow has caught up.
//   - The row is behind the shadow: either it is damaged, or its transaction is committed in Kafka
//     and is not yet in the local store. Candidate: between two transactions both are.
//   - A row, and no shadow: an aggregate that began after x, or one that has no events and should not
//     be there. Candidate. A row at sequence 0 claims no event and is right as it is.
//   - A shadow, and no row: as one that is behind. Candidate.
//   - Neither: the aggregate begins after t, from no row, which is F(k, 0). Right by the first rule.
//
// A row that the pass reads may be that of a transaction which is aborted later. If it is ahead, it is a
// candidate. If it is at the shadow's sequence, the event is committed, since the shadow reads nothing
// else, and with it the row's transaction; or the row adds only a rejected command to a committed row of
// that very state. (It can't be that the committed row is behind its events, and a transaction is making
// the next of its events a second time: were that committed, nothing could be folded at all.)
//
// A closing step (3) reads the events up to the high watermark. Between two transactions there are none
// of this owner beyond it, and no other worker can commit one: it is fenced. So the shadow is F(k, n) with
// the newest n, for each k, and the candidate's row can be judged, and corrected, finally.
// Then commands go on, from the corrected rows. Between two steps commands are handled, also those of
// aggregates whose row is still wrong; their events are facts all the same, and their rows are corrected
// in a later step. Each step is right by itself: a refold that ends after some of them, because it was
// cancelled, or the owner died or lost the partition, leaves fewer wrong rows, and no new ones. A step of
// a worker that is no longer the owner is refused with its transaction.
//
// A transaction that a dead owner left open hides what comes behind it. A step gives up after
// Options.StepTimeout, having written nothing, and comes back when the broker has ended it.
//
// # What stops it
//
// An event that can't be decoded, or that is not the next of its aggregate, a topic that has lost its
// first events, a row that can't be decoded: what is right can't be known then. The refold ends with an
// error that says where, and has a code ([CodeOf]).
package refold
