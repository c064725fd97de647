package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"refold/client"
	"refold/client/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// worker answers with what a script says, "status body", the last one again and again; and keeps what it was
// asked: "METHOD path Idempotency-Key".
type worker struct {
	*httptest.Server
	mu     sync.Mutex
	script []string
	asked  []string
	header []http.Header
}

func newWorker(t *testing.T, script ...string) *worker {
	t.Helper()
	w := &worker{script: script}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.asked = append(w.asked, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+
			r.Header.Get("Idempotency-Key")))
		w.header = append(w.header, r.Header)
		answer := w.script[0]
		if len(w.script) > 1 {
			w.script = w.script[1:]
		}
		if answer == "hang up" {
			panic(http.ErrAbortHandler)
		}
		status, body, _ := strings.Cut(answer, " ")
		var code int
		if _, err := fmt.Sscan(status, &code); err != nil {
			t.Errorf("the script is wrong: %q", answer)
		}
		rw.WriteHeader(code)
		_, _ = io.WriteString(rw, body)
	}))
	t.Cleanup(w.Close)
	return w
}

func newClient(t *testing.T, o client.Options, workers ...*worker) *client.Client {
	t.Helper()
	var urls []string
	for _, w := range workers {
		urls = append(urls, w.URL)
	}
	c, err := client.New(urls, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestURLs(t *testing.T) {
	for _, urls := range [][]string{nil, {"localhost:8080"}, {"http://a", "ftp://b"}} {
		if _, err := client.New(urls, client.Options{}); err == nil {
			t.Errorf("%v was taken", urls)
		}
	}
}

// A rejection is an outcome, whichever status it has; a problem is an error with its code (G1).
func TestOutcomes(t *testing.T) {
	for name, test := range map[string]struct {
		answer, status, code string
		problem              string
		retriable            bool
	}{
		"accepted": {`200 {"id": "c-1", "status": "accepted", "lastSequence": 4}`, "accepted", "", "", false},
		"pending":  {`202 {"id": "c-1", "status": "pending"}`, "pending", "", "", false},
		"rejected": {
			`422 {"code": "insufficient-funds", "command": {"id": "c-1", "status": "rejected"}}`,
			"rejected", "insufficient-funds", "", false,
		},
		"stale": {
			`412 {"code": "sequence-mismatch", "command": {"status": "rejected"}}`,
			"rejected", "sequence-mismatch", "", false,
		},
		"reused":  {`422 {"code": "idempotency-key-reused"}`, "", "", wire.CodeKeyReused, false},
		"busy":    {`503 {"code": "busy"}`, "", "", wire.CodeBusy, true},
		"unknown": {`504 {"code": "outcome-unknown"}`, "", "", wire.CodeOutcomeUnknown, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorker(t, test.answer)
			expect := int64(3)
			got, err := newClient(t, client.Options{}, w).Send(t.Context(), "accounts", "al/ice", client.Send{
				ID: "c-1", Type: "T", Data: json.RawMessage(`{}`), Expect: &expect,
				Wait: 1500 * time.Millisecond,
			})
			switch {
			case test.problem == "" && (err != nil || got.Status != test.status || got.Code != test.code):
				t.Errorf("got %+v, %v", got, err)
			case test.problem != "" && (!client.HasCode(err, test.problem) ||
				client.IsRetriable(err) != test.retriable):
				t.Errorf("got %v", err)
			}
			if w.asked[0] != "POST /accounts/al%2Fice/commands c-1" || w.header[0].Get("If-Match") != `"3"` ||
				w.header[0].Get("Prefer") != "wait=2" {
				t.Errorf("asked %s, %v", w.asked[0], w.header[0])
			}
		})
	}
}

// A worker that hangs up, or is not there, is no reason to fail while there is another one. A request that
// does something is not repeated then, unless it certainly has not arrived.
func TestTheNextWorkerIsAsked(t *testing.T) {
	const ok = `200 {"status": "accepted"}`
	down, odd, up := newWorker(t, ok), newWorker(t, "hang up"), newWorker(t, ok)
	down.Close()
	for _, first := range []*worker{down, odd} {
		c := newClient(t, client.Options{}, first, up)
		for range 4 {
			if got, err := c.Send(t.Context(), "accounts", "alice", client.Send{Type: "T"}); err != nil ||
				got.Status != wire.StatusAccepted {
				t.Errorf("got %+v, %v", got, err)
			}
		}
	}
	for i, asked := range up.asked {
		if key := strings.TrimPrefix(asked, "POST /accounts/alice/commands "); len(key) < 30 {
			t.Errorf("request %d has no ID of its own: %s", i, asked)
		}
	}
	if _, err := newClient(t, client.Options{}, down, up).RebuildView(t.Context(), "v", "me", 1); err != nil {
		t.Error(err)
	}
	_, err := newClient(t, client.Options{}, odd, up).RebuildView(t.Context(), "v", "me")
	unavailable, is := errors.AsType[*client.UnavailableError](err)
	if !is || unavailable.Server != odd.URL ||
		!client.IsRetriable(err) {
		t.Errorf("got %v", err)
	}
}

func TestAnswersAreLimited(t *testing.T) {
	w := newWorker(t, `200 {"id": "`+strings.Repeat("x", 100)+`"}`, `200 hello`, `502 <html>`)
	c := newClient(t, client.Options{AnswerBytes: 100}, w)
	if _, err := c.Get(t.Context(), "accounts", "alice", client.Get{}); err == nil ||
		!strings.Contains(err.Error(), "larger than 100 bytes") {
		t.Errorf("got %v", err)
	}
	for _, retriable := range []bool{false, true} {
		_, err := c.Get(t.Context(), "accounts", "alice", client.Get{})
		if _, is := errors.AsType[*client.NoWorkerError](err); !is || client.IsRetriable(err) != retriable {
			t.Errorf("got %v", err)
		}
	}
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	}))
	defer silent.Close()
	c, err := client.New([]string{silent.URL}, client.Options{RequestTimeout: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Ready(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// A problem says all that the worker says.
func TestProblem(t *testing.T) {
	w := newWorker(t, `400 {"code": "invalid-request", "detail": "no", "errors": [
		{"path": "query.limit", "allowed": "a whole number", "found": "x"},
		{"path": "body", "allowed": "y"}]}`)
	_, err := newClient(t, client.Options{}, w).Trace(t.Context(), "x")
	want := "no\n  query.limit: a whole number, not x\n  body: y (HTTP 400, invalid-request)"
	if err == nil || err.Error() != want || client.IsRetriable(err) || client.IsNotFound(err) {
		t.Errorf("got %v", err)
	}
}

// Pages follow each other; the items are as they came, too.
func TestPages(t *testing.T) {
	w := newWorker(t,
		`200 {"items": [{"id": "a", "sequence": 1, "more": 1}], "next": "/accounts?after=a"}`,
		`200 {"items": [{"id": "b", "sequence": 2, "state": {"owner": "Bob"}}]}`,
		`200 {"items": [{"id": "a/1", "sequence": 1, "data": {"amount": 5}}], "sequence": 2, "next": "/n"}`,
		`200 {"items": [{"id": "a/2", "sequence": 2, "unreadable": {"code": "x"}}], "sequence": 2}`)
	c := newClient(t, client.Options{}, w)
	var rows []*client.Row
	for row, err := range c.List(t.Context(), "accounts", "") {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	state, err := client.State[struct{ Owner string }](rows[1])
	if len(rows) != 2 || string(rows[0].Raw) != `{"id": "a", "sequence": 1, "more": 1}` || err != nil ||
		state.Owner != "Bob" {
		t.Errorf("got %+v, %+v, %v", rows, state, err)
	}
	var events []*client.Event
	for event, err := range c.History(t.Context(), "accounts", "a", client.Events{After: 0, Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, event)
	}
	data, err := client.Data[struct{ Amount int }](events[0])
	_, bad := client.Data[any](events[1])
	if len(events) != 2 || err != nil || data.Amount != 5 || bad == nil {
		t.Errorf("got %+v, %+v, %v", events, data, err)
	}
	if fmt.Sprint(w.asked) != "[GET /accounts GET /accounts?after=a GET /accounts/a/events?limit=1 GET /n]" {
		t.Errorf("asked %v", w.asked)
	}
	for row, err := range c.List(t.Context(), "accounts", "z") {
		if row == nil || err != nil {
			t.Errorf("got %+v, %v", row, err)
		}
		break // it can be left
	}
}

// A listener goes on where it was when a connection is lost, and ends when the worker refuses.
func TestListen(t *testing.T) {
	const id = "retry: 1\nid: start\n\n"
	w := newWorker(t, "200 "+id,
		"200 event: event\nid: one\ndata: {\"kind\": \"event\", \"id\": \"a/1\"}\n\n"+
			"event: missed\nid: two\ndata: {\"kind\": \"missed\", \"records\": 3}\n\n",
		`503 {"code": "not-ready"}`, `400 {"code": "invalid-request"}`)
	var got []string
	var last error
	listen := client.Listen{
		Aggregates: []string{"account"}, Kinds: []wire.Kind{wire.KindEvent},
		Lost: func(string, error, time.Duration) { got = append(got, "lost") },
	}
	for item, err := range newClient(t, client.Options{}, w).Listen(t.Context(), listen) {
		switch {
		case err != nil:
			last = err
		case item.Missed != nil:
			got = append(got, fmt.Sprint(item.Position, " missed ", item.Missed.Records))
		default:
			got = append(got, fmt.Sprint(item.Position, " ", item.Message.ID))
		}
	}
	if fmt.Sprint(got) != "[lost one a/1 two missed 3 lost lost]" || !client.HasCode(last, wire.CodeInvalid) {
		t.Errorf("got %v, %v", got, last)
	}
	for i, want := range []string{"", "start", "two", "two"} {
		if at := w.header[i].Get("Last-Event-ID"); at != want {
			t.Errorf("connection %d began at %q, want %q", i, at, want)
		}
	}
	if w.asked[0] != "GET /events/live?aggregate=account&kind=event" {
		t.Errorf("asked %v", w.asked)
	}
	w.Close()
	for _, err := range newClient(t, client.Options{}, w).Listen(t.Context(), client.Listen{}) {
		if !client.IsRetriable(err) {
			t.Errorf("got %v", err)
		}
	}
}
