package livefeed

import (
	"slices"

	"refold/client/wire"
)

// Kind is what a message is.
type Kind = wire.Kind

// The kinds of messages.
const (
	Command    = wire.KindCommand
	Event      = wire.KindEvent
	Result     = wire.KindResult
	DeadLetter = wire.KindDeadLetter
)

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{Command, Event, Result, DeadLetter} }

// Filter says which messages are meant: those that fit every list. An empty list means all.
type Filter struct {
	Aggregates []string // by name: "account". A dead letter is of the aggregate it came from
	IDs        []string // of aggregates: "alice"
	Types      []string // "MoneyDeposited"; a result's type is Result
	// CorrelationIDs are those of chains: the ID of the command that began it. That command is
	// meant as well, though it may name no correlation.
	CorrelationIDs []string
	Kinds          []Kind
}

// hasTopic reports whether there may be messages for the filter in a topic.
func (f *Filter) hasTopic(t *Topic) bool {
	return contains(f.Kinds, t.Kind) && (t.Aggregate == "" || contains(f.Aggregates, t.Aggregate))
}

// has reports whether the filter means a message, of which its data need not be known yet.
func (f *Filter) has(m *Message) bool {
	correlation := m.CorrelationID
	if correlation == "" {
		correlation = m.ID
	}
	return contains(f.Kinds, m.Kind) && contains(f.Aggregates, m.Aggregate) &&
		contains(f.IDs, m.Subject) && contains(f.Types, m.Type) &&
		contains(f.CorrelationIDs, correlation)
}

func contains[T comparable](list []T, value T) bool {
	return len(list) == 0 || slices.Contains(list, value)
}
