package machine

// session is the state of Goka's session.
type session int

const (
	idle      session = iota // there is none: before the first assignment, or after the last session
	settingUp                // Goka opens its stores, which restores them
	running                  // records may be handled
	ending                   // Goka cleans up
)

// poll is the state of the poll.
type poll int

const (
	pollNone      poll = iota
	pollWaiting        // the poll waits for records
	pollTaking         // the poll takes what was fetched already, and returns at once
	pollCancelled      // the poll waited and was told to return
)

// turn says who may write to the tables.
type turn int

const (
	turnFree      turn = iota
	turnCallbacks      // records are with Goka's callbacks
	turnCaller         // a caller of Session.Between writes
)

// txn is the state of the transaction.
type txn int

const (
	txnNone  txn = iota
	txnBatch     // it holds a batch of handled records
	txnRows      // it holds the rows of a caller of Session.Between
)

// recovery is the state of the way back to what is committed.
type recovery int

const (
	recoveryNone recovery = iota
	recoveryDue           // what came after the last commit must be dropped and read again
	recoveryRest          // that was done; the pause before the next attempt has not elapsed
)

// rebalance is what the group's rebalance waits for.
type rebalance int

const (
	rebalanceNone     rebalance = iota
	rebalanceWaits              // the consumer's callback waits until the partitions are let go
	rebalanceAssigned           // an assignment came while the last session was still being cleaned up
)
