package projections

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"refold/eventsourcing"
	"refold/fold"
	"refold/processors"
)

// Folding makes batches of events: it folds the states that they lead to, and collects what changes. It is
// for one goroutine.
//
// A batch is Missing and Know, so that the states which a store has are known, and Lacks and Found for those
// that events look up; then Take, event by event; then Close; and at last, by what became of the batch,
// Written or Discard.
type Folding struct {
	projection *Projection
	sources    []*OpenSource
	limit      int
	states     []map[string]any                 // by source and aggregate; nil: it has no events
	touched    []map[string]struct{}            // in this batch
	asOf       []map[eventsourcing.EventRef]any // by source: states that can be looked up
	kept       []keptState                      // in this batch
	finds      []Find                           // by source; nil: it looks nothing up
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

// NewFolding returns a folding of a projection's sources. It keeps so many states of each in memory, and as
// many that can be looked up, beside those of the batch.
func NewFolding(p *Projection, sources []*OpenSource, limit int) *Folding {
	f := &Folding{projection: p, sources: sources, limit: limit}
	for _, s := range sources {
		f.states = append(f.states, make(map[string]any))
		f.touched = append(f.touched, make(map[string]struct{}))
		f.asOf = append(f.asOf, make(map[eventsourcing.EventRef]any))
		f.finds = append(f.finds, f.findOf(s))
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
	state, changes, err := s.Apply(f.states[source][subject], subject, event, f.finds[source])
	if fold.CodeOf(err) == string(processors.FoldRepeated) {
		f.repeated++
		return nil
	}
	if state != nil {
		f.states[source][subject] = state
		f.touched[source][subject] = struct{}{}
		if s.Keeps != nil {
			err = errors.Join(err, f.keep(source, subject, event, state))
		}
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
	for i := range f.sources {
		for _, subject := range slices.Sorted(maps.Keys(f.touched[i])) {
			state := f.states[i][subject]
			if err := f.ofState(i, subject, state); err != nil {
				all.Poison = append(all.Poison, SubjectError{i, subject, err})
			}
			stored, err := f.stored(i, subject, state)
			if err != nil {
				return all, err
			}
			all.States = append(all.States, stored)
		}
	}
	for _, k := range f.kept {
		stored, err := f.stored(k.source, k.ref.Subject, f.asOf[k.source][k.ref])
		if err != nil {
			return all, err
		}
		stored.Aggregate, stored.Subject = AsOf(stored.Aggregate), k.ref.ID()
		all.States = append(all.States, stored)
	}
	all.Changes, all.Repeated = f.changes.Sorted(), f.repeated
	return all, nil
}

// stored returns a state as a store keeps it.
func (f *Folding) stored(source int, subject string, state any) (StoredState, error) {
	s := f.sources[source]
	stored := StoredState{Aggregate: s.Name, Subject: subject, Sequence: s.Sequence(state)}
	if s.EncodeState == nil {
		return stored, nil
	}
	var err error
	if stored.State, err = s.EncodeState(state); err != nil {
		return stored, fmt.Errorf("the state of %s %q: %w", s.Name, subject, err)
	}
	return stored, nil
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
	for i := range f.sources {
		limit(f.states[i], f.limit)
		limit(f.asOf[i], f.limit)
	}
}

// limit forgets states beyond so many.
func limit[K comparable](states map[K]any, most int) {
	if len(states) <= most {
		return
	}
	for of := range states { // in no order: any will do
		delete(states, of)
		if len(states) <= most {
			break
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
	for _, k := range f.kept {
		delete(f.asOf[k.source], k.ref)
	}
	f.begin()
}

// Forget is Discard, and no state at all is known any more: a partition has gone, or the store is not what it
// was.
func (f *Folding) Forget() {
	for i := range f.sources {
		clear(f.states[i])
		clear(f.asOf[i])
	}
	f.Discard()
}

func (f *Folding) begin() {
	for _, touched := range f.touched {
		clear(touched)
	}
	f.changes, f.repeated, f.kept = Changes{}, 0, f.kept[:0]
}
