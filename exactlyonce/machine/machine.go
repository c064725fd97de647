package exactlyonce

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// machine decides what a worker does next. It is pure: methods tell it what happened, and each
// returns what to do, in order. It has no clock, no client and no goroutine, and it is used by one
// goroutine at a time.
//
// At any time there is at most one poll, one set of records in the hands of Goka's callbacks, one
// open batch (what was handled since the last one closed) and one batch in the air (in a
// transaction). So layers of table rows commit in order by construction.
type machine struct {
	limits limits
	phase  phase
	// Why Goka's session, or the whole run, has to end.
	leave leaveReason
	cause error
	// hurry: what is in hand is given up rather than finished.
	hurry bool
	// waiting: the consumer's callback waits until the rebalance may go on.
	waiting bool
	// queued: an assignment came while the last session of Goka was still being cleaned up.
	queued bool

	polling   bool // a poll is out
	cancelled bool // and has been told to come back
	taking    bool // or takes what has come already
	handling  bool // records are with Goka's callbacks
	gap       bool // the least gap since the last transaction's start has not elapsed
	resting   bool // a failed transaction is being slept on
	failed    bool // a transaction was aborted: what came after it must go, too
	failures  int  // in a row

	asked     int  // callers of Between that wait
	between   bool // one of them has its turn: nothing is polled or handled meanwhile
	rewriting bool // what one of them wrote is in the air: nor is anything now
	served    bool // records had their turn since the last of them

	open   load
	air    load
	flying bool
	orphan bool // the batch in the air belongs to a session that is gone
	turn   int  // the producer whose turn it is
	pace   int  // records that a poll may bring at present
	taken  int  // bytes of the records that are with Goka's callbacks

	// committed is the next offset to read, by what is known to be committed, of each input
	// partition that this session has seen records of.
	committed map[topicPartition]int64
}

// limits of a machine; Config says why.
type limits struct {
	records   int
	bytes     int
	producers int
	handle    time.Duration
}

// topicPartition is a partition of an input topic.
type topicPartition struct {
	topic     string
	partition int32
}

// load is the content of a batch, by the numbers.
type load struct {
	records int
	bytes   int
	next    map[topicPartition]int64
}

// span is what a poll brought of one partition.
type span struct {
	topicPartition
	first, next    int64
	records, bytes int
}

// firstPace is how many records the first poll of a session may bring: what a callback costs is
// not known yet. It doubles with each full poll that was handled in good time.
const firstPace = 1000

type phase int

const (
	phaseIdle    phase = iota // no session: before the first assignment, or after the last
	phaseSetUp                // Goka opens its stores, which restores them
	phaseRunning              // Goka's session runs
	phaseEnding               // Goka's session is being stopped and cleaned up
)

// leaveReason is why a session ends. A greater one takes precedence.
type leaveReason int

const (
	leaveNot     leaveReason = iota
	leaveRevoked             // a rebalance begins: finish, then let it go on
	leaveLost                // the group went on without us: drop everything
	leaveRebuild             // the clients must be made anew
	leaveStopped             // the worker was asked to stop: finish, then leave the group
	leaveFailed              // a callback failed, or a record can't be written: end with an error
)

// verb is a thing to do.
type verb int

const (
	doSetUp      verb = iota // begin Goka's session for the latest assignment
	doPoll                   // fetch at most n records
	doCancelPoll             // make the poll that is out return
	doDispatch               // hand what the poll brought to Goka
	doClose                  // close the open batch and give it to producer n
	doRewind                 // forget uncommitted rows and records, read again from offsets
	doStartGap               // say gapElapsed after the least gap
	doStartRest              // say restElapsed after a pause that grows with n
	doStartBound             // say boundElapsed after the bound for leaving
	doForsake                // keep the batch in the air from being committed if it still can be
	doRelease                // stop and clean up Goka's session
	doLetGo                  // let the rebalance go on
	doEnd                    // the run is over, for the given reason
	doTake                   // fetch at most n records of those that have come already
	doBetween                // give the first caller of Between its turn
	doRewrite                // give what that caller wrote to producer n
	doEndBetween             // send the callers of Between away
)

// action is a verb with its arguments.
type action struct {
	do      verb
	n       int
	offsets map[topicPartition]int64
	reason  leaveReason
	err     error
}

func newMachine(l limits) *machine {
	return &machine{limits: l, pace: min(firstPace, l.records)}
}

// assigned: the group gave us partitions (perhaps none).
func (m *machine) assigned() []action {
	if m.phase != phaseIdle || m.leave != leaveNot {
		m.queued = true
		return nil
	}
	return m.begin()
}

func (m *machine) begin() []action {
	m.phase, m.queued, m.failed = phaseSetUp, false, false
	m.failures = 0 // somebody else may have done since what we failed to do
	m.committed = make(map[topicPartition]int64)
	m.pace = min(firstPace, m.limits.records)
	return []action{{do: doSetUp}}
}

// setUp: Goka's session stands, or could not be set up.
func (m *machine) setUp(err error) []action {
	if m.phase != phaseSetUp {
		return nil
	}
	switch {
	case fatal(err):
		return m.goAway(leaveFailed, err, true)
	case err != nil:
		return m.goAway(leaveRebuild, err, true)
	}
	m.phase = phaseRunning
	return m.advance(nil)
}

// polled: the poll came back, with records or without. Every poll is answered by one call.
func (m *machine) polled(spans []span) []action {
	// A poll that was cancelled may have come back without looking what is there.
	m.served = m.served || m.taking || len(spans) > 0
	m.polling, m.cancelled, m.taking = false, false, false
	if len(spans) == 0 || m.phase != phaseRunning {
		return m.advance(nil)
	}
	for _, s := range spans {
		if _, seen := m.committed[s.topicPartition]; !seen {
			m.committed[s.topicPartition] = s.first
		}
	}
	if m.failed || m.leave != leaveNot {
		// Dropped. When we stay, the rewind that is due reads them again; when we leave, the
		// next owner does.
		return m.advance(nil)
	}
	if m.open.next == nil {
		m.open.next = make(map[topicPartition]int64, len(spans))
	}
	m.taken = 0
	for _, s := range spans {
		m.open.records += s.records
		m.open.bytes += s.bytes
		m.taken += s.bytes
		m.open.next[s.topicPartition] = s.next
	}
	m.handling = true
	return []action{{do: doDispatch}}
}

// handled: everything that was dispatched is done. records and took are those of this dispatch;
// staged is the size of what the callbacks wrote, in bytes.
func (m *machine) handled(records, staged int, took time.Duration) []action {
	if !m.handling {
		return nil
	}
	m.handling = false
	m.open.bytes += staged
	m.setPace(records, m.taken+staged, took)
	return m.advance(nil)
}

// setPace learns from the last poll how many records the next ones may bring, so that they are
// handled within limits.handle and yield no more than limits.bytes.
func (m *machine) setPace(records, bytes int, took time.Duration) {
	share := func(limit, used int64) int { return max(1, int(int64(records)*limit/used)) }
	switch slow, large := took > m.limits.handle, bytes > m.limits.bytes; {
	case slow && large:
		m.pace = min(share(int64(m.limits.handle), int64(took)),
			share(int64(m.limits.bytes), int64(bytes)))
	case slow:
		m.pace = share(int64(m.limits.handle), int64(took))
	case large:
		m.pace = share(int64(m.limits.bytes), int64(bytes))
	case records >= m.pace && 2*bytes <= m.limits.bytes:
		m.pace = min(2*m.pace, m.limits.records)
	}
}

// transactionCommitted: the batch in the air is committed, and its rows are in the local store.
func (m *machine) transactionCommitted() []action {
	m.landedWell()
	return m.advance(nil)
}

// transactionCommittedLast: so it is, but its producer is of no more use.
func (m *machine) transactionCommittedLast(err error) []action {
	m.landedWell()
	return m.goAway(leaveRebuild, err, true)
}

func (m *machine) landedWell() {
	if !m.orphan {
		maps.Copy(m.committed, m.air.next)
	}
	if !m.rewriting { // which says nothing of records that fail
		m.failures = 0
	}
	m.landed()
}

// transactionAborted: the batch in the air is certainly not committed, and its producer is fit for
// another.
func (m *machine) transactionAborted() []action {
	if !m.orphan {
		m.failed = true
		if !m.rewriting { // its caller is told, and tries again or not
			m.failures++
		}
	}
	m.landed()
	return m.advance(nil)
}

// transactionUnknown: nobody knows whether the batch in the air is committed, or its producer is
// of no more use.
func (m *machine) transactionUnknown(err error) []action {
	m.failed = true
	m.landed()
	return m.goAway(leaveRebuild, err, true)
}

// transactionRefused: the batch in the air was aborted, and would be every time.
func (m *machine) transactionRefused(err error) []action {
	if m.rewriting {
		return m.transactionAborted() // the caller need not write it again
	}
	m.failed = true
	m.landed()
	return m.goAway(leaveFailed, err, true)
}

func (m *machine) landed() {
	m.air, m.flying, m.orphan, m.rewriting = load{}, false, false, false
}

// gapElapsed: another transaction may start.
func (m *machine) gapElapsed() []action {
	m.gap = false
	return m.advance(nil)
}

// restElapsed: we may try again.
func (m *machine) restElapsed() []action {
	m.resting = false
	return m.advance(nil)
}

// interrupt: a partition is held from now on. What is in hand may have records of it, and is given up to
// be read again without them. While a caller of Between writes, nothing is.
func (m *machine) interrupt() []action {
	inHand := m.polling || m.handling || m.open.records > 0
	if m.phase != phaseRunning || m.between || m.rewriting || !inHand {
		return nil
	}
	m.failed = true
	return m.advance(nil)
}

// advance does what can be done now.
func (m *machine) advance(out []action) []action {
	if m.leave != leaveNot {
		return m.advanceLeaving(out)
	}
	if m.phase != phaseRunning || m.handling || m.between || m.rewriting {
		return out
	}
	if m.failed {
		return m.advanceFailed(out)
	}
	if m.open.records > 0 && !m.flying && (!m.gap || m.full()) {
		out = m.takeOff(out) // a poll that is out will add to the next batch
	}
	if m.asked > 0 {
		return m.advanceBetween(out)
	}
	if m.polling || m.resting || m.full() {
		return out
	}
	m.polling = true
	return append(out, action{do: doPoll, n: m.room()})
}

// room is how many records a poll may bring now.
func (m *machine) room() int { return min(m.pace, m.limits.records-m.open.records) }

// advanceFailed goes back to what is committed, once nothing is in hand.
func (m *machine) advanceFailed(out []action) []action {
	if m.polling {
		return m.cancelPoll(out)
	}
	if m.flying { // an interrupted batch was on top of it
		return out
	}
	m.failed, m.open, m.resting = false, load{}, true
	return append(out,
		action{do: doRewind, offsets: maps.Clone(m.committed)},
		action{do: doStartRest, n: m.failures})
}

func (m *machine) cancelPoll(out []action) []action {
	if m.cancelled || m.taking {
		return out
	}
	m.cancelled = true
	return append(out, action{do: doCancelPoll})
}

// takeOff sends the open batch into the air.
func (m *machine) takeOff(out []action) []action {
	m.air, m.open = m.open, load{}
	return m.fly(out, doClose)
}

// fly starts the next producer's transaction.
func (m *machine) fly(out []action, what verb) []action {
	m.flying, m.orphan, m.gap = true, false, true
	out = append(out, action{do: what, n: m.turn, offsets: m.air.next}, action{do: doStartGap})
	m.turn = (m.turn + 1) % m.limits.producers
	return out
}

func (m *machine) full() bool {
	return m.open.records >= m.limits.records || m.open.bytes >= m.limits.bytes
}

// ready reports whether Goka's session runs and nothing is amiss.
func (m *machine) ready() bool {
	return m.phase == phaseRunning && m.leave == leaveNot && m.failures == 0
}

// sorted lists offsets in a fixed order, for requests and for tests.
func sorted(offsets map[topicPartition]int64) []topicPartition {
	return slices.SortedFunc(maps.Keys(offsets), func(a, b topicPartition) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
	})
}
