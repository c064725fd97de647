package projections

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"refold/fold"
	"refold/processors"
)

// Folding makes batches of events: it folds the states that they lead to, and collects what changes. It is
// for one goroutine.
//
// A batch is Missing and Know, so that the states which a store has are known; then Take, event by event;
// then Close; and at last, by what became of the batch, Written or Discard.
type Folding struct {
	projection *Projection
	sources    []*OpenSource
	limit      int
	states     []map[string]any      // by source and aggregate; nil: it has no events
	touched    []map[string]struct{} // in this batch
	changes    Changes
	repeated   int
}

// Folded is what a batch has come to.
type Folded struct {
	States  []StoredState
	Changes []Change
	// Poison is about aggregates whose last state the projection can't take. The state is folded in, only its
	// changes are missing.
	Poison []SubjectError
	// Repeated is how many events were left out, as the state has them already: a build that is filled from
	// tables meets those.
	Repeated int
}

// SubjectError is an error about an aggregate.
type SubjectError struct {
	Source  int
	Subject string
	Err     error
}

// NewFolding returns a folding of a projection's sources. It keeps so many states in memory, beside those of
// the batch.
func NewFolding(p *Projection, sources []*OpenSource, limit int) *Folding {
	f := &Folding{projection: p, sources: sources, limit: limit}
	for range sources {
		f.states = append(f.states, make(map[string]any))
		f.touched = append(f.touched, make(map[string]struct{}))
	}
	return f
}

// Missing returns those aggregates whose states are not known, each once.
func (f *Folding) Missing(source int, subjects []string) []string {
	var missing []string
	asked := make(map[string]bool)
	for _, s := range subjects {
		if _, known := f.states[source][s]; !known && !asked[s] {
			asked[s] = true
			missing = append(missing, s)
		}
	}
	return missing
}

// Know takes the states of aggregates as a store has them. Those of subjects without a state have no events.
func (f *Folding) Know(source int, subjects []string, stored []StoredState) error {
	for _, subject := range subjects {
		f.states[source][subject] = nil
	}
	for _, s := range stored {
		state, err := f.sources[source].DecodeState(s.State)
		if err != nil {
			return fmt.Errorf("the stored state of %s %q: %w", s.Aggregate, s.Subject, err)
		}
		f.states[source][s.Subject] = state
	}
	return nil
}

// Take folds an event in, as OpenSource.Decode has made it. An error with a code (see fold.CodeOf) is about
// the event: it is left out, or folded in without its changes, and the next one can be taken.
func (f *Folding) Take(source int, subject string, event any) error {
	s := f.sources[source]
	state, changes, err := s.Apply(f.states[source][subject], subject, event)
	if fold.CodeOf(err) == string(processors.FoldRepeated) {
		f.repeated++
		return nil
	}
	if state != nil {
		f.states[source][subject] = state
		f.touched[source][subject] = struct{}{}
	}
	return errors.Join(err, f.add(changes, s.Sequence(state)))
}

// add adds all changes that an event or a state has led to, or none.
func (f *Folding) add(changes []Change, sequence int64) error {
	if err := f.projection.Mine(changes); err != nil {
		return err
	}
	return f.changes.AddAll(sequence, changes)
}

// Close ends the batch. An error is a fault.
func (f *Folding) Close() (Folded, error) {
	var all Folded
	for i, s := range f.sources {
		for _, subject := range slices.Sorted(maps.Keys(f.touched[i])) {
			state := f.states[i][subject]
			if err := f.ofState(i, subject, state); err != nil {
				all.Poison = append(all.Poison, SubjectError{i, subject, err})
			}
			stored := StoredState{Aggregate: s.Name, Subject: subject, Sequence: s.Sequence(state)}
			if s.EncodeState != nil {
				var err error
				if stored.State, err = s.EncodeState(state); err != nil {
					return all, fmt.Errorf("the state of %s %q: %w", s.Name, subject, err)
				}
			}
			all.States = append(all.States, stored)
		}
	}
	all.Changes, all.Repeated = f.changes.Sorted(), f.repeated
	return all, nil
}

// ofState adds the changes of an aggregate's last state, if states make them.
func (f *Folding) ofState(source int, subject string, state any) error {
	s := f.sources[source]
	if s.OfState == nil {
		return nil
	}
	changes, err := s.OfState(subject, state)
	return errors.Join(err, f.add(changes, s.Sequence(state)))
}

// Written begins the next batch on top of this one, which a store has.
func (f *Folding) Written() {
	f.begin()
	for _, states := range f.states {
		if len(states) <= f.limit {
			continue
		}
		for subject := range states { // in no order: any will do
			delete(states, subject)
			if len(states) <= f.limit {
				break
			}
		}
	}
}

// Discard begins a batch as if this one had not been: the states that it has changed are not known any more.
func (f *Folding) Discard() {
	for i, touched := range f.touched {
		for subject := range touched {
			delete(f.states[i], subject)
		}
	}
	f.begin()
}

// Forget is Discard, and no state at all is known any more: a partition has gone, or the store is not what it
// was.
func (f *Folding) Forget() {
	for _, states := range f.states {
		clear(states)
	}
	f.Discard()
}

func (f *Folding) begin() {
	for _, touched := range f.touched {
		clear(touched)
	}
	f.changes, f.repeated = Changes{}, 0
}
