package views

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/fold"
	"refold/kafka"
	"refold/snapshots"
)

// ErrUnfoldable says that the past can't be known: one of the events before can't be folded, or is
// not there.
var ErrUnfoldable = errors.New("the history can't be folded")

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

// PastRow is an aggregate's state at a moment.
type PastRow struct {
	Row

	Time time.Time // of its last event
}

// At returns the state of an aggregate at a moment. The error is ErrNotFound if it did not exist
// then, ErrNotYet beside the newest sequence here (in Row.Sequence) if m.Sequence is beyond it,
// ErrNoHistory, ErrNotReady, ErrUnfoldable, that of ctx, or a fault.
//
// It costs a look-up for each doubling of the history, and folding Limits.StateEvery events. The
// first reader of a part of the history makes the intermediate states that this needs, and folds all of
// that part, 3 µs an event. When ctx ends, those made so far are kept.
func (a *Aggregate) At(ctx context.Context, id string, m Moment) (PastRow, error) {
	if a.events == nil || a.description.Fold == nil {
		return PastRow{}, ErrNoHistory
	}
	w := &walk{a: a, id: id, moment: m, fold: a.description.Fold, every: int64(a.limits.StateEvery)}
	err := w.begin()
	for more := true; more && err == nil; {
		if err = ctx.Err(); err == nil {
			more, err = w.step()
		}
	}
	if err == nil && w.at.sequence == 0 {
		err = fmt.Errorf("%w: %s %q had no event then", ErrNotFound, a.description.Name, id)
	}
	if isNotFound(err) {
		if notReady := a.events.ready(); notReady != nil {
			err = notReady
		}
	}
	if errors.Is(err, ErrNotYet) {
		return PastRow{Row: Row{ID: id, Sequence: w.newest}}, err
	}
	if err != nil {
		return PastRow{}, err
	}
	value, err := w.fold.EncodeState(w.state)
	if err != nil {
		return PastRow{}, a.unfolded(id, w.at.sequence, err)
	}
	row, err := a.row(id, value)
	row.Position = w.position
	return PastRow{Row: row, Time: w.at.time}, err
}

// unfolded says what is wrong with an event: for good, or only now.
func (a *Aggregate) unfolded(id string, sequence int64, err error) error {
	kind := ErrNotReady
	if fold.CodeOf(err) != "" {
		kind = ErrUnfoldable
	}
	return fmt.Errorf("%w: event %d of %s %q: %w", kind, sequence, a.description.Name, id, err)
}

// walk goes from an intermediate state to a moment.
type walk struct {
	a      *Aggregate
	id     string
	moment Moment
	fold   fold.StateFold
	every  int64

	newest   int64
	position Position
	refolded string // see Description.Refolded
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
	return w.a.events.read(func(parts []follower) (err error) {
		partition := kafka.Partition([]byte(w.id), int32(len(parts)))
		part := parts[partition]
		if w.position, err = position(partition, part); err != nil {
			return err
		}
		newest, err := part.Get(string(newestKey(w.id)))
		switch {
		case err != nil:
			return fmt.Errorf("look for the events of %q: %w", w.id, err)
		case newest == nil:
			return fmt.Errorf("%w: events of %s %q", ErrNotFound, w.a.description.Name, w.id)
		case len(newest) != offsetBytes:
			return errRecord
		}
		w.newest = int64(binary.BigEndian.Uint64(newest))
		if refolded := w.a.description.Refolded; refolded != nil {
			w.refolded = refolded(partition)
		}
		if w.moment.Sequence > w.newest {
			return fmt.Errorf("%w: event %d of %q", ErrNotYet, w.moment.Sequence, w.id)
		}
		low, high := int64(0), w.newest/w.every+1
		for low+1 < high {
			middle := low + (high-low)/2
			value, err := part.Get(string(stateKey(w.id, middle*w.every)))
			if err != nil {
				return fmt.Errorf("look for a state of %q: %w", w.id, err)
			}
			if at, state, is := w.intermediate(middle*w.every, value); is &&
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
// may be behind it. Nobody waits for the store while events are decoded.
func (w *walk) step() (more bool, err error) {
	until := min((w.at.sequence/w.every+1)*w.every, w.newest)
	records, err := w.read(until)
	if err != nil {
		return false, err
	}
	for _, b := range records {
		r, err := decodeRecord(b)
		if err != nil {
			return false, err
		}
		r.Key = []byte(w.id)
		next := mark{sequence: w.at.sequence + 1, time: eventTime(r), latest: w.at.latest}
		if next.time.After(next.latest) {
			next.latest = next.time
		}
		if w.moment.ends(next.sequence, next.latest) {
			return false, nil
		}
		event, err := w.fold.Decode(r)
		if err == nil {
			w.state, err = w.applied(event)
		}
		if err != nil {
			return false, w.a.unfolded(w.id, next.sequence, err)
		}
		w.at = next
	}
	if w.at.sequence < until {
		return false, fmt.Errorf("%w: event %d of %s %q is missing",
			ErrUnfoldable, w.at.sequence+1, w.a.description.Name, w.id)
	}
	if until%w.every == 0 && len(records) > 0 {
		if err := w.file(records[len(records)-1]); err != nil {
			return false, err
		}
	}
	return until < w.newest, nil
}

func (w *walk) applied(event any) (any, error) {
	state, err := w.fold.Apply(w.state, event)
	if err != nil {
		return w.state, fmt.Errorf("fold it: %w", err)
	}
	return state, nil
}

// read returns the records up to a sequence that are there.
func (w *walk) read(until int64) (records [][]byte, err error) {
	if until == w.at.sequence {
		return nil, nil
	}
	err = w.a.events.read(func(parts []follower) error {
		part := parts[kafka.Partition([]byte(w.id), int32(len(parts)))]
		rows, err := part.IteratorWithRange(eventKey(w.id, w.at.sequence+1), eventKey(w.id, until+1))
		if err != nil {
			return fmt.Errorf("read the events of %q: %w", w.id, err)
		}
		defer rows.Release()
		for rows.Next() {
			value, err := rows.Value()
			if err != nil {
				return fmt.Errorf("read an event of %q: %w", w.id, err)
			}
			records = append(records, bytes.Clone(value))
		}
		return rows.Err()
	})
	return records, err
}

// eventTime is the time of an event as histories show it.
func eventTime(r *kgo.Record) time.Time {
	if t, err := codecs.ParseTime(header(r, codecs.HeaderTime)); err == nil {
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
	state, err := w.fold.EncodeState(w.state)
	if err != nil {
		return w.a.unfolded(w.id, w.at.sequence, err)
	}
	b := appendText([]byte{stateForm}, w.refolded)
	b = binary.AppendUvarint(b, uint64(w.fold.Version()))
	b = binary.AppendUvarint(b, uint64(w.every))
	b = append(appendTime(appendTime(b, w.at.time), w.at.latest), state...)
	return w.a.events.read(func(parts []follower) error {
		part := parts[kafka.Partition([]byte(w.id), int32(len(parts)))]
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
	refolded, b, whole := cutText(b[1:])
	if !whole || string(refolded) != w.refolded {
		return at, nil, false
	}
	version, n := binary.Uvarint(b)
	if n <= 0 || version != uint64(w.fold.Version()) {
		return at, nil, false
	}
	b = b[n:]
	every, n := binary.Uvarint(b)
	if n <= 0 || every != uint64(w.every) || len(b) < n+2*timeBytes {
		return at, nil, false
	}
	b = b[n:]
	at = mark{
		sequence: sequence,
		time:     timeIn(b),
		latest:   timeIn(b[timeBytes:]),
	}
	state, err := w.fold.DecodeState(b[2*timeBytes:])
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
