package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"time"

	"refold/client/wire"
)

// Get says which state of an aggregate is asked for; the zero value is the current one. Only one of its
// parts can be meant: AtLeast, Sequence or Time.
type Get struct {
	// AtLeast is a sequence that the state must have reached; 0: any. Wait is how long to wait for it, in
	// whole seconds.
	AtLeast int64
	Wait    time.Duration
	// Sequence asks for the state after the event of that sequence.
	Sequence int64
	// Time asks for the state before the first event that is later.
	Time time.Time
}

// Row is the state of an aggregate.
type Row struct {
	wire.Row

	// ETag names the state, for Send.IfMatch; rows of lists have none.
	ETag string
	Raw  json.RawMessage // as it came
}

// State returns the state of a row as a T.
func State[T any](r *Row) (state T, err error) {
	if r.Unreadable != nil {
		return state, fmt.Errorf("the state of %q can't be shown: %s: %s",
			r.ID, r.Unreadable.Code, r.Unreadable.Detail)
	}
	if err := json.Unmarshal(r.State, &state); err != nil {
		return state, fmt.Errorf("decode the state of %q: %w", r.ID, err)
	}
	return state, nil
}

// Get returns the state of an aggregate.
func (c *Client) Get(ctx context.Context, aggregate, id string, g Get) (*Row, error) {
	query := url.Values{}
	switch {
	case g.AtLeast > 0:
		query.Set("atLeast", strconv.FormatInt(g.AtLeast, 10))
	case g.Sequence > 0:
		query.Set("sequence", strconv.FormatInt(g.Sequence, 10))
	case !g.Time.IsZero():
		query.Set("time", g.Time.Format(time.RFC3339Nano))
	}
	r := get(withQuery(pathOf(aggregate, id), query))
	if g.AtLeast > 0 {
		r.waiting(g.Wait)
	}
	row := &Row{}
	a, err := c.fetch(ctx, r, &row.Row)
	if err != nil {
		return nil, err
	}
	row.ETag, row.Raw = a.header.Get("ETag"), a.raw
	return row, nil
}

// List returns all aggregates whose IDs are behind after, in the order of their IDs, page by page. It ends
// with the first error.
func (c *Client) List(ctx context.Context, aggregate, after string) iter.Seq2[*Row, error] {
	query := url.Values{}
	if after != "" {
		query.Set("after", after)
	}
	return func(yield func(*Row, error) bool) {
		for path := withQuery("/"+wire.Segment(aggregate), query); path != ""; {
			var page wire.Rows
			a, err := c.fetch(ctx, get(path), &page)
			if err != nil {
				yield(nil, err)
				return
			}
			items := a.items(len(page.Items))
			for i := range page.Items {
				if !yield(&Row{Row: page.Items[i], Raw: items[i]}, nil) {
					return
				}
			}
			path = page.Next
		}
	}
}

// Events says which events of an aggregate are asked for; the zero value is all, the oldest first.
type Events struct {
	After  int64 // those with a higher sequence; 0: from the first
	Before int64 // those with a lower sequence; 0: to the newest
	// Newest begins with the newest one.
	Newest bool
	// Wait is how long EventPage waits for an event behind After, in whole seconds.
	Wait time.Duration
	// Limit is how many events a page may have; 0: what the worker likes.
	Limit int
}

// Event is an event of an aggregate.
type Event struct {
	wire.Event

	Raw json.RawMessage // as it came
}

// Data returns the fields of an event as a T.
func Data[T any](e *Event) (data T, err error) {
	if e.Unreadable != nil {
		return data, fmt.Errorf("event %s can't be read: %s: %s",
			e.ID, e.Unreadable.Code, e.Unreadable.Detail)
	}
	if err := json.Unmarshal(e.Event.Data, &data); err != nil {
		return data, fmt.Errorf("decode event %s: %w", e.ID, err)
	}
	return data, nil
}

// EventPage is a part of a history.
type EventPage struct {
	Events   []*Event
	Sequence int64 // of the newest event, on whichever page it is

	next string
}

// HasNext reports whether there is another page.
func (p *EventPage) HasNext() bool { return p.next != "" }

// History returns events of an aggregate, page by page. It ends with the first error.
func (c *Client) History(ctx context.Context, aggregate, id string, e Events) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		page, err := c.EventPage(ctx, aggregate, id, e)
		for {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, event := range page.Events {
				if !yield(event, nil) {
					return
				}
			}
			if !page.HasNext() {
				return
			}
			page, err = c.eventPage(ctx, get(page.next))
		}
	}
}

// EventPage returns the first page of events. With a Wait, it waits for an event; that none has come in time
// is no error.
func (c *Client) EventPage(ctx context.Context, aggregate, id string, e Events) (*EventPage, error) {
	query := url.Values{}
	for name, n := range map[string]int64{"after": e.After, "before": e.Before, "limit": int64(e.Limit)} {
		if n > 0 || name == "after" && e.Wait > 0 {
			query.Set(name, strconv.FormatInt(n, 10))
		}
	}
	if e.Newest {
		query.Set("order", "newest")
	}
	return c.eventPage(ctx, get(withQuery(pathOf(aggregate, id)+"/events", query)).waiting(e.Wait))
}

func (c *Client) eventPage(ctx context.Context, r *request) (*EventPage, error) {
	var body wire.Events
	a, err := c.fetch(ctx, r, &body)
	if err != nil {
		return nil, err
	}
	page := &EventPage{Sequence: body.Sequence, next: body.Next}
	items := a.items(len(body.Items))
	for i := range body.Items {
		page.Events = append(page.Events, &Event{body.Items[i], items[i]})
	}
	return page, nil
}

// items returns the items of a page as they came, which has n of them.
func (a *answer) items(n int) []json.RawMessage {
	page := struct {
		Items []json.RawMessage `json:"items"`
	}{}
	if json.Unmarshal(a.raw, &page) != nil || len(page.Items) != n {
		return make([]json.RawMessage, n) // it could be decoded before
	}
	return page.Items
}

func withQuery(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}
