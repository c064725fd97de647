package machine

// How the machine leaves: Goka's session, and at last the run.

// Revoked reports that a rebalance takes all partitions once they are let go.
func (m *Machine[P]) Revoked() []Action[P] {
	m.rebalance = rebalanceWaits
	return m.goAway(Revoked, nil, false)
}

// Lost reports that the group has already given the partitions away.
func (m *Machine[P]) Lost() []Action[P] {
	m.rebalance = rebalanceWaits
	return m.goAway(Lost, nil, true)
}

// Stop reports that the worker is to end.
func (m *Machine[P]) Stop() []Action[P] {
	if m.leave == Failed {
		return nil
	}
	return m.goAway(Stopped, nil, false)
}

// Fault reports that something is broken beyond repair within this run: the clients must be made anew.
func (m *Machine[P]) Fault(err error) []Action[P] { return m.goAway(Rebuild, err, true) }

// InputLost reports that a partition can't be read on from its position. What is in hand is finished first:
// it may not be there to be read again.
func (m *Machine[P]) InputLost(err error) []Action[P] {
	if m.session != running {
		return nil
	}
	return m.goAway(Rebuild, err, false)
}

// CallbackFailed reports that a callback of the running session failed: the records that are with Goka will
// never be handled. After a stop that is only a consequence of stopping.
func (m *Machine[P]) CallbackFailed(err error) []Action[P] {
	if m.session != running {
		return nil
	}
	if m.leave == Stopped {
		return m.goAway(Stopped, nil, true)
	}
	return m.goAway(Failed, err, true)
}

// TopicsChanged reports that nothing may be handled any more by what the topics are now. What is in hand was
// handled by what they were, and is finished first.
func (m *Machine[P]) TopicsChanged(err error) []Action[P] { return m.goAway(Failed, err, false) }

// goAway notes why to leave, and begins to.
func (m *Machine[P]) goAway(r Reason, err error, hurry bool) []Action[P] {
	var out []Action[P]
	if m.leave == Stay {
		out = append(out, Action[P]{Do: StartBound})
	}
	if r > m.leave {
		m.leave, m.cause = r, err
	}
	m.hurry = m.hurry || hurry
	return m.advance(out)
}

// BoundElapsed reports that leaving takes too long. The first time, what is in hand is dropped. From the
// second time on, the end of the worker waits neither for a callback that never returns nor for the
// transaction.
func (m *Machine[P]) BoundElapsed() []Action[P] {
	if m.leave == Stay {
		return nil
	}
	if m.hurry && m.leave >= Stopped {
		if m.session == ending {
			m.session = idle
		}
		m.land()
	}
	m.hurry = true
	return m.advance([]Action[P]{{Do: StartBound, Again: true}})
}

// CleanedUp reports that Goka's session is over and its stores are closed.
func (m *Machine[P]) CleanedUp(err error) []Action[P] {
	if m.session != ending {
		return nil
	}
	m.session = idle
	if m.leave == Failed && err != nil && !IsFatal(m.cause) {
		m.cause = err // it says more: it carries what the callback said
	}
	return m.advance(nil)
}

// advanceLeaving finishes or drops what is in hand, step by step, and goes.
func (m *Machine[P]) advanceLeaving(out []Action[P]) []Action[P] {
	switch m.session {
	case settingUp:
		out = m.release(out)
	case running:
		out = m.dismissCallers(out)
		if m.poll != pollNone {
			out = m.cancelPoll(out)
		}
		done := false
		if out, done = m.finish(out); !done {
			return out
		}
		out = m.release(out)
	case idle, ending:
	}
	if m.poll != pollNone {
		// Never let go with a poll out: it could return records of the next session, which nothing
		// would handle.
		return out
	}
	if m.rebalance == rebalanceWaits {
		m.rebalance = rebalanceNone
		out = append(out, Action[P]{Do: LetGo})
	}
	if m.session != idle {
		return out
	}
	if m.leave > Lost {
		if m.txn != txnNone {
			return out
		}
		return append(out, Action[P]{Do: End, Reason: m.leave, Err: m.cause})
	}
	m.leave, m.cause, m.hurry = Stay, nil, false
	if m.rebalance == rebalanceAssigned {
		out = append(out, m.begin()...)
	}
	return out
}

// finish completes what is in hand, unless there is hurry, and reports whether nothing is left.
func (m *Machine[P]) finish(out []Action[P]) ([]Action[P], bool) {
	if m.hurry || m.recovery == recoveryDue {
		m.open = batch[P]{}
		// A transaction that came before a failure counts: its outcome is waited for, unless the bound
		// for leaving elapses.
		return out, m.leave != Failed || m.txn == txnNone
	}
	if m.turn == turnCallbacks || m.txn != txnNone {
		return out, false
	}
	if m.open.records > 0 {
		return m.closeBatch(out), false
	}
	return out, m.poll == pollNone
}

// release gives up Goka's session.
func (m *Machine[P]) release(out []Action[P]) []Action[P] {
	m.session, m.turn, m.recovery = ending, turnFree, recoveryNone
	m.open = batch[P]{}
	if m.txn != txnNone {
		m.orphan = true
		out = append(out, Action[P]{Do: Forsake})
	}
	return append(out, Action[P]{Do: Release})
}
