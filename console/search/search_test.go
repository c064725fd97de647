package search_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"refold/client"
	"refold/client/wire"
	"refold/console/consoletest"
	"refold/console/search"
)

// world has aggregates by their paths, commands and traces by their IDs, one dead letter, and texts.
type world struct {
	rows     []string // "accounts/alice", in order
	commands map[string][]*wire.Command
	traces   map[string]bool
	letter   string
	texts    map[string][]string // by words
	away     error
}

func notFound() error {
	return &client.Problem{Problem: wire.Problem{Status: http.StatusNotFound, Code: wire.CodeNotFound}}
}

func (w *world) Get(_ context.Context, aggregate, id string, _ client.Get) (*client.Row, error) {
	if w.away != nil {
		return nil, w.away
	}
	for _, row := range w.rows {
		if row == aggregate+"/"+id {
			return &client.Row{Row: wire.Row{ID: id, Sequence: 3}}, nil
		}
	}
	return nil, notFound()
}

func (w *world) List(_ context.Context, aggregate, after string) iter.Seq2[*client.Row, error] {
	return func(yield func(*client.Row, error) bool) {
		for _, row := range w.rows {
			id, is := strings.CutPrefix(row, aggregate+"/")
			if is && id > after && !yield(&client.Row{Row: wire.Row{ID: id, Sequence: 3}}, nil) {
				return
			}
		}
	}
}

func (w *world) CommandsOf(_ context.Context, id string, _ time.Duration) (*client.Namesakes, error) {
	if w.commands[id] == nil {
		return nil, notFound()
	}
	return &client.Namesakes{Commands: w.commands[id]}, nil
}

func (w *world) Trace(_ context.Context, id string) (*client.Trace, error) {
	if !w.traces[id] {
		return nil, notFound()
	}
	return &client.Trace{Trace: wire.Trace{Commands: 1, Events: 2, Roots: make([]wire.TraceNode, 1)}}, nil
}

func (w *world) HasLetter(_ context.Context, partition int32, offset int64) (bool, error) {
	return w.letter == fmt.Sprintf("%d/%d", partition, offset), nil
}

func (w *world) Find(_ context.Context, k search.Kind, words string) ([]string, bool, error) {
	if k.Name != "order" {
		return nil, false, nil
	}
	return w.texts[words], true, nil
}

func someWorld() *world {
	return &world{
		rows: []string{"accounts/alice", "accounts/alicia", "accounts/bob", "orders/bob", "orders/o-1"},
		commands: map[string][]*wire.Command{
			"c1": {{
				ID: "c1", Type: "DepositMoney", Aggregate: "account", Subject: "alice",
				Status: wire.StatusAccepted,
			}},
		},
		traces: map[string]bool{"t1": true}, letter: "2/57",
		texts: map[string][]string{"green tea": {"o-1", "bob"}},
	}
}

func serve(t *testing.T, w *world) *consoletest.Console {
	t.Helper()
	kinds := []search.Kind{{Name: "account", Plural: "accounts"}, {Name: "order", Plural: "orders"}}
	return consoletest.Serve(t, search.Part(w, w, kinds, w))
}

func find(t *testing.T, w *world, q string) *consoletest.Page {
	t.Helper()
	return serve(t, w).Get(t, "/console/search?"+url.Values{"q": {q}}.Encode())
}

func TestTheOnlyHitIsOpened(t *testing.T) {
	for q, want := range map[string]string{
		" alici ": "/console/accounts/alicia", //nolint:gocritic // spaces around it do not count
		"alice":   "/console/accounts/alice", "o-1": "/console/orders/o-1",
		"c1": "/console/accounts/alice?sent=c1", "t1": "/console/traces/t1",
		"2/57": "/console/dead-letters/2/57", "alice/2": "/console/accounts/alice?event=2",
	} {
		page := find(t, someWorld(), q).Want(http.StatusSeeOther)
		if got := page.Header.Get("Location"); got != want {
			t.Errorf("%q leads to %s, want %s", q, got, want)
		}
	}
}

func TestSeveralHitsAreListed(t *testing.T) {
	page := find(t, someWorld(), "bob").Want(http.StatusOK, "accounts", "orders", "at event 3")
	if n := len(consoletest.All(page.Root, "tr")); n != 2 {
		t.Errorf("%d are listed, want 2", n)
	}
	page = find(t, someWorld(), "green tea").Want(http.StatusOK, "orders by text")
	if got := page.Link("o-1"); got != "/console/orders/o-1" {
		t.Errorf("it leads to %q", got)
	}
	many := &world{}
	for i := range 50 {
		many.rows = append(many.rows, fmt.Sprintf("accounts/a%02d", i))
	}
	page = find(t, many, "a").Want(http.StatusOK)
	if got := page.Link("All whose IDs begin so"); got != "/console/accounts?prefix=a" {
		t.Errorf("the rest is at %q", got)
	}
}

func TestNothingIsFound(t *testing.T) {
	for _, q := range []string{"nobody", "alice/9", "x/1", "3/57"} {
		find(t, someWorld(), q).Want(http.StatusNotFound,
			"Nothing was found", "idempotency key", "such as 2/57")
	}
	find(t, someWorld(), "").Want(http.StatusOK, "What is found how").Without("Nothing was found")
	find(t, someWorld(), strings.Repeat("x", 2000)).Want(http.StatusBadRequest)
	w := someWorld()
	w.away = errors.New("away")
	find(t, w, "nobody").Want(http.StatusNotFound, "accounts: no answer")
}

func TestMarkupInASearchIsText(t *testing.T) {
	m := consoletest.Markup
	w := &world{rows: []string{"accounts/" + m, "orders/" + m}, traces: map[string]bool{m: true}}
	w.commands = map[string][]*wire.Command{m: {{ID: m, Type: m, Aggregate: "order", Subject: m, Status: m}}}
	find(t, w, m).Want(http.StatusOK).Escaped()
	find(t, someWorld(), m).Want(http.StatusNotFound).Escaped()
}
