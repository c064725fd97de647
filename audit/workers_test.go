package audit_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"refold/audit"
)

// node is a message of a trace.
type node struct {
	Kind     string `json:"kind"`
	ID       string `json:"id"`
	Children []node `json:"children,omitempty"`
}

// api is a worker that serves a shop, two rows or events a page.
type api struct {
	shop   *audit.Shop
	more   []*audit.World
	traces map[string][]node
}

const page = 2

func serve(t *testing.T, shop *audit.Shop, more ...*audit.World) (*api, string) {
	t.Helper()
	a := &api{shop: shop, more: more, traces: map[string][]node{}}
	for _, world := range append([]*audit.World{shop.Accounts, shop.Orders}, more...) {
		for _, c := range world.Commands {
			root := c.Correlation
			if root == "" {
				root = c.ID
			}
			a.traces[root] = append(a.traces[root], node{Kind: "command", ID: c.ID})
		}
		for _, e := range world.Events {
			a.traces[e.Correlation] = append(a.traces[e.Correlation], node{Kind: "event", ID: e.ID})
		}
		for _, r := range world.Results {
			a.traces[r.Correlation] = append(a.traces[r.Correlation], node{Kind: "result", ID: r.ID})
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(out http.ResponseWriter, _ *http.Request) {
		answer(out, map[string]any{"endpoints": []any{map[string]any{"path": "/traces/{id}"}}})
	})
	mux.HandleFunc("GET /{plural}", a.list)
	mux.HandleFunc("GET /{plural}/{id}", a.get)
	mux.HandleFunc("GET /{plural}/{id}/events", a.events)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return a, server.URL
}

func answer(out http.ResponseWriter, value any) {
	if err := json.NewEncoder(out).Encode(value); err != nil {
		panic(err)
	}
}

func refuse(out http.ResponseWriter, status int, code string) {
	out.WriteHeader(status)
	answer(out, map[string]any{"code": code})
}

func (a *api) world(in *http.Request) *audit.World {
	for _, world := range append([]*audit.World{a.shop.Orders}, a.more...) {
		if in.PathValue("plural") == world.Kind.Plural {
			return world
		}
	}
	return a.shop.Accounts
}

// row shows a row as the API does: what is empty may be left out.
func row(id string, r audit.Row) map[string]any {
	state := maps.Clone(r.State)
	maps.DeleteFunc(state, func(_ string, value any) bool { return value == "" })
	return map[string]any{"id": id, "sequence": r.Sequence, "state": state}
}

func (a *api) list(out http.ResponseWriter, in *http.Request) {
	rows := a.world(in).Rows
	items, next := []any{}, ""
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		if id <= in.URL.Query().Get("after") || rows[id].Sequence == 0 {
			continue
		}
		if len(items) == page {
			next = in.URL.Path + "?after=" + items[page-1].(map[string]any)["id"].(string)
			break
		}
		items = append(items, row(id, rows[id]))
	}
	answer(out, map[string]any{"items": items, "next": next})
}

func (a *api) get(out http.ResponseWriter, in *http.Request) {
	id := in.PathValue("id")
	if in.PathValue("plural") == "traces" {
		if a.traces[id] == nil {
			refuse(out, http.StatusNotFound, "not-found")
			return
		}
		tree := []node{{Kind: "dead-letter", ID: "of no interest", Children: a.traces[id]}}
		answer(out, map[string]any{"roots": tree})
		return
	}
	r, has := a.world(in).Rows[id]
	least, _ := strconv.ParseInt(in.URL.Query().Get("atLeast"), 10, 64)
	switch {
	case !has:
		refuse(out, http.StatusNotFound, "not-found")
	case r.Sequence < least:
		refuse(out, http.StatusServiceUnavailable, "not-yet")
	default:
		answer(out, row(id, r))
	}
}

func (a *api) events(out http.ResponseWriter, in *http.Request) {
	after, _ := strconv.ParseInt(in.URL.Query().Get("after"), 10, 64)
	items, next := []any{}, ""
	for _, e := range a.world(in).Events {
		if e.Key != in.PathValue("id") || e.Sequence <= after {
			continue
		}
		if len(items) == page {
			next = in.URL.Path + "?after=" + sprint(after+page)
			break
		}
		items = append(items, map[string]any{
			"id": e.ID, "type": e.Type, "sequence": e.Sequence, "correlationId": e.Correlation,
			"causationId": e.Causation, "data": e.Fields,
		})
	}
	if len(items) == 0 {
		refuse(out, http.StatusNotFound, "not-found")
		return
	}
	answer(out, map[string]any{"items": items, "next": next})
}

// Every view of every worker shows what the topics make: rows, histories, traces.
func TestViewsAreComparedWithTheTopics(t *testing.T) {
	w := newPlace(t).write(wholeShop())
	for name, story := range map[string]struct {
		change func(*api)
		want   counts
	}{
		"all is well": {func(*api) {}, counts{}},
		"a row is wrong": {func(a *api) {
			a.shop.Orders.Rows["order-5"].State["parcels"] = []any{parcelOf("UPS", "1")}
		}, counts{audit.Rows: 1}},
		"a row is behind for ever": {func(a *api) {
			r := a.shop.Orders.Rows["order-5"]
			r.Sequence--
			a.shop.Orders.Rows["order-5"] = r
		}, counts{audit.Rows: 1}},
		"a row is missing": {func(a *api) { delete(a.shop.Orders.Rows, "order-3") }, counts{audit.Rows: 1}},
		"a row is of nobody": {func(a *api) {
			a.shop.Orders.Rows["order-9"] = a.shop.Orders.Rows["order-3"]
		}, counts{audit.Rows: 1}},
		"an event is missing in a history": {func(a *api) {
			a.shop.Accounts.Events = a.shop.Accounts.Events[:len(a.shop.Accounts.Events)-1]
		}, counts{audit.Rows: 1}},
		"an event is another in a history": {func(a *api) {
			a.shop.Accounts.Events[3].Fields = money(51)
		}, counts{audit.Rows: 1}},
		"a history is missing": {func(a *api) {
			a.shop.Orders.Events = slices.DeleteFunc(a.shop.Orders.Events, func(e audit.Event) bool {
				return e.Key == "order-5"
			})
		}, counts{audit.Rows: 1}},
		"a message is missing in a trace": {func(a *api) {
			a.traces["place-order-5"] = a.traces["place-order-5"][1:]
		}, counts{audit.Traces: 1}},
		"a trace is missing": {func(a *api) { delete(a.traces, "place-order-5") }, counts{audit.Traces: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			w := &written{place: w.in(t), prefix: w.prefix, source: w.source}
			_, good := serve(t, wholeShop())
			a, bad := serve(t, wholeShop())
			story.change(a)
			summary := w.wants(audit.Options{Workers: []string{good, bad}}, story.want)
			if text := strings.Join(summary.Lines, "\n"); !strings.Contains(text,
				good+": 7 rows, 7 histories, 14 traces") {
				t.Errorf("it was not all compared:\n%s", text)
			}
		})
	}
	_, url := serve(t, wholeShop())
	summary := w.wants(audit.Options{Workers: []string{url}, Sample: 2}, counts{})
	t.Log(summary.Lines)
}
