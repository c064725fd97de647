package main

import (
	"net/http"
	"testing"
)

// G4: what an account was like, in a terminal.
func TestGetPast(t *testing.T) {
	w := newInstallation(t).start()
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
	expect(t, exitNotFound, []string{`there was no account "zoe" then`},
		with("zoe", "--at", "2001-01-31T23:59:59Z")...)
	expect(t, exitFailed, []string{"is at sequence 3 here"}, with("zoe", "--sequence", "4")...)
	expect(t, exitFailed, []string{"--sequence can't"}, with("zoe", "--sequence", "0")...)
	expect(t, exitFailed, []string{`--at "noon" is no time`}, with("zoe", "--at", "noon")...)
	expect(t, exitFailed, []string{"sequence"},
		with("zoe", "--at", "2001-01-31T23:59:59Z", "--sequence", "1")...)
}
