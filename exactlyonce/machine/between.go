package machine

import "maps"

// How a caller of Session.Between writes rows between two transactions.

// AskBetween reports that one more caller waits for its turn.
func (m *Machine[P]) AskBetween() []Action[P] {
	if m.session != running || m.leave != Stay {
		return []Action[P]{{Do: DismissCallers}}
	}
	m.callers++
	return m.advance(nil)
}

// WithdrawBetween reports that a caller waits no more.
func (m *Machine[P]) WithdrawBetween() []Action[P] {
	if m.callers == 0 {
		return nil
	}
	m.callers--
	return m.advance(nil)
}

// BetweenDone reports that the caller that had its turn is done; wrote reports whether it left rows to
// commit.
func (m *Machine[P]) BetweenDone(wrote bool) []Action[P] {
	if m.turn != turnCaller {
		return nil
	}
	m.turn = turnFree
	if !wrote {
		return m.advance(nil)
	}
	// Nothing is handled on top of the rows: a callback must not fail because of a row that is never
	// committed.
	return m.advance(m.start(txnRows, nil, Action[P]{
		Do: CommitRows, Offsets: maps.Clone(m.committed),
	}))
}

// advanceBetween gives the next caller its turn, once nothing is in hand. Between two callers records have
// theirs: what has come meanwhile is handled first, so that many callers hold records up for no longer than
// one does.
func (m *Machine[P]) advanceBetween(out []Action[P]) []Action[P] {
	resting := m.recovery == recoveryRest
	switch {
	case m.poll != pollNone:
		return m.cancelPoll(out)
	case !m.served && !resting && !m.full():
		m.poll = pollTaking
		return append(out, Action[P]{Do: Take, Limit: m.room()})
	case m.txn != txnNone || m.open.records > 0 || m.gap || resting:
		return out
	}
	m.callers--
	m.turn, m.served = turnCaller, false
	return append(out, Action[P]{Do: GiveTurn})
}

// dismissCallers sends the callers away: none may delay the end of a session.
func (m *Machine[P]) dismissCallers(out []Action[P]) []Action[P] {
	if m.callers == 0 && m.turn != turnCaller {
		return out
	}
	m.callers = 0
	if m.turn == turnCaller {
		m.turn = turnFree
	}
	return append(out, Action[P]{Do: DismissCallers})
}
