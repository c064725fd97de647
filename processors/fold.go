package processors

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/fold"
	"refold/kafka"
)

// Fold makes states and rows of an aggregate from the records of its events topic, as handling its
// commands has made them (G4). It is the three parts of [fold.RowFold] for one aggregate.
type Fold[S, E any] struct {
	*EventFold[S, E]
	*StateCodec[S]
	*RowCodec[S]
}

var _ fold.RowFold = (*Fold[struct{}, any])(nil)

// NewFold returns the fold of an aggregate: of its behaviour, its events, and its rows, which are
// eventsourcing.Snapshot[S].
func NewFold[S, C, E any](
	d eventsourcing.Decider[S, C, E], events *codecs.Set, rows goka.Codec,
) *Fold[S, E] {
	codec := &RowCodec[S]{initial: d.Initial, rows: rows}
	return &Fold[S, E]{
		EventFold:  NewEventFold(d, events),
		StateCodec: &StateCodec[S]{codec},
		RowCodec:   codec,
	}
}

// EventFold folds the records of an aggregate's events topic. It implements [fold.Events].
type EventFold[S, E any] struct {
	version int
	initial S
	evolve  func(S, eventsourcing.Recorded[E]) S
	events  *codecs.Set
}

// NewEventFold returns the fold of an aggregate's events. Without a set of events it decodes none.
func NewEventFold[S, C, E any](
	d eventsourcing.Decider[S, C, E], events *codecs.Set,
) *EventFold[S, E] {
	return &EventFold[S, E]{
		version: d.Version(), initial: d.Initial, evolve: d.Evolve, events: events,
	}
}

// folded is a state with its sequence. Apply changes it in place, so that an event costs no allocation beside
// its own.
type folded[S any] struct {
	state    S
	sequence int64
}

// Version is the fold's version; see [eventsourcing.Decider].
func (f *EventFold[S, E]) Version() int { return f.version }

// FoldCode says why an event can't be folded. Those of events that can't be decoded are the texts of
// codecs.Reason.
type FoldCode string

// The codes that this package gives.
const (
	// FoldGap: the event's sequence is beyond the next one of its aggregate.
	FoldGap FoldCode = "sequence-gap"
	// FoldRepeated: the event's sequence was folded before.
	FoldRepeated FoldCode = "sequence-repeated"
	// FoldPanic: Evolve panicked.
	FoldPanic FoldCode = "evolve-panic"
	// FoldRow: a row can't be made, or is not what a row is.
	FoldRow FoldCode = "row-unusable"
	// FoldNoKey: the record has no key, which is the aggregate's ID.
	FoldNoKey FoldCode = "no-key"
)

// FoldError is an error about an event or a row that this release will never be able to use.
type FoldError struct {
	Reason FoldCode
	Err    error
}

// Error returns the reason and the details.
func (e *FoldError) Error() string { return string(e.Reason) + ": " + e.Err.Error() }

// Unwrap returns the details.
func (e *FoldError) Unwrap() error { return e.Err }

// Code returns the reason, for callers that don't know this type; see fold.CodeOf.
func (e *FoldError) Code() string { return string(e.Reason) }

func unfoldable(reason FoldCode, format string, args ...any) error {
	return &FoldError{Reason: reason, Err: fmt.Errorf(format, args...)}
}

// Headers are those that Decode reads.
func (f *EventFold[S, E]) Headers() []string {
	return []string{codecs.HeaderSequence, codecs.HeaderTime, codecs.HeaderValueSchemaID}
}

// Decode returns a record of the events topic as Apply takes it. Nothing of the record is kept.
//
// The error is a *[FoldError] if the event can't be decoded. Any other error is a fault, and the same
// call may succeed later: the registry does not answer, and the event's schema is not known yet.
func (f *EventFold[S, E]) Decode(event *kgo.Record) (any, error) {
	sequence, err := sequenceOf(event)
	if err != nil {
		return nil, err
	}
	at, err := timeOf(event)
	if err != nil {
		return nil, err
	}
	value, err := f.events.Decode(context.Background(), codecs.Framed(event.Headers, event.Value))
	if err != nil {
		if poison, is := errors.AsType[*codecs.Malformed](err); is {
			return nil, &FoldError{Reason: FoldCode(poison.Reason), Err: err}
		}
		return nil, fmt.Errorf("decoding event %d of %q: %w", sequence, event.Key, err)
	}
	if upcast, is := value.(codecs.Upcast); is {
		events, poison := eventsOf[E](upcast.Values)
		if poison != nil {
			return nil, &FoldError{Reason: FoldCode(poison.Reason), Err: poison.Err}
		}
		return &parts[E]{events, sequence, at}, nil
	}
	data, is := value.(E)
	if !is {
		return nil, unfoldable(FoldCode(codecs.ReasonUnknownType), "%T is none of the events", value)
	}
	return &eventsourcing.Recorded[E]{Event: data, Sequence: sequence, Time: at}, nil
}

// parts are what one recorded event has become that was written by a former version.
type parts[E any] struct {
	events   []E
	sequence int64
	time     time.Time
}

// Apply returns the state after a decoded event. It may change the state that it is given, which must not be
// used any more; after an error that state is as it was. The error is a *[FoldError]: the event is not the
// next of its aggregate, or Evolve panics.
func (f *EventFold[S, E]) Apply(state, event any) (any, error) { return f.ApplyEach(state, event, nil) }

// ApplyEach is Apply, and tells each, if it is not nil, the state before and after the event. A record of a
// former version may be several events, or none. After an error, nothing of what each was told holds.
func (f *EventFold[S, E]) ApplyEach(
	state, event any, each func(before S, e eventsourcing.Recorded[E], after S),
) (any, error) {
	s, err := ownState[S](state)
	if err != nil {
		return nil, err
	}
	if s == nil {
		s = &folded[S]{state: f.initial}
	}
	var sequence int64
	var evolve error
	switch e := event.(type) {
	case *eventsourcing.Recorded[E]:
		sequence = e.Sequence
		if err := s.mustBeDue(sequence); err != nil {
			return nil, err
		}
		evolve = f.evolveOne(s, *e, each)
	case *parts[E]:
		sequence = e.sequence
		if err := s.mustBeDue(sequence); err != nil {
			return nil, err
		}
		evolve = f.evolveParts(s, e, each)
	default:
		return nil, fmt.Errorf("a %T is no event of this fold", event)
	}
	if evolve != nil {
		return nil, unfoldable(FoldPanic, "event %d of its aggregate: %w", sequence, evolve)
	}
	s.sequence = sequence
	return s, nil
}

// Value returns a state that Apply has made, and its sequence; of nil the initial one, and 0.
func (f *EventFold[S, E]) Value(state any) (S, int64, error) {
	s, err := ownState[S](state)
	if s == nil || err != nil {
		return f.initial, 0, err
	}
	return s.state, s.sequence, nil
}

// Copied returns a copy of a state that Apply has made, which Apply does not change. It copies what S is as a
// value: Evolve changes nothing of what it is given.
func (f *EventFold[S, E]) Copied(state any) (any, error) {
	s, err := ownState[S](state)
	if s == nil || err != nil {
		return nil, err
	}
	own := *s
	return &own, nil
}

// EventsIn returns the events of a record that Decode has returned: one as a rule, and of a record of a
// former version several, or none.
func (f *EventFold[S, E]) EventsIn(event any) []eventsourcing.Recorded[E] {
	switch e := event.(type) {
	case *eventsourcing.Recorded[E]:
		return []eventsourcing.Recorded[E]{*e}
	case *parts[E]:
		all := make([]eventsourcing.Recorded[E], len(e.events))
		for i, part := range e.events {
			all[i] = eventsourcing.Recorded[E]{Event: part, Sequence: e.sequence, Time: e.time}
		}
		return all
	default:
		return nil
	}
}

// mustBeDue returns an error unless an event of that sequence is the next of its aggregate.
func (s *folded[S]) mustBeDue(sequence int64) error {
	switch next := s.sequence + 1; {
	case sequence > next:
		return unfoldable(FoldGap, "it is event %d of its aggregate where event %d is due", sequence, next)
	case sequence < next:
		return unfoldable(FoldRepeated, "it is event %d of its aggregate where event %d is due",
			sequence, next)
	}
	return nil
}

// evolveParts folds the parts of an event in, all or none.
func (f *EventFold[S, E]) evolveParts(
	s *folded[S], e *parts[E], each func(S, eventsourcing.Recorded[E], S),
) error {
	before := s.state
	for _, one := range f.EventsIn(e) {
		err := f.evolveOne(s, one, each)
		if err != nil {
			s.state = before
			return err
		}
	}
	return nil
}

// evolveOne folds an event in. A panic of the domain becomes an error, and leaves the state as it was.
func (f *EventFold[S, E]) evolveOne(
	s *folded[S], event eventsourcing.Recorded[E], each func(S, eventsourcing.Recorded[E], S),
) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a %T: panic: %v", event.Event, p)
		}
	}()
	before := s.state
	s.state = f.evolve(before, event)
	if each != nil {
		each(before, event, s.state)
	}
	return nil
}

// sequenceOf reads an event's sequence. It is cheaper than codecs.StoredMetadata, which reads all headers.
func sequenceOf(event *kgo.Record) (int64, error) {
	if len(event.Key) == 0 {
		return 0, unfoldable(FoldNoKey, "it must be the aggregate's ID")
	}
	text := kafka.Header(event.Headers, codecs.HeaderSequence)
	if text == nil {
		return 0, unfoldable(FoldCode(codecs.ReasonBadHeader), "%s is missing", codecs.HeaderSequence)
	}
	sequence, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || sequence < 1 {
		return 0, unfoldable(FoldCode(codecs.ReasonBadHeader),
			"%s is %.40q; must be a whole number from 1", codecs.HeaderSequence, text)
	}
	return sequence, nil
}

// timeOf reads an event's time; the zero time if the record has none.
func timeOf(event *kgo.Record) (time.Time, error) {
	text := kafka.Header(event.Headers, codecs.HeaderTime)
	if len(text) == 0 {
		return time.Time{}, nil
	}
	at, err := codecs.ParseTime(string(text))
	if err != nil {
		return at, unfoldable(FoldCode(codecs.ReasonBadHeader),
			"%s is %.40q; must be of RFC 3339, like 2026-01-31T23:59:59.123Z", codecs.HeaderTime, text)
	}
	return at, nil
}

// CausationIDOf returns the ID of the command that has led to an event; "" if its record has none.
func CausationIDOf(event *kgo.Record) string {
	return string(kafka.Header(event.Headers, codecs.HeaderCausationID))
}

// ownState returns a state by its type; nil for nil.
func ownState[S any](state any) (*folded[S], error) {
	if state == nil {
		return nil, nil //nolint:nilnil // no events: no state
	}
	s, is := state.(*folded[S])
	if !is {
		return nil, fmt.Errorf("a %T is no state of this fold", state)
	}
	return s, nil
}
