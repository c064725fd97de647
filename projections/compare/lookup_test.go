package compare_test

import (
	"fmt"
	"testing"

	"refold/eventsourcing"
	"refold/processors/accounts"
	"refold/projections"
	"refold/projections/compare"
)

// newWorldOfLookups returns a world whose rows have a hundred times what account-0 had as of its second
// event, and what the account had as of its own first deposit. One event refers to one that there is not.
func newWorldOfLookups(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	type (
		logged = projections.Logged[accounts.Event]
		event  = projections.Event[accounts.Account, accounts.Event]
		state  = projections.State[accounts.Account]
	)
	deposits := projections.LookUp(accounts.Definition, func(e accounts.Event) bool {
		_, is := e.(accounts.MoneyDeposited)
		return is
	})
	w.projection.Sources = []projections.Source{projections.FromEventsWith(accounts.Definition, deposits,
		func(e logged) []eventsourcing.EventRef {
			switch {
			case e.Subject == "account-3" && e.Sequence == 3:
				return []eventsourcing.EventRef{
					{Subject: "account-0", Sequence: 9}, {Subject: e.Subject, Sequence: 2},
				}
			case e.Sequence < 3:
				return nil
			}
			return []eventsourcing.EventRef{
				{Subject: "account-0", Sequence: 2}, {Subject: e.Subject, Sequence: 2},
			}
		},
		func(e event, found []state) []projections.Change {
			row := balance{ID: e.Subject, Balance: -1}
			if len(found) > 0 {
				row.Balance = 100*found[0].State.Balance + found[1].State.Balance
			}
			return []projections.Change{w.balances.Put(row)}
		})}
	w.begin(w.account)
	w.does("account-0", accounts.OpenAccount{Owner: "Alice", Currency: "EUR"},
		accounts.DepositMoney{Amount: 7, Currency: "EUR"})
	w.project()
	for i := range 10 {
		id := fmt.Sprintf("account-%d", i)
		if i > 0 {
			w.does(id, accounts.OpenAccount{Owner: "Bob", Currency: "EUR"},
				accounts.DepositMoney{Amount: int64(i), Currency: "EUR"})
		}
		w.does(id, accounts.DepositMoney{Amount: 10, Currency: "EUR"})
	}
	w.project()
	return w
}

// G12: rows that draw on states as of events are compared with states that are folded anew, however little
// memory there is, and mended.
func TestLookups(t *testing.T) {
	w := newWorldOfLookups(t)
	report, found := w.run(nil)
	w.same("differences", names(found), []string(nil))
	w.same("report", []int64{report.Rows, report.States, report.Poison}, []int64{10, 10, 1})
	for _, limits := range [][2]int{{3, 1000}, {1000, 1}, {1000, 3}, {4, 4}} {
		report, found = w.run(func(o *compare.Options) { o.Rows, o.States = limits[0], limits[1] })
		w.same("differences", names(found), []string(nil))
		w.same("rows and states", []int64{report.Rows, report.States}, []int64{10, 10})
	}
	rows := make(map[string]any)
	w.must(w.open.Look(w.ctx, func(v projections.View) error {
		return v.Rows(w.ctx, w.balances.Table, func(values []any) error {
			rows[values[0].(string)] = values[1]
			return nil
		})
	}))
	w.same("some rows", []any{rows["account-0"], rows["account-3"], rows["account-8"]},
		[]any{int64(707), int64(-1), int64(708)})

	w.spoil(put(w.balances, balance{ID: "account-8", Balance: 718}), // as of the latest event
		gone(w.balances, balance{ID: "account-2"}))
	_, found = w.run(nil)
	want := []string{"differs balances account-8", "missing balances account-2"}
	w.same("differences", names(found), want)
	n, err := compare.Mend(w.ctx, w.options(nil), found, func(compare.Difference) error { return nil })
	w.must(err)
	w.same("rows written", n, len(want))
	_, found = w.run(nil)
	w.same("differences", names(found), []string(nil))
}

// An event that looked up a state before it was there has a dead letter, and no rows, though the state is
// there by now.
func TestALookupThatCameTooEarly(t *testing.T) {
	w := newWorldOfLookups(t)
	for range 6 {
		w.does("account-0", accounts.DepositMoney{Amount: 1, Currency: "EUR"})
	}
	w.project()
	report, found := w.run(nil)
	w.same("differences", names(found), []string(nil))
	w.same("poison", report.Poison, int64(1))
	_, found = w.run(func(o *compare.Options) { o.Group = "" }) // without its letters
	w.same("differences", names(found), []string{"differs balances account-3"})
}
