//go:build system

package opensearch_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"refold/projections"
	"refold/projections/opensearch"
	"refold/projections/storetest"
	"refold/system/realkafka"
	"refold/system/realstores"
)

// server is started by the first test that asks, and used by all.
var server struct {
	once sync.Once
	dir  string
	*realstores.OpenSearch
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if server.OpenSearch != nil {
		server.Kill()
	}
	if code == 0 {
		os.RemoveAll(server.dir)
	}
	os.Exit(code)
}

// startForAll starts the server, which outlives the test that asks first.
func startForAll() (err error) {
	if server.dir, err = os.MkdirTemp("", "refold-opensearch-"); err != nil {
		return err
	}
	// The first start downloads.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	server.OpenSearch, err = realstores.StartOpenSearch(ctx, server.dir)
	return err
}

func startReal(t *testing.T) *realstores.OpenSearch {
	t.Helper()
	server.once.Do(func() {
		server.err = startForAll()
	})
	if errors.Is(server.err, realkafka.ErrMissing) {
		t.Fatalf("the system tests can't run here: %v", server.err)
	}
	must(t, server.err)
	return server.OpenSearch
}

func TestRealStore(t *testing.T) {
	address := startReal(t).URL()
	storetest.Run(t, func(t *testing.T) projections.Store {
		t.Helper()
		return open(t, address)
	}, lacks...)
}

// Words of a text are found by the alias that readers use.
func TestRealSearch(t *testing.T) {
	address := startReal(t).URL()
	store, err := opensearch.New(opensearch.Options{Addresses: []string{address}, Prefix: "words-"})
	must(t, err)
	m := begin(t, store)
	must(t, m.take(t.Context(), 1, event("a", 1, "Two green apples"), event("b", 1, "A red apple, by UPS")))
	must(t, m.TakeOver(t.Context(), time.Minute))
	for query, want := range map[string]string{
		`{"match":{"text":"RED"}}`:                                  "b",
		`{"match":{"text":"apples"}}`:                               "a",
		`{"term":{"text.keyword":"Two green apples"}}`:              "a",
		`{"match":{"text":{"query":"apple UPS","operator":"and"}}}`: "b",
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			address+"/words-order_search/_search", strings.NewReader(`{"query":`+query+`}`))
		must(t, err)
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		must(t, err)
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		must(t, err)
		var found struct {
			Hits struct {
				Hits []struct {
					ID string `json:"_id"`
				} `json:"hits"`
			} `json:"hits"`
		}
		must(t, json.Unmarshal(body, &found))
		if len(found.Hits.Hits) != 1 || found.Hits.Hits[0].ID != want {
			t.Errorf("%s finds %s; it must be %s", query, body, want)
		}
	}
}

// OpenSearch remembers a deletion: what is older does not bring the row back.
func TestRealDeletionIsRemembered(t *testing.T) {
	address := startReal(t).URL()
	store, err := opensearch.New(opensearch.Options{Addresses: []string{address}, Prefix: "deleted-"})
	must(t, err)
	m := begin(t, store)
	must(t, m.take(t.Context(), 1, event("a", 1, "one")))
	must(t, m.take(t.Context(), 2, event("a", 2, "")))
	must(t, m.take(t.Context(), 3, event("a", 1, "one")))
	if text := m.text(t, "a"); text != "" {
		t.Errorf("the row is back: %q", text)
	}
	must(t, m.take(t.Context(), 4, event("a", 3, "three")))
	if text := m.text(t, "a"); text != "three" {
		t.Errorf("the row is %q; it must be that of the later event", text)
	}
}

// Given an OpenSearch that is killed, when it is back, then all that it has acknowledged is there, and the
// member goes on.
func TestRealOpenSearchIsKilled(t *testing.T) {
	startReal(t)
	store, err := opensearch.New(opensearch.Options{Addresses: []string{server.URL()}, Prefix: "killed-"})
	must(t, err)
	m := begin(t, store)
	must(t, m.take(t.Context(), 1, event("a", 1, "one"), event("b", 1, "one")))
	server.Kill()
	if err := m.take(t.Context(), 2, event("a", 2, "two")); err == nil {
		t.Fatal("an OpenSearch that was killed has written")
	}
	must(t, server.Start(t.Context()))
	must(t, m.take(t.Context(), 2, event("a", 2, "two"), event("b", 2, "")))
	if a, b := m.text(t, "a"), m.text(t, "b"); a != "two" || b != "" {
		t.Errorf("a is %q and b is %q; they must be two and deleted", a, b)
	}
}
