package httpapi_test

import (
	"fmt"
	"testing"

	"refold/views"
	"refold/views/httpapi"
)

// fakeViews has one view, of two partitions, the second of which is being rebuilt.
type fakeViews struct {
	err        error
	by         string
	partitions []int32
}

func (*fakeViews) state() views.State {
	return views.State{
		Name: "accounts-table", Topic: "x.accounts-table", Version: "rows 1",
		Partitions: []views.PartitionState{
			{Position: views.Position{Partition: 0, Offset: -1}, Lag: -1},
			{Position: views.Position{Partition: 1, Offset: 41}, Lag: 1, Rebuilding: true},
		},
		Rebuild: &views.Rebuild{
			Stage: views.RebuildRunning, By: "me", Partitions: []int32{0, 1}, Done: 1, Began: at,
			Rebuilding: 1, Next: 20, Until: 42,
		},
	}
}

func (v *fakeViews) States() []views.State { return []views.State{v.state()} }

func (v *fakeViews) Rebuild(_, by string, partitions ...int32) (views.State, error) {
	v.by, v.partitions = by, partitions
	return v.state(), v.err
}

func (v *fakeViews) CancelRebuild(string) (views.State, error) { return v.state(), v.err }

func TestViews(t *testing.T) {
	v := new(fakeViews)
	b := newBench(t, func(o *httpapi.Options) { o.Views = v })
	list := b.ask(t, "GET", "/views", "")
	list.want(t, 200)
	list.wantJSON(t, map[string]any{
		"views.0.name": "accounts-table", "views.0.topic": "x.accounts-table", "views.0.ready": true,
		"views.0.version": "rows 1", "views.0.partitions.0.offset": -1,
		"views.0.partitions.1.offset": 41, "views.0.partitions.1.lag": 1,
		"views.0.partitions.1.rebuilding": true, "views.0.rebuild.stage": "running",
		"views.0.rebuild.partition": 1, "views.0.rebuild.next": 20, "views.0.rebuild.end": 42,
		"views.0.rebuild.done": 1,
	})
	b.ask(t, "POST", "/admin/views/accounts-table/rebuilds", `{"partitions": [1]}`,
		"X-Asked-By: me").want(t, 202)
	if v.by != "me" || fmt.Sprint(v.partitions) != "[1]" {
		t.Errorf("asked by %q, of %v", v.by, v.partitions)
	}
	b.ask(t, "POST", "/admin/views/accounts-table/rebuilds/cancel", "").want(t, 200)
}

func TestViews_errors(t *testing.T) {
	const rebuild = "/admin/views/accounts-table/rebuilds"
	for name, test := range map[string]struct {
		path, body string
		err        error
		status     int
		code       string
	}{
		"no such view":      {rebuild, `{}`, views.ErrNoView, 404, "not-found"},
		"no such partition": {rebuild, `{}`, views.ErrNoPartition, 400, "invalid-request"},
		"a second one":      {rebuild, `{}`, views.ErrRebuilding, 409, "rebuild-running"},
		"not ready":         {rebuild, `{}`, views.ErrNotReady, 503, "not-ready"},
		"no views":          {rebuild, `{}`, views.ErrOff, 503, "no-views"},
		"no JSON":           {rebuild, `{`, nil, 400, "malformed-json"},
		"unknown member":    {rebuild, `{"all": true}`, nil, 400, "invalid-request"},
		"none to cancel":    {rebuild + "/cancel", "", views.ErrNoRebuild, 409, "no-rebuild"},
	} {
		t.Run(name, func(t *testing.T) {
			v := &fakeViews{err: test.err}
			a := newBench(t, func(o *httpapi.Options) { o.Views = v }).ask(t, "POST", test.path, test.body)
			a.want(t, test.status)
			a.wantJSON(t, map[string]any{"code": test.code})
		})
	}
	newBench(t, nil).ask(t, "GET", "/views", "").want(t, 404)
}

// Rows and histories tell where the copy stands that they were read from (G10).
func TestPartitionOffset(t *testing.T) {
	b := newBench(t, nil)
	b.rows.GetFn = func(string) (views.Row, error) {
		return views.Row{ID: "a", Sequence: 3, Position: views.Position{Partition: 3, Offset: 1041}}, nil
	}
	b.events.EventsFn = func(string, views.EventQuery) (views.EventPage, error) {
		return views.EventPage{Sequence: 3, Position: views.Position{Partition: 2, Offset: 7}}, nil
	}
	b.ask(t, "GET", "/accounts/a", "").want(t, 200, httpapi.HeaderPartitionOffset+": 3/1041")
	b.ask(t, "GET", "/accounts/a", "", "If-None-Match: *").
		want(t, 304, httpapi.HeaderPartitionOffset+": 3/1041")
	b.ask(t, "GET", "/accounts/a/events", "").want(t, 200, httpapi.HeaderPartitionOffset+": 2/7")
}
