package projections

import (
	"fmt"

	"refold/eventsourcing"
)

// keptState is a state that a batch adds to those that can be looked up.
type keptState struct {
	source int
	ref    eventsourcing.EventRef
}

// keep keeps the state as of an event, if it can be looked up. The error is poison.
func (f *Folding) keep(source int, subject string, event, state any) error {
	s := f.sources[source]
	keeps, err := s.Keeps(event)
	if err != nil || !keeps {
		return err
	}
	copied, err := s.Copied(state)
	if err != nil {
		return err //nolint:wrapcheck // it says what the state is instead
	}
	ref := eventsourcing.EventRef{Subject: subject, Sequence: s.Sequence(state)}
	f.asOf[source][ref] = copied
	f.kept = append(f.kept, keptState{source, ref})
	return nil
}

// Lacks returns those states, by their events, which an event of a source refers to and which are not known.
func (f *Folding) Lacks(source int, refs []eventsourcing.EventRef) (lacking []eventsourcing.EventRef) {
	for _, ref := range refs {
		if _, known := f.asOf[f.sources[source].LooksUp][ref]; !known {
			lacking = append(lacking, ref)
		}
	}
	return lacking
}

// Found takes states as of events, as a store has them under the name of [AsOf].
func (f *Folding) Found(source int, stored []StoredState) error {
	for _, s := range stored {
		ref, is := eventsourcing.ParseEventRef(s.Subject)
		if !is {
			return fmt.Errorf("the stored state of %s %q: its name is no event's ID", s.Aggregate, s.Subject)
		}
		state, err := f.sources[source].DecodeState(s.State)
		if err != nil {
			return fmt.Errorf("the stored state of %s %q: %w", s.Aggregate, s.Subject, err)
		}
		f.asOf[source][ref] = state
	}
	return nil
}

// TakeWith is Take with states of the aggregate that the source looks up, for this event alone. They are of
// events that have not been taken yet, so that no other event may find them by chance.
func (f *Folding) TakeWith(
	source int, subject string, event any, ahead map[eventsourcing.EventRef]any,
) error {
	known, lent := f.asOf[f.sources[source].LooksUp], make([]eventsourcing.EventRef, 0, len(ahead))
	for ref, state := range ahead {
		if _, is := known[ref]; !is {
			known[ref], lent = state, append(lent, ref)
		}
	}
	err := f.Take(source, subject, event)
	for _, ref := range lent {
		delete(known, ref)
	}
	return err
}

// findOf returns what gives a source the states that it looks up; nil if it looks up none.
func (f *Folding) findOf(s *OpenSource) Find {
	if s.References == nil {
		return nil
	}
	return func(ref eventsourcing.EventRef) (any, error) {
		state, known := f.asOf[s.LooksUp][ref]
		if known {
			return state, nil
		}
		of := f.sources[s.LooksUp]
		return nil, NotFound(of.Name, ref, of.Sequence(f.states[s.LooksUp][ref.Subject]))
	}
}

// NotFound returns the poison of an event that refers to a state which is not there. latest is the sequence
// that the aggregate is known to have.
func NotFound(aggregate string, ref eventsourcing.EventRef, latest int64) error {
	if ref.Sequence >= 1 && latest >= ref.Sequence {
		return poison(PoisonLookup, "the event refers to event %d of %s %q, whose state was not kept: the "+
			"function of projections.LookUp leaves it out", ref.Sequence, aggregate, ref.Subject)
	}
	return poison(PoisonLookup, "the event refers to event %d of %s %q, whose state is not there: there is "+
		"no such event, or it can't be folded, or it was not kept", ref.Sequence, aggregate, ref.Subject)
}
