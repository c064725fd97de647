package api_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"refold/client/wire"
	"refold/readmodels/api"
	"refold/readmodels/readmodelstest"
	"refold/views"
	"refold/views/httpapi"
	"refold/views/httpapi/endpoint"
)

// noCommands knows no command.
type noCommands struct{}

func (noCommands) Command(context.Context, views.CommandKey) (views.Command, error) {
	return views.Command{}, views.ErrNotFound
}

func (noCommands) WaitCommand(context.Context, views.CommandKey, views.Status) (views.Command, error) {
	return views.Command{}, views.ErrNotFound
}

func (noCommands) CommandsOf(context.Context, string) (views.Namesakes, error) {
	return views.Namesakes{}, views.ErrNotFound
}

func (noCommands) WaitCommandsOf(context.Context, string) (views.Namesakes, error) {
	return views.Namesakes{}, views.ErrNotFound
}

// now is a day after the history of the shop has ended.
var now = time.Date(2026, 3, 6, 9, 30, 0, 0, time.UTC)

// served is the whole HTTP API with read models in it.
type served struct{ http.Handler }

// serve serves read models; pages have at most 20 rows, 2 by default.
func serve(t *testing.T, o api.Options) served {
	t.Helper()
	o.Logger, o.Now = slog.New(slog.DiscardHandler), func() time.Time { return now }
	register, err := api.Endpoints(o)
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	server, err := httpapi.NewServer(httpapi.Options{
		Commands: noCommands{}, Gatherer: reg, Registerer: reg, Logger: o.Logger,
		Endpoints: []func(*endpoint.Set){register}, Limits: httpapi.Limits{PageRows: 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	return served{server.Handler()}
}

// shop serves the read models of the shop's history.
func shop(t *testing.T) served {
	t.Helper()
	return serve(t, api.Options{Database: filled(t, readmodelstest.Shop())})
}

// answered is an answer.
type answered struct {
	Path   string
	Status int
	Header http.Header
	Text   string
}

// get asks for a path; headers are like "Accept: text/csv".
func (s served) get(t *testing.T, path string, headers ...string) answered {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return answered{path, w.Code, w.Header(), w.Body.String()}
}

// read reads an answer of status 200.
func read[B any](t *testing.T, a answered) (body B) {
	t.Helper()
	if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s: %d, %v: %s", a.Path, a.Status, a.Header, a.Text)
	}
	if err := json.Unmarshal([]byte(a.Text), &body); err != nil {
		t.Fatalf("%s: %v: %s", a.Path, err, a.Text)
	}
	return body
}

// refused expects a problem, and returns it.
func refused(t *testing.T, a answered, status int, code string) wire.Problem {
	t.Helper()
	var p wire.Problem
	if err := json.Unmarshal([]byte(a.Text), &p); err != nil || a.Status != status || p.Code != code ||
		a.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%s: %d, %v: %s (%v), want %d and %s", a.Path, a.Status, a.Header, a.Text, err, status, code)
	}
	return p
}

// pages reads a list page by page, and returns the key of each row.
func pages[R any](t *testing.T, s served, path string, key func(R) string) (keys []string) {
	t.Helper()
	for path != "" {
		a := s.get(t, path)
		page := read[api.Page[R]](t, a)
		for _, row := range page.Items {
			keys = append(keys, key(row))
		}
		link := ""
		if page.Next != "" {
			link = "<" + page.Next + `>; rel="next"`
		}
		if got := a.Header.Get("Link"); got != link || len(keys) > 100 {
			t.Fatalf("%s has the Link %q and the next %q", path, got, page.Next)
		}
		path = page.Next
	}
	return keys
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differ (- wanted, + found):\n%s", what, diff)
	}
}

// An answer that a client has already is not sent again, and nobody else may keep it.
func TestEntityTags(t *testing.T) {
	s := shop(t)
	for _, path := range []string{
		"/read-models/accounts", "/read-models/accounts/alice/card", "/read-models/accounts/alice/statement",
		"/read-models/accounts/alice/statement.csv", "/read-models/accounts/alice/statement.html",
		"/read-models/orders", "/read-models/orders/search?q=tea", "/read-models/customers/alice",
	} {
		first := s.get(t, path)
		tag := first.Header.Get("ETag")
		keep := first.Header.Get("Cache-Control")
		if first.Status != http.StatusOK || tag == "" || keep != "private, no-cache" {
			t.Errorf("%s: %d, %v", path, first.Status, first.Header)
		}
		again := s.get(t, path, "If-None-Match: W/"+tag)
		if again.Status != http.StatusNotModified || again.Text != "" || again.Header.Get("ETag") != tag {
			t.Errorf("%s, had before: %d, %v, %q", path, again.Status, again.Header, again.Text)
		}
		if other := s.get(t, path, `If-None-Match: "other"`); other.Status != http.StatusOK {
			t.Errorf("%s, something else had: %d", path, other.Status)
		}
	}
}

// As long as no build is live there is nothing to read; clients try again.
func TestNoBuildIsLive(t *testing.T) {
	s := serve(t, api.Options{Database: empty(t)})
	for _, path := range everyPath {
		a := s.get(t, path)
		refused(t, a, http.StatusServiceUnavailable, wire.CodeNoReadModel)
		if a.Header.Get("Retry-After") == "" {
			t.Errorf("%s has no Retry-After", path)
		}
	}
}

// A store that is away comes back; clients try again.
func TestStoreIsAway(t *testing.T) {
	d := filled(t, readmodelstest.Shop())
	s := serve(t, api.Options{Database: d})
	if err := d.db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range everyPath {
		a := s.get(t, path)
		refused(t, a, http.StatusServiceUnavailable, wire.CodeReadModelAway)
		if a.Header.Get("Retry-After") == "" {
			t.Errorf("%s has no Retry-After", path)
		}
	}
}

// everyPath has a path of each endpoint.
var everyPath = []string{
	"/read-models/accounts", "/read-models/accounts/alice/card", "/read-models/accounts/alice/statement",
	"/read-models/accounts/alice/statement.csv", "/read-models/accounts/alice/statement.html",
	"/read-models/orders", "/read-models/orders/search?q=tea", "/read-models/customers/alice",
}

// A request that can't be understood is refused with all its mistakes.
func TestMistakes(t *testing.T) {
	s := shop(t)
	card := s.get(t, "/read-models/accounts?limit=1")
	foreign := strings.TrimPrefix(read[api.Page[any]](t, card).Next, "/read-models/accounts?")
	for path, mistakes := range map[string]int{
		"/read-models/accounts?limit=0":                                  1,
		"/read-models/accounts?limit=21":                                 1,
		"/read-models/accounts?limit=":                                   1,
		"/read-models/accounts?status=OPEN&order=1":                      1,
		"/read-models/accounts?status=gone&cursor=x":                     2,
		"/read-models/accounts?cursor=W10":                               1,
		"/read-models/accounts?cursor=" + strings.Repeat("x", 9000):      1,
		"/read-models/orders?" + foreign:                                 1,
		"/read-models/orders?cursor=WyJvcmRlcnMiLCJ4IiwieSJd":            1, // ["orders","x","y"]
		"/read-models/orders?status=open&payment=no&attention=1":         3,
		"/read-models/orders?minAge=-1":                                  1,
		"/read-models/orders?minAge=99999999999":                         1,
		"/read-models/orders/search":                                     1,
		"/read-models/orders/search?q=%20-%20":                           1,
		"/read-models/orders/search?q=" + strings.Repeat("x", 600):       1,
		"/read-models/orders/search?q=a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+p+q": 1,
		"/read-models/accounts/alice/statement?month=2026-13":            1,
		"/read-models/accounts/alice/statement?month=2026-1":             1,
		"/read-models/accounts/alice/statement.csv?" + foreign:           1,
		"/read-models/customers/alice?cursor=WyJjdXN0b21lciIsIngiXQ":     1,
		"/read-models/customers/alice?month=2026-01":                     1,
	} {
		p := refused(t, s.get(t, path), http.StatusBadRequest, wire.CodeInvalid)
		if len(p.Errors) != mistakes {
			t.Errorf("%.80s has the mistakes %+v, want %d", path, p.Errors, mistakes)
		}
	}
}

// The API's description has the endpoints with their parameters and answers, as it has all others.
func TestDescription(t *testing.T) {
	var d struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, In string }
			Responses  map[string]struct{ Content map[string]any }
		}
		Components struct{ Schemas map[string]any }
	}
	text := shop(t).get(t, "/openapi.json").Text
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	const fresh = " atLeast X-Refold-Position Prefer"
	for path, parameters := range map[string]string{
		"/read-models/accounts": "owner status currency cursor limit " +
			"If-None-Match" + fresh,
		"/read-models/accounts/{id}/card":           "id If-None-Match" + fresh,
		"/read-models/accounts/{id}/statement":      "id month cursor limit Accept If-None-Match" + fresh,
		"/read-models/accounts/{id}/statement.csv":  "id month cursor limit If-None-Match" + fresh,
		"/read-models/accounts/{id}/statement.html": "id month cursor limit If-None-Match" + fresh,
		"/read-models/orders": "status payment attention account minAge cursor limit " +
			"If-None-Match" + fresh,
		"/read-models/orders/search":       "q status account cursor limit If-None-Match" + fresh,
		"/read-models/customers/{account}": "account cursor limit If-None-Match" + fresh,
	} {
		get := d.Paths[path]["get"]
		var names []string
		for _, p := range get.Parameters {
			names = append(names, p.Name)
		}
		if got := strings.Join(names, " "); got != parameters {
			t.Errorf("%s has the parameters %s", path, got)
		}
		if len(get.Responses["200"].Content) == 0 || get.Responses["503"].Content == nil ||
			get.Responses["default"].Content == nil {
			t.Errorf("%s has the answers %v", path, get.Responses)
		}
	}
	for _, name := range []string{"PageAccountRow", "CardRow", "Statement", "StatementLine", "Customer"} {
		if d.Components.Schemas[name] == nil {
			t.Errorf("there is no schema %s", name)
		}
	}
	if strings.Contains(text, "owner_folded") || strings.Contains(text, "OwnerFolded") {
		t.Error("a column that is for the database alone is described")
	}
}
