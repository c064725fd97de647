package machine

import (
	"maps"
	"time"
)

// batch is the content of a batch, by the numbers.
type batch[P comparable] struct {
	records int
	bytes   int
	next    map[P]int64 // the offset after the last record of each partition
}

// Span is what a poll brought of one partition.
type Span[P comparable] struct {
	Partition      P
	First, Next    int64 // the first record's offset, and the offset after the last
	Records, Bytes int
}

// Polled reports that the poll came back, with records or without. Every poll is answered by one call of
// Polled or Strayed.
func (m *Machine[P]) Polled(spans []Span[P]) []Action[P] {
	// A poll that was cancelled may have returned without a look at what has come.
	m.served = m.served || m.poll == pollTaking || len(spans) > 0
	m.poll = pollNone
	if len(spans) == 0 || m.session != running {
		return m.advance(nil)
	}
	for _, s := range spans {
		if _, seen := m.committed[s.Partition]; !seen {
			m.committed[s.Partition] = s.First
		}
	}
	if m.recovery == recoveryDue || m.leave != Stay {
		// The records are dropped. If the session stays, the rewind that is due reads them again; if it
		// ends, their next owner does.
		return m.advance(nil)
	}
	if m.open.next == nil {
		m.open.next = make(map[P]int64, len(spans))
	}
	m.taken = 0
	for _, s := range spans {
		m.open.records += s.Records
		m.open.bytes += s.Bytes
		m.taken += s.Bytes
		m.open.next[s.Partition] = s.Next
	}
	m.turn = turnCallbacks
	return []Action[P]{{Do: Dispatch}}
}

// Strayed reports that the poll came back with records of a partition that the session does not have.
// Nothing of it is handled and no offset moves: the next owner of a partition reads its records again.
func (m *Machine[P]) Strayed(err error) []Action[P] {
	m.poll = pollNone
	if m.session != running {
		return m.advance(nil)
	}
	return m.goAway(Rebuild, err, false)
}

// Handled reports that everything that was dispatched is done. records and took are those of this dispatch;
// staged is the size of what the callbacks wrote, in bytes.
func (m *Machine[P]) Handled(records, staged int, took time.Duration) []Action[P] {
	if m.turn != turnCallbacks {
		return nil
	}
	m.turn = turnFree
	m.open.bytes += staged
	m.setPace(records, m.taken+staged, took)
	return m.advance(nil)
}

// firstPace is how many records the first poll of a session may bring: what a callback costs is not known
// yet. It doubles with each full poll that was handled in good time.
const firstPace = 1000

// setPace learns from the last poll how many records the next ones may bring, so that they are handled
// within Limits.HandleTime and yield no more than Limits.Bytes.
func (m *Machine[P]) setPace(records, bytes int, took time.Duration) {
	share := func(limit, used int64) int { return max(1, int(int64(records)*limit/used)) }
	switch slow, large := took > m.limits.HandleTime, bytes > m.limits.Bytes; {
	case slow && large:
		m.pace = min(share(int64(m.limits.HandleTime), int64(took)),
			share(int64(m.limits.Bytes), int64(bytes)))
	case slow:
		m.pace = share(int64(m.limits.HandleTime), int64(took))
	case large:
		m.pace = share(int64(m.limits.Bytes), int64(bytes))
	case records >= m.pace && 2*bytes <= m.limits.Bytes:
		m.pace = min(2*m.pace, m.limits.Records)
	}
}

// room returns how many records a poll may bring now.
func (m *Machine[P]) room() int { return min(m.pace, m.limits.Records-m.open.records) }

// full reports whether the open batch may take no more.
func (m *Machine[P]) full() bool {
	return m.open.records >= m.limits.Records || m.open.bytes >= m.limits.Bytes
}

// Interrupt reports that a partition is held from now on. What is in hand may have records of it, and is
// dropped and read again without them. While a caller of Session.Between writes, nothing is in hand.
func (m *Machine[P]) Interrupt() []Action[P] {
	inHand := m.poll != pollNone || m.turn == turnCallbacks || m.open.records > 0
	if m.session != running || m.turn == turnCaller || m.txn == txnRows || !inHand {
		return nil
	}
	m.recovery = recoveryDue
	return m.advance(nil)
}

// rewind goes back to what is committed, once nothing is in hand.
func (m *Machine[P]) rewind(out []Action[P]) []Action[P] {
	if m.poll != pollNone {
		return m.cancelPoll(out)
	}
	if m.txn != txnNone { // a batch that was given up lay on top of it
		return out
	}
	m.recovery, m.open = recoveryRest, batch[P]{}
	return append(out,
		Action[P]{Do: Rewind, Offsets: maps.Clone(m.committed)},
		Action[P]{Do: StartRest, Failures: m.failures})
}

func (m *Machine[P]) cancelPoll(out []Action[P]) []Action[P] {
	if m.poll != pollWaiting {
		return out
	}
	m.poll = pollCancelled
	return append(out, Action[P]{Do: CancelPoll})
}
