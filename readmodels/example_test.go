package readmodels_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"refold/eventsourcing"
	"refold/processors/accounts"
	"refold/processors/orders"
	"refold/projections"
	"refold/projections/memory"
	"refold/projections/projectiontest"
	"refold/readmodels/readmodelstest"
)

// Day is what was paid into all accounts on a day, in a currency.
type Day struct {
	Day      string `column:"day,key"`
	Currency string `column:"currency,key"`
	Deposits int64  `column:"deposits,sum"`
	Amount   int64  `column:"amount,sum"`
}

var days = projections.NewTable[Day]("deposits_by_day")

// DepositsByDay has the deposits of each day.
var DepositsByDay = projections.Projection{
	Name: "deposits_by_day", Version: 1,
	Tables:  projections.Tables{days.Table},
	Sources: []projections.Source{projections.FromEvents(accounts.Definition, depositsOfDay)},
}

func depositsOfDay(e projections.Event[accounts.Account, accounts.Event]) []projections.Change {
	deposited, is := e.Event.(accounts.MoneyDeposited)
	if !is {
		return nil
	}
	day := Day{
		Day: e.Time.Format(time.DateOnly), Currency: deposited.Currency,
		Deposits: 1, Amount: deposited.Amount,
	}
	return []projections.Change{days.Merge(day, "deposits", "amount")}
}

func TestDepositsByDay(t *testing.T) {
	deposit := accounts.MoneyDeposited{Amount: 500, Currency: "EUR"}
	projectiontest.Of(t, DepositsByDay).
		At(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)).
		Given("alice", accounts.AccountOpened{Owner: "Alice", Currency: "EUR"}, deposit).
		Given("bob", accounts.AccountOpened{Owner: "Bob", Currency: "EUR"}, deposit).
		Then(Day{Day: "2026-01-31", Currency: "EUR", Deposits: 2, Amount: 1000})
}

// A projection of one's own, over the history of a shop, in memory.
func Example_ownProjection() {
	ctx, store, p := context.Background(), &memory.Store{}, DepositsByDay
	if err := readmodelstest.Fill(ctx, store, &p, readmodelstest.Shop(), 100); err != nil {
		fmt.Println(err)
		return
	}
	rows, err := readmodelstest.Rows(ctx, store, &p, days)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range rows {
		fmt.Println(row.Day, row.Deposits, row.Amount, row.Currency)
	}
	// Unordered output:
	// 2026-01-05 1 10000 EUR
	// 2026-01-05 1 90000 JPY
	// 2026-03-05 1 5000 EUR
}

// Bought is a payment of an account with what it has bought.
type Bought struct {
	AccountID string `column:"account_id,key,subject"`
	Sequence  int64  `column:"sequence,key"`
	Amount    int64  `column:"amount"`
	Text      string `column:"text"`
}

var boughts = projections.NewTable[Bought]("bought")

// WhatWasBought has the payments of accounts with the lines of their orders as they were placed.
var WhatWasBought = projections.Projection{
	Name: "bought", Version: 1,
	Tables: projections.Tables{boughts.Table},
	Sources: []projections.Source{
		projections.FromEventsWith(accounts.Definition, placedOrders, orderOf, bought),
	},
}

var placedOrders = projections.LookUp(orders.Definition, func(e orders.Event) bool {
	_, is := e.(orders.OrderPlaced)
	return is
})

// orderOf returns the event that a payment goes back to. Others look nothing up.
func orderOf(e projections.Logged[accounts.Event]) []eventsourcing.EventRef {
	cause, is := eventsourcing.CauseOf(orders.Payments.Name, e.CausationID)
	if _, charged := e.Event.(accounts.AccountCharged); !charged || !is {
		return nil
	}
	return []eventsourcing.EventRef{cause.Origin}
}

func bought(
	e projections.Event[accounts.Account, accounts.Event], found []projections.State[orders.Order],
) []projections.Change {
	charged, is := e.Event.(accounts.AccountCharged)
	if !is {
		return nil
	}
	row := Bought{e.Subject, e.Sequence, charged.Amount, charged.Reference}
	for _, order := range found { // none if somebody else has charged the account
		for _, line := range order.State.Lines {
			row.Text += fmt.Sprintf(", %d × %s", line.Quantity, line.SKU)
		}
	}
	return []projections.Change{boughts.Put(row)}
}

func TestWhatWasBought(t *testing.T) {
	tea := orders.OrderPlaced{AccountID: "alice", Currency: "EUR", Total: 500, Lines: []orders.Line{
		{SKU: "tea-500g", Quantity: 2, UnitPrice: 250, Currency: "EUR"},
	}}
	projectiontest.Of(t, WhatWasBought).
		Given("alice", accounts.AccountOpened{Owner: "Alice", Currency: "EUR"},
			accounts.MoneyDeposited{Amount: 600, Currency: "EUR"}).
		Given("order-1", tea).
		Caused("order-1/1/order-payments.0").
		Given("alice", accounts.AccountCharged{Amount: 500, Currency: "EUR", Reference: "order-1"}).
		Caused("by-hand").
		Given("alice", accounts.AccountCharged{Amount: 5, Currency: "EUR", Reference: "a fee"}).
		Then(Bought{AccountID: "alice", Sequence: 3, Amount: 500, Text: "order-1, 2 × tea-500g"},
			Bought{AccountID: "alice", Sequence: 4, Amount: 5, Text: "a fee"})
}

// A store in memory shows what was bought in the history of a shop.
func Example_lookup() {
	ctx, store, p := context.Background(), &memory.Store{}, WhatWasBought
	if err := readmodelstest.Fill(ctx, store, &p, readmodelstest.Shop(), 7); err != nil {
		fmt.Println(err)
		return
	}
	rows, err := readmodelstest.Rows(ctx, store, &p, boughts)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range rows {
		fmt.Println(row.AccountID, row.Amount, row.Text)
	}
	// Unordered output:
	// alice 1250 tea, 1 × tea-500g
	// alice 3000 pot, 1 × pot-blue
	// bob 4980 kettle, 1 × kettle-1.7L, 1 × tea-500g
}
