package readmodels_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"refold/processors/accounts"
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
