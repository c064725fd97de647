package processors

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/codecs/jsonvalue"
	"refold/eventsourcing"
	"refold/kafka"
)

// Fold makes states and rows of an aggregate from the records of its events topic, as handling its
// commands has made them (G4). The caller gets states from Apply or DecodeState, gives them
// back, and need not know their type. Nil is the state of an aggregate without events.
//
// It is safe for concurrent use, a single state is not.
type Fold[S, E any] struct {
	version int
	initial S
	evolve  func(S, E) S
	events  *codecs.Set
	rows    goka.Codec
}

// NewFold returns the fold of an aggregate: of its behaviour, its events, and its rows, which are
// eventsourcing.Snapshot[S].
func NewFold[S, C, E any](
	d eventsourcing.Decider[S, C, E], events *codecs.Set, rows goka.Codec,
) *Fold[S, E] {
	return &Fold[S, E]{
		version: d.Version(), initial: d.Initial, evolve: d.Evolve, events: events, rows: rows,
	}
}

// folded is a state and where it is. It is changed in place, so that an event costs no allocation
// beside its own.
type folded[S any] struct {
	state    S
	sequence int64
}

// Version is the fold's version; see [eventsourcing.Decider].
func (f *Fold[S, E]) Version() int { return f.version }

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

// FoldError is an event that can't be folded, or a row that can't be used, and never will be by this
// release.
type FoldError struct {
	Reason FoldCode
	Err    error
}

// Error gives the reason and what exactly is wrong.
func (e *FoldError) Error() string { return string(e.Reason) + ": " + e.Err.Error() }

// Unwrap returns what exactly is wrong.
func (e *FoldError) Unwrap() error { return e.Err }

// Code returns the reason, for those who don't know this type.
func (e *FoldError) Code() string { return string(e.Reason) }

func unfoldable(reason FoldCode, format string, args ...any) error {
	return &FoldError{Reason: reason, Err: fmt.Errorf(format, args...)}
}

// numbered is a decoded event.
type numbered[E any] struct {
	sequence int64
	data     E
}

// Headers are those that Decode reads.
func (f *Fold[S, E]) Headers() []string { return []string{codecs.HeaderSequence} }

// Decode returns a record of the events topic as Apply takes it. Nothing of the record is kept.
//
// The error is a *[FoldError] if the event can't be decoded. Any other error is a fault, and the same
// call may succeed later: the registry does not answer, and the event's schema is not known yet.
func (f *Fold[S, E]) Decode(event *kgo.Record) (any, error) {
	sequence, err := sequenceOf(event)
	if err != nil {
		return nil, err
	}
	value, err := f.events.Decode(context.Background(), event.Value)
	if err != nil {
		if poison, is := errors.AsType[*codecs.Malformed](err); is {
			return nil, &FoldError{Reason: FoldCode(poison.Reason), Err: err}
		}
		return nil, fmt.Errorf("decoding event %d of %q: %w", sequence, event.Key, err)
	}
	data, is := value.(E)
	if !is {
		return nil, unfoldable(FoldCode(codecs.ReasonUnknownType), "%T is none of the events", value)
	}
	return &numbered[E]{sequence, data}, nil
}

// Apply returns the state after a decoded event. The state it is given may be changed and must not be
// used any more, unless there is an error: then it is as it was. The error is a *[FoldError]: the event
// is not the next of its aggregate, or Evolve panics.
func (f *Fold[S, E]) Apply(state, event any) (any, error) {
	s, err := f.own(state)
	if err != nil {
		return nil, err
	}
	e, is := event.(*numbered[E])
	if !is {
		return nil, fmt.Errorf("a %T is no event of this fold", event)
	}
	if s == nil {
		s = &folded[S]{state: f.initial}
	}
	switch next := s.sequence + 1; {
	case e.sequence > next:
		return nil, unfoldable(FoldGap, "it is event %d of its aggregate where event %d is due",
			e.sequence, next)
	case e.sequence < next:
		return nil, unfoldable(FoldRepeated, "it is event %d of its aggregate where event %d is due",
			e.sequence, next)
	}
	if err := f.evolveOne(s, e.data); err != nil {
		return nil, unfoldable(FoldPanic, "event %d of its aggregate: %w", e.sequence, err)
	}
	s.sequence = e.sequence
	return s, nil
}

// evolveOne folds an event in. A panic of the domain comes back as an error, and the state as it was.
func (f *Fold[S, E]) evolveOne(s *folded[S], event E) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a %T: panic: %v", event, p)
		}
	}()
	s.state = f.evolve(s.state, event)
	return nil
}

// sequenceOf reads an event's sequence. codecs.StoredMetadata would read all the other headers, too.
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

// own returns a state as what it is; nil for nil.
func (f *Fold[S, E]) own(state any) (*folded[S], error) {
	if state == nil {
		return nil, nil //nolint:nilnil // no events: no state
	}
	s, is := state.(*folded[S])
	if !is {
		return nil, fmt.Errorf("a %T is no state of this fold", state)
	}
	return s, nil
}

// EncodeState returns a state as bytes: its row without a ring. The state must not be nil.
func (f *Fold[S, E]) EncodeState(state any) ([]byte, error) { return f.RowWith(state, nil) }

// DecodeState is the reverse of EncodeState.
func (f *Fold[S, E]) DecodeState(b []byte) (any, error) {
	row, err := f.snapshot(b)
	if err != nil {
		return nil, err
	}
	return &folded[S]{state: row.State, sequence: row.Sequence}, nil
}

// Row returns the row of a state with the ring of the live row, or with none if that is nil: the
// ring is no part of the fold (design §6).
func (f *Fold[S, E]) Row(state any, live []byte) ([]byte, error) {
	if live == nil {
		return f.RowWith(state, nil)
	}
	row, err := f.snapshot(live)
	if err != nil {
		return nil, err
	}
	return f.RowWith(state, row.Recent.Bytes())
}

// RowWith returns the row of a state with a ring of recent commands, as [eventsourcing.Recent] has it in
// bytes. A nil state is that of an aggregate without events: its row is there for the ring alone.
func (f *Fold[S, E]) RowWith(state any, ring []byte) ([]byte, error) {
	s, err := f.own(state)
	if err != nil {
		return nil, err
	}
	if s == nil {
		s = &folded[S]{state: f.initial}
	}
	recent, err := eventsourcing.ParseRecent(ring)
	if err != nil {
		return nil, unfoldable(FoldRow, "making a row: %w", err)
	}
	return f.encode(eventsourcing.Snapshot[S]{State: s.state, Sequence: s.sequence, Recent: recent})
}

// encode encodes a row. What makes a row of a state is the domain's, and may panic.
func (f *Fold[S, E]) encode(row eventsourcing.Snapshot[S]) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = unfoldable(FoldPanic, "making a row at sequence %d: panic: %v", row.Sequence, p)
		}
	}()
	b, err = f.rows.Encode(row)
	if err != nil {
		return nil, unlessFault(err, "making a row at sequence %d: %w", row.Sequence, err)
	}
	return b, nil
}

func (f *Fold[S, E]) snapshot(b []byte) (eventsourcing.Snapshot[S], error) {
	var none eventsourcing.Snapshot[S]
	value, err := f.rows.Decode(b)
	if err != nil {
		return none, unlessFault(err, "%w", err)
	}
	row, is := value.(eventsourcing.Snapshot[S])
	if !is {
		return none, unfoldable(FoldRow, "decoding a row: it is a %T", value)
	}
	if row.Sequence < 0 {
		return none, unfoldable(FoldRow, "decoding a row: %w: it is at sequence %d",
			eventsourcing.ErrBrokenSnapshot, row.Sequence)
	}
	return row, nil
}

// unlessFault returns what is wrong with a row, unless it is only the registry that does not answer.
func unlessFault(err error, format string, args ...any) error {
	if errors.Is(err, codecs.ErrRegistryUnavailable) {
		return fmt.Errorf(format, args...)
	}
	return unfoldable(FoldRow, format, args...)
}

// Sequence returns the sequence that a row is at.
func (f *Fold[S, E]) Sequence(row []byte) (int64, error) {
	s, err := f.snapshot(row)
	return s.Sequence, err
}

// Equal reports whether a row says the same as the state: the same state at the same sequence,
// whatever is in its ring, and whichever schema it was written with. At sequence 0 the state is not
// looked at, as [eventsourcing.Snapshot] has it.
func (f *Fold[S, E]) Equal(state any, row []byte) (bool, error) {
	s, err := f.own(state)
	if err != nil {
		return false, err
	}
	live, err := f.snapshot(row)
	if err != nil {
		return false, err
	}
	switch {
	case s == nil || s.sequence == 0:
		return live.Sequence == 0, nil
	case s.sequence != live.Sequence:
		return false, nil
	}
	want, err := f.EncodeState(s)
	if err != nil {
		return false, err
	}
	live.Recent = eventsourcing.Recent{}
	have, err := f.encode(live)
	if err != nil || bytes.Equal(have, want) {
		return err == nil, err
	}
	// A map has no order in Avro: equal ones may have different bytes.
	back, err := f.snapshot(want)
	if err != nil {
		return false, err
	}
	again, err := f.snapshot(have)
	return err == nil && reflect.DeepEqual(back.State, again.State), err
}

// maxShownBytes limits the JSON of a row: eight times the default limit of a record, see
// codecs.Limits.ExpandedBytes.
const maxShownBytes = 8 << 20

// JSON shows a row's sequence and state, for people. The error wraps jsonvalue.ErrTooLarge or
// jsonvalue.ErrNoJSON if there is none.
func (f *Fold[S, E]) JSON(row []byte) (json.RawMessage, error) {
	s, err := f.snapshot(row)
	if err != nil {
		return nil, err
	}
	b, err := jsonvalue.Marshal(struct {
		Sequence int64 `json:"sequence"`
		State    S     `json:"state"`
	}{s.Sequence, s.State}, maxShownBytes)
	if err != nil {
		return nil, fmt.Errorf("showing a row as JSON: %w", err)
	}
	return b, nil
}
