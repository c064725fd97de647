//go:build system

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"refold/system/chaos/schedule"
	"refold/system/realkafka"
)

// The registry refuses the schema that it is to refuse, and no other, until that is ended.
func TestGatekeeper(t *testing.T) {
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Path)
	}))
	defer registry.Close()
	address, err := url.Parse(registry.URL)
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGatekeeper(address)
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	answers := func(path string, want int) {
		t.Helper()
		at := "http://" + g.address + path
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s is answered %s, expected %d", path, answer.Status, want)
		}
	}
	const one, other, subject = "/api/schemas/ids/4", "/api/schemas/ids/41", "/api/subjects/4"
	answers(one, http.StatusOK)
	g.refuse(4)
	answers(one, http.StatusForbidden)
	answers(one, http.StatusForbidden)
	answers(other, http.StatusOK)
	answers(subject, http.StatusOK)
	if met := g.allow(4); met != 2 {
		t.Errorf("the refusal was met %d times, expected 2", met)
	}
	answers(one, http.StatusOK)
}

// What schedules name is there: rights, and topics that can be made anew.
func TestTargets(t *testing.T) {
	for seed := range uint64(100) {
		plan := schedule.New(seed, time.Hour)
		for _, f := range plan.Faults {
			if f.Kind != schedule.TakeRight {
				continue
			}
			if _, err := realkafka.ParseRight(f.Target); err != nil {
				t.Error(err)
			}
		}
		if remade[plan.Remade.Target] == "" {
			t.Errorf("%v can't be made anew", plan.Remade)
		}
	}
}

// What a worker says of itself is short enough for a log, and names what is not ready.
func TestBecause(t *testing.T) {
	const body = `{"checks": [{"name": "a", "ready": true}, {"name": "b", "ready": false, "detail": "lost"}]}`
	if got := because(body); got != "b: lost" {
		t.Errorf("it says %q", got)
	}
	if got := because("gone"); got != "gone" {
		t.Errorf("it says %q", got)
	}
}
