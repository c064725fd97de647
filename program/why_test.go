package program

import (
	"net/http"
	"strings"
	"testing"

	"refold/program/command"
)

// Which event set a field, and who is behind it: the question of everybody who looks at a state.
func TestWhy(t *testing.T) {
	t.Parallel()
	w := newTestbed(t).start()
	why := func(args ...string) []string {
		return append(append([]string{"why", "account", "zoe"}, args...), "--server", w.server)
	}
	w.send("/accounts/zoe", "open", "OpenAccount", `{"owner": "Zoe Z", "currency": "EUR"}`)
	w.send("/accounts/zoe", "one", "DepositMoney", `{"amount": 5000, "currency": "EUR"}`)
	w.send("/accounts/zoe", "two", "DepositMoney", `{"amount": 1, "currency": "EUR"}`)
	w.ask(http.MethodGet, "/accounts/zoe/events?after=2", "", "Prefer", "wait=30")

	text := expect(t, 0, []string{
		"zoe at sequence 3\n  balance: 5000 -> 5001\n    by event 3, 20", "MoneyDeposited  amount=1",
		"of command two, DepositMoney, sent by ", "    trace two\n",
	}, why("balance")...)
	if strings.Contains(text, "owner:") {
		t.Errorf("another field:\n%s", text)
	}
	expect(t, 0, []string{"balance: 0 -> 5000", "by event 2", `owner: null -> "Zoe Z"`, "by event 1"},
		why("balance", "owner", "--sequence", "2")...)
	expect(t, 0, []string{"balance: 5000 -> 5001", `currency: null -> "EUR"`}, why()...)
	expect(t, 0, []string{`"field":"balance"`, `"before":5000`, `"source":`}, why("balance", "--json")...)
	//nolint:misspell // a slip is the case
	expect(t, command.ExitNotFound, []string{"no field balanse", "balance"}, why("balanse")...)
	expect(t, command.ExitNotFound, []string{`there is no account "nobody"`},
		"why", "account", "nobody", "--server", w.server)
	expect(t, command.ExitFailed, []string{"charges[0].refundable"}, why("a..b")...)
	expect(t, command.ExitFailed, []string{"--sequence can't"}, why("--sequence", "0")...)
	expect(t, command.ExitFailed, []string{"is at sequence 3 here"}, why("--sequence", "9")...)
}
