package history

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/fold"
	"refold/kafka"
	"refold/snapshots"
	"refold/views/records"
)

// Errors of At, for errors.Is.
var (
	// ErrUnfoldable says that the past can't be known: one of the events before can't be folded, or is
	// not there.
	ErrUnfoldable = errors.New("the history can't be folded")
	// ErrBeyond says that there is no event of the sequence that is asked for.
	ErrBeyond = errors.New("the history ends before")
	// ErrNotNow says that an event could not be decoded or folded now, for a reason that may pass.
	ErrNotNow = errors.New("the history can't be folded now")
)

// Moment is a point of an aggregate's past.
type Moment struct {
	// Sequence is that of the last event of the state; 0: Time says which.
	Sequence int64
	// Time: the events before the first one that is later are in the state. Times of one aggregate
	// mostly ascend. Where a clock went back, an event that follows a later one is as late as that:
	// so the state is always one that the aggregate was in, and never gets older as Time goes on.
	Time time.Time
}

// ends reports whether an event is behind the moment; latest is the latest time up to it.
func (m Moment) ends(sequence int64, latest time.Time) bool {
	if m.Sequence > 0 {
		return sequence > m.Sequence
	}
	return latest.After(m.Time)
}

// Past says how states of the past are made.
type Past struct {
	Fold fold.StateFold
	// Every is the distance of intermediate states in a history, in events.
	Every int64
	// Read calls fn with the partition in which the aggregate's events are.
	Read func(fn func(part Part) error) error
	// Refolded names the last refold of that partition; nil: there are none. States that were made before it
	// are made anew: the fold may have been mended under the same version.
	Refolded func() string
}

// State is a state of the past.
type State struct {
	Value    []byte    // as Fold encodes it
	Sequence int64     // of its last event; 0: there was none
	Time     time.Time // of its last event
	Newest   int64     // the sequence of the newest event
}

// At returns the state of an aggregate at a moment. The error is ErrBeyond beside the newest sequence,
// ErrUnfoldable, ErrNotNow, that of ctx, or a fault.
//
// It costs a look-up for each doubling of the history, and folding Every events. The first reader of a part
// of the history makes the intermediate states that this needs, and folds all of that part, 3 µs an event.
// When ctx ends, those made so far are kept.
func (p *Past) At(ctx context.Context, id string, m Moment) (State, error) {
	w := &walk{Past: p, id: id, moment: m}
	err := w.begin()
	for more := w.newest > 0; more && err == nil; {
		if err = ctx.Err(); err == nil {
			more, err = w.step()
		}
	}
	s := State{Sequence: w.at.sequence, Time: w.at.time, Newest: w.newest}
	if err != nil || s.Sequence == 0 {
		return s, err
	}
	if s.Value, err = w.Fold.EncodeState(w.state); err != nil {
		return s, unfolded(id, s.Sequence, err)
	}
	return s, nil
}

// Each calls fn with the states after the events from first to last, in order; first is 1 at least. Errors
// are those of At, ErrBeyond if there is no event last, and that of fn, which ends it. It costs what At does
// for first, and folding what is behind it.
func (p *Past) Each(ctx context.Context, id string, first, last int64, fn func(State) error) error {
	w := &walk{Past: p, id: id, moment: Moment{Sequence: first}}
	if err := w.begin(); err != nil {
		return err
	}
	if last > w.newest {
		return fmt.Errorf("%w: event %d of %q", ErrBeyond, last, id)
	}
	w.moment = Moment{Sequence: last}
	w.folded = func() error {
		if w.at.sequence < first {
			return nil
		}
		value, err := w.Fold.EncodeState(w.state)
		if err != nil {
			return unfolded(id, w.at.sequence, err)
		}
		return fn(State{Value: value, Sequence: w.at.sequence, Time: w.at.time, Newest: w.newest})
	}
	if w.at.sequence > 0 {
		if err := w.folded(); err != nil {
			return err
		}
	}
	for w.at.sequence < last {
		if err := ctx.Err(); err != nil {
			return err //nolint:wrapcheck // the caller's own
		}
		if _, err := w.step(); err != nil {
			return err
		}
	}
	return nil
}

// unfolded says what is wrong with an event: for good, or only now.
func unfolded(id string, sequence int64, err error) error {
	kind := ErrNotNow
	if fold.CodeOf(err) != "" {
		kind = ErrUnfoldable
	}
	return fmt.Errorf("%w: event %d of %q: %w", kind, sequence, id, err)
}

// walk goes from an intermediate state to a moment.
type walk struct {
	*Past

	id     string
	moment Moment
	folded func() error // is called after each event; may be nil

	newest   int64
	refolded string // see Past.Refolded
	state    any    // nil before the first event
	at       mark
}

// mark is how far a walk has come.
type mark struct {
	sequence int64     // of the last event that is folded
	time     time.Time // its time
	latest   time.Time // the latest time of it and those before
}

// begin finds the last intermediate state that is not behind the moment. They are made in order, so
// that the search may halve.
func (w *walk) begin() error {
	return w.Read(func(part Part) (err error) {
		if w.newest, err = newest(part, w.id); err != nil || w.newest == 0 {
			return err
		}
		if w.Refolded != nil {
			w.refolded = w.Refolded()
		}
		if w.moment.Sequence > w.newest {
			return fmt.Errorf("%w: event %d of %q", ErrBeyond, w.moment.Sequence, w.id)
		}
		low, high := int64(0), w.newest/w.Every+1
		for low+1 < high {
			middle := low + (high-low)/2
			value, err := part.Get(string(stateKey(w.id, middle*w.Every)))
			if err != nil {
				return fmt.Errorf("look for a state of %q: %w", w.id, err)
			}
			if at, state, is := w.intermediate(middle*w.Every, value); is &&
				!w.moment.ends(at.sequence, at.latest) {
				low, w.at, w.state = middle, at, state
			} else {
				high = middle
			}
		}
		return nil
	})
}

// step folds the events up to the next intermediate state, and files that; it reports whether the moment
// may be behind it. The store is free while events are decoded.
func (w *walk) step() (more bool, err error) {
	until := min((w.at.sequence/w.Every+1)*w.Every, w.newest)
	found, err := w.read(until)
	if err != nil {
		return false, err
	}
	for _, e := range found {
		if e.sequence != w.at.sequence+1 {
			break // one is missing
		}
		if over, err := w.next(e); over || err != nil {
			return false, err
		}
	}
	if w.at.sequence < until {
		return false, fmt.Errorf("%w: event %d of %q is missing", ErrUnfoldable, w.at.sequence+1, w.id)
	}
	if until%w.Every == 0 && len(found) > 0 {
		if err := w.file(found[len(found)-1].record); err != nil {
			return false, err
		}
	}
	return until < w.newest, nil
}

// next folds the next event; it reports whether the moment is before it instead.
func (w *walk) next(e stored) (over bool, err error) {
	r, err := records.Decode(e.record, []byte(w.id), e.sequence)
	if err != nil {
		return false, err
	}
	next := mark{sequence: e.sequence, time: eventTime(r), latest: w.at.latest}
	if next.time.After(next.latest) {
		next.latest = next.time
	}
	if w.moment.ends(next.sequence, next.latest) {
		return true, nil
	}
	event, err := w.Fold.Decode(r)
	if err == nil {
		w.state, err = w.applied(event)
	}
	if err != nil {
		return false, unfolded(w.id, next.sequence, err)
	}
	w.at = next
	if w.folded != nil {
		return false, w.folded()
	}
	return false, nil
}

func (w *walk) applied(event any) (any, error) {
	state, err := w.Fold.Apply(w.state, event)
	if err != nil {
		return w.state, fmt.Errorf("fold it: %w", err)
	}
	return state, nil
}

// stored is an event as the store has it.
type stored struct {
	sequence int64
	record   []byte
}

// read returns the events up to a sequence that are there, in order.
func (w *walk) read(until int64) (found []stored, err error) {
	if until == w.at.sequence {
		return nil, nil
	}
	err = w.Read(func(part Part) error {
		rows, err := part.IteratorWithRange(eventKey(w.id, until), eventKey(w.id, w.at.sequence))
		if err != nil {
			return fmt.Errorf("read the events of %q: %w", w.id, err)
		}
		defer rows.Release()
		for rows.Next() {
			value, err := rows.Value()
			if err != nil {
				return fmt.Errorf("read an event of %q: %w", w.id, err)
			}
			sequence, is := sequenceIn(rows.Key())
			if !is {
				return records.ErrDamaged
			}
			found = append(found, stored{sequence, bytes.Clone(value)})
		}
		return rows.Err()
	})
	slices.Reverse(found)
	return found, err
}

// eventTime is the time of an event as histories show it.
func eventTime(r *kgo.Record) time.Time {
	if t, err := codecs.ParseTime(string(kafka.Header(r.Headers, codecs.HeaderTime))); err == nil {
		return t
	}
	return r.Timestamp
}

// Intermediate states are rows of the history's store that come from no record:
//
//	's' aggregate ID, sequence → form, the last refold, version of the fold, distance, times, the state
//
// A store that is rebuilt begins without any.
const stateAt = 's'

// stateForm stands where states of the first form have the version of their fold, which is greater.
const stateForm = 0

func stateKey(id string, sequence int64) []byte {
	key := eventKey(id, sequence)
	key[0] = stateAt
	return key
}

// file keeps the present state. last is the record of its last event: if the store holds another one,
// it has been rebuilt meanwhile, from a topic that is not the one that was folded.
func (w *walk) file(last []byte) error {
	state, err := w.Fold.EncodeState(w.state)
	if err != nil {
		return unfolded(w.id, w.at.sequence, err)
	}
	b := records.AppendText([]byte{stateForm}, w.refolded)
	b = binary.AppendUvarint(b, uint64(w.Fold.Version()))
	b = binary.AppendUvarint(b, uint64(w.Every))
	b = append(appendTime(appendTime(b, w.at.time), w.at.latest), state...)
	return w.Read(func(part Part) error {
		err := part.Write(func(to snapshots.Writer) error {
			have, err := part.Get(string(eventKey(w.id, w.at.sequence)))
			if err != nil || !bytes.Equal(have, last) {
				return err
			}
			return to.Set(stateKey(w.id, w.at.sequence), b)
		})
		if err != nil {
			return fmt.Errorf("keep the state of %q at sequence %d: %w", w.id, w.at.sequence, err)
		}
		return nil
	})
}

// intermediate reads what file has written. What was made by another version of the fold, before a refold
// or at another distance, is as good as not there; the next walk replaces it.
func (w *walk) intermediate(sequence int64, b []byte) (at mark, state any, is bool) {
	if len(b) == 0 || b[0] != stateForm {
		return at, nil, false
	}
	refolded, b, whole := records.CutText(b[1:])
	if !whole || string(refolded) != w.refolded {
		return at, nil, false
	}
	version, n := binary.Uvarint(b)
	if n <= 0 || version != uint64(w.Fold.Version()) {
		return at, nil, false
	}
	b = b[n:]
	every, n := binary.Uvarint(b)
	if n <= 0 || every != uint64(w.Every) || len(b) < n+2*timeBytes {
		return at, nil, false
	}
	b = b[n:]
	at = mark{
		sequence: sequence,
		time:     timeIn(b),
		latest:   timeIn(b[timeBytes:]),
	}
	state, err := w.Fold.DecodeState(b[2*timeBytes:])
	return at, state, err == nil
}

// timeBytes is what appendTime appends: any time of RFC 3339, to the nanosecond.
const timeBytes = 12

func appendTime(b []byte, t time.Time) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(t.Unix()))
	return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

func timeIn(b []byte) time.Time {
	return time.Unix(int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint32(b[8:]))).UTC()
}
