package eventsourcing

// Snapshot is an aggregate as of a sequence: a row of the group table. Its zero value is that of
// an aggregate nobody has heard of. A snapshot at sequence 0 can have a ring: commands were
// rejected before there was an aggregate.
type Snapshot[S any] struct {
	// State is the fold of the events 1 to Sequence (G4). At sequence 0 it is not looked at:
	// the state is [Decider.Initial] there.
	State S
	// Sequence is that of the latest event; 0 if there is none.
	Sequence int64
	// Recent remembers the outcomes of the latest commands (G1).
	Recent Recent
}

// Result is the one outcome of a command.
type Result struct {
	// CommandID is the command's ID.
	CommandID string
	// CommandType is the command's type by its bare name.
	CommandType string
	// Accepted reports whether the command's events, if any, are facts now.
	Accepted bool
	// FirstSequence and LastSequence span the events of an accepted command; without events
	// the span is empty: the aggregate's sequence + 1, and the aggregate's sequence. Both are 0
	// if the command was rejected.
	FirstSequence, LastSequence int64
	// Code is the rejection's, empty if accepted.
	Code string
	// Message is the rejection's; of a repeat a fixed text, as the ring keeps only the code.
	Message string
	// Repeated tells that the command had come before: this is its first outcome again, and
	// nothing else has changed.
	Repeated bool
}

// Outcome is all that comes of a command.
type Outcome[S, E any] struct {
	// Snapshot is the aggregate's after the command: with the events folded in and the outcome
	// in its ring; of a repeat the unchanged one.
	Snapshot Snapshot[S]
	// Events are the new ones, in order; none if rejected or repeated. Their Source is empty: the
	// caller fills in its name.
	Events []Envelope[E]
	Result Result
}
