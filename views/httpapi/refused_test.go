package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"refold/eventsourcing"
	"refold/views"
)

// G1 gives the second sender the first outcome, but never as if it were that of other data.
func TestSend_againWithOtherData(t *testing.T) {
	differs := func(eventsourcing.Envelope[any]) (bool, error) { return true, nil }
	key := "Idempotency-Key: c-1"
	known := views.Command{
		CommandKey: toAlice("c-1"), Type: "DepositMoney",
		Status: views.Accepted, FirstSequence: 4, LastSequence: 4,
	}
	wait := func(context.Context, views.CommandKey, views.Status) (views.Command, error) {
		return known, nil
	}
	t.Run("known before", func(t *testing.T) {
		b := newBench(t, nil)
		b.commands.CommandFn = func(views.CommandKey) (views.Command, error) { return known, nil }
		b.sender.DiffersFn = differs
		a := b.ask(t, "POST", "/accounts/alice/commands", deposit, key)
		a.want(t, http.StatusUnprocessableEntity, "Idempotency-Key: c-1")
		a.wantJSON(t, map[string]any{"code": "idempotency-key-reused"})
		if len(b.sender.Sent()) != 0 {
			t.Error("it was sent all the same")
		}
	})
	// Both come at the same moment, neither is known, both are sent; the aggregate takes the first.
	t.Run("overtaken", func(t *testing.T) {
		b := newBench(t, nil)
		b.commands.WaitCommandFn = wait
		b.sender.DiffersFn = differs
		a := b.ask(t, "POST", "/accounts/alice/commands", deposit, key, "Prefer: wait=1")
		a.want(t, http.StatusUnprocessableEntity, "Idempotency-Key: c-1")
		a.wantJSON(t, map[string]any{"code": "idempotency-key-reused"})
	})
	t.Run("not comparable", func(t *testing.T) {
		b := newBench(t, nil)
		b.commands.WaitCommandFn = wait
		b.sender.DiffersFn = func(eventsourcing.Envelope[any]) (bool, error) {
			return true, views.ErrNotReady
		}
		b.ask(t, "POST", "/accounts/alice/commands", deposit, key, "Prefer: wait=1").
			want(t, http.StatusOK)
	})
}

func TestSend_fails(t *testing.T) {
	for _, test := range []struct {
		name   string
		err    error
		status int
		code   string
	}{
		{"not sent", views.ErrNotSent, 503, "busy"},
		{"no connection", fmt.Errorf("%w: %w", views.ErrNotSent, views.ErrNotReady), 503, "not-ready"},
		{"perhaps sent", errors.New("broker away"), 504, "outcome-unknown"},
		{"views are off", fmt.Errorf("%w: %w", views.ErrNotSent, views.ErrOff), 503, "no-views"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.sender.Err = test.err
			a := b.ask(t, "POST", "/accounts/alice/commands", deposit)
			retry := "Retry-After: 1"
			if errors.Is(test.err, views.ErrOff) {
				retry = "Retry-After:" // it is of no use
			}
			a.want(t, test.status, retry)
			a.wantJSON(t, map[string]any{"code": test.code})
			if a.Header.Get("Idempotency-Key") != b.sender.Sent()[0].ID {
				t.Errorf("the problem doesn't tell the key to send again under: %v", a.Header)
			}
		})
	}
}

// Where too many wait, who didn't ask to wait gets an answer, and so does who asks for a command
// that is known.
func TestGetCommand_tooManyWait(t *testing.T) {
	b := newBench(t, nil)
	b.commands.WaitCommandFn = func(context.Context, views.CommandKey, views.Status) (views.Command, error) {
		return views.Command{}, views.ErrTooManyWaiters
	}
	b.commands.WaitCommandsOfFn = func(context.Context, string) (views.Namesakes, error) {
		return views.Namesakes{}, views.ErrTooManyWaiters
	}
	paths := []string{"/accounts/alice/commands/c-1", "/commands/c-1"}
	for _, path := range paths {
		b.ask(t, "GET", path, "").want(t, http.StatusNotFound)
		b.ask(t, "GET", path, "", "Prefer: wait=1").want(t, http.StatusServiceUnavailable)
	}
	b.commands.CommandFn = func(key views.CommandKey) (views.Command, error) {
		return views.Command{CommandKey: key, Status: views.Pending}, nil
	}
	b.commands.CommandsOfFn = func(id string) (views.Namesakes, error) {
		return views.Namesakes{Commands: []views.Command{{CommandKey: toAlice(id)}}}, nil
	}
	for _, path := range paths {
		a := b.ask(t, "GET", path, "", "Prefer: wait=1")
		a.want(t, http.StatusOK, "Preference-Applied:", "Retry-After: 1")
		a.wantJSON(t, map[string]any{"status": "pending"})
	}
}
