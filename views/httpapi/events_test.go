package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"refold/codecs"
	"refold/views"
)

// threeEvents is a history whose second event can't be read.
func threeEvents() views.EventPage {
	return views.EventPage{Sequence: 3, Events: []views.Event{
		{
			ID: "alice/1", Type: "AccountOpened", Sequence: 1, Time: at, CorrelationID: "c-1",
			CausationID: "c-1", Traceparent: "00-1-2-01", Data: json.RawMessage(`{"owner":"<Alice>"}`),
		},
		{Sequence: 2, Time: at, Unreadable: &codecs.Malformed{
			Reason: codecs.ReasonUndecodable, Err: fmt.Errorf("half a string"),
		}},
		{ID: "alice/3", Type: "AccountClosed", Sequence: 3, Time: at, Data: json.RawMessage(`{}`)},
	}}
}

func TestEvents(t *testing.T) {
	b := newBench(t, nil)
	var asked views.EventQuery
	next := int64(0)
	b.events.EventsFn = func(id string, q views.EventQuery) (views.EventPage, error) {
		asked = q
		if id != "alice" {
			return views.EventPage{}, views.ErrNotFound
		}
		page := threeEvents()
		page.Next = next
		return page, nil
	}
	a := b.ask(t, "GET", "/accounts/alice/events", "")
	a.tag(t, 3)
	a.want(t, http.StatusOK, "Content-Type: application/json", "Cache-Control: no-cache",
		"Link:", "Preference-Applied:")
	a.wantJSON(t, map[string]any{
		"sequence": 3, "next": nil, "items.0.id": "alice/1", "items.0.type": "AccountOpened",
		"items.0.sequence": 1, "items.0.time": "2026-02-03T04:05:06Z", "items.0.correlationId": "c-1",
		"items.0.causationId": "c-1", "items.0.traceparent": "00-1-2-01",
		"items.0.data.owner": "<Alice>", "items.1.data": nil, "items.1.unreadable.code": "undecodable",
		"items.1.unreadable.detail": "half a string", "items.0.unreadable": nil,
	})
	if want := (views.EventQuery{Limit: 100}); asked != want {
		t.Errorf("asked for %+v, want %+v", asked, want)
	}
	next = 2
	type query = views.EventQuery
	for path, test := range map[string]struct {
		query query
		next  string
	}{
		"after=1&limit=2": {query{After: 1, Limit: 2}, "after=2&limit=2"},
		"order=oldest":    {query{Limit: 100}, "after=2&limit=100&order=oldest"},
		"order=newest&after=1": {
			query{After: 1, NewestFirst: true, Limit: 100}, "after=1&before=2&limit=100&order=newest",
		},
		"before=9&order=newest": {
			query{Before: 9, NewestFirst: true, Limit: 100}, "before=2&limit=100&order=newest",
		},
		"before=9&after=0&limit=999": {
			query{Before: 9, Limit: 999}, "after=2&before=9&limit=999",
		},
	} {
		a := b.ask(t, "GET", "/accounts/alice/events?"+path, "")
		link := "/accounts/alice/events?" + test.next
		a.tag(t, 3)
		a.want(t, http.StatusOK, "Link: <"+link+`>; rel="next"`)
		a.wantJSON(t, map[string]any{"next": link})
		if asked != test.query {
			t.Errorf("%s: asked for %+v, want %+v", path, asked, test.query)
		}
	}
	tag := b.ask(t, "GET", "/accounts/alice/events", "").tag(t, 3)
	b.ask(t, "GET", "/accounts/alice/events", "", "If-None-Match: "+tag).
		want(t, http.StatusNotModified, "ETag: "+tag)
	// Another page is another answer, as is a history that was made anew.
	if other := b.ask(t, "GET", "/accounts/alice/events?limit=2", "").tag(t, 3); other == tag {
		t.Errorf("two pages have the ETag %s", tag)
	}
	a = b.ask(t, "GET", "/accounts/bob/events", "")
	a.want(t, http.StatusNotFound)
	a.wantJSON(t, map[string]any{"code": "not-found", "detail": `there is no account "bob"`})
}

func TestEvents_mistakes(t *testing.T) {
	b := newBench(t, nil)
	a := b.ask(t, "GET", "/accounts/alice/events?after=-1&before=0&limit=1001&order=random", "")
	a.want(t, http.StatusBadRequest)
	a.wantJSON(t, map[string]any{
		"code": "invalid-request", "errors.0.path": "query.after",
		"errors.1.path": "query.before", "errors.2.path": "query.limit", "errors.3.path": "query.order",
		"errors.2.allowed": "a whole number from 1 to 1000", "errors.3.allowed": "oldest or newest",
	})
	b.ask(t, "GET", "/accounts/alice/events?since=1", "").want(t, http.StatusBadRequest)
}

// Prefer: wait waits for events behind after; none in time is an answer.
func TestEvents_wait(t *testing.T) {
	for _, test := range []struct {
		name, path string
		page       views.EventPage
		err        error
		status     int
		code       any
		applied    string
	}{
		{"arrived", "?after=2", threeEvents(), nil, 200, nil, "wait=4"},
		{"none came", "?after=3", views.EventPage{Sequence: 3}, views.ErrNotYet, 200, nil, "wait=4"},
		{"no aggregate came", "?after=0", views.EventPage{}, views.ErrNotYet, 404, "not-found", "wait=4"},
		{"no after, no wait", "", views.EventPage{}, nil, 404, "not-found", ""},
		{"too many", "?after=3", views.EventPage{}, views.ErrTooManyWaiters, 503, "too-many-waits", ""},
		{"off", "?after=3", views.EventPage{}, views.ErrNoHistory, 503, "no-history", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.events.WaitEventsFn = func(context.Context, string, views.EventQuery) (
				views.EventPage, error,
			) {
				return test.page, test.err
			}
			a := b.ask(t, "GET", "/accounts/alice/events"+test.path, "", "Prefer: wait=4")
			a.want(t, test.status, "Preference-Applied: "+test.applied)
			a.wantJSON(t, map[string]any{"code": test.code})
		})
	}
}
