package eventsourcing

// Decider is one aggregate's whole behaviour: its state S, its commands C, its events E. All of
// it is pure and deterministic: no clock, no randomness, no I/O, and no change to what it was
// given (a slice or map inside a state is shared with older states and must be copied before it is
// changed).
type Decider[S, C, E any] struct {
	// Initial is the state of an aggregate without events.
	Initial S
	// Decide says what a command leads to: events (none, if there is nothing to do) or an error.
	// The error is a *[Rejection]; anything else is a bug in the aggregate. It never returns
	// both.
	Decide func(S, C) ([]E, error)
	// Evolve returns the state after an event. It never refuses: an event is a fact. It is
	// given only events that Decide has returned, now or in an earlier release.
	Evolve func(S, E) S
	// FoldVersion numbers what Evolve and the row make of events, from 1; 0 counts as 1. It is raised
	// with each change by which the same events lead to another row: a mended Evolve, a field that is
	// new in the state, a limit that is part of the fold. Rows of a lower version are refolded (G7).
	FoldVersion int
}

// Version returns FoldVersion, at least 1.
func (d Decider[S, C, E]) Version() int { return max(d.FoldVersion, 1) }

// Fold returns the state after the events, beginning from state.
func (d Decider[S, C, E]) Fold(state S, events ...E) S {
	for _, event := range events {
		state = d.Evolve(state, event)
	}
	return state
}
