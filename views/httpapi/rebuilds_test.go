package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"refold/snapshots/rebuild"
	"refold/views/httpapi"
)

// fakeRebuilds knows one rebuild, of accounts.
type fakeRebuilds struct {
	rebuild rebuild.Rebuild
	err     error
	by      string
	dryRun  bool
}

func newFakeRebuilds() *fakeRebuilds {
	return &fakeRebuilds{rebuild: rebuild.Rebuild{
		Request: rebuild.Request{ID: "r-1", Group: "x.accounts", Partitions: 2, By: "me", Time: at},
		Progress: []rebuild.PartitionProgress{
			{Stage: rebuild.Done, EventsRead: 10, EventsTotal: 10, Equal: 7, Changed: 1},
			{
				Stage: rebuild.Waiting, Reason: "worker-2 has 1", EventsRead: 5, EventsTotal: 20,
				Rate: 2.5, SecondsLeft: 6, Worker: "worker-1", FoldVersion: 2,
			},
		},
	}}
}

func (d *fakeRebuilds) Overview(aggregate string) ([]rebuild.Overview, error) {
	if aggregate != "" && aggregate != "accounts" {
		return nil, fmt.Errorf("%w: %q", rebuild.ErrNoAggregate, aggregate)
	}
	return []rebuild.Overview{{
		Aggregate: "accounts", Rebuilds: []rebuild.Rebuild{d.rebuild},
		Partitions: []rebuild.PartitionVersions{
			{Partition: 1, Worker: "w", FoldVersion: 1, WorkersFoldVersion: 2},
		},
	}}, d.err
}

func (d *fakeRebuilds) Rebuild(id string) (rebuild.Rebuild, error) {
	if id != d.rebuild.ID {
		return rebuild.Rebuild{}, fmt.Errorf("%w: %s", rebuild.ErrNoRebuild, id)
	}
	return d.rebuild, d.err
}

func (d *fakeRebuilds) Ask(
	_ context.Context, aggregate string, dryRun bool, by string,
) (rebuild.Rebuild, error) {
	known := []string{"account", "accounts", "order", "orders", "animal", "animals"}
	if !slices.Contains(known, aggregate) {
		return rebuild.Rebuild{}, fmt.Errorf("%w: %q", rebuild.ErrNoAggregate, aggregate)
	}
	d.by, d.dryRun = by, dryRun
	return d.rebuild, d.err
}

func (d *fakeRebuilds) Cancel(_ context.Context, id, by string) (rebuild.Rebuild, error) {
	d.by = by
	return d.Rebuild(id)
}

func (*fakeRebuilds) AggregateOf(string) string { return "accounts" }

func newRebuildsBench(t *testing.T, d *fakeRebuilds) *bench {
	t.Helper()
	return newBench(t, func(o *httpapi.Options) { o.Rebuilds = d })
}

func TestRebuilds(t *testing.T) {
	d := newFakeRebuilds()
	b := newRebuildsBench(t, d)
	list := b.ask(t, "GET", "/rebuilds?aggregate=accounts", "")
	list.want(t, 200)
	list.wantJSON(t, map[string]any{
		"aggregates.0.aggregate": "accounts", "aggregates.0.due": true,
		"aggregates.0.partitions.0.foldVersion": 1, "aggregates.0.rebuilds.0.id": "r-1",
		"aggregates.0.rebuilds.0.stage": "waiting", "aggregates.0.rebuilds.0.partitions": nil,
		"aggregates.0.rebuilds.0.totals.eventsRead": 15, "aggregates.0.rebuilds.0.totals.equal": 7,
	})
	one := b.ask(t, "GET", "/rebuilds/r-1", "")
	one.want(t, 200)
	one.wantJSON(t, map[string]any{
		"partitions.0.stage": "done", "partitions.0.changed": 1, "partitions.1.partition": 1,
		"partitions.1.reason": "worker-2 has 1", "partitions.1.eventsPerSecond": 2.5,
		"partitions.1.secondsLeft": 6, "partitions.1.worker": "worker-1", "totals.eventsTotal": 30,
	})
	asked := b.ask(t, "POST", "/admin/rebuilds", `{"aggregate": "accounts", "dryRun": true}`,
		"X-Asked-By: me, ticket 1")
	asked.want(t, 202, "Location: /rebuilds/r-1")
	if !d.dryRun || d.by != "me, ticket 1" {
		t.Errorf("asked: dry run %v, by %q", d.dryRun, d.by)
	}
	b.ask(t, "POST", "/admin/rebuilds/r-1/cancel", "").want(t, 200)
}

func TestRebuilds_errors(t *testing.T) {
	const accounts = `{"aggregate": "accounts"}`
	open := &rebuild.OpenError{Rebuild: newFakeRebuilds().rebuild}
	for name, test := range map[string]struct {
		method, path, body string
		err                error
		status             int
		code               string
	}{
		"no such aggregate": {"GET", "/rebuilds?aggregate=cats", "", nil, 404, "not-found"},
		"no such rebuild":   {"GET", "/rebuilds/r-2", "", nil, 404, "not-found"},
		"parameter":         {"GET", "/rebuilds?limit=1", "", nil, 400, "invalid-request"},
		"open":              {"POST", "/admin/rebuilds", accounts, open, 409, "rebuild-open"},
		"not prepared":      {"POST", "/admin/rebuilds", accounts, rebuild.ErrNotReady, 503, "not-ready"},
		"no aggregate":      {"POST", "/admin/rebuilds", `{}`, nil, 400, "invalid-request"},
		"no JSON":           {"POST", "/admin/rebuilds", `{`, nil, 400, "malformed-json"},
		"unknown member":    {"POST", "/admin/rebuilds", `{"dry": 1}`, nil, 400, "invalid-request"},
		"ended": {
			"POST", "/admin/rebuilds/r-1/cancel", "", rebuild.ErrEnded, 409, "rebuild-ended",
		},
		"cancel none": {"POST", "/admin/rebuilds/r-2/cancel", "", nil, 404, "not-found"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFakeRebuilds()
			d.err = test.err
			a := newRebuildsBench(t, d).ask(t, test.method, test.path, test.body)
			a.want(t, test.status)
			a.wantJSON(t, map[string]any{"code": test.code})
		})
	}
	newBench(t, nil).ask(t, "GET", "/rebuilds", "").want(t, 404)
}

// fakeTrail remembers what was asked for; with an error nothing is done.
type fakeTrail struct {
	said []string
	err  error
}

func (f *fakeTrail) Do(
	_ context.Context, by, what, on string, parameters map[string]string, do func() error,
) error {
	if f.err != nil {
		return f.err
	}
	f.said = append(f.said, fmt.Sprintf("%s: %s of %s with %v", by, what, on, parameters))
	return do()
}

func TestNothingIsRebuiltWithoutARecord(t *testing.T) {
	d, trail := newFakeRebuilds(), &fakeTrail{}
	b := newBench(t, func(o *httpapi.Options) { o.Rebuilds, o.Trail = d, trail })
	b.ask(t, "POST", "/admin/rebuilds", `{"aggregate":"accounts","dryRun":true}`,
		"X-Asked-By: mallory").want(t, 202)
	b.ask(t, "POST", "/admin/rebuilds", `{"aggregate":"nothing"}`).want(t, 404)
	want := []string{
		"mallory: rebuild of accounts with map[dryRun:true]",
		"somebody, by HTTP: rebuild of nothing with map[dryRun:false]",
	}
	if !slices.Equal(trail.said, want) {
		t.Errorf("remembered is %q", trail.said)
	}
	d.by, trail.err = "", errors.New("the audit trail can't be written")
	b.ask(t, "POST", "/admin/rebuilds", `{"aggregate":"accounts"}`).want(t, 503)
	if d.by != "" {
		t.Error("it was rebuilt without a record")
	}
}
