package trail_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"refold/console/consoletest"
	"refold/console/trail"
)

// records answers any query with a page, and remembers it.
type records struct {
	page  trail.Page
	query trail.Query
}

func (r *records) Read(_ context.Context, q trail.Query) (trail.Page, error) {
	r.query = q
	return r.page, nil
}

func TestAuditTrail(t *testing.T) {
	r := &records{page: trail.Page{Next: 7, Records: []trail.Record{{
		Sequence: 9, Time: consoletest.Now.Add(-time.Minute), Stage: "done",
		Who: "alice", From: "console", At: "worker-1",
		What: "dead-letters/settle", On: "dead letter 2/57", Path: "/console/dead-letters/2/57",
		Parameters: map[string]string{"note": "mended", "do": "replay"},
	}, {
		Sequence: 8, Stage: "failed", Who: "bob", From: "http", What: "rebuild", On: "accounts",
		Path: "https://evil.example/", Outcome: "the broker is away",
	}}}}
	c := consoletest.Serve(t, trail.Part(r))
	page := c.Get(t, "/console/audit-trail?who=al&what=dead&before=10").Want(http.StatusOK,
		"1 min ago", "alice", "by the console at worker-1", "do replay note mended", "done",
		"bob by the HTTP API", "the broker is away")
	if got := page.Link("dead letter 2/57"); got != "/console/dead-letters/2/57" {
		t.Errorf("it leads to %q", got)
	}
	if want := (trail.Query{Who: "al", What: "dead", Before: 10, Limit: 50}); r.query != want {
		t.Errorf("asked was %+v", r.query)
	}
	if got := page.Link("Next →"); got != "/console/audit-trail?before=7&what=dead&who=al" {
		t.Errorf("the next page is %q", got)
	}
	c.Get(t, "/console/audit-trail?before=x").Want(http.StatusBadRequest)
	r.page = trail.Page{}
	c.Get(t, "/console/audit-trail").Want(http.StatusOK, "Nothing was done yet")
	c.Get(t, "/console/audit-trail?who=x").Want(http.StatusOK, "No record is like that")
}

func TestMarkupInTheTrailIsText(t *testing.T) {
	m := consoletest.Markup
	r := &records{page: trail.Page{Records: []trail.Record{{
		Stage: m, Who: m, From: m, At: m, What: m, On: m, Path: "/console/" + m, Outcome: m,
		Parameters: map[string]string{m: m},
	}}}}
	consoletest.Serve(t, trail.Part(r)).Get(t, "/console/audit-trail").Want(http.StatusOK).Escaped()
}
