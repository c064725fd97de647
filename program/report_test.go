package program

import (
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"refold/processors"
	"refold/program/command"
)

// A balance sheet: of the accounts that were there, as they were, with the totals.
func TestReport(t *testing.T) {
	t.Parallel()
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
		"kind,id,sequence,name,amount\naccount,alice,2,EUR,500\n"+
			"account,bob,2,EUR,500\naccount,carol,2,USD,500\n"+
			"total,,,EUR,1000\ntotal,,,USD,500\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	expect(t, 0, []string{
		`{"id":"bob","sequence":3,"name":"EUR","amount":507}`, `"id":"dave"`,
		`{"name":"EUR","total":1507}`,
	}, with(time.Now(), "--format", "json")...)
	expect(t, 0, []string{"AMOUNT", "carol", "total"}, with(then)...)
	long := with(time.Unix(0, 0), "--format", "csv")
	if got := expect(t, 0, nil, long...); strings.Count(got, "\n") != 1 {
		t.Errorf("before everything:\n%s", got)
	}
	expect(t, command.ExitFailed, []string{"none of table, csv, json"}, with(then, "--format", "xml")...)
	expect(t, command.ExitFailed, []string{`there is no aggregate "parcels"`},
		"report", "parcels", "--at", "2026-01-31T23:59:59Z")

	// Of any aggregate: orders that can't be paid have a total, too.
	const placed = `{"accountId": "nobody", "currency": "EUR",
		"lines": [{"sku": "tea", "quantity": 2, "unitPrice": 1250, "currency": "EUR"}]}`
	for _, id := range []string{"o-1", "o-2"} {
		w.send("/orders/"+id, "place-"+id, "PlaceOrder", placed)
		w.ask(http.MethodGet, "/orders/"+id+"/events?after=1", "", "Prefer", "wait=30")
	}
	if got, want := expect(t, 0, nil, "report", "order", "--server", w.server, "--format", "csv",
		"--at", time.Now().UTC().Format(time.RFC3339Nano)), "kind,id,sequence,name,amount\n"+
		"order,o-1,2,EUR,2500\norder,o-2,2,EUR,2500\ntotal,,,EUR,5000\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Totals are exact beyond what an account can hold.
func TestTotals(t *testing.T) {
	sums := totals{}
	for range 3 {
		sums.add([]processors.Total{{Name: "EUR", Amount: math.MaxInt64}, {Name: "USD", Amount: 1}})
	}
	if got := sums["EUR"].String(); got != "27670116110564327421" || sums["USD"].Int64() != 3 {
		t.Error(got, sums["USD"])
	}
}

// An aggregate without anything to add up is listed, in each format; one without Totals is counted.
func TestSheets(t *testing.T) {
	for format, want := range map[string]string{
		"table": "empty                                        7                                    \n",
		"csv":   "kind,id,sequence,name,amount\nthing,empty,7,,\nthing,full,8,things,1\ntotal,,,things,1\n",
		"json": `{"id":"empty","sequence":7}` + "\n" +
			`{"id":"full","sequence":8,"name":"things","amount":1}`,
	} {
		var out strings.Builder
		s, err := newSheet(format, "thing", &out)
		if err != nil {
			t.Fatal(err)
		}
		counted, err := processors.Aggregate[int, any, any]{Plural: "things"}.Totalled(nil)
		if err != nil {
			t.Fatal(err)
		}
		sums := totals{}
		sums.add(counted)
		if err := errors.Join(s.line(&had{id: "empty", sequence: 7}), s.line(&had{"full", 8, counted}),
			s.end(sums)); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s: %q is not in\n%s", format, want, out.String())
		}
	}
}
