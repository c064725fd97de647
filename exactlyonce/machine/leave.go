package exactlyonce

// How the machine leaves: Goka's session, and at last the run.

// revoked: a rebalance takes all partitions once we let go.
func (m *machine) revoked() []action {
	m.waiting, m.queued = true, false
	return m.goAway(leaveRevoked, nil, false)
}

// lost: the group has already given our partitions away.
func (m *machine) lost() []action {
	m.waiting, m.queued = true, false
	return m.goAway(leaveLost, nil, true)
}

// stop: the worker is to end.
func (m *machine) stop() []action {
	if m.leave == leaveFailed {
		return nil
	}
	return m.goAway(leaveStopped, nil, false)
}

// fault: something is broken beyond repair within this run; the clients must be made anew.
func (m *machine) fault(err error) []action { return m.goAway(leaveRebuild, err, true) }

// inputLost: a partition can't be read on from where we are. What is in hand is finished first: it
// may not be there to be read again.
func (m *machine) inputLost(err error) []action {
	if m.phase != phaseRunning {
		return nil
	}
	return m.goAway(leaveRebuild, err, false)
}

// strayed: the poll came back with records of a partition that the session does not have. Nothing of it
// is handled, and no offset moves: what was polled is read again by whoever has its partition then.
func (m *machine) strayed(err error) []action {
	m.polling, m.cancelled, m.taking = false, false, false
	if m.phase != phaseRunning {
		return m.advance(nil)
	}
	return m.goAway(leaveRebuild, err, false)
}

// callbackFailed: a callback of the running session failed; the records that are with Goka will
// never be handled. After a stop it is only a consequence of stopping.
func (m *machine) callbackFailed(err error) []action {
	if m.phase != phaseRunning {
		return nil
	}
	if m.leave == leaveStopped {
		return m.goAway(leaveStopped, nil, true)
	}
	return m.goAway(leaveFailed, err, true)
}

// topicsChanged: nothing may be handled any more by what the topics are now. What is in hand was, and
// is finished first.
func (m *machine) topicsChanged(err error) []action { return m.goAway(leaveFailed, err, false) }

// goAway notes why to leave, and begins to.
func (m *machine) goAway(r leaveReason, err error, hurry bool) []action {
	var out []action
	if m.leave == leaveNot {
		out = append(out, action{do: doStartBound})
	}
	if r > m.leave {
		m.leave, m.cause = r, err
	}
	m.hurry = m.hurry || hurry
	return m.advance(out)
}

// boundElapsed: leaving takes too long. The first time, what is in hand is given up. From the
// second time on, an end of the worker waits neither for a callback that never returns nor for the
// batch in the air.
func (m *machine) boundElapsed() []action {
	if m.leave == leaveNot {
		return nil
	}
	if m.hurry && m.leave >= leaveStopped {
		if m.phase == phaseEnding {
			m.phase = phaseIdle
		}
		m.landed()
	}
	m.hurry = true
	return m.advance([]action{{do: doStartBound}})
}

// cleanedUp: Goka's session is over; its stores are closed.
func (m *machine) cleanedUp(err error) []action {
	if m.phase != phaseEnding {
		return nil
	}
	m.phase = phaseIdle
	if m.leave == leaveFailed && err != nil && !fatal(m.cause) {
		m.cause = err // says more: it carries what the callback said
	}
	return m.advance(nil)
}

// advanceLeaving finishes or drops what is in hand, step by step, and goes.
func (m *machine) advanceLeaving(out []action) []action {
	switch m.phase {
	case phaseSetUp:
		out = m.release(out)
	case phaseRunning:
		out = m.endBetween(out)
		if m.polling {
			out = m.cancelPoll(out)
		}
		done := false
		if out, done = m.finish(out); !done {
			return out
		}
		out = m.release(out)
	case phaseIdle, phaseEnding:
	}
	if m.polling {
		// Never let go with a poll out: it could come back with records of the next session,
		// which nobody would handle.
		return out
	}
	if m.waiting {
		m.waiting = false
		out = append(out, action{do: doLetGo})
	}
	if m.phase != phaseIdle {
		return out
	}
	if m.leave > leaveLost {
		if m.flying {
			return out
		}
		return m.end(out)
	}
	m.leave, m.cause, m.hurry = leaveNot, nil, false
	if m.queued {
		out = append(out, m.begin()...)
	}
	return out
}

// finish completes what is in hand, unless there is hurry, and reports whether nothing is left.
func (m *machine) finish(out []action) ([]action, bool) {
	if m.hurry || m.failed {
		m.open = load{}
		if m.leave == leaveFailed && m.flying {
			// The batch in the air came before the failure, so it counts. Its outcome is
			// waited for, except that the bound for leaving may have elapsed.
			return out, false
		}
		return out, true
	}
	if m.handling || m.flying {
		return out, false
	}
	if m.open.records > 0 {
		return m.takeOff(out), false
	}
	return out, !m.polling
}

// release gives up Goka's session.
func (m *machine) release(out []action) []action {
	m.phase = phaseEnding
	m.open, m.handling, m.failed, m.resting = load{}, false, false, false
	if m.flying {
		m.orphan = true
		out = append(out, action{do: doForsake})
	}
	return append(out, action{do: doRelease})
}

func (m *machine) end(out []action) []action {
	out = append(out, action{do: doEnd, reason: m.leave, err: m.cause})
	m.phase = phaseIdle
	return out
}
