package httpapi_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"refold/views/httpapi"
)

func TestHealthAndReadiness(t *testing.T) {
	var missing error
	b := newBench(t, func(o *httpapi.Options) {
		o.Readiness = []httpapi.Check{
			{Name: "views", Ready: func() error { return missing }},
			{Name: "worker", Ready: func() error { return nil }},
		}
	})
	a := b.ask(t, "GET", "/healthz", "")
	a.want(t, http.StatusOK, "Content-Type: application/json")
	a.wantJSON(t, map[string]any{"status": "ok"})

	a = b.ask(t, "GET", "/readyz", "")
	a.want(t, http.StatusOK)
	a.wantJSON(t, map[string]any{
		"ready": true, "checks.0.name": "server", "checks.1.name": "views", "checks.1.ready": true,
	})

	missing = errors.New("accounts-table: being restored")
	a = b.ask(t, "GET", "/readyz", "")
	a.want(t, http.StatusServiceUnavailable, "Retry-After: 1")
	a.wantJSON(t, map[string]any{
		"code": "not-ready", "checks.1.ready": false,
		"checks.1.detail": "accounts-table: being restored", "checks.2.ready": true,
	})
	b.ask(t, "GET", "/healthz", "").want(t, http.StatusOK)
}

func TestIndex(t *testing.T) {
	a := newBench(t, nil).ask(t, "GET", "/", "")
	a.want(t, http.StatusOK)
	for _, path := range []string{
		"/accounts", "/accounts/{id}", "/accounts/{id}/commands", "/commands/{id}", "/healthz",
		"/readyz", "/metrics", "/openapi.json", "/",
	} {
		if !strings.Contains(a.Text, `"path":"`+path+`"`) {
			t.Errorf("the index lacks %s: %s", path, a.Text)
		}
	}
}

// Requests are counted by route: paths, methods and IDs that clients make up make no time series.
func TestMetrics(t *testing.T) {
	b := newBench(t, nil)
	b.ask(t, "GET", "/accounts/alice", "")
	b.ask(t, "GET", "/accounts/bob", "")
	b.ask(t, "BREW", "/coffee", "")
	a := b.ask(t, "GET", "/metrics", "")
	a.want(t, http.StatusOK)
	for _, line := range []string{
		`refold_http_request_seconds_count{method="GET",route="/accounts/{id}",status="404"} 2`,
		`refold_http_request_seconds_count{method="other",route="unmatched",status="404"} 1`,
		`refold_http_requests_in_flight 1`,
	} {
		if !strings.Contains(a.Text, line+"\n") {
			t.Errorf("/metrics lacks %s:\n%s", line, a.Text)
		}
	}
}

func TestNewServer_wrongOptions(t *testing.T) {
	_, err := httpapi.NewServer(httpapi.Options{
		Resources: []httpapi.Resource{{Name: "account", Plural: "commands"}, {Name: "Order"}},
		Limits:    httpapi.Limits{Wait: -1},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{
		"Options.Commands is missing", "Options.Logger is missing",
		`called "commands", as something of the server itself`,
		`called "Order"`, "no limit may be negative",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error doesn't say %q: %v", part, err)
		}
	}
}
