package views

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
	"refold/snapshots"
)

// A history keeps the records of an events topic. Per partition it has
//
//	'h' aggregate ID, sequence → the record
//	'n' aggregate ID           → the sequence of the newest one
//
// Sequences are gap-free (G2), so that a page is looked up one sequence after the other, in
// whichever direction.
const (
	bySequence = 'h'
	newestOf   = 'n'
)

// historyProjection files events under their aggregate and sequence. What has no sequence is no
// event of ours, and is left out.
var historyProjection = snapshots.Projection{Version: "history 2", File: fileEvent}

func fileEvent(w snapshots.Writer, r *kgo.Record) error {
	sequence, err := strconv.ParseInt(header(r, codecs.HeaderSequence), 10, 64)
	if err != nil || sequence < 1 || len(r.Key) == 0 {
		return nil //nolint:nilerr // see above
	}
	id := string(r.Key)
	if err := w.Set(eventKey(id, sequence), encodeRecord(r)); err != nil {
		return fmt.Errorf("file an event: %w", err)
	}
	newest := binary.BigEndian.AppendUint64(nil, uint64(sequence))
	if err := w.Set(newestKey(id), newest); err != nil {
		return fmt.Errorf("file the newest sequence: %w", err)
	}
	return nil
}

func eventKey(id string, sequence int64) []byte {
	key := make([]byte, 0, len(id)+11)
	return binary.BigEndian.AppendUint64(appendOrdered(append(key, bySequence), id), uint64(sequence))
}

func newestKey(id string) []byte { return appendOrdered([]byte{newestOf}, id) }

// Event is an event of an aggregate's history.
type Event struct {
	ID                                      string
	Type                                    string
	Sequence                                int64
	Time                                    time.Time // its command's
	CorrelationID, CausationID, Traceparent string
	// Data are its fields as JSON, by the schema that they were written with.
	Data json.RawMessage
	// Unreadable says why there are no Data. The rest is what could be read.
	Unreadable *codecs.Malformed
}

// EventQuery says which events of an aggregate are asked for.
type EventQuery struct {
	After  int64 // those with a higher sequence; 0: from the first
	Before int64 // those with a lower sequence; 0: to the newest
	// NewestFirst begins at the newest one; otherwise at the oldest.
	NewestFirst bool
	Limit       int
}

// EventPage is a part of an aggregate's history.
type EventPage struct {
	Events []Event
	// Sequence is that of the aggregate's newest event here, on whichever page it is.
	Sequence int64
	// Next is the sequence where the next page starts, as After or, newest first, as Before; 0 after
	// the last page. A page may have fewer events than asked for and still a Next.
	Next int64
	// Position is where the copy that the page was read from stands: the page is at least as new.
	Position Position
}

// Events returns events of an aggregate, at most q.Limit of them and not much more than
// Limits.PageBytes. The error is ErrNotFound of an aggregate without events, ErrNotReady,
// ErrNoHistory, or a fault. It costs a read of the local store for each event, and the decoding.
//
// While the view has lost its broker, histories are read as they were, see Get.
func (a *Aggregate) Events(ctx context.Context, id string, q EventQuery) (EventPage, error) {
	found, err := a.findEvents(id, q)
	if isNotFound(err) {
		if notReady := a.events.ready(); notReady != nil {
			err = notReady
		}
	}
	if err != nil {
		return EventPage{}, err
	}
	return a.showEvents(ctx, found)
}

// WaitEvents is Events as soon as the aggregate has an event behind q.After. When ctx ends before,
// the error is ErrNotYet, beside the page as it is (its sequence 0 if there is no event at all). It
// may also be ErrTooManyWaiters.
func (a *Aggregate) WaitEvents(ctx context.Context, id string, q EventQuery) (EventPage, error) {
	if a.events == nil {
		return EventPage{}, ErrNoHistory
	}
	var found foundEvents
	waited := a.waiters.wait(ctx, func() (bool, error) {
		var err error
		if found, err = a.findEvents(id, q); isNotFound(err) {
			return false, nil
		}
		return found.newest > q.After, err
	}, waitKey{topic: a.events.topic, subject: id})
	if waited != nil && !errors.Is(waited, ErrNotYet) {
		return EventPage{}, waited
	}
	// Showing may ask the registry for a schema, and must not end with the wait.
	page, err := a.showEvents(context.WithoutCancel(ctx), found)
	return page, errors.Join(waited, err)
}

// foundEvents is a page of records, not decoded yet: that may take a while, in which nobody should
// hold the store.
type foundEvents struct {
	aggregate string
	records   [][]byte
	sequences []int64
	newest    int64
	next      int64
	at        Position
}

func (a *Aggregate) findEvents(id string, q EventQuery) (found foundEvents, err error) {
	if a.events == nil {
		return found, ErrNoHistory
	}
	err = a.events.read(func(parts []follower) error {
		partition := kafka.Partition([]byte(id), int32(len(parts)))
		part := parts[partition]
		if found.at, err = position(partition, part); err != nil {
			return err
		}
		newest, err := part.Get(string(newestKey(id)))
		switch {
		case err != nil:
			return fmt.Errorf("look for the events of %s %q: %w", a.description.Name, id, err)
		case newest == nil:
			return fmt.Errorf("%w: events of %s %q", ErrNotFound, a.description.Name, id)
		case len(newest) != offsetBytes:
			return errRecord
		}
		found.aggregate, found.newest = id, int64(binary.BigEndian.Uint64(newest))
		return found.collect(part, q, a.limits)
	})
	return found, err
}

// collect looks the page up, one sequence after the other.
func (f *foundEvents) collect(part follower, q EventQuery, limits Limits) error {
	first, last, step := q.After+1, f.newest, int64(1)
	if q.Before > 0 {
		last = min(last, q.Before-1)
	}
	if q.NewestFirst {
		first, last, step = last, first, -1
	}
	bytes := 0
	for looked, s := 0, first; (last-s)*step >= 0; looked, s = looked+1, s+step {
		if len(f.records) == q.Limit || looked == limits.ScanRows || bytes >= limits.PageBytes {
			f.next = s - step
			return nil
		}
		record, err := part.Get(string(eventKey(f.aggregate, s)))
		if err != nil {
			return fmt.Errorf("read event %d of %q: %w", s, f.aggregate, err)
		}
		if record == nil {
			continue // the topic has lost its beginning
		}
		bytes += len(record)
		f.records, f.sequences = append(f.records, record), append(f.sequences, s)
	}
	return nil
}

// maxGrowth limits the JSON of a page, in Limits.PageBytes: records that are larger still as JSON, such
// as lists of nothing, make a page of fewer events.
const maxGrowth = 3

func (a *Aggregate) showEvents(ctx context.Context, found foundEvents) (EventPage, error) {
	page := EventPage{Sequence: found.newest, Next: found.next, Position: found.at}
	var bytes int
	for i, b := range found.records {
		event, err := a.showEvent(ctx, b, found.sequences[i])
		if err != nil {
			return EventPage{}, fmt.Errorf("read event %d of %s %q: %w",
				found.sequences[i], a.description.Name, found.aggregate, err)
		}
		page.Events = append(page.Events, event)
		if bytes += len(event.Data); bytes >= maxGrowth*a.limits.PageBytes && i+1 < len(found.records) {
			page.Next = found.sequences[i]
			break
		}
	}
	return page, nil
}

// showEvent decodes an event. One that can't be decoded is shown as far as it can: it must not
// hide the others.
func (a *Aggregate) showEvent(ctx context.Context, b []byte, sequence int64) (Event, error) {
	r, err := decodeRecord(b)
	if err != nil {
		return Event{}, err
	}
	e := Event{Sequence: sequence, Time: r.Timestamp}
	m, _, err := codecs.StoredMetadata(r.Headers)
	if errors.As(err, &e.Unreadable) {
		return e, nil
	}
	e.ID, e.Type, e.CorrelationID, e.CausationID = m.ID, m.Type, m.CorrelationID, m.CausationID
	e.Traceparent = m.Traceparent
	if !m.Time.IsZero() {
		e.Time = m.Time
	}
	_, e.Data, err = a.description.Events.ToJSON(ctx, r.Value)
	switch {
	case errors.As(err, &e.Unreadable):
		e.Data = nil
	case errors.Is(err, codecs.ErrRegistryUnavailable):
		return Event{}, fmt.Errorf("%w: %w", ErrNotReady, err)
	case err != nil:
		return Event{}, err
	}
	return e, nil
}
