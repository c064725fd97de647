package views

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"refold/codecs"
	"refold/views/history"
	"refold/views/records"
)

// Event is an event of an aggregate's history.
type Event struct {
	ID                                      string
	Type                                    string
	Sequence                                int64
	Time                                    time.Time // its command's
	CorrelationID, CausationID, Traceparent string
	// Data are its fields as JSON, by the schema that they were written with.
	Data json.RawMessage
	// ReadAs is what an event of a former version is read as: see codecs.Shown.
	ReadAs []codecs.Part
	// Unreadable says why there are no Data. The rest is what could be read.
	Unreadable *codecs.Malformed
}

// EventQuery says which events of an aggregate are asked for.
type EventQuery = history.Query

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
		return found.Newest > q.After, err
	}, waitKey{topic: a.events.topic, subject: id})
	if waited != nil && !errors.Is(waited, ErrNotYet) {
		return EventPage{}, waited
	}
	// Showing may ask the registry for a schema, and must not end with the wait.
	page, err := a.showEvents(context.WithoutCancel(ctx), found)
	return page, errors.Join(waited, err)
}

// foundEvents is a page of records, not decoded yet.
type foundEvents struct {
	history.Found

	aggregate string
	at        Position
}

func (a *Aggregate) findEvents(id string, q EventQuery) (found foundEvents, err error) {
	if a.events == nil {
		return found, ErrNoHistory
	}
	found.aggregate = id
	err = a.events.readAt(id, func(partition int32, part follower) error {
		if found.at, err = position(partition, part); err != nil {
			return err
		}
		found.Found, err = history.Find(part, id, q, history.Limits{
			Sequences: a.limits.ScanRows, Bytes: a.limits.PageBytes,
		})
		if err == nil && found.Newest == 0 {
			err = fmt.Errorf("%w: events of %s %q", ErrNotFound, a.description.Name, id)
		}
		return err //nolint:wrapcheck // it says what was looked for
	})
	return found, err
}

// maxGrowth limits the JSON of a page, in Limits.PageBytes: records that are larger still as JSON, such
// as lists of nothing, make a page of fewer events.
const maxGrowth = 3

func (a *Aggregate) showEvents(ctx context.Context, found foundEvents) (EventPage, error) {
	page := EventPage{Sequence: found.Newest, Next: found.Next, Position: found.at}
	var bytes int
	for i, b := range found.Records {
		event, err := a.showEvent(ctx, found.aggregate, b, found.Sequences[i])
		if err != nil {
			return EventPage{}, fmt.Errorf("read event %d of %s %q: %w",
				found.Sequences[i], a.description.Name, found.aggregate, err)
		}
		page.Events = append(page.Events, event)
		bytes += len(event.Data)
		for _, part := range event.ReadAs {
			bytes += len(part.Data)
		}
		if bytes >= maxGrowth*a.limits.PageBytes && i+1 < len(found.Records) {
			page.Next = found.Sequences[i]
			break
		}
	}
	return page, nil
}

// showEvent decodes an event. One that can't be decoded is shown as far as it can: it must not
// hide the others.
func (a *Aggregate) showEvent(ctx context.Context, id string, b []byte, sequence int64) (Event, error) {
	r, err := records.Decode(b, []byte(id), sequence)
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
	shown, err := a.description.Events.Show(ctx, codecs.Framed(r.Headers, r.Value))
	e.Data, e.ReadAs = shown.Data, shown.ReadAs
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
