package opensearch_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"refold/projections"
	"refold/projections/opensearch"
	"refold/projections/storetest"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func mustBe(tb testing.TB, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Fatalf("the error is %v; it must be %v", err, want)
	}
}

// lacks are the promises that the package's documentation does not make.
var lacks = []storetest.Lack{storetest.NoMerge, storetest.NoOneStep, storetest.NoOneMoment}

func open(t *testing.T, addresses ...string) *opensearch.Store {
	t.Helper()
	store, err := opensearch.New(opensearch.Options{Addresses: addresses, Prefix: "test-"})
	must(t, err)
	return store
}

func TestStore(t *testing.T) {
	server := newFake(t)
	storetest.Run(t, func(t *testing.T) projections.Store {
		t.Helper()
		return open(t, server.URL)
	}, lacks...)
}

// order is a row that people search.
type order struct {
	ID   string `column:"id,key"`
	Text string `column:"text"`
}

var orders = projections.NewTable[order]("order_search")

func projection() *projections.Projection {
	return &projections.Projection{
		Name: "order_search", Version: 1, Tables: projections.Tables{orders.Table}, Kind: projections.Search,
	}
}

// member is one that fills a build.
type member struct {
	projections.OpenBuild
	at projections.Progress
}

var partition = projections.Partition{Topic: "order-events", Partition: 0}

func begin(tb testing.TB, store *opensearch.Store) *member {
	tb.Helper()
	asked := projections.Build{Version: 1, Folds: "order=1"}
	made, err := store.Begin(tb.Context(), projection(), asked, true)
	must(tb, err)
	build, err := store.Open(tb.Context(), projection(), made.Number)
	must(tb, err)
	m := &member{OpenBuild: build}
	m.claim(tb)
	return m
}

func (m *member) claim(tb testing.TB) {
	tb.Helper()
	claimed, err := m.Claim(tb.Context(), []projections.Partition{partition})
	must(tb, err)
	m.at = claimed[0]
}

// event makes a row of an order's event, or deletes it if the text is empty.
func event(id string, sequence int64, text string) projections.Change {
	c := orders.Put(order{id, text})
	if text == "" {
		c = orders.Delete(order{ID: id})
	}
	c.Sequence = sequence
	return c
}

// take writes the changes of some events, the state after the last of them, and the progress to an offset.
func (m *member) take(ctx context.Context, to int64, events ...projections.Change) error {
	var all projections.Changes
	var states []projections.StoredState
	for _, c := range events {
		if err := all.Add(c); err != nil {
			return err
		}
		states = []projections.StoredState{{Aggregate: "order", Subject: c.Key(), Sequence: c.Sequence}}
	}
	next := projections.Advance{Partition: partition, Epoch: m.at.Epoch, From: m.at.Next, To: to, End: 100}
	err := m.Write(ctx, &projections.Batch{
		Advances: []projections.Advance{next}, States: states, Changes: all.Sorted(),
	})
	if err == nil {
		m.at.Next = to
	}
	return err
}

// text returns the text of an order as a member sees it, "" if it has no row.
func (m *member) text(tb testing.TB, id string) (text string) {
	tb.Helper()
	must(tb, m.Look(tb.Context(), func(v projections.View) error {
		row, err := v.Row(tb.Context(), orders.Table, id)
		if row != nil {
			text = row[1].(string)
		}
		return err
	}))
	return text
}

func TestProgressIsWrittenLast(t *testing.T) {
	server := newFake(t)
	m := begin(t, open(t, server.URL))
	server.log = nil
	must(t, m.take(t.Context(), 1, event("a", 1, "one")))
	want := []string{
		"index test-order_search-progress__1 order-events/0", // how far the batch will lead
		"index test-order_search__1 a",
		"index test-order_search-states__1 order/a",
		"index test-order_search-progress__1 order-events/0",
	}
	if !slices.Equal(server.log, want) {
		t.Errorf("the writes are\n%q\nThey must be\n%q", server.log, want)
	}
}

// Given a member that dies after each write of a batch in turn, when the next one takes the events again, cut
// elsewhere, then the rows are those of the events.
func TestBatchIsCutElsewhereAfterACrash(t *testing.T) {
	for dies := range 6 {
		server := newFake(t)
		store := open(t, server.URL)
		dead := begin(t, store)
		must(t, dead.take(t.Context(), 1, event("a", 1, "one")))
		writes := 0
		server.fault = func(what string) int {
			if op, _, _ := strings.Cut(what, " "); op == "index" || op == "delete" {
				writes++
			}
			if writes > dies {
				return http.StatusServiceUnavailable
			}
			return 0
		}
		err := dead.take(t.Context(), 5, event("a", 2, "two"), event("b", 1, "b"), event("a", 3, ""),
			event("b", 2, "b2"))
		if err == nil && dies < 5 {
			t.Fatalf("the member has not died after %d writes", dies)
		}
		server.fault = nil

		heir := &member{OpenBuild: dead.OpenBuild}
		heir.claim(t)
		if heir.at.Next != 1 {
			continue // the batch was whole
		}
		for i, c := range []projections.Change{
			event("a", 2, "two"), event("b", 1, "b"), event("a", 3, ""), event("b", 2, "b2"),
		} {
			must(t, heir.take(t.Context(), int64(i+2), c))
		}
		if a, b := heir.text(t, "a"), heir.text(t, "b"); a != "" || b != "b2" {
			t.Errorf("after a crash after %d writes, a is %q and b is %q; they must be deleted and b2",
				dies, a, b)
		}
	}
}

// A zombie's documents are older than those of its heir, and its progress is not moved.
func TestZombieIsWithoutHarm(t *testing.T) {
	server := newFake(t)
	store := open(t, server.URL)
	zombie := begin(t, store)
	heir := &member{OpenBuild: zombie.OpenBuild}
	server.fault = func(what string) int {
		if what == "index test-order_search__1 a" {
			// It is held still when it has said what it will write.
			server.fault = nil
			server.mu.Unlock()
			defer server.mu.Lock()
			heir.claim(t)
			must(t, heir.take(t.Context(), 2, event("a", 2, "two")))
		}
		return 0
	}
	mustBe(t, zombie.take(t.Context(), 1, event("a", 1, "one")), projections.ErrFenced)
	if text := heir.text(t, "a"); text != "two" {
		t.Errorf("the row is %q; it must be that of the heir", text)
	}
	must(t, heir.take(t.Context(), 3))
}

// Given a batch whose documents are there and whose progress is not, when another build takes over, then it
// must have their events: readers may have seen them.
func TestReadersHaveSeenDocuments(t *testing.T) {
	server := newFake(t)
	store := open(t, server.URL)
	live := begin(t, store)
	must(t, live.TakeOver(t.Context(), time.Minute))
	progress := 0
	server.fault = func(what string) int {
		if strings.HasPrefix(what, "index test-order_search-progress__1") {
			progress++
		}
		if progress == 2 {
			return http.StatusServiceUnavailable
		}
		return 0
	}
	if err := live.take(t.Context(), 7, event("a", 1, "one")); err == nil {
		t.Fatal("the progress was written")
	}
	server.fault = nil
	next := begin(t, store)
	must(t, next.take(t.Context(), 6))
	mustBe(t, next.TakeOver(t.Context(), time.Millisecond), projections.ErrBehind)
	must(t, next.take(t.Context(), 7, event("a", 1, "one")))
	must(t, next.TakeOver(t.Context(), time.Minute))
}

func TestFailuresOfRows(t *testing.T) {
	for status, poison := range map[int]bool{
		http.StatusBadRequest: true, http.StatusRequestEntityTooLarge: true,
		http.StatusTooManyRequests: false, http.StatusServiceUnavailable: false, http.StatusForbidden: false,
		http.StatusInternalServerError: false,
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			server := newFake(t)
			m := begin(t, open(t, server.URL))
			server.fault = func(what string) int {
				if what == "index test-order_search__1 bad" {
					return status
				}
				return 0
			}
			err := m.take(t.Context(), 1, event("good", 1, "text"), event("bad", 1, "text"))
			if _, is := errors.AsType[*projections.Poison](err); err == nil || is != poison {
				t.Fatalf("the error is %v; poison: %v", err, poison)
			}
			server.fault = nil
			must(t, m.take(t.Context(), 1, event("good", 1, "text"))) // event by event
			must(t, m.take(t.Context(), 2))
		})
	}
}

func TestNextNodeIsAsked(t *testing.T) {
	server := newFake(t)
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	store := open(t, away.URL, server.URL)
	if _, err := store.Builds(t.Context(), "order_search"); err == nil {
		t.Fatal("a node that is away has answered")
	}
	_, err := store.Builds(t.Context(), "order_search")
	must(t, err)
}

func TestUserAndPassword(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "refold" || password != "secret" {
			http.Error(w, "<html>who are you?</html>", http.StatusUnauthorized)
			return
		}
		http.Error(w, `{"error":{"type":"index_not_found_exception","reason":""}}`, http.StatusNotFound)
	}))
	defer server.Close()
	_, err := open(t, server.URL).Builds(t.Context(), "order_search")
	if err == nil || !strings.Contains(err.Error(), "who are you?") {
		t.Errorf("the error is %v; it must have the answer", err)
	}
	store, err := opensearch.New(opensearch.Options{
		Addresses: []string{server.URL + "/"}, User: "refold", Password: "secret",
	})
	must(t, err)
	_, err = store.Builds(t.Context(), "order_search")
	must(t, err)
}

func TestOptions(t *testing.T) {
	one := []string{"https://search:9200"}
	for _, c := range []struct {
		name    string
		options opensearch.Options
		says    string // empty: it is right
	}{
		{"the least", opensearch.Options{Addresses: one}, ""},
		{"a prefix", opensearch.Options{Addresses: one, Prefix: "prod-"}, ""},
		{"a prefix as topics have it", opensearch.Options{Addresses: one, Prefix: "prod."}, ""},
		{"no address", opensearch.Options{}, "no addresses"},
		{"no URL", opensearch.Options{Addresses: []string{"search:9200"}}, "a URL"},
		{"a user alone", opensearch.Options{Addresses: one, User: "refold"}, "both"},
		{"upper case", opensearch.Options{Addresses: one, Prefix: "Prod"}, "prefix"},
		{"a negative time", opensearch.Options{Addresses: one, Timeout: -1}, "timeout"},
		{"huge requests", opensearch.Options{Addresses: one, BulkBytes: 1 << 30}, "bulk"},
		{"many shards", opensearch.Options{Addresses: one, Shards: 1e6}, "shards"},
		{"no tombstones", opensearch.Options{Addresses: one, Tombstones: time.Second}, "deletions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := opensearch.New(c.options)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %v; it must say %q", err, c.says)
			}
		})
	}
}
