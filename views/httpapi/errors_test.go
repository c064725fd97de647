package httpapi_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"refold/codecs"
	"refold/codecs/avrojson"
	"refold/views"
	"refold/views/httpapi"
)

// Every way to get an error, of whatever layer, answers with a problem: want checks that.
func TestEveryErrorIsAProblem(t *testing.T) {
	broken := func(o *httpapi.Options) {
		o.Resources[0].Rows = &fakeRows{
			GetFn: func(id string) (views.Row, error) {
				if id == "panic" {
					panic("secret")
				}
				return views.Row{}, errors.New("secret")
			},
			ListFn: func(string, int) (views.Page, error) {
				// encoding/json can't encode this one: the mistake shows when the answer is written
				return views.Page{Rows: []views.Row{{ID: "x", State: func() {}}}}, nil
			},
		}
		o.Limits.BodyBytes, o.Limits.HeaderBytes = 100, 500
	}
	for _, test := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		code                     string
	}{
		{"no route", "GET", "/nothing/here", "", nil, 404, "no-such-route"},
		{"almost a route", "GET", "/accounts/", "", nil, 404, "no-such-route"},
		{"double slash", "GET", "//nothing", "", nil, 404, "no-such-route"},
		{"method", "DELETE", "/accounts/alice", "", nil, 405, "method-not-allowed"},
		{"method of the list", "POST", "/accounts", "{}", nil, 405, "method-not-allowed"},
		{"made-up method", "BREW", "/accounts", "", nil, 405, "method-not-allowed"},
		{"body", "POST", "/accounts/a/commands", strings.Repeat(" ", 101), nil, 413, "body-too-large"},
		{"body elsewhere", "GET", "/accounts", strings.Repeat(" ", 101), nil, 413, "body-too-large"},
		{
			"header", "GET", "/accounts/a", "",
			[]string{"X: " + strings.Repeat("x", 500)},
			431,
			"header-too-large",
		},
		{"URL", "GET", "/accounts/" + strings.Repeat("x", 500), "", nil, 431, "header-too-large"},
		{"fault", "GET", "/accounts/fault", "", nil, 500, "internal"},
		{"panic", "GET", "/accounts/panic", "", nil, 500, "internal"},
		{
			"media type", "POST", "/accounts/a/commands", "{}",
			[]string{"Content-Type: a/b"},
			415,
			"unsupported-media-type",
		},
		{"ID of a space", "POST", "/accounts/%20/commands", deposit, nil, 400, "invalid-request"},
		{"no ID", "POST", "/accounts//commands", "{}", nil, 404, "no-such-route"},
		{"dots for an ID", "GET", "/accounts/..", "", nil, 404, "no-such-route"},
		{"slashes only", "GET", "//", "", nil, 404, "no-such-route"},
		{"slash before", "GET", "//accounts", "", nil, 404, "no-such-route"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newBench(t, broken).ask(t, test.method, test.path, test.body, test.header...)
			a.want(t, test.status)
			a.wantJSON(t, map[string]any{"code": test.code})
			if strings.Contains(a.Text, "secret") {
				t.Errorf("the answer tells of the inside: %s", a.Text)
			}
			if test.status == http.StatusMethodNotAllowed && a.Header.Get("Allow") == "" {
				t.Error("a 405 must say what is allowed")
			}
		})
	}
}

// A body at the limit is fine, one byte more is not.
func TestBodyLimit(t *testing.T) {
	limited := func(bytes int) *bench {
		return newBench(t, func(o *httpapi.Options) { o.Limits.BodyBytes = int64(bytes) })
	}
	const path = "/accounts/alice/commands"
	limited(len(deposit)).ask(t, "POST", path, deposit).want(t, http.StatusAccepted)
	limited(len(deposit)-1).ask(t, "POST", path, deposit).
		want(t, http.StatusRequestEntityTooLarge)
}

// Every field's mistake is listed: where it is, what is allowed, what was found.
func TestSend_wrongData(t *testing.T) {
	b := newBench(t, func(o *httpapi.Options) {
		o.Resources[0].Commands = fakeTypes{err: &codecs.JSONError{
			Type: "DepositMoney", Mistakes: []avrojson.Mistake{
				{Path: "amount", Found: `"ten"`, Allowed: "a whole number"},
				{Path: "", Found: strings.Repeat("x", 1000), Allowed: "an object"},
			},
		}}
	})
	a := b.ask(t, "POST", "/accounts/alice/commands", deposit)
	a.want(t, http.StatusBadRequest)
	a.wantJSON(t, map[string]any{
		"code": "invalid-command", "errors.0.path": "body.data.amount",
		"errors.0.allowed": "a whole number", "errors.0.found": `"ten"`,
		"errors.1.path": "body.data", "errors.1.found": strings.Repeat("x", 117) + "…",
	})
}
