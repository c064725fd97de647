package load

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"refold/processors"
)

// scripted is a worker that answers with what a script says, and keeps what it was asked.
type scripted struct {
	*httptest.Server
	mu     sync.Mutex
	script []string // bodies, "status body"; the last one again and again
	keys   []string
}

func newScripted(t *testing.T, script ...string) *scripted {
	t.Helper()
	s := &scripted{script: script}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.keys = append(s.keys, r.Header.Get("Idempotency-Key"))
		answer := s.script[0]
		if len(s.script) > 1 {
			s.script = s.script[1:]
		}
		if answer == "hang up" {
			panic(http.ErrAbortHandler)
		}
		var status int
		var body json.RawMessage
		parts := json.NewDecoder(stringReader(answer))
		if err := errors.Join(parts.Decode(&status), parts.Decode(&body)); err != nil {
			t.Errorf("the script is wrong: %q: %v", answer, err)
		}
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}))
	t.Cleanup(s.Close)
	return s
}

const (
	okAnswer       = `200 {"status": "accepted", "firstSequence": 3, "lastSequence": 4}`
	rejectedAnswer = `422 {"code": "insufficient-funds", "command": {"status": "rejected"}}`
	pendingAnswer  = `202 {"status": "pending"}`
	unknownAnswer  = `504 {"code": "outcome-unknown"}`
	busyAnswer     = `503 {"code": "busy"}`
)

func newSystem(t *testing.T, urls ...string) *HTTP {
	t.Helper()
	h, err := NewHTTP(urls, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

var someCommand = Command{
	ID: "c-1", Aggregate: "account", Plural: "accounts", Subject: "alice",
	Type: "CloseAccount", Data: json.RawMessage(`{}`),
}

// An ambiguous answer is no answer: the command is asked again, under its ID (G1).
func TestAnswersAreWaitedFor(t *testing.T) {
	accepted := Answer{Outcome: Accepted, FirstSequence: 3, LastSequence: 4, HTTPStatus: 200}
	for name, test := range map[string]struct {
		script []string
		want   Answer
	}{
		"accepted": {[]string{okAnswer}, accepted},
		"rejected": {
			[]string{rejectedAnswer},
			Answer{Outcome: Rejected, Code: "insufficient-funds", HTTPStatus: 422},
		},
		"stale": {
			[]string{`412 {"code": "sequence-mismatch", "command": {"status": "rejected"}}`},
			Answer{Outcome: Rejected, Code: "sequence-mismatch", HTTPStatus: 412},
		},
		"after all":   {[]string{pendingAnswer, unknownAnswer, busyAnswer, okAnswer}, accepted},
		"hung up":     {[]string{"hang up", okAnswer}, accepted},
		"not by HTTP": {[]string{`502 "a proxy's page"`, okAnswer}, accepted},
	} {
		t.Run(name, func(t *testing.T) {
			worker := newScripted(t, test.script...)
			got, err := newSystem(t, worker.URL).Send(t.Context(), someCommand)
			test.want.Attempts = len(test.script)
			if err != nil || got != test.want {
				t.Errorf("got %+v, %v; want %+v", got, err, test.want)
			}
			for _, key := range worker.keys {
				if key != "c-1" {
					t.Errorf("asked under the key %q", key)
				}
			}
		})
	}
}

func TestWhatIsRefusedIsNotAskedAgain(t *testing.T) {
	worker := newScripted(t, `422 {"code": "idempotency-key-reused", "detail": "other data"}`)
	got, err := newSystem(t, worker.URL).Send(t.Context(), someCommand)
	if !errors.Is(err, ErrRefused) || got.Outcome != Refused || got.Attempts != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestPatienceEnds(t *testing.T) {
	worker := newScripted(t, pendingAnswer)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	got, err := newSystem(t, worker.URL).Send(ctx, someCommand)
	if err == nil || got.Outcome != Unknown || got.HTTPStatus != http.StatusAccepted {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestTheNextWorkerIsAsked(t *testing.T) {
	down := newScripted(t, okAnswer)
	down.Close()
	worker := newScripted(t, okAnswer)
	h := newSystem(t, down.URL, worker.URL)
	for range 10 {
		if got, err := h.Send(t.Context(), someCommand); err != nil || got.Outcome != Accepted {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if err := h.Reach(t.Context()); err != nil {
		t.Error(err)
	}
	if err := newSystem(t, down.URL).Reach(t.Context()); err == nil {
		t.Error("a worker that is down was reached")
	}
	if _, err := NewHTTP([]string{"localhost:8080"}, 1); err == nil {
		t.Error("localhost:8080 is no URL, and wasn't refused")
	}
	if _, err := NewHTTP(nil, 1); err == nil {
		t.Error("no server wasn't refused")
	}
}

func TestStatesAreLookedAtUntilTheyMoved(t *testing.T) {
	worker := newScripted(t,
		`503 {"code": "not-yet"}`,
		`200 {"sequence": 1, "state": {"status": "placed"}}`,
		"hang up",
		`200 {"sequence": 2, "state": {"status": "paid"}}`)
	subject := Subject{processors.AggregateName{Name: "order", Plural: "orders"}, "order-1"}
	got, err := newSystem(t, worker.URL).Wait(t.Context(), subject, func(s State) bool {
		return strings.Contains(string(s.JSON), "paid")
	})
	if err != nil || got.Sequence != 2 || string(got.JSON) != `{"status": "paid"}` {
		t.Errorf("got %d %s, %v", got.Sequence, got.JSON, err)
	}
}
