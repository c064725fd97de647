package processors

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/fold"
)

// Rings makes the rings of recent commands again for a table that is lost: from the events, each of which
// names the command that caused it, and from the results, as far back as they are kept.
type Rings struct {
	Fold     fold.RowFold
	Messages Messages
	// Size is Aggregate.RecentSize.
	Size int
	// EventsLost accepts that results name events that are lost: these results are left out.
	EventsLost bool
}

// OfEvents is the fold of events with rings beside the states. Its states are not those of r.Fold.
func (r Rings) OfEvents() fold.StateFold { return eventRings{r} }

// OfResults folds the records of the results topic to rings.
func (r Rings) OfResults() fold.StateFold { return resultRings{r} }

// ErrEventsLost says that a result or a row is of events that the events topic does not have.
var ErrEventsLost = errors.New("events are lost")

// Row returns the row of an aggregate by its states in the two folds, nil where it has none. The row is nil
// if the aggregate needs none. The error is ErrEventsLost if results name events that are not there, or if
// the live row, which may be nil, is at a later sequence than the events.
func (r Rings) Row(ofEvents, ofResults any, live []byte) ([]byte, error) {
	events, _ := ofEvents.(*caused)
	if events == nil {
		events = new(caused)
	}
	results, _ := ofResults.(*told)
	if results == nil {
		results = new(told)
	}
	known := results.ring
	if r.EventsLost {
		known = known.Until(events.last)
	} else if err := r.lost(events, results, live); err != nil {
		return nil, err
	}
	ring := eventsourcing.Remake(events.ring, known, r.Size)
	if events.state == nil && ring.Len() == 0 {
		return nil, nil
	}
	row, err := r.Fold.RowWith(events.state, ring.Bytes())
	if err != nil {
		return nil, fmt.Errorf("making a row again: %w", err)
	}
	return row, nil
}

// lost returns ErrEventsLost if results or the live row are of events that are not there. A row that can't be
// read is ignored.
func (r Rings) lost(events *caused, results *told, live []byte) error {
	if results.last > events.last {
		return fmt.Errorf("%w: results go up to %d, events to %d", ErrEventsLost, results.last,
			events.last)
	}
	if live == nil {
		return nil
	}
	if at, err := r.Fold.Sequence(live); err == nil && at > events.last {
		return fmt.Errorf("%w: the row is at %d, events go up to %d", ErrEventsLost, at, events.last)
	}
	return nil
}

// caused is a state with the ring of the commands that caused its events.
type caused struct {
	state any
	last  int64 // sequence
	ring  eventsourcing.Recent
}

type eventRings struct{ rings Rings }

// cause is an event with the command that caused it.
type cause struct {
	event    any
	command  string
	sequence int64
}

func (f eventRings) Version() int { return f.rings.Fold.Version() }

func (eventRings) Headers() []string { return nil }

func (f eventRings) Decode(record *kgo.Record) (any, error) {
	metadata, err := f.rings.Messages.Cause(record)
	if err != nil {
		return nil, unfoldable(FoldCode(codecs.ReasonBadHeader), "%w", err)
	}
	event, err := f.rings.Fold.Decode(record)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it was doing
	}
	return cause{event, metadata.CausationID, metadata.Sequence}, nil
}

func (f eventRings) Apply(state, event any) (any, error) {
	s, _ := state.(*caused)
	if s == nil {
		s = new(caused)
	}
	e, is := event.(cause)
	if !is {
		return nil, fmt.Errorf("a %T is no event of this fold", event)
	}
	evolved, err := f.rings.Fold.Apply(s.state, e.event)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it was doing
	}
	s.state, s.last = evolved, e.sequence
	if e.command != "" {
		s.ring = s.ring.Caused(e.command, e.sequence, f.rings.Size)
	}
	return s, nil
}

func (f eventRings) EncodeState(state any) ([]byte, error) {
	s, is := state.(*caused)
	if !is {
		return nil, fmt.Errorf("a %T is no state of this fold", state)
	}
	inner, err := f.rings.Fold.EncodeState(s.state)
	return encodeRing(s.last, s.ring, inner), err //nolint:wrapcheck // it says what it was doing
}

func (f eventRings) DecodeState(b []byte) (any, error) {
	s := new(caused)
	var err error
	if s.last, s.ring, b, err = decodeRing(b); err != nil {
		return nil, err
	}
	s.state, err = f.rings.Fold.DecodeState(b)
	return s, err //nolint:wrapcheck // it says what it was doing
}

// told is the ring of the commands whose results are known.
type told struct {
	last int64 // the greatest sequence of an event that the results name
	ring eventsourcing.Recent
}

type resultRings struct{ rings Rings }

func (f resultRings) Version() int { return f.rings.Fold.Version() }

func (resultRings) Headers() []string { return nil }

func (f resultRings) Decode(record *kgo.Record) (any, error) {
	r, _, err := f.rings.Messages.Result(context.Background(), record)
	if _, isPoison := errors.AsType[*codecs.Malformed](err); isPoison {
		return nil, unfoldable(FoldCode(codecs.ReasonUndecodable), "%w", err)
	}
	return r, err
}

func (f resultRings) Apply(state, result any) (any, error) {
	s, _ := state.(*told)
	if s == nil {
		s = new(told)
	}
	r, is := result.(eventsourcing.Result)
	if !is {
		return nil, fmt.Errorf("a %T is no result", result)
	}
	if r.Repeated || r.CommandID == "" {
		return s, nil
	}
	entry := eventsourcing.Entry{
		FirstSequence: r.FirstSequence, LastSequence: r.LastSequence, Code: r.Code,
	}
	if err := entry.Validate(); err != nil {
		return nil, unfoldable("bad-result", "of command %q: %w", r.CommandID, err)
	}
	s.last = max(s.last, r.LastSequence)
	s.ring = s.ring.Add(r.CommandID, entry, f.rings.Size)
	return s, nil
}

func (resultRings) EncodeState(state any) ([]byte, error) {
	s, is := state.(*told)
	if !is {
		return nil, fmt.Errorf("a %T is no state of this fold", state)
	}
	return encodeRing(s.last, s.ring, nil), nil
}

func (resultRings) DecodeState(b []byte) (any, error) {
	s := new(told)
	var err error
	s.last, s.ring, _, err = decodeRing(b)
	return s, err
}

// encodeRing puts a sequence and a ring in front of bytes.
func encodeRing(sequence int64, ring eventsourcing.Recent, rest []byte) []byte {
	b := binary.AppendUvarint(nil, uint64(sequence))
	b = binary.AppendUvarint(b, uint64(len(ring.Bytes())))
	b = append(b, ring.Bytes()...)
	return append(b, rest...)
}

var errRings = errors.New("decoding a ring: cut off")

func decodeRing(b []byte) (sequence int64, ring eventsourcing.Recent, rest []byte, err error) {
	b = append([]byte(nil), b...) // the ring shares its memory
	last, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, ring, nil, errRings
	}
	b = b[n:]
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return 0, ring, nil, errRings
	}
	b = b[n:]
	if ring, err = eventsourcing.ParseRecent(b[:length:length]); err != nil {
		return 0, ring, nil, fmt.Errorf("decoding a ring: %w", err)
	}
	return int64(last), ring, b[length:], nil
}
