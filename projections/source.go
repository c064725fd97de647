package projections

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/eventsourcing"
	"refold/processors"
)

// Event is an event of an aggregate, with the states before and after it.
type Event[S, E any] struct {
	// Subject is the aggregate's ID.
	Subject string
	eventsourcing.Recorded[E]
	Before, After S
}

// State is an aggregate as of a sequence.
type State[S any] struct {
	// Subject is the aggregate's ID.
	Subject  string
	Sequence int64
	State    S
}

// Source is what a projection takes from one aggregate. Make it with [FromEvents], [FromEventsWith] or
// [FromStates].
type Source struct {
	aggregate processors.AggregateDefinition
	ofStates  bool
	lookup    *lookup // nil: nothing is looked up
	bare      func() *OpenSource
	open      func(*processors.OpenAggregate) (*OpenSource, error)
}

// Aggregate returns whose events the source takes.
func (s Source) Aggregate() processors.AggregateDefinition { return s.aggregate }

// FromEvents makes rows of each event of an aggregate. The function returns what the event changes, in this
// order. It is pure, and changes nothing of what it is given.
func FromEvents[S, C, E any](
	a processors.Aggregate[S, C, E], project func(Event[S, E]) []Change,
) Source {
	return source(a, func(o *OpenSource, f *processors.EventFold[S, E]) {
		o.Apply = func(state any, subject string, event any, _ Find) (any, []Change, error) {
			return applyEach(f, state, subject, event, func(e Event[S, E]) ([]Change, error) {
				return guarded(project, e)
			})
		}
	})
}

// applyEach folds a record in, and returns the changes of the events that it is.
func applyEach[S, E any](
	f *processors.EventFold[S, E], state any, subject string, event any,
	project func(Event[S, E]) ([]Change, error),
) (any, []Change, error) {
	var events []Event[S, E]
	state, err := f.ApplyEach(state, event, func(before S, e eventsourcing.Recorded[E], after S) {
		events = append(events, Event[S, E]{subject, e, before, after})
	})
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // it has a code, and says which event
	}
	var changes []Change
	for _, e := range events {
		of, err := project(e)
		if err != nil {
			return state, nil, err
		}
		changes = append(changes, of...)
	}
	return state, changes, nil
}

// FromStates makes rows of the states of an aggregate, whatever events have led there. Of several events in
// one batch, only the last state counts, so it is cheaper than [FromEvents]; and a build can be filled from
// the aggregate's table. A row that one state has made and that a later one lacks must be deleted by the
// function.
func FromStates[S, C, E any](
	a processors.Aggregate[S, C, E], project func(State[S]) []Change,
) Source {
	s := source(a, func(o *OpenSource, f *processors.EventFold[S, E]) {
		o.Apply = applyOnly(f)
		o.OfState = func(subject string, state any) ([]Change, error) {
			value, sequence, err := f.Value(state)
			if err != nil {
				return nil, err //nolint:wrapcheck // it says what the state is instead
			}
			return guarded(project, State[S]{subject, sequence, value})
		}
	})
	s.ofStates = true
	return s
}

// applyOnly returns what folds events in without rows.
func applyOnly[S, E any](f *processors.EventFold[S, E]) func(any, string, any, Find) (any, []Change, error) {
	return func(state any, _ string, event any, _ Find) (any, []Change, error) {
		state, err := f.Apply(state, bare(event))
		return state, nil, err //nolint:wrapcheck // it has a code, and says which event
	}
}

func source[S, C, E any](
	a processors.Aggregate[S, C, E], with func(*OpenSource, *processors.EventFold[S, E]),
) Source {
	of := func(f *processors.EventFold[S, E]) *OpenSource {
		o := &OpenSource{AggregateName: a.Named(), FoldVersion: f.Version(), Copied: f.Copied}
		o.Sequence = func(state any) int64 {
			_, sequence, _ := f.Value(state) // of a state that is none: 0, as if there were no events
			return sequence
		}
		with(o, f)
		return o
	}
	bare := func() *OpenSource {
		o := of(processors.NewEventFold(a.Decider(), nil))
		o.Record = func(event any, sequence int64, at time.Time, cause string) (any, bool) {
			e, is := event.(E)
			recorded := &eventsourcing.Recorded[E]{Event: e, Sequence: sequence, Time: at}
			if o.References != nil {
				return &caused{recorded, cause}, is
			}
			return recorded, is
		}
		return o
	}
	open := func(opened *processors.OpenAggregate) (*OpenSource, error) {
		f, is := opened.Fold.(*processors.Fold[S, E])
		if !is {
			return nil, fmt.Errorf("the aggregate %s of the program is another one than the projection's: "+
				"its fold is a %T", a.Name, opened.Fold)
		}
		o := of(f.EventFold)
		o.Decode, o.EncodeState, o.DecodeState = f.Decode, f.EncodeState, f.DecodeState
		if o.References != nil {
			o.Decode = withCause(f.Decode)
		}
		return o, nil
	}
	return Source{aggregate: a, bare: bare, open: open}
}

// guarded calls a projection's function. A panic is poison.
func guarded[T, R any](function func(T) R, of T) (result R, err error) {
	defer func() {
		if p := recover(); p != nil {
			var none R
			result, err = none, poison(PoisonPanic, "%v", p)
		}
	}()
	return function(of), nil
}

// OpenSource is a source without its types. A state is nil for an aggregate without events.
type OpenSource struct {
	processors.AggregateName
	// FoldVersion is that of the states.
	FoldVersion int
	// Decode returns a record of the events topic as Apply takes it: see fold.Events. Nil in a source that
	// was opened for a test.
	Decode func(event *kgo.Record) (any, error)
	// Record returns an event of the aggregate as Apply takes it, with the ID of the command that has caused
	// it, and whether it is one. Only for tests.
	Record func(event any, sequence int64, at time.Time, cause string) (any, bool)
	// Apply returns the state after a decoded event of the aggregate with that ID, and what the event
	// changes. It may change the state that it is given. The error is about the event: see fold.CodeOf. With
	// an error and a state, the event is folded in, and only its changes are missing. Find gives it what the
	// event refers to; nil if the source looks nothing up.
	Apply func(state any, subject string, event any, find Find) (any, []Change, error)
	// References returns the events whose states a decoded event looks up, of the aggregate of the source at
	// LooksUp. Nil: the source looks nothing up.
	References func(subject string, event any) []eventsourcing.EventRef
	LooksUp    int
	// Keeps reports whether the state as of a decoded event can be looked up. Nil: no source does.
	Keeps func(event any) (bool, error)
	// Copied returns a copy of a state that Apply does not change.
	Copied func(state any) (any, error)
	// OfState returns the changes that a state makes; nil if events make them.
	OfState func(subject string, state any) ([]Change, error)
	// Sequence returns the sequence of a state.
	Sequence func(state any) int64
	// EncodeState and DecodeState are those of fold.States. Nil in a source that was opened for a test.
	EncodeState func(state any) ([]byte, error)
	DecodeState func([]byte) (any, error)
}

// Open gives the sources the codecs of the aggregates, which the program must have. Behind those of Sources
// there is one for each aggregate that is only looked up.
func (p *Projection) Open(opened []*processors.OpenAggregate) ([]*OpenSource, error) {
	sources := p.sources()
	all := make([]*OpenSource, len(sources))
	for i, s := range sources {
		name := s.aggregate.Named()
		for _, a := range opened {
			if a.AggregateName != name {
				continue
			}
			var err error
			if all[i], err = s.open(a); err != nil {
				return nil, fmt.Errorf("projection %s: %w", p.Name, err)
			}
		}
		if all[i] == nil {
			return nil, fmt.Errorf("projection %s takes events of the aggregate %q, which is not among the "+
				"definitions", p.Name, name.Name)
		}
	}
	p.link(all)
	return all, nil
}

// Bare returns what Open does, without codecs, for tests: the sources take events as Go values.
func (p *Projection) Bare() []*OpenSource {
	sources := p.sources()
	all := make([]*OpenSource, len(sources))
	for i, s := range sources {
		all[i] = s.bare()
	}
	p.link(all)
	return all
}

// Mine returns a *[Poison] if a change is of a table that the projection does not have.
func (p *Projection) Mine(changes []Change) error {
	for _, c := range changes {
		if c.Table == nil || p.Table(c.Table.Name) != c.Table {
			return poison(PoisonTable, "a change is of a table that is not among the projection's Tables")
		}
	}
	return nil
}
