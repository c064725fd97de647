package projections

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/eventsourcing"
	"refold/processors"
)

// MaxReferences limits how many states one event may look up, so that a batch of one event is never too large
// for memory. An event with more is poison.
const MaxReferences = 1_000

// Lookup is an aggregate whose states a source looks up. Make it with [LookUp].
type Lookup[L any] struct {
	of    *lookup
	value func(state any) (L, int64, error)
}

// lookup is a Lookup without its type.
type lookup struct {
	Source // of no rows

	keeps func(event any) (bool, error)
	// mistake is in how the source was made that looks up.
	mistake error
}

// Logged is an event as it stands in the log, before it is folded.
type Logged[E any] struct {
	// Subject is the aggregate's ID.
	Subject string
	eventsourcing.Recorded[E]
	// CausationID is the ID of the command that has led to the event. If a process has sent the command,
	// eventsourcing.CauseOf says for which event.
	CausationID string
}

// LookUp lets a source look up the states of an aggregate, each as of one of its events: not the latest one,
// nor that of a time, which would be another one in the next rebuild.
//
// The states are kept in the store, beside the latest one of each aggregate: one for each event that keep
// accepts, for as long as the build is there; nil: for all events. keep is pure, and says which events are
// referred to. Raise the projection's version when it changes: states are kept as events are taken.
func LookUp[S, C, E any](a processors.Aggregate[S, C, E], keep func(E) bool) Lookup[S] {
	f := new(processors.EventFold[S, E]) // it folds nothing
	keeps := func(any) (bool, error) { return true, nil }
	if keep != nil {
		keeps = func(event any) (bool, error) {
			return guarded(func(event any) bool {
				return slices.ContainsFunc(f.EventsIn(bare(event)), func(e eventsourcing.Recorded[E]) bool {
					return keep(e.Event)
				})
			}, event)
		}
	}
	rowless := source(a, func(o *OpenSource, f *processors.EventFold[S, E]) { o.Apply = applyOnly(f) })
	return Lookup[S]{of: &lookup{Source: rowless, keeps: keeps}, value: f.Value}
}

// FromEventsWith is [FromEvents] with states of another aggregate. Refer returns the events of that one which
// an event refers to, by what is recorded of it; none if it needs none. The project function is given the
// states as of these events, in the same order.
//
// An event is taken when these states are there. One that refers to an event which does not exist, or which
// the lookup does not keep, is poison: [PoisonLookup].
func FromEventsWith[S, C, E, L any](
	a processors.Aggregate[S, C, E], of Lookup[L], refer func(Logged[E]) []eventsourcing.EventRef,
	project func(Event[S, E], []State[L]) []Change,
) Source {
	s := source(a, func(o *OpenSource, f *processors.EventFold[S, E]) {
		o.References = func(subject string, event any) (all []eventsourcing.EventRef) {
			for _, e := range f.EventsIn(bare(event)) {
				refs, err := guarded(refer, Logged[E]{subject, e, causeOf(event)})
				if err != nil || len(refs) > MaxReferences {
					return nil // Apply finds that, too, when the event is folded in
				}
				all = append(all, refs...)
			}
			return all
		}
		o.Apply = func(state any, subject string, event any, find Find) (any, []Change, error) {
			return applyEach(f, state, subject, bare(event), func(e Event[S, E]) ([]Change, error) {
				refs, err := guarded(refer, Logged[E]{subject, e.Recorded, causeOf(event)})
				if err != nil {
					return nil, err
				}
				found, err := of.find(refs, find)
				if err != nil {
					return nil, err
				}
				return guarded(func(e Event[S, E]) []Change { return project(e, found) }, e)
			})
		}
	})
	s.lookup = of.checked(refer == nil || project == nil)
	return s
}

// checked returns the lookup, with what is wrong with it.
func (l Lookup[L]) checked(without bool) *lookup {
	checked := &lookup{mistake: errors.New("its Lookup is empty; make it with projections.LookUp")}
	if l.of != nil {
		checked = &lookup{Source: l.of.Source, keeps: l.of.keeps}
	}
	if without {
		checked.mistake = errors.New("a function is nil; FromEventsWith needs both")
	}
	return checked
}

// Find returns the state as of an event that is referred to. The error is a *[Poison]: it is not there.
type Find func(eventsourcing.EventRef) (state any, err error)

// find returns the states as of events.
func (l Lookup[L]) find(refs []eventsourcing.EventRef, find Find) ([]State[L], error) {
	if len(refs) > MaxReferences {
		return nil, poison(PoisonLookup, "the event refers to %d others; at most %d are allowed", len(refs),
			MaxReferences)
	}
	found := make([]State[L], len(refs))
	for i, ref := range refs {
		state, err := find(ref)
		if err != nil {
			return nil, err
		}
		found[i] = State[L]{Subject: ref.Subject}
		if found[i].State, found[i].Sequence, err = l.value(state); err != nil {
			return nil, poison(PoisonLookup, "the state as of the event %s: %w", ref.ID(), err)
		}
	}
	return found, nil
}

// caused is a decoded event with its cause. The fold does not see that: it makes rows again of what handling
// commands has made them of (G4).
type caused struct {
	event any
	cause string
}

func withCause(decode func(*kgo.Record) (any, error)) func(*kgo.Record) (any, error) {
	return func(r *kgo.Record) (any, error) {
		event, err := decode(r)
		if err != nil {
			return nil, err
		}
		return &caused{event, processors.CausationIDOf(r)}, nil
	}
}

// bare returns an event as the fold takes it.
func bare(event any) any {
	if c, is := event.(*caused); is {
		return c.event
	}
	return event
}

func causeOf(event any) string {
	if c, is := event.(*caused); is {
		return c.cause
	}
	return ""
}

// AsOf is under which name a store has the states of an aggregate that can be looked up, each under the ID of
// its event, beside the latest one. No aggregate is called so.
func AsOf(aggregate string) string { return aggregate + "@" }

// sources returns Sources, and behind them one for each aggregate that is only looked up.
func (p Projection) sources() []Source {
	all := slices.Clip(p.Sources)
	for _, s := range p.Sources {
		if s.lookup != nil && s.lookup.aggregate != nil && position(all, s.lookup.aggregate) < 0 {
			all = append(all, s.lookup.Source)
		}
	}
	return all
}

// position returns where the source of an aggregate is, -1 if there is none.
func position(all []Source, a processors.AggregateDefinition) int {
	return slices.IndexFunc(all, func(s Source) bool {
		return s.aggregate != nil && s.aggregate.Named() == a.Named()
	})
}

// link tells opened sources what they look up of one another.
func (p *Projection) link(opened []*OpenSource) {
	all := p.sources()
	for i, s := range all {
		if s.lookup == nil {
			continue
		}
		opened[i].LooksUp = position(all, s.lookup.aggregate)
		of := opened[opened[i].LooksUp]
		before, keeps := of.Keeps, s.lookup.keeps
		of.Keeps = keeps
		if before != nil { // of another source
			of.Keeps = func(event any) (bool, error) {
				if kept, err := before(event); kept || err != nil {
					return kept, err
				}
				return keeps(event)
			}
		}
	}
}

// check finds what is wrong with what a source looks up.
func (l *lookup) check(all []Source) error {
	if l == nil || l.mistake != nil {
		return mistakeOf(l)
	}
	at := position(all, l.aggregate)
	if of := all[at].aggregate; reflect.TypeOf(of) != reflect.TypeOf(l.aggregate) {
		return fmt.Errorf("its Lookup is of a %T, and the source of %s of a %T; both must be of one "+
			"definition", l.aggregate, of.Named().Plural, of)
	}
	return nil
}

func mistakeOf(l *lookup) error {
	if l == nil {
		return nil
	}
	return l.mistake
}
