package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"refold/views"
)

func alice(sequence int64) views.Row {
	return views.Row{
		ID: "alice", Sequence: sequence, State: accountState{Owner: "Alice", Balance: 10 * sequence},
	}
}

func TestGetRow(t *testing.T) {
	b := newBench(t, nil)
	b.rows.GetFn = func(id string) (views.Row, error) {
		if id != "alice" {
			return views.Row{}, views.ErrNotFound
		}
		return alice(3), nil
	}
	a := b.ask(t, "GET", "/accounts/alice", "")
	a.want(t, http.StatusOK, "Content-Type: application/json", "Cache-Control: no-cache")
	tag := a.tag(t, 3)
	a.wantJSON(t, map[string]any{
		"id": "alice", "sequence": 3, "state.owner": "Alice", "state.balance": 30,
	})
	b.ask(t, "GET", "/accounts/alice?atLeast=3", "").want(t, http.StatusOK)
	b.ask(t, "GET", "/accounts/alice?atLeast=0", "").want(t, http.StatusOK)
	b.ask(t, "HEAD", "/accounts/alice", "").want(t, http.StatusOK, "ETag: "+tag)

	a = b.ask(t, "GET", "/accounts/bob", "")
	a.want(t, http.StatusNotFound)
	a.wantJSON(t, map[string]any{"code": "not-found", "detail": `there is no account "bob"`})

	for header, status := range map[string]int{
		tag: 304, "W/" + tag: 304, `"2", ` + tag: 304, "*": 304, `"2"`: 200, `"abc"`: 200, `3`: 200,
		`"3"`: 200, // which of the states at sequence 3?
	} {
		a := b.ask(t, "GET", "/accounts/alice", "", "If-None-Match: "+header)
		a.want(t, status, "ETag: "+tag)
		if status == http.StatusNotModified && a.Text != "" {
			t.Errorf("a 304 with a body: %s", a.Text)
		}
	}
	a = b.ask(t, "GET", "/accounts/a%20b?atLeast=-1", "")
	a.want(t, http.StatusBadRequest)
	a.wantJSON(t, map[string]any{
		"code": "invalid-request", "errors.0.path": "query.atLeast", "errors.0.found": "-1",
	})
}

// A refold may change what a row says without an event: then its validator changes, too.
func TestGetRow_mended(t *testing.T) {
	b := newBench(t, nil)
	row := alice(3)
	b.rows.GetFn = func(string) (views.Row, error) { return row, nil }
	before := b.ask(t, "GET", "/accounts/alice", "").tag(t, 3)
	b.ask(t, "GET", "/accounts/alice", "", "If-None-Match: "+before).want(t, http.StatusNotModified)
	row.State = accountState{Owner: "Alice", Balance: 31}
	after := b.ask(t, "GET", "/accounts/alice", "", "If-None-Match: "+before)
	after.want(t, http.StatusOK)
	after.wantJSON(t, map[string]any{"state.balance": 31})
	if got := after.tag(t, 3); got == before {
		t.Errorf("two states have the ETag %s", got)
	}
}

// G10: a reader who names a sequence gets a state at least that new, or is told to wait.
func TestGetRow_atLeast(t *testing.T) {
	for _, test := range []struct {
		name   string
		row    views.Row
		err    error
		prefer string
		status int
		header []string
		json   map[string]any
	}{
		{name: "arrived", row: alice(5), prefer: "wait=4", status: 200, header: []string{
			"Preference-Applied: wait=4",
		}},
		{
			name: "too old", row: alice(4), err: views.ErrNotYet, prefer: "wait=4", status: 503,
			header: []string{"Retry-After: 1", "Preference-Applied: wait=4"}, json: map[string]any{
				"code": "not-yet", "detail": `the account "alice" is at sequence 4 here, sequence 5 is ` +
					`asked for and has not come within 4 s; try again, if there is such a sequence`,
			},
		},
		{
			name: "too old, no wait", row: alice(4), status: 503,
			header: []string{"Retry-After: 1"}, json: map[string]any{
				"code": "not-yet", "detail": `the account "alice" is at sequence 4 here, sequence 5 is ` +
					`asked for; try again, or wait with Prefer: wait=5`,
			},
		},
		{name: "not there yet", err: views.ErrNotFound, status: 503, json: map[string]any{
			"code": "not-yet", "detail": `the account "alice" is not here yet, sequence 5 is ` +
				`asked for; try again, or wait with Prefer: wait=5`,
		}},
		{name: "too many", err: views.ErrTooManyWaiters, prefer: "wait=1", status: 503},
		{name: "not ready", err: views.ErrNotReady, status: 503},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.rows.GetFn = func(string) (views.Row, error) { return test.row, test.err }
			b.rows.WaitForFn = func(ctx context.Context, id string, n int64) (views.Row, error) {
				if _, bounded := ctx.Deadline(); !bounded || id != "alice" || n != 5 {
					t.Errorf("WaitFor(%v, %q, %d)", ctx, id, n)
				}
				return test.row, test.err
			}
			a := b.ask(t, "GET", "/accounts/alice?atLeast=5", "", "Prefer: "+test.prefer)
			a.want(t, test.status, test.header...)
			a.wantJSON(t, test.json)
		})
	}
}

func TestList(t *testing.T) {
	b := newBench(t, nil)
	b.rows.ListFn = func(after string, limit int) (views.Page, error) {
		if after == "broken" {
			return views.Page{}, views.ErrNotReady
		}
		page := views.Page{Rows: []views.Row{alice(1)}}
		if after == "" {
			page.Next = fmt.Sprintf("a&b %d", limit)
		}
		return page, nil
	}
	a := b.ask(t, "GET", "/accounts?limit=7", "")
	a.want(t, http.StatusOK, `Link: </accounts?after=a%26b+7&limit=7>; rel="next"`)
	a.wantJSON(t, map[string]any{
		"items.0.id": "alice", "items.0.state.owner": "Alice", "items.0.links.self": "/accounts/alice",
		"next": "/accounts?after=a%26b+7&limit=7",
	})
	a = b.ask(t, "GET", "/accounts?after=x", "")
	a.want(t, http.StatusOK, "Link:")
	a.wantJSON(t, map[string]any{"next": nil})
	b.ask(t, "GET", "/accounts?after=broken", "").want(t, http.StatusServiceUnavailable)

	for _, limit := range []string{"0", "-1", "1001", "ten", "1.5"} {
		a := b.ask(t, "GET", "/accounts?limit="+limit, "")
		a.want(t, http.StatusBadRequest)
		a.wantJSON(t, map[string]any{
			"errors.0.path": "query.limit", "errors.0.allowed": "a whole number from 1 to 1000",
		})
	}
}

// An empty list is a list.
func TestList_empty(t *testing.T) {
	a := newBench(t, nil).ask(t, "GET", "/accounts", "")
	a.want(t, http.StatusOK)
	if items, is := a.JSON["items"].([]any); !is || len(items) != 0 {
		t.Errorf("items must be [], body: %s", a.Text)
	}
}

// A parameter that nobody reads is a mistake: atleast for atLeast would give a state that is too
// old.
func TestQueryIsRead(t *testing.T) {
	b := newBench(t, nil)
	b.rows.GetFn = func(string) (views.Row, error) { return alice(3), nil }
	for query, want := range map[string]map[string]any{
		"/accounts/alice?atleast=9": {
			"errors.0.path":    "query.atleast",
			"errors.0.allowed": "no other parameters than atLeast", "errors.0.found": "9",
		},
		"/accounts?limt=1&after=a&after=b": {
			"errors.0.path": "query.after", "errors.0.found": "a and b",
			"errors.1.path": "query.limt", "errors.1.allowed": "no other parameters than after and limit",
		},
		"/accounts/alice?atLeast=": {"errors.0.path": "query.atLeast", "errors.0.found": "nothing"},
		"/accounts?limit=%zz":      {"errors.0.path": "query"},
		"/commands/c-1?wait=5":     {"errors.0.path": "query.wait"},
	} {
		a := b.ask(t, "GET", query, "")
		a.want(t, http.StatusBadRequest)
		a.wantJSON(t, want)
	}
	b.ask(t, "GET", "/accounts?after=", "").want(t, http.StatusOK)
	b.ask(t, "GET", "/readyz?verbose", "").want(t, http.StatusOK)
}
