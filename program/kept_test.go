package program

import (
	"net/http"
	"strings"
	"testing"

	"refold/program/command"
)

// An aggregate that keeps no results, no history and no traces, and its events for a day, has all the rest:
// it decides, is verified, rebuilt, and made again offline.
func TestSettingsByAggregate(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	settings := []string{
		"--aggregates.order.results=false", "--aggregates.order.history=false",
		"--aggregates.order.traces=false", "--aggregates.order.events-retention=24h",
	}
	w := i.start(settings...)
	w.open("ann")
	const placed = `{"accountId": "ann", "currency": "EUR",
		"lines": [{"sku": "tea", "quantity": 1, "unitPrice": 100, "currency": "EUR"}]}`
	for _, id := range []string{"o-1", "o-2", "o-3"} {
		r := w.send("/orders/"+id, "place-"+id, "PlaceOrder", placed)
		if r.status != http.StatusAccepted || r.header.Get("Preference-Applied") != "" {
			t.Errorf("a sender is told %d, %v", r.status, r.header)
		}
		w.ask(http.MethodGet, "/orders/"+id+"?atLeast=2", "", "Prefer", "wait=30") // the payment was declined
	}
	if r := w.ask(http.MethodGet, "/orders/o-1/events", ""); r.body["code"] != "no-history" {
		t.Errorf("a history is asked for: %+v", r)
	}
	if r := w.ask(http.MethodGet, "/accounts/ann/events", ""); r.status != http.StatusOK {
		t.Errorf("the history of an account: %+v", r)
	}
	with := func(args ...string) []string { return append(append(args, i.reach()...), settings...) }
	expect(t, 0, []string{topicsAreRight(t, "aggregates.order.results", "false")}, with("topics", "plan")...)
	expect(t, 0, []string{"all equal"}, with("verify", "orders", "--worker", w.server)...)
	expect(t, 0, []string{"3 rows equal; 0 changed"}, with("rebuild", "orders", "--dry-run")...)
	w.stop()
	expect(t, 0, []string{"order-commands and order-events are read"},
		with("reset", "orders", "--to-zero", "--yes", "--store.directory", i.store)...)
	w = i.start(settings...)
	r := w.ask(http.MethodGet, "/orders/o-2?atLeast=2", "", "Prefer", "wait=30")
	if r.state("status") != "declined" {
		t.Errorf("after the reset an order is %+v", r)
	}
	w.stop()

	// The process waits for the results of accounts.
	text := expect(t, command.ExitFailed, []string{"aggregates.account.results is false", "order-payments"},
		append([]string{"run", "--aggregates.account.results=false"}, i.reach()...)...)
	if strings.Contains(text, "panic") {
		t.Error(text)
	}
}
