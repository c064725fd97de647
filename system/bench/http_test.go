//go:build system

package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// The server does not answer until two requests are there: a client that waits for the first would wait
// forever.
func TestRequestsDontWaitForThoseBefore(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	var mu sync.Mutex
	paths := make(map[string]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		paths[r.URL.Path] = string(body) + " " + r.Header.Get("Prefer")
		mu.Unlock()
		both.Done()
		both.Wait()
	}))
	defer server.Close()
	late, err := (&poster{client: server.Client(), url: server.URL}).at(t.Context(), 1000, 2, "{}")
	if err != nil {
		t.Fatal(err)
	}
	if len(late) != 2 || late[0] <= 0 || late[1] <= 0 {
		t.Errorf("late by %v ms", late)
	}
	for _, path := range []string{"/accounts/posted-0/commands", "/accounts/posted-1/commands"} {
		if paths[path] != "{} wait=10" {
			t.Errorf("%s: %q", path, paths[path])
		}
	}
}

func TestAnswerThatIsNoAcceptanceFails(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not yet", http.StatusAccepted)
	}))
	defer server.Close()
	_, err := (&poster{client: server.Client(), url: server.URL}).at(t.Context(), 1000, 1, "{}")
	if !errors.Is(err, errAnswer) || !strings.Contains(err.Error(), "202") {
		t.Errorf("error %v", err)
	}
}
