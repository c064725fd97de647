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
}

// Fold returns the state after the events, beginning from state.
func (d Decider[S, C, E]) Fold(state S, events ...E) S {
	for _, event := range events {
		state = d.Evolve(state, event)
	}
	return state
}
