package machine

import "time"

// Machine decides what a worker does next; see the package comment. P names an input partition.
type Machine[P comparable] struct {
	limits Limits

	session   session
	poll      poll
	turn      turn
	txn       txn
	recovery  recovery
	rebalance rebalance

	leave Reason // why Goka's session, or the whole run, has to end
	cause error  // the error that goes with it
	hurry bool   // what is in hand is dropped rather than finished

	open   batch[P] // handled, or with Goka's callbacks
	air    batch[P] // in the transaction
	orphan bool     // the transaction belongs to a session that is gone
	gap    bool     // the least gap since the last transaction's start has not elapsed

	callers int  // of Session.Between that wait for their turn
	served  bool // records had their turn since the last caller

	failures int // aborted transactions in a row
	producer int // whose turn it is
	pace     int // how many records a poll may bring at present
	taken    int // bytes of the records that are with Goka's callbacks

	// committed is the next offset to read, by what is known to be committed, of each input partition
	// that this session has seen records of.
	committed map[P]int64
}

// Limits of a Machine; exactlyonce.Config gives the reasons.
type Limits struct {
	Records    int // of a batch
	Bytes      int // of a batch
	Producers  int
	HandleTime time.Duration // of the records of one poll
}

// New returns a Machine that waits for its first assignment.
func New[P comparable](l Limits) *Machine[P] {
	return &Machine[P]{limits: l, pace: min(firstPace, l.Records)}
}

// Ready reports whether Goka's session runs and nothing is amiss.
func (m *Machine[P]) Ready() bool {
	return m.session == running && m.leave == Stay && m.failures == 0
}

// Committed returns the next offset to read of a partition, by what is known to be committed, and whether
// this session has seen records of it.
func (m *Machine[P]) Committed(partition P) (next int64, seen bool) {
	next, seen = m.committed[partition]
	return next, seen
}

// Assigned reports that the group gave this worker partitions, perhaps none.
func (m *Machine[P]) Assigned() []Action[P] {
	if m.session != idle || m.leave != Stay {
		m.rebalance = rebalanceAssigned
		return nil
	}
	return m.begin()
}

func (m *Machine[P]) begin() []Action[P] {
	m.session, m.rebalance, m.recovery = settingUp, rebalanceNone, recoveryNone
	m.failures = 0 // another worker may meanwhile have handled what failed here
	m.committed = make(map[P]int64)
	m.pace = min(firstPace, m.limits.Records)
	return []Action[P]{{Do: SetUp}}
}

// SetUp reports that Goka's session stands, or why it could not be set up.
func (m *Machine[P]) SetUp(err error) []Action[P] {
	if m.session != settingUp {
		return nil
	}
	switch {
	case IsFatal(err):
		return m.goAway(Failed, err, true)
	case err != nil:
		return m.goAway(Rebuild, err, true)
	}
	m.session = running
	return m.advance([]Action[P]{{Do: Begin}})
}

// GapElapsed reports that another transaction may start.
func (m *Machine[P]) GapElapsed() []Action[P] {
	m.gap = false
	return m.advance(nil)
}

// RestElapsed reports that the pause after a failure is over.
func (m *Machine[P]) RestElapsed() []Action[P] {
	if m.recovery == recoveryRest {
		m.recovery = recoveryNone
	}
	return m.advance(nil)
}

// advance does what can be done now.
func (m *Machine[P]) advance(out []Action[P]) []Action[P] {
	if m.leave != Stay {
		return m.advanceLeaving(out)
	}
	if m.session != running || m.turn != turnFree || m.txn == txnRows {
		return out
	}
	if m.recovery == recoveryDue {
		return m.rewind(out)
	}
	if m.open.records > 0 && m.txn == txnNone && (!m.gap || m.full()) {
		out = m.closeBatch(out) // the records of a poll that is out join the next batch
	}
	if m.callers > 0 {
		return m.advanceBetween(out)
	}
	if m.poll != pollNone || m.recovery == recoveryRest || m.full() {
		return out
	}
	m.poll = pollWaiting
	return append(out, Action[P]{Do: Poll, Limit: m.room()})
}
