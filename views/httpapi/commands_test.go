package httpapi_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"refold/eventsourcing"
	"refold/views"
	"refold/views/httpapi"
)

// toAlice is the identity of a command to the account alice.
func toAlice(id string) views.CommandKey {
	return views.CommandKey{Aggregate: "account", Subject: "alice", ID: id}
}

const deposit = `{"type": "DepositMoney", "data": {"amount": 1250}}`

func TestSend(t *testing.T) {
	b := newBench(t, nil)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	a := b.ask(t, "POST", "/accounts/alice/commands", deposit, "Idempotency-Key: c-1",
		`If-Match: "3"`, "Traceparent: "+trace)
	a.want(t, http.StatusAccepted, "Location: /accounts/alice/commands/c-1", "Idempotency-Key: c-1",
		"Preference-Applied:")
	a.wantJSON(t, map[string]any{
		"id": "c-1", "status": "pending", "type": "DepositMoney", "aggregate": "account",
		"subject": "alice", "links.self": "/accounts/alice/commands/c-1", "links.subject": "/accounts/alice",
		"time": "2026-02-03T04:05:06Z",
	})
	sent := b.sender.Sent()
	if len(sent) != 1 {
		t.Fatalf("%d commands sent, want 1", len(sent))
	}
	m := sent[0].Metadata
	if m.ID != "c-1" || m.Subject != "alice" || m.Type != "DepositMoney" || m.Traceparent != trace ||
		m.Source != "refold/http" || !m.Time.Equal(at) || m.ExpectedSequence == nil ||
		*m.ExpectedSequence != 3 {
		t.Errorf("metadata of the command: %+v", m)
	}
}

func TestSend_makesUpAKey(t *testing.T) {
	b := newBench(t, nil)
	a := b.ask(t, "POST", "/accounts/alice/commands", deposit)
	a.want(t, http.StatusAccepted)
	v7 := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	key := a.Header.Get("Idempotency-Key")
	if !v7.MatchString(key) || a.Header.Get("Location") != "/accounts/alice/commands/"+key {
		t.Errorf("Idempotency-Key %q, Location %q, want a UUIDv7 in both", key,
			a.Header.Get("Location"))
	}
	sent := b.sender.Sent()
	if len(sent) != 1 || sent[0].ID != key || sent[0].ExpectedSequence != nil {
		t.Errorf("sent: %+v", sent)
	}
}

// A result for those who wait: each outcome has its status.
func TestSend_wait(t *testing.T) {
	decided := views.Command{CommandKey: toAlice("c-1"), Type: "DepositMoney", Time: at}
	accepted, rejected, mismatch := decided, decided, decided
	accepted.Status, accepted.FirstSequence, accepted.LastSequence = views.Accepted, 4, 5
	rejected.Status, rejected.Code = views.Rejected, "account-frozen"
	rejected.Message = "it is frozen"
	mismatch.Status, mismatch.Code, mismatch.Message = views.Rejected,
		eventsourcing.CodeSequenceMismatch, "at sequence 4, not 3"
	for _, test := range []struct {
		name   string
		result views.Command
		err    error
		status int
		header []string
		json   map[string]any
	}{
		{
			"accepted", accepted, nil, 200,
			[]string{
				"Preference-Applied: wait=3", "Content-Location: /accounts/alice/commands/c-1", "Location:",
			},
			map[string]any{
				"status": "accepted", "firstSequence": 4, "lastSequence": 5,
				"links.subject": "/accounts/alice?atLeast=5",
			},
		},
		{
			"rejected", rejected, nil, 422,
			[]string{"Preference-Applied: wait=3", "Idempotency-Key: c-1"},
			map[string]any{
				"code": "account-frozen", "detail": "it is frozen", "command.status": "rejected",
				"command.id": "c-1",
			},
		},
		{
			"sequence mismatch", mismatch, nil, 412, nil,
			map[string]any{"code": "sequence-mismatch", "command.subject": "alice"},
		},
		{
			"too late", decided, views.ErrNotYet, 202,
			[]string{"Location: /accounts/alice/commands/c-1", "Preference-Applied: wait=3"},
			map[string]any{"status": "pending"},
		},
		{
			"too many waits", decided, views.ErrTooManyWaiters, 202,
			[]string{"Location: /accounts/alice/commands/c-1", "Preference-Applied:"},
			nil,
		},
		{
			"view away", decided, views.ErrNotReady, 202,
			[]string{"Location: /accounts/alice/commands/c-1"},
			nil,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.commands.WaitCommandFn = func(
				ctx context.Context, key views.CommandKey, s views.Status,
			) (views.Command, error) {
				if _, bounded := ctx.Deadline(); !bounded || key != toAlice("c-1") || s != views.Decided {
					t.Errorf("WaitCommand(%v, %v, %v)", ctx, key, s)
				}
				return test.result, test.err
			}
			a := b.ask(t, "POST", "/accounts/alice/commands", deposit, "Idempotency-Key: c-1",
				"Prefer: respond-async, wait=3")
			a.want(t, test.status, test.header...)
			a.wantJSON(t, test.json)
		})
	}
}

// G1, at the door: what is known already isn't sent again, and a key means one command.
func TestSend_again(t *testing.T) {
	known := views.Command{
		CommandKey: toAlice("c-1"), Type: "DepositMoney",
		Status: views.Accepted, FirstSequence: 4, LastSequence: 4,
	}
	b := newBench(t, nil)
	b.commands.CommandFn = func(key views.CommandKey) (views.Command, error) {
		if key != known.CommandKey {
			return views.Command{}, views.ErrNotFound
		}
		return known, nil
	}
	b.commands.WaitCommandFn = func(context.Context, views.CommandKey, views.Status) (views.Command, error) {
		return known, nil
	}
	key := "Idempotency-Key: c-1"
	a := b.ask(t, "POST", "/accounts/alice/commands", deposit, key, "Prefer: wait=1")
	a.want(t, http.StatusOK)
	a.wantJSON(t, map[string]any{"lastSequence": 4})
	b.ask(t, "POST", "/accounts/alice/commands", deposit, key).want(t, http.StatusAccepted)

	a = b.ask(t, "POST", "/accounts/alice/commands",
		strings.Replace(deposit, "DepositMoney", "OpenAccount", 1), key)
	a.want(t, http.StatusUnprocessableEntity)
	a.wantJSON(t, map[string]any{"code": "idempotency-key-reused"})
	if sent := b.sender.Sent(); len(sent) != 0 {
		t.Errorf("sent again: %+v", sent)
	}

	// To another account it is another command.
	b.ask(t, "POST", "/accounts/bob/commands", deposit, key).want(t, http.StatusAccepted,
		"Location: /accounts/bob/commands/c-1")
	if sent := b.sender.Sent(); len(sent) != 1 || sent[0].Subject != "bob" {
		t.Errorf("sent: %+v", sent)
	}
}

func TestSend_wrongRequest(t *testing.T) {
	const path = "/accounts/alice/commands"
	for _, test := range []struct {
		name, path, body string
		header           []string
		status           int
		json             map[string]any
	}{
		{"no body", path, "", []string{"Content-Type: application/json"}, 400, map[string]any{
			"code": "malformed-json", "detail": `the body is missing; it looks like {"type": …, "data": {…}}`,
		}},
		{"no JSON", path, "{\n \"type\": Deposit", nil, 400, map[string]any{
			"code": "malformed-json", "detail": "the body is no JSON: invalid character 'D' looking " +
				"for beginning of value (line 2, column 10)",
		}},
		{"half", path, `{"type": "D`, nil, 400, map[string]any{"code": "malformed-json"}},
		{"two", path, deposit + deposit, nil, 400, map[string]any{"code": "malformed-json"}},
		{"a list", path, "[]", nil, 400, map[string]any{"errors.0.path": "body"}},
		{"type no string", path, `{"type": 1, "data": {}}`, nil, 400, map[string]any{
			"code": "invalid-command", "errors.0.path": "body.type",
		}},
		{"nothing in it", path, "{}", nil, 400, map[string]any{
			"errors.0.path": "body.type", "errors.1.path": "body.data", "errors.1.found": "nothing",
		}},
		{"data no object", path, `{"type": "DepositMoney", "data": 7}`, nil, 400, map[string]any{
			"errors.0.path": "body.data", "errors.0.found": "7",
		}},
		{"unknown member", path, `{"tpye": "DepositMoney", "data": {}}`, nil, 400, map[string]any{
			"code": "invalid-command", "errors.0.path": "body.tpye",
			"errors.0.allowed": "the members type and data, no others",
			"errors.1.path":    "body.type",
		}},
		{
			"everything at once", path, `{"TYPE": "x", "type": "DepositMoney", "data": {}, "data": 1}`,
			nil, 400,
			map[string]any{
				"errors.0.path": "body.TYPE", "errors.0.found": "an unknown member",
				"errors.1.path": "body.data", "errors.1.allowed": "each member once",
			},
		},
		{"null", path, "null", nil, 400, map[string]any{"errors.0.found": "null"}},
		{"null for a type", path, `{"type": null, "data": {}}`, nil, 400, map[string]any{
			"errors.0.path": "body.type", "errors.0.found": "null",
		}},
		{"a query", path + "?wait=5", deposit, nil, 400, map[string]any{
			"errors.0.path": "query.wait", "errors.0.allowed": "no parameters here",
		}},
		{"unknown type", path, `{"type": "StealMoney", "data": {}}`, nil, 400, map[string]any{
			"code": "unknown-command-type", "errors.0.path": "body.type",
			"errors.0.allowed": "one of OpenAccount, DepositMoney", "errors.0.found": "StealMoney",
		}},
		{"bad ID", "/accounts/al%2Fice/commands", deposit, nil, 400, map[string]any{
			"errors.0.path": "path.id", "errors.0.found": "al/ice",
		}},
		{"long ID", "/accounts/" + strings.Repeat("a", 129) + "/commands", deposit, nil, 400, nil},
		{
			"bad headers", path, deposit,
			[]string{"Idempotency-Key: a b", "If-Match: 3"},
			400,
			map[string]any{
				"errors.0.path": "header.Idempotency-Key", "errors.1.path": "header.If-Match",
			},
		},
		{
			"a form", path, deposit,
			[]string{"Content-Type: application/x-www-form-urlencoded"},
			415,
			map[string]any{"code": "unsupported-media-type"},
		},
		{"no media type", path, deposit, []string{"Content-Type: "}, 415, map[string]any{
			"detail": "the body must say that it is JSON with Content-Type: application/json",
		}},
		{"compressed", path, deposit, []string{"Content-Encoding: gzip"}, 415, map[string]any{
			"detail": `the body must come as it is, without Content-Encoding, not "gzip"`,
		}},
		{
			"Latin-1", path, deposit,
			[]string{"Content-Type: application/json; charset=latin1"},
			415,
			nil,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, nil)
			a := b.ask(t, "POST", test.path, test.body, test.header...)
			a.want(t, test.status)
			a.wantJSON(t, test.json)
			if sent := b.sender.Sent(); len(sent) != 0 {
				t.Errorf("sent all the same: %+v", sent)
			}
		})
	}
	b := newBench(t, nil)
	b.ask(t, "POST", path, deposit, "Content-Type: Application/JSON; charset=UTF-8").
		want(t, http.StatusAccepted)
}

func TestGetCommand(t *testing.T) {
	pending := views.Command{CommandKey: toAlice("c-1"), Type: "DepositMoney", Status: views.Pending}
	rejected := pending
	rejected.Status, rejected.Code, rejected.Message = views.Rejected, "no-funds", "not enough"
	for _, test := range []struct {
		name          string
		known, waited views.Command
		knownErr, err error
		prefer        string
		status        int
		header        []string
		json          map[string]any
	}{
		{
			name: "rejected", known: rejected, status: 200, json: map[string]any{
				"status": "rejected", "code": "no-funds", "message": "not enough",
				"aggregate": "account", "subject": "alice", "links.subject": "/accounts/alice",
			},
		},
		{
			name: "pending", known: pending, status: 200,
			header: []string{"Retry-After: 1", "Preference-Applied:"},
			json:   map[string]any{"status": "pending"},
		},
		{
			name: "waited for", known: pending, waited: rejected, prefer: "wait=2", status: 200,
			header: []string{"Preference-Applied: wait=2", "Retry-After:"},
			json:   map[string]any{"status": "rejected"},
		},
		{
			name: "waited in vain", known: pending, waited: pending, err: views.ErrNotYet,
			prefer: "wait=2", status: 200, json: map[string]any{"status": "pending"},
		},
		{
			name: "a moment later", knownErr: views.ErrNotFound, waited: pending, status: 200,
			json: map[string]any{"status": "pending"},
		},
		{
			name: "unknown", knownErr: views.ErrNotFound, err: views.ErrNotYet, status: 404,
			json: map[string]any{"code": "not-found"},
		},
		{
			name: "view away", knownErr: views.ErrNotReady, status: 503,
			header: []string{"Retry-After: 1"}, json: map[string]any{"code": "not-ready"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.commands.CommandFn = func(key views.CommandKey) (views.Command, error) {
				if key != toAlice("c-1") {
					t.Errorf("asked for %v", key)
				}
				return test.known, test.knownErr
			}
			b.commands.WaitCommandFn = func(context.Context, views.CommandKey, views.Status) (
				views.Command, error,
			) {
				return test.waited, test.err
			}
			one := func(c views.Command, err error) (views.Namesakes, error) {
				return views.Namesakes{Commands: []views.Command{c}}, err
			}
			b.commands.CommandsOfFn = func(string) (views.Namesakes, error) {
				return one(test.known, test.knownErr)
			}
			b.commands.WaitCommandsOfFn = func(context.Context, string) (views.Namesakes, error) {
				return one(test.waited, test.err)
			}
			for _, path := range []string{"/accounts/alice/commands/c-1", "/commands/c-1"} {
				a := b.ask(t, "GET", path, "", "Prefer: "+test.prefer)
				a.want(t, test.status, test.header...)
				a.wantJSON(t, test.json)
			}
		})
	}
}

// An ID alone may be that of several commands: then it names none of them.
func TestFindCommand_several(t *testing.T) {
	b := newBench(t, nil)
	found := views.Namesakes{More: true, Commands: []views.Command{
		{CommandKey: toAlice("c-1"), Status: views.Accepted, FirstSequence: 2, LastSequence: 2},
		{
			CommandKey: views.CommandKey{Aggregate: "account", Subject: "a/b", ID: "c-1"},
			Status:     views.Pending,
		},
	}}
	b.commands.CommandsOfFn = func(string) (views.Namesakes, error) { return found, nil }
	a := b.ask(t, "GET", "/commands/c-1", "", "Prefer: wait=5")
	a.want(t, http.StatusMultipleChoices, "Location:")
	a.wantJSON(t, map[string]any{
		"id": "c-1", "more": true, "commands.0.status": "accepted", "commands.1.subject": "a/b",
		"commands.0.links.self": "/accounts/alice/commands/c-1",
		"commands.1.links.self": "/accounts/a%2Fb/commands/c-1",
	})
	found = views.Namesakes{More: true, Commands: found.Commands[:1]} // with room for one
	b.ask(t, "GET", "/commands/c-1", "").want(t, http.StatusMultipleChoices)
}

// A process's command has the ID of its cause in its own.
func TestGetCommand_ofProcess(t *testing.T) {
	const id = "order-1/1/order-payments.0"
	const path = "/accounts/alice/commands/order-1%2F1%2Forder-payments.0"
	b := newBench(t, nil)
	b.commands.CommandFn = func(key views.CommandKey) (views.Command, error) {
		return views.Command{CommandKey: key, Status: views.Accepted}, nil
	}
	b.commands.CommandsOfFn = func(asked string) (views.Namesakes, error) {
		return views.Namesakes{Commands: []views.Command{{CommandKey: toAlice(asked)}}}, nil
	}
	for _, asked := range []string{"/commands/" + url.PathEscape(id), path} {
		a := b.ask(t, "GET", asked, "")
		a.want(t, http.StatusOK)
		a.wantJSON(t, map[string]any{"id": id, "links.self": path})
	}
	b.ask(t, "POST", "/accounts/alice/commands", deposit, "Idempotency-Key: "+id).
		want(t, http.StatusBadRequest) // nobody else may take it
}

// A preference is a wish: what it asks for beyond the limit is cut to it.
func TestSend_waitLimit(t *testing.T) {
	b := newBench(t, func(o *httpapi.Options) { o.Limits.Wait = 2 * time.Second })
	a := b.ask(t, "POST", "/accounts/alice/commands", deposit, "Prefer: wait=86400")
	a.want(t, http.StatusAccepted, "Preference-Applied: wait=2")
}
