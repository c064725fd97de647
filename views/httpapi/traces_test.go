package httpapi_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"refold/views"
	"refold/views/httpapi"
)

// fakeTraces knows traces by a function.
type fakeTraces func(id string) (views.Trace, error)

func (f fakeTraces) Trace(_ context.Context, id string) (views.Trace, error) { return f(id) }

func newTracesBench(t *testing.T, traces fakeTraces) *bench {
	t.Helper()
	return newBench(t, func(o *httpapi.Options) { o.Traces = traces })
}

func node(kind views.Kind, id string, after time.Duration, children ...*views.Node) *views.Node {
	return &views.Node{
		Message: views.Message{
			Kind: kind, ID: id, Time: at.Add(after), Aggregate: "account", Subject: "alice",
			Place: views.Place{Topic: "topic", Partition: 2, Offset: 57},
		},
		Children: children,
	}
}

func TestTrace(t *testing.T) {
	event := node(views.KindEvent, "alice/1", 3*time.Millisecond)
	event.Type, event.Sequence, event.CausationID = "AccountOpened", 1, "c-1"
	accepted := node(views.KindResult, "c-1/result", 3*time.Millisecond)
	accepted.Status, accepted.FirstSequence, accepted.LastSequence = views.Accepted, 1, 1
	rejected := node(views.KindResult, "c-1/result", 5*time.Millisecond)
	rejected.Status, rejected.Code, rejected.Detail = views.Rejected, "no", "not now"
	rejected.Repeated = true
	aside := node(views.KindDeadLetter, "c-9", 1250*time.Millisecond)
	aside.Orphan, aside.Reason = true, "bug"
	trace := views.Trace{
		CorrelationID: "c-1", First: at, Last: at.Add(1250 * time.Millisecond), Truncated: true,
		Nodes: map[views.Kind]int{
			views.KindCommand: 1, views.KindEvent: 1, views.KindResult: 2, views.KindDeadLetter: 1,
		},
		Roots: []*views.Node{
			node(views.KindCommand, "c-1", 0, event, accepted, rejected), aside,
		},
	}
	var asked string
	b := newTracesBench(t, func(id string) (views.Trace, error) {
		asked = id
		return trace, nil
	})
	a := b.ask(t, "GET", "/traces/order-1%2F1%2Fpay.0", "")
	a.want(t, http.StatusOK, "Cache-Control: no-cache", "Content-Type: application/json")
	if asked != "order-1/1/pay.0" {
		t.Errorf("asked for %q", asked)
	}
	a.wantJSON(t, map[string]any{
		"correlationId": "c-1", "commands": 1, "events": 1, "results": 2, "deadLetters": 1,
		"durationMs": 1250, "first": "2026-02-03T04:05:06Z", "last": "2026-02-03T04:05:07.25Z",
		"truncated": true, "limit": 5,
		"roots.0.kind": "command", "roots.0.id": "c-1", "roots.0.aggregate": "account",
		"roots.0.subject": "alice", "roots.0.topic": "topic", "roots.0.partition": 2,
		"roots.0.offset": 57, "roots.0.orphan": nil, "roots.0.outcome": nil,
		"roots.0.children.0.kind": "event", "roots.0.children.0.type": "AccountOpened",
		"roots.0.children.0.sequence": 1, "roots.0.children.0.causationId": "c-1",
		"roots.0.children.0.time": "2026-02-03T04:05:06.003Z",
		"roots.0.children.1.kind": "result", "roots.0.children.1.outcome": "accepted",
		"roots.0.children.1.firstSequence": 1, "roots.0.children.1.lastSequence": 1,
		"roots.0.children.2.outcome": "rejected", "roots.0.children.2.code": "no",
		"roots.0.children.2.message": "not now", "roots.0.children.2.repeated": true,
		"roots.1.kind": "dead-letter", "roots.1.orphan": true, "roots.1.reason": "bug",
	})
}

func TestTrace_errors(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		err    error
		status int
		code   string
	}{
		"unknown":   {"/traces/c-1", views.ErrNotFound, 404, "not-found"},
		"off":       {"/traces/c-1", views.ErrNoTraces, 503, "no-traces"},
		"no views":  {"/traces/c-1", views.ErrOff, 503, "no-views"},
		"not ready": {"/traces/c-1", views.ErrNotReady, 503, "not-ready"},
		"parameter": {"/traces/c-1?limit=1", nil, 400, "invalid-request"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTracesBench(t, func(string) (views.Trace, error) { return views.Trace{}, test.err })
			a := b.ask(t, "GET", test.path, "")
			a.want(t, test.status)
			a.wantJSON(t, map[string]any{"code": test.code})
		})
	}
	newBench(t, nil).ask(t, "GET", "/traces/c-1", "").want(t, http.StatusNotFound)
}

// The tree is described by a schema that refers to itself, and to nothing that isn't there.
func TestTrace_described(t *testing.T) {
	a := newTracesBench(t, nil).ask(t, "GET", "/openapi.json", "")
	a.want(t, http.StatusOK)
	const schemas, node = "components.schemas.", "#/components/schemas/TraceNodeBody"
	a.wantJSON(t, map[string]any{
		schemas + "TraceNodeBody.properties.children.items.$ref": node,
		schemas + "TraceBody.properties.roots.items.$ref":        node,
		"paths./traces/{id}.get.operationId":                     "get-trace",
	})
}
