package program

import (
	"net/http"
	"testing"
)

// G7: the views of a worker are listed, and rebuilt while it serves.
func TestViewsCommands(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	w.send("/accounts/zoe", "open", "OpenAccount", `{"owner": "Zoe Z", "currency": "EUR"}`)
	with := func(args ...string) []string { return append(args, "--server", w.server) }
	expect(t, 0, []string{"VIEW", "accounts-table", "account-events", "history 3", "serving"},
		with("views", "list")...)
	expect(t, 0, []string{`"name":"accounts-table"`}, with("views", "list", "--json")...)
	expect(t, 1, []string{"no rebuild of accounts-table since"},
		with("views", "rebuild", "accounts-table", "--watch")...)
	for _, view := range []string{"account-results", "account-events", "dead-letters"} {
		expect(t, 0, []string{view + ": done, 2 of 2 partitions"}, with("views", "rebuild", view)...)
	}
	expect(t, 0, []string{"done, 1 of 1 partitions"},
		with("views", "rebuild", "account-results", "--partition", "1")...)
	expect(t, 0, []string{"done, 1 of 1"}, with("views", "rebuild", "account-results", "--watch")...)
	expect(t, 1, []string{"rows are read from the processor's own table"},
		with("views", "rebuild", "accounts-table")...)
	expect(t, 0, []string{"is asked for"}, with("views", "rebuild", "order-events", "--detach")...)
	expect(t, 0, []string{"done, 2 of 2"}, with("views", "rebuild", "order-events", "--watch")...)
	expect(t, 1, []string{"no rebuild is going on", "no-rebuild"},
		with("views", "rebuild", "accounts-table", "--cancel")...)
	expect(t, 1, []string{"no such view", "accounts-table, account-results"},
		with("views", "rebuild", "nobody")...)
	expect(t, 1, []string{"only one of"}, with("views", "rebuild", "a", "--watch", "--cancel")...)
	if a := w.ask(http.MethodGet, "/accounts/zoe", ""); a.status != http.StatusOK {
		t.Errorf("the account is %+v", a)
	}
}
