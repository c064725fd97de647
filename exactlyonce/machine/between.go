package exactlyonce

// How the machine lets somebody write rows between two transactions; see Session.Between.

// askBetween: one more caller of Between waits for its turn.
func (m *machine) askBetween() []action {
	if m.phase != phaseRunning || m.leave != leaveNot {
		return []action{{do: doEndBetween}}
	}
	m.asked++
	return m.advance(nil)
}

// withdrawBetween: a caller that waited does so no more.
func (m *machine) withdrawBetween() []action {
	if m.asked == 0 {
		return nil
	}
	m.asked--
	return m.advance(nil)
}

// betweenDone: the caller that had its turn is done; wrote reports whether there are rows of its to be
// committed.
func (m *machine) betweenDone(wrote bool) []action {
	if !m.between {
		return nil
	}
	m.between = false
	if !wrote {
		return m.advance(nil)
	}
	// Nothing is handled on top of them: a callback must not fail of a row that nobody commits.
	m.rewriting = true
	return m.advance(m.fly(nil, doRewrite))
}

// advanceBetween gives the next caller its turn, once nothing is in hand. Between two callers records
// have theirs: what has come meanwhile is handled first, so that many callers hold nothing up for
// longer than one does.
func (m *machine) advanceBetween(out []action) []action {
	switch {
	case m.polling:
		return m.cancelPoll(out)
	case !m.served && !m.resting && !m.full():
		m.polling, m.taking = true, true
		return append(out, action{do: doTake, n: m.room()})
	case m.flying || m.open.records > 0 || m.gap || m.resting:
		return out
	}
	m.asked--
	m.between, m.served = true, false
	return append(out, action{do: doBetween})
}

// endBetween sends the callers away: of a session that ends, nobody may hold the end up.
func (m *machine) endBetween(out []action) []action {
	if m.asked == 0 && !m.between {
		return out
	}
	m.asked, m.between = 0, false
	return append(out, action{do: doEndBetween})
}
