package codecs_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
)

// counted makes a registry count its requests.
func counted(s *srfake.Registry) *atomic.Int64 {
	var n atomic.Int64
	s.Intercept(func(http.ResponseWriter, *http.Request) bool { n.Add(1); return false })
	return &n
}

// answering makes a registry answer every request with a status and a body.
func answering(s *srfake.Registry, status int, body string) {
	s.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
		return true
	})
}

func lookUp(s *codecs.RegistrySettings) { s.Mode = codecs.LookUp }

func TestRegisterOnceThenKnown(t *testing.T) {
	s := server(t)
	requests := counted(s)
	r := client(t, s.URL())
	for range 3 {
		id, err := r.ID(t.Context(), "bank.Closed", closedSchema)
		if err != nil || id != 1 {
			t.Fatalf("got %d, %v", id, err)
		}
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	// Another worker gets the same.
	id, err := client(t, s.URL()).ID(t.Context(), "bank.Closed", closedSchema)
	if err != nil || id != 1 {
		t.Errorf("got %d, %v", id, err)
	}
}

func TestLookUpNeverRegisters(t *testing.T) {
	s := server(t)
	r := client(t, s.URL(), lookUp)
	_, err := r.ID(t.Context(), "bank.Closed", closedSchema)
	if !errors.Is(err, codecs.ErrSchemaNotFound) {
		t.Fatalf("got %v, want ErrSchemaNotFound", err)
	}
	for _, want := range []string{"bank.Closed", "look-up", "register it"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if s.SubjectExists("bank.Closed") {
		t.Error("the subject was made")
	}
	// The answer is not kept: once it is registered, it is found.
	want := register(t, s, "bank.Closed", closedSchema)
	if id, err := r.ID(t.Context(), "bank.Closed", closedSchema); err != nil || id != want {
		t.Errorf("got %d, %v, want %d", id, err, want)
	}
}

// Apicurio Registry speaks Confluent's API under a path, /apis/ccompat/v7.
func TestURLWithPath(t *testing.T) {
	s := server(t)
	prefixed := httptest.NewServer(http.StripPrefix("/apis/ccompat/v7", s.Handler()))
	t.Cleanup(prefixed.Close)
	for _, end := range []string{"", "/"} {
		r := client(t, prefixed.URL+"/apis/ccompat/v7"+end)
		id, err := r.ID(t.Context(), "bank.Closed", closedSchema)
		if err != nil {
			t.Fatal(err)
		}
		if schema, err := r.Schema(t.Context(), id); err != nil || schema.Name != "bank.Closed" {
			t.Fatalf("got %+v, %v", schema, err)
		}
	}
}

// A wrong path answers 404, too. Were it believed, every record would be poison.
func TestWrongPathIsAFault(t *testing.T) {
	s := server(t)
	r := client(t, s.URL()+"/wrong")
	_, err := r.Schema(t.Context(), 1)
	if errors.Is(err, codecs.ErrSchemaNotFound) || !errors.Is(err, codecs.ErrRegistryUnavailable) {
		t.Fatalf("got %v, want ErrRegistryUnavailable", err)
	}
	refused := errors.Is(err, codecs.ErrRegistryRefused)
	if !refused || !strings.Contains(err.Error(), "check the URL") {
		t.Errorf("got %v, want ErrRegistryRefused with a hint", err)
	}
}

func TestAnswers(t *testing.T) {
	const notFound = `{"error_code": 40403, "message": "Schema 7 not found"}`
	for name, test := range map[string]struct {
		status int
		body   string
		want   error
		text   string
	}{
		"unknown":           {404, notFound, codecs.ErrSchemaNotFound, "Schema 7 not found"},
		"a plain 404":       {404, "404 page not found", codecs.ErrRegistryRefused, "not found"},
		"Jersey's 404":      {404, `{"error_code": 404}`, codecs.ErrRegistryRefused, ""},
		"no credentials":    {401, `{"error_code": 401}`, codecs.ErrRegistryRefused, "Username"},
		"no permission":     {403, "", codecs.ErrRegistryRefused, "no response"},
		"server error":      {500, `{"error_code": 50001}`, codecs.ErrRegistryUnavailable, "50001"},
		"gateway":           {502, "<html>Bad", codecs.ErrRegistryUnavailable, "<html>Bad"},
		"too many requests": {429, "", codecs.ErrRegistryUnavailable, "429"},
		"a web page":        {200, "<html>Welcome", codecs.ErrRegistryRefused, "check the URL"},
		"another API":       {200, `{}`, codecs.ErrRegistryRefused, "no schema"},
		"a list":            {200, `[]`, codecs.ErrRegistryRefused, "check the URL"},
		"no Avro": {
			200, `{"schema": "{", "schemaType": "JSON"}`, codecs.ErrSchemaUnusable, "JSON",
		},
		"broken Avro": {200, `{"schema": "{\"type\": \"recor"}`, codecs.ErrSchemaUnusable, ""},
		"huge": {
			200, `{"schema": "` + strings.Repeat("x", 9<<20), codecs.ErrSchemaUnusable, "larger",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t)
			answering(s, test.status, test.body)
			_, err := client(t, s.URL()).Schema(t.Context(), 7)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			for _, want := range []string{test.text, "schema 7"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			poison := errors.Is(err, codecs.ErrSchemaNotFound) ||
				errors.Is(err, codecs.ErrSchemaUnusable)
			if fault := errors.Is(err, codecs.ErrRegistryUnavailable); poison == fault {
				t.Errorf("poison %v, fault %v; must be one of them", poison, fault)
			}
			if len(err.Error()) > 600 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestIncompatible(t *testing.T) {
	s := server(t)
	answering(s, http.StatusConflict, `{"error_code": 409, "message": "field x lacks a default"}`)
	_, err := client(t, s.URL()).ID(t.Context(), "bank.Closed", closedSchema)
	if !errors.Is(err, codecs.ErrIncompatible) || errors.Is(err, codecs.ErrRegistryUnavailable) {
		t.Fatalf("got %v, want ErrIncompatible", err)
	}
	for _, want := range []string{"bank.Closed", "field x lacks a default"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestRegistryDown(t *testing.T) {
	s := srfake.New()
	s.Close()
	r := client(t, s.URL())
	_, err := r.Schema(t.Context(), 1)
	if !errors.Is(err, codecs.ErrRegistryUnavailable) || errors.Is(err, codecs.ErrRegistryRefused) {
		t.Errorf("got %v, want ErrRegistryUnavailable", err)
	}
	_, err = r.ID(t.Context(), "bank.Closed", closedSchema)
	if !errors.Is(err, codecs.ErrRegistryUnavailable) {
		t.Errorf("got %v, want ErrRegistryUnavailable", err)
	}
}

// held makes a registry hold all requests until the returned function is called, or the requester
// goes away.
func held(t *testing.T, s *srfake.Registry) (arrived <-chan struct{}, release func()) {
	t.Helper()
	gate, here := make(chan struct{}), make(chan struct{}, 100)
	s.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		here <- struct{}{}
		select {
		case <-gate:
		case <-r.Context().Done():
		}
		return false
	})
	release = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(release)
	return here, release
}

func TestSlowRegistryTimesOut(t *testing.T) {
	s := server(t)
	held(t, s)
	r := client(t, s.URL(), func(s *codecs.RegistrySettings) { s.Timeout = 20 * time.Millisecond })
	_, err := r.Schema(t.Context(), 1)
	if !errors.Is(err, codecs.ErrRegistryUnavailable) {
		t.Errorf("got %v, want ErrRegistryUnavailable", err)
	}
}

func TestNextURL(t *testing.T) {
	down := srfake.New()
	down.Close()
	failing, good := server(t), server(t)
	answering(failing, http.StatusServiceUnavailable, "")
	failed := counted(failing)
	register(t, good, "bank.Closed", closedSchema)
	register(t, good, "bank.Deposited", depositedSchema)
	r := client(t, "", func(s *codecs.RegistrySettings) {
		s.URLs = []string{down.URL(), failing.URL(), good.URL()}
	})
	for id := 1; id <= 2; id++ {
		if _, err := r.Schema(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if n := failed.Load(); n > 1 {
		t.Errorf("the failing server was asked %d times; the one that answered comes first", n)
	}
}

func TestSettingsNameEveryMistake(t *testing.T) {
	_, err := codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{
			"registry:8081", "http://worker:hunter2@host", "http://host?x=1", "http://ok",
		},
		Credentials: codecs.Credentials{Password: "hunter2"}, Mode: "both", Timeout: -1, RetryLimit: -1,
		Limits: codecs.Limits{RecordBytes: -1, SchemaBytes: -1, Schemas: -1, JSONDepth: 501},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"URLs[0]", "URLs[1]", "URLs[2]", "Username", "Mode", "Timeout", "RetryLimit",
		"Limits.RecordBytes", "Limits.SchemaBytes", "Limits.Schemas", "Limits.JSONDepth",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named", want)
		}
	}
	if text := err.Error(); strings.Contains(text, "hunter2") || strings.Contains(text, "URLs[3]") {
		t.Errorf("got %v", err)
	}
	if _, err := codecs.NewRegistry(codecs.RegistrySettings{}); err == nil {
		t.Error("no URL is no error")
	}
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := server(t)
	r := client(t, s.URL(), func(s *codecs.RegistrySettings) { s.Metrics = codecs.NewMetrics(reg) })
	_, _ = r.ID(t.Context(), "bank.Closed", closedSchema)
	_, _ = r.Schema(t.Context(), 99)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if l := m.GetLabel(); len(l) == 2 {
				got[l[0].GetValue()+" "+l[1].GetValue()] = true
			}
		}
	}
	if !got["register ok"] || !got["schema not-found"] || len(got) != 2 {
		t.Errorf("got %v", got)
	}
}
