package program

import (
	"math"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"refold/program/command"
)

// A balance sheet: of the accounts that were there, as they were, with the totals.
func TestReport(t *testing.T) {
	w := newTestbed(t).start("--http.page-rows", "10") // a page has one account
	with := func(at time.Time, args ...string) []string {
		return append([]string{
			"report", "accounts", "--server", w.server, "--at", at.UTC().Format(time.RFC3339Nano),
		}, args...)
	}
	open := func(id, currency string) {
		w.send("/accounts/"+id, "open-"+id, "OpenAccount", `{"owner": "O", "currency": "`+currency+`"}`)
		w.send("/accounts/"+id, "in-"+id, "DepositMoney", `{"amount": 500, "currency": "`+currency+`"}`)
		w.ask(http.MethodGet, "/accounts/"+id+"/events?after=1", "", "Prefer", "wait=30")
	}
	for id, currency := range map[string]string{"bob": "EUR", "alice": "EUR", "carol": "USD"} {
		open(id, currency)
	}
	then := time.Now()
	eventually(t, func() bool { return time.Since(then) > 2*time.Millisecond }, w.out) // times are in ms
	open("dave", "EUR")
	w.send("/accounts/bob", "more", "DepositMoney", `{"amount": 7, "currency": "EUR"}`)
	w.ask(http.MethodGet, "/accounts/bob/events?after=2", "", "Prefer", "wait=30")

	if got, want := expect(t, 0, nil, with(then, "--format", "csv")...),
		"kind,id,sequence,currency,balance,status\naccount,alice,2,EUR,500,open\n"+
			"account,bob,2,EUR,500,open\naccount,carol,2,USD,500,open\n"+
			"total,,,EUR,1000,\ntotal,,,USD,500,\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	expect(t, 0, []string{
		`{"id":"bob","sequence":3,"currency":"EUR","balance":507,"status":"open"}`, `"id":"dave"`,
		`{"currency":"EUR","total":1507}`,
	}, with(time.Now(), "--format", "json")...)
	expect(t, 0, []string{"BALANCE", "carol", "total"}, with(then)...)
	long := with(time.Unix(0, 0), "--format", "csv")
	if got := expect(t, 0, nil, long...); strings.Count(got, "\n") != 1 {
		t.Errorf("before everything:\n%s", got)
	}
	expect(t, command.ExitFailed, []string{"none of table, csv, json"}, with(then, "--format", "xml")...)
	expect(t, command.ExitFailed, []string{"no report of orders"},
		"report", "orders", "--at", "2026-01-31T23:59:59Z")
}

// Totals are exact beyond what an account can hold.
func TestTotals(t *testing.T) {
	r := &report{totals: map[string]*big.Int{}}
	for range 3 {
		r.add(&balance{Currency: "EUR", Balance: math.MaxInt64})
	}
	if got := r.totals["EUR"].String(); got != "27670116110564327421" {
		t.Error(got)
	}
}
