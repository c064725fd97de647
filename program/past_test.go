package program

import (
	"net/http"
	"strings"
	"testing"

	"refold/program/command"
)

// G4: what an account was like, in a terminal.
func TestGetPast(t *testing.T) {
	t.Parallel()
	w := newTestbed(t).start()
	with := func(args ...string) []string {
		return append(append([]string{"get", "account"}, args...), "--server", w.server)
	}
	w.send("/accounts/zoe", "open", "OpenAccount", `{"owner": "Zoe Z", "currency": "EUR"}`)
	w.send("/accounts/zoe", "one", "DepositMoney", `{"amount": 5000, "currency": "EUR"}`)
	w.send("/accounts/zoe", "two", "DepositMoney", `{"amount": 1, "currency": "EUR"}`)
	w.ask(http.MethodGet, "/accounts/zoe/events?after=2", "", "Prefer", "wait=30")

	expect(t, 0, []string{"zoe at sequence 2, 20", `"balance": 5000`}, with("zoe", "--sequence", "2")...)
	expect(t, 0, []string{"zoe at sequence 3, 20", `"balance": 5001`},
		with("zoe", "--at", "2999-01-31T23:59:59+01:00")...)
	expect(t, 0, []string{`"sequence":1,`, `"time":"20`}, with("zoe", "--sequence", "1", "--json")...)
	expect(t, command.ExitNotFound, []string{`there was no account "zoe" then`},
		with("zoe", "--at", "2001-01-31T23:59:59Z")...)
	expect(t, command.ExitFailed, []string{"is at sequence 3 here"}, with("zoe", "--sequence", "4")...)
	expect(t, command.ExitFailed, []string{"--sequence can't"}, with("zoe", "--sequence", "0")...)
	expect(t, command.ExitFailed, []string{`--at "noon" is no time`}, with("zoe", "--at", "noon")...)
	expect(t, command.ExitFailed, []string{"sequence"},
		with("zoe", "--at", "2001-01-31T23:59:59Z", "--sequence", "1")...)
}

// What changed between two moments, field by field, and by which events.
func TestDiff(t *testing.T) {
	t.Parallel()
	w := newTestbed(t).start()
	with := func(args ...string) []string {
		return append(append([]string{"diff", "account", "zoe"}, args...), "--server", w.server)
	}
	w.send("/accounts/zoe", "open", "OpenAccount", `{"owner": "Zoe Z", "currency": "EUR"}`)
	w.send("/accounts/zoe", "one", "DepositMoney", `{"amount": 5000, "currency": "EUR"}`)
	w.send("/accounts/zoe", "two", "DepositMoney", `{"amount": 1, "currency": "EUR"}`)
	w.ask(http.MethodGet, "/accounts/zoe/events?after=2", "", "Prefer", "wait=30")

	text := expect(t, 0, []string{
		"zoe from sequence 1 to 2\n  balance: 0 -> 5000\n   SEQ", "MoneyDeposited        amount=5000",
	}, with("--from", "1", "--to", "2")...)
	if strings.Contains(text, "amount=1 ") || strings.Contains(text, "AccountOpened") {
		t.Errorf("too many events:\n%s", text)
	}
	expect(t, 0, []string{
		"zoe from sequence 0 to 3\n", "balance: null -> 5001\n", `owner: null -> "Zoe Z"`, "AccountOpened",
	}, with("--from", "2001-01-31T23:59:59Z")...)
	expect(t, 0, []string{
		`"fields":[{"field":"balance","from":5000,"to":5001}]`, `"from":2,`, `"to":3}`, `"sequence":3,`,
	}, with("--from", "2", "--to", "2999-01-31T23:59:59Z", "--json")...)
	if text := expect(t, 0, nil, with("--from", "3")...); text != "zoe from sequence 3 to 3\n" {
		t.Errorf("nothing changed:\n%s", text)
	}
	expect(t, command.ExitFailed, []string{"which is after --to"}, with("--from", "3", "--to", "1")...)
	expect(t, command.ExitFailed, []string{"--to can't be less than 1"}, with("--from", "0", "--to", "0")...)
	expect(t, command.ExitFailed, []string{`--from "noon" is neither`}, with("--from", "noon")...)
	expect(t, command.ExitNotFound, []string{"then"}, with("--from", "0", "--to", "2001-01-31T23:59:59Z")...)
}
