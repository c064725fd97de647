package eventsourcing

import "time"

// Decider is the whole behaviour of one kind of aggregate: its state S, its commands C, its events E.
// All of it is pure and deterministic: no clock, no randomness, no I/O, and no change to what it was
// given (a slice or map inside a state is shared with older states and must be copied before it is
// changed).
type Decider[S, C, E any] struct {
	// Initial is the state of an aggregate without events.
	Initial S
	// Decide returns what a command leads to: events (none, if there is nothing to do) or an error.
	// The error is a *[Rejection]; anything else is a bug in the aggregate. It never returns both.
	Decide func(Context, S, C) ([]E, error)
	// Evolve returns the state after an event. It never refuses: an event is a fact. It is given
	// only events that Decide has returned, now or in an earlier release.
	Evolve func(S, Recorded[E]) S
	// FoldVersion numbers what Evolve and the row make of events, from 1; 0 counts as 1. It is raised
	// with each change by which the same events lead to another row: a mended Evolve, a field that is
	// new in the state, a limit that is part of the fold. Rows of a lower version are folded again (G7).
	FoldVersion int
}

// Context is what is recorded of the command that is decided, beside its data. It takes the place of a
// clock and of a session: whoever decides the command again is given the same.
type Context struct {
	// CommandID is the ID that the command's sender chose.
	CommandID string
	// Subject is the aggregate's ID.
	Subject string
	// Sequence is that of the aggregate's latest event; 0 if it has none.
	Sequence int64
	// Time is the timestamp of the command's record, in UTC and whole milliseconds. It is also the
	// time of the events that Decide returns. Clocks of senders differ: it may be before the time of
	// an earlier event.
	Time time.Time
	// Source names the sender, as the sender says; empty if it does not say.
	Source string
	// CorrelationID is the ID of the command that began the chain, CausationID that of the message
	// which directly caused the command; empty for a command that began it.
	CorrelationID, CausationID string
}

// Recorded is an event as it stands in the log.
type Recorded[E any] struct {
	Event E
	// Sequence is the event's position in its aggregate, from 1. Events that were one when they were written
	// have one sequence; and some have none, if what was written means nothing today.
	Sequence int64
	// Time is that of the command which led to the event: see [Context]. It is the zero time for an
	// event whose record has none, which Refold does not write.
	Time time.Time
}

// Version returns FoldVersion, at least 1.
func (d Decider[S, C, E]) Version() int { return max(d.FoldVersion, 1) }

// Fold returns the state after the events, beginning from state.
func (d Decider[S, C, E]) Fold(state S, events ...Recorded[E]) S {
	for _, event := range events {
		state = d.Evolve(state, event)
	}
	return state
}

// Record numbers events from first on and stamps all with one time: what a log has of them. It is for
// tests and for tools that make up a history.
func Record[E any](first int64, at time.Time, events ...E) []Recorded[E] {
	recorded := make([]Recorded[E], len(events))
	for i, event := range events {
		recorded[i] = Recorded[E]{Event: event, Sequence: first + int64(i), Time: at}
	}
	return recorded
}
