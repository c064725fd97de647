//go:build system

package system_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"refold/audit"
)

// sample is how many aggregates or traces the API is asked for.
const sample = 100

// servesTraces compares what the API says of some traces with what the topics have: no message is
// missing, and none is invented.
func (w *worker) servesTraces(shop *audit.Shop) {
	w.t.Helper()
	type counts struct{ Commands, Events, Results, DeadLetters int }
	want := make(map[string]*counts)
	of := func(correlation string) *counts {
		if want[correlation] == nil {
			want[correlation] = new(counts)
		}
		return want[correlation]
	}
	for _, world := range []*audit.World{shop.Accounts, shop.Orders} {
		for _, command := range world.Commands {
			if command.Correlation == "" {
				command.Correlation = command.ID
			}
			of(command.Correlation).Commands++
		}
		for _, event := range world.Events {
			of(event.Correlation).Events++
		}
		for _, result := range world.Results {
			of(result.Correlation).Results++
		}
	}
	seen := 0
	for correlation, c := range want {
		if c.Commands < 3 { // of no order
			continue
		}
		seen++
		if seen > sample {
			return
		}
		var got struct {
			counts
			Truncated bool
		}
		body := w.expect(http.StatusOK, nil, http.MethodGet, "/traces/"+url.PathEscape(correlation), "").body
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			w.t.Fatal(err)
		}
		if got.counts != *c || got.Truncated {
			w.t.Fatalf("the trace %s is served as %s, the topics have %+v", correlation, body, *c)
		}
	}
}

// servesHistories compares what the API says of some orders' events with the topic.
func (w *worker) servesHistories(world *audit.World) {
	w.t.Helper()
	events := make(map[string][]audit.Event)
	for _, event := range world.Events {
		events[event.Key] = append(events[event.Key], event)
	}
	seen := 0
	for id, want := range events {
		seen++
		if seen > sample {
			return
		}
		var got struct {
			Items []struct {
				Type, ID, CausationID string
				Sequence              int64
			}
		}
		body := w.expect(http.StatusOK, nil, http.MethodGet,
			fmt.Sprintf("/%s/%s/events", world.Kind.Plural, id), "").body
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			w.t.Fatal(err)
		}
		for n, event := range want {
			if n >= len(got.Items) || got.Items[n].Type != event.Type || got.Items[n].ID != event.ID ||
				got.Items[n].Sequence != event.Sequence || got.Items[n].CausationID != event.Causation {
				w.t.Fatalf("the events of %s are served as %s; number %d is %+v", id, body, n+1, event)
			}
		}
		if len(got.Items) != len(want) {
			w.t.Fatalf("%s has %d events, served are %s", id, len(want), body)
		}
	}
}
