package httpapi_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"refold/snapshots/rebuild"
	"refold/views/httpapi"
)

// fakeDesk knows one refold, of accounts.
type fakeDesk struct {
	refold rebuild.Refold
	err    error
	by     string
	dryRun bool
}

func newFakeDesk() *fakeDesk {
	return &fakeDesk{refold: rebuild.Refold{
		Request: rebuild.Request{ID: "r-1", Group: "x.accounts", Partitions: 2, By: "me", Time: at},
		Progress: []rebuild.Progress{
			{Stage: rebuild.Done, EventsRead: 10, EventsTotal: 10, Equal: 7, Changed: 1},
			{
				Stage: rebuild.Waiting, Reason: "worker-2 has 1", EventsRead: 5, EventsTotal: 20,
				Rate: 2.5, SecondsLeft: 6, Worker: "worker-1", FoldVersion: 2,
			},
		},
	}}
}

func (d *fakeDesk) Overview(aggregate string) ([]rebuild.Overview, error) {
	if aggregate != "" && aggregate != "accounts" {
		return nil, fmt.Errorf("%w: %q", rebuild.ErrNoAggregate, aggregate)
	}
	return []rebuild.Overview{{
		Aggregate: "accounts", Refolds: []rebuild.Refold{d.refold},
		Tables: []rebuild.Table{{Partition: 1, Worker: "w", FoldVersion: 1, WorkersFoldVersion: 2}},
	}}, d.err
}

func (d *fakeDesk) Refold(id string) (rebuild.Refold, error) {
	if id != d.refold.ID {
		return rebuild.Refold{}, fmt.Errorf("%w: %s", rebuild.ErrNoRefold, id)
	}
	return d.refold, d.err
}

func (d *fakeDesk) Ask(
	_ context.Context, aggregate string, dryRun bool, by string,
) (rebuild.Refold, error) {
	known := []string{"account", "accounts", "order", "orders", "animal", "animals"}
	if !slices.Contains(known, aggregate) {
		return rebuild.Refold{}, fmt.Errorf("%w: %q", rebuild.ErrNoAggregate, aggregate)
	}
	d.by, d.dryRun = by, dryRun
	return d.refold, d.err
}

func (d *fakeDesk) Cancel(_ context.Context, id, by string) (rebuild.Refold, error) {
	d.by = by
	return d.Refold(id)
}

func (*fakeDesk) Called(string) string { return "accounts" }

func newRefoldsBench(t *testing.T, d *fakeDesk) *bench {
	t.Helper()
	return newBench(t, func(o *httpapi.Options) { o.Refolds = d })
}

func TestRefolds(t *testing.T) {
	d := newFakeDesk()
	b := newRefoldsBench(t, d)
	list := b.ask(t, "GET", "/refolds?aggregate=accounts", "")
	list.want(t, 200)
	list.wantJSON(t, map[string]any{
		"aggregates.0.aggregate": "accounts", "aggregates.0.due": true,
		"aggregates.0.partitions.0.foldVersion": 1, "aggregates.0.refolds.0.id": "r-1",
		"aggregates.0.refolds.0.stage": "waiting", "aggregates.0.refolds.0.partitions": nil,
		"aggregates.0.refolds.0.totals.eventsRead": 15, "aggregates.0.refolds.0.totals.equal": 7,
	})
	one := b.ask(t, "GET", "/refolds/r-1", "")
	one.want(t, 200)
	one.wantJSON(t, map[string]any{
		"partitions.0.stage": "done", "partitions.0.changed": 1, "partitions.1.partition": 1,
		"partitions.1.reason": "worker-2 has 1", "partitions.1.eventsPerSecond": 2.5,
		"partitions.1.secondsLeft": 6, "partitions.1.worker": "worker-1", "totals.eventsTotal": 30,
	})
	asked := b.ask(t, "POST", "/admin/refolds", `{"aggregate": "accounts", "dryRun": true}`,
		"X-Asked-By: me, ticket 1")
	asked.want(t, 202, "Location: /refolds/r-1")
	if !d.dryRun || d.by != "me, ticket 1" {
		t.Errorf("asked: dry run %v, by %q", d.dryRun, d.by)
	}
	b.ask(t, "POST", "/admin/refolds/r-1/cancel", "").want(t, 200)
}

func TestRefolds_errors(t *testing.T) {
	const accounts = `{"aggregate": "accounts"}`
	open := &rebuild.OpenError{Refold: newFakeDesk().refold}
	for name, test := range map[string]struct {
		method, path, body string
		err                error
		status             int
		code               string
	}{
		"no such aggregate": {"GET", "/refolds?aggregate=cats", "", nil, 404, "not-found"},
		"no such refold":    {"GET", "/refolds/r-2", "", nil, 404, "not-found"},
		"parameter":         {"GET", "/refolds?limit=1", "", nil, 400, "invalid-request"},
		"open":              {"POST", "/admin/refolds", accounts, open, 409, "refold-open"},
		"not prepared":      {"POST", "/admin/refolds", accounts, rebuild.ErrNotReady, 503, "not-ready"},
		"no aggregate":      {"POST", "/admin/refolds", `{}`, nil, 400, "invalid-request"},
		"no JSON":           {"POST", "/admin/refolds", `{`, nil, 400, "malformed-json"},
		"unknown member":    {"POST", "/admin/refolds", `{"dry": 1}`, nil, 400, "invalid-request"},
		"ended":             {"POST", "/admin/refolds/r-1/cancel", "", rebuild.ErrEnded, 409, "refold-ended"},
		"cancel none":       {"POST", "/admin/refolds/r-2/cancel", "", nil, 404, "not-found"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFakeDesk()
			d.err = test.err
			a := newRefoldsBench(t, d).ask(t, test.method, test.path, test.body)
			a.want(t, test.status)
			a.wantJSON(t, map[string]any{"code": test.code})
		})
	}
	newBench(t, nil).ask(t, "GET", "/refolds", "").want(t, 404)
}
