package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"refold/views"
	"refold/views/httpapi"
	"refold/views/httpapi/endpoint"
)

func said(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", text, r.PathValue("id"), body)
	})
}

// A program's own routes are handled as those of the package, and are in the index and the description.
func TestRoutes(t *testing.T) {
	b := newBench(t, func(o *httpapi.Options) {
		o.Routes = []httpapi.Route{
			{"GET /accounts/{id}/limit", "What an account may spend", said("limit")},
			{"PUT /accounts/{id}", "Replace an account", said("put")},
			{"GET /reports/{path...}", "Reports", said("report")},
			{"POST /broken", "It breaks", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				panic("a mistake of the program's")
			})},
		}
	})
	for _, test := range []struct{ method, path, body, want string }{
		{"GET", "/accounts/al%2Fice/limit", "", "limit al/ice "},
		{"GET", "/accounts/%2F/limit", "", "limit / "},
		{"PUT", "/accounts/alice", "{}", "put alice {}"},
		{"GET", "/reports/2026/january?full=1", "", "report  "},
	} {
		a := b.ask(t, test.method, test.path, test.body)
		a.want(t, http.StatusOK)
		if a.Text != test.want {
			t.Errorf("%s %s: %q, want %q", test.method, test.path, a.Text, test.want)
		}
	}
	b.ask(t, "POST", "/broken", "{}").want(t, http.StatusInternalServerError)
	b.ask(t, "POST", "/broken", strings.Repeat("x", 1<<20)).want(t, http.StatusRequestEntityTooLarge)
	b.ask(t, "DELETE", "/accounts/alice/limit", "").want(t, http.StatusMethodNotAllowed)
	if n := testutil.CollectAndCount(b.registry, "refold_http_request_seconds"); n < 5 {
		t.Errorf("%d time series of requests", n)
	}
	d := describe(t, b)
	limit := d.Paths["/accounts/{id}/limit"]["get"]
	if limit == nil || limit.Responses["default"] == nil || len(limit.Parameters) != 1 ||
		limit.Parameters[0].Name != "id" || d.Paths["/accounts/{id}"]["put"] == nil ||
		d.Paths["/accounts/{id}"]["get"] == nil || d.Paths["/reports/{path}"]["get"] == nil {
		t.Errorf("described are %+v, %+v", limit, reflect.ValueOf(d.Paths).MapKeys())
	}
	for _, summary := range []string{"What an account may spend", "Replace an account"} {
		if index := b.ask(t, "GET", "/", "").Text; !strings.Contains(index, summary) {
			t.Errorf("%q is not in %s", summary, index)
		}
	}
}

// A handler that flushes before its first byte keeps its status, as does the answer of another pod: what
// forwards it flushes when it does not know how long the answer is.
func TestStatusIsFlushed(t *testing.T) {
	town := newTown(t, 2, func(_ *pod, o *httpapi.Options) {
		o.Routes = []httpapi.Route{{
			"GET /accounts/{id}/secret", "Nobody may know.",
			http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusForbidden)
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
				_, _ = io.WriteString(w, strings.Repeat("no ", 2000))
			}),
		}}
	})
	town.own(where("alice"), 1)
	for _, p := range town.pods {
		if got := p.request(t, "GET", "/accounts/alice/secret", ""); got.Status != http.StatusForbidden {
			t.Errorf("%s answers with %d, want 403", p.name, got.Status)
		}
	}
}

// A route that would take requests from another one is refused, at the start.
func TestRoutesThatCollide(t *testing.T) {
	for _, test := range []struct{ want, pattern string }{
		{"collides with GET /accounts/{id}", "GET /accounts/free"},
		{"collides with GET /accounts/{id}", "GET /accounts/{name}"},
		{"collides with GET /", "HEAD /{x}/{y}"},
		{"collides with GET /", "GET /"},
		{"collides with POST /accounts/{id}/commands", "POST /accounts/{rest...}"},
		{"collides with GET /metrics", "GET /metrics"},
		{"collides with GET /own/{a}", "GET /own/b"},
		{"no method and path", "/own"},
		{"no method and path", "get /own"},
		{"no method and path", "GET example.org/own"},
		{"bad wildcard", "GET /other/{a"},
	} {
		reg := prometheus.NewRegistry()
		_, err := httpapi.NewServer(httpapi.Options{
			Resources: []httpapi.Resource{{
				Name: "account", Plural: "accounts", Rows: &fakeRows{}, Sender: &fakeSender{},
				Commands: fakeTypes{}, State: reflect.TypeFor[accountState](),
			}},
			Commands: &fakeCommands{}, Gatherer: reg, Registerer: reg, Logger: slog.New(slog.DiscardHandler),
			Routes: []httpapi.Route{
				{"GET /own/{a}", "Fine", said("fine")}, {test.pattern, "Refused", said("refused")},
			},
		})
		if err == nil || !strings.Contains(err.Error(), "Options.Routes[1]") ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.pattern, err, test.want)
		}
	}
}

// greeting is a parameter of an endpoint of the program's own.
type greeting struct{ endpoint.Text }

func (greeting) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("How to greet.", endpoint.StringSchema(""), "hello")
}

func (g *greeting) UnmarshalText(text []byte) error {
	if g.Sent = string(text); g.Sent != "hello" {
		g.Refuse("hello")
	}
	return nil
}

type greetingInput struct {
	Greeting greeting `query:"greeting"`
}

type greetingOutput struct{ Body []byte }

// greet registers an endpoint at a path.
func greet(path string) func(*endpoint.Set) {
	return func(set *endpoint.Set) {
		endpoint.Register(set, set.Of(), huma.Operation{
			OperationID: "greet" + path, Method: http.MethodGet, Path: path, Summary: "A greeting",
			Responses: set.Responses(map[string]*huma.Response{
				"200": endpoint.Answer("The greeting.", endpoint.StringSchema(""), nil),
			}, nil),
		}, func(_ context.Context, in *greetingInput) (*greetingOutput, error) {
			if in.Greeting.Sent == "" {
				return nil, views.ErrNotFound
			}
			return &greetingOutput{[]byte(in.Greeting.Sent)}, nil
		})
	}
}

// A program's own endpoints are checked and described as those of the package.
func TestEndpoints(t *testing.T) {
	b := newBench(t, func(o *httpapi.Options) { o.Endpoints = []func(*endpoint.Set){greet("/own/greeting")} })
	a := b.ask(t, "GET", "/own/greeting?greeting=hello", "")
	a.want(t, http.StatusOK)
	if a.Text != "hello" {
		t.Errorf("the answer is %q", a.Text)
	}
	b.ask(t, "GET", "/own/greeting", "").want(t, http.StatusNotFound)
	b.ask(t, "GET", "/own/greeting?greeting=bye", "").want(t, http.StatusBadRequest)
	b.ask(t, "GET", "/own/greeting?greetings=hello", "").want(t, http.StatusBadRequest)
	described := describe(t, b).Paths["/own/greeting"]["get"]
	if described == nil || len(described.Parameters) != 1 || described.Parameters[0].Name != "greeting" ||
		described.Responses["200"] == nil || described.Responses["default"] == nil {
		t.Errorf("described is %+v", described)
	}
	if index := b.ask(t, "GET", "/", "").Text; !strings.Contains(index, "A greeting") {
		t.Errorf("it is not in %s", index)
	}
}

// An endpoint that would take requests from another one is refused, at the start.
func TestEndpointsThatCollide(t *testing.T) {
	for path, want := range map[string]string{
		"/metrics": "GET /metrics", "/own/{b}": "collides with GET /own/a", "/own/{b": "bad wildcard",
	} {
		reg := prometheus.NewRegistry()
		_, err := httpapi.NewServer(httpapi.Options{
			Commands: &fakeCommands{}, Gatherer: reg, Registerer: reg, Logger: slog.New(slog.DiscardHandler),
			Endpoints: []func(*endpoint.Set){greet("/own/a"), greet(path)},
		})
		if err == nil || !strings.Contains(err.Error(), "Options.Endpoints[1]") ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}
