package readmodels_test

import (
	"math"
	"testing"
	"time"

	"refold/processors/accounts"
	"refold/projections/projectiontest"
	"refold/readmodels"
)

// The row of an account after each event of its life.
func TestAccountsCurrent(t *testing.T) {
	row := readmodels.AccountRow{
		AccountID: "zoe", Owner: "Zoë  Smith", OwnerFolded: "zoë smith", Currency: "EUR",
	}
	story := projectiontest.Of(t, readmodels.AccountsCurrent).ThenEmpty()
	for i, is := range []struct {
		status    accounts.Status
		balance   int64
		frozenFor string
	}{
		{accounts.StatusOpen, 0, ""},
		{accounts.StatusOpen, 1_000, ""},
		{accounts.StatusOpen, 900, ""},
		{accounts.StatusOpen, 600, ""},
		{accounts.StatusFrozen, 600, "STOLEN"},
		{accounts.StatusFrozen, 800, "STOLEN"},
		{accounts.StatusOpen, 800, ""},
		{accounts.StatusOpen, 0, ""},
		{accounts.StatusClosed, 0, ""},
	} {
		row.Status, row.Balance, row.FrozenFor, row.Sequence = is.status, is.balance, is.frozenFor, int64(i+1)
		story = story.Given("zoe", lifeOfAccount[i]).Then(row)
	}
	other := readmodels.AccountRow{
		AccountID: "bob", Status: accounts.StatusOpen, Owner: "Bob", OwnerFolded: "bob", Currency: "JPY",
		Sequence: 1,
	}
	story.Given("bob", accounts.AccountOpened{Owner: "Bob", Currency: "JPY"}).Then(row, other)
}

// The card of an account after each event of its life: what is available is nothing while it is frozen.
func TestAccountCard(t *testing.T) {
	row := readmodels.CardRow{AccountID: "zoe", Owner: "Zoë  Smith", Currency: "EUR"}
	story := projectiontest.Of(t, readmodels.AccountCard)
	for i, is := range []struct {
		status             accounts.Status
		balance, available int64
	}{
		{accounts.StatusOpen, 0, 0},
		{accounts.StatusOpen, 1_000, 1_000},
		{accounts.StatusOpen, 900, 900},
		{accounts.StatusOpen, 600, 600},
		{accounts.StatusFrozen, 600, 0},
		{accounts.StatusFrozen, 800, 0},
		{accounts.StatusOpen, 800, 800},
		{accounts.StatusOpen, 0, 0},
		{accounts.StatusClosed, 0, 0},
	} {
		row.Status, row.Balance, row.Available, row.Sequence = is.status, is.balance, is.available, int64(i+1)
		story = story.Given("zoe", lifeOfAccount[i]).Then(row)
	}
}

// Lines are what money has come and gone by, months their sums, and the holder stands above both.
func TestAccountStatement(t *testing.T) {
	closed := at.AddDate(0, 1, 0)
	line := func(sequence int64, at time.Time, kind readmodels.BookingKind, text, reference string,
		amount, balance int64,
	) readmodels.StatementLine {
		return readmodels.StatementLine{
			AccountID: "zoe", Sequence: sequence, Month: at.Format("2006-01"), BookedAt: at, Kind: kind,
			Text: text, Reference: reference, Amount: amount, Currency: "EUR", Balance: balance,
		}
	}
	lines := []any{
		line(2, at, readmodels.Deposit, "Deposit", "", 1_000, 1_000),
		line(3, at, readmodels.Withdrawal, "Withdrawal", "", -100, 900),
		line(4, at, readmodels.Payment, "Payment", "order-1", -300, 600),
		line(6, closed, readmodels.Refund, "Refund", "order-1", 200, 800),
		line(8, closed, readmodels.Withdrawal, "Withdrawal", "", -800, 0),
	}
	holder := readmodels.AccountHolder{
		AccountID: "zoe", Owner: "Zoë  Smith", Currency: "EUR", OpenedAt: at,
	}
	projectiontest.Of(t, readmodels.AccountStatement).
		At(at).Given("zoe", lifeOfAccount[0]).Then(holder).
		Given("zoe", lifeOfAccount[1:5]...).Then(lines[:3]...).
		Then(readmodels.StatementMonth{
			AccountID: "zoe", Month: "2026-01", Bookings: 3, Credits: 1_000, Debits: 400,
		}).
		At(closed).Given("zoe", lifeOfAccount[5:]...).Then(lines...).
		Then(
			readmodels.StatementMonth{
				AccountID: "zoe", Month: "2026-01", Bookings: 3, Credits: 1_000, Debits: 400,
			},
			readmodels.StatementMonth{
				AccountID: "zoe", Month: closed.Format("2006-01"), Bookings: 2, Credits: 200, Debits: 800,
			},
			readmodels.AccountHolder{
				AccountID: "zoe", Owner: "Zoë  Smith", Currency: "EUR", OpenedAt: at, ClosedAt: &closed,
			})
}

// The month is that of the clock in UTC; a booking of a clock that is behind counts in the month before, and
// the sums of the months are the balance all the same.
func TestAccountStatement_months(t *testing.T) {
	newYork := time.FixedZone("EST", -5*60*60)
	deposit := func(n int64) accounts.MoneyDeposited {
		return accounts.MoneyDeposited{Amount: n, Currency: "EUR"}
	}
	projectiontest.Of(t, readmodels.AccountStatement).
		At(at).Given("zoe", accounts.AccountOpened{Owner: "Zoe", Currency: "EUR"}, deposit(1)).
		At(time.Date(2026, 1, 31, 20, 0, 0, 0, newYork)).Given("zoe", deposit(10)).
		At(at.Add(time.Second)).Given("zoe", deposit(100)).
		Then(
			readmodels.StatementMonth{AccountID: "zoe", Month: "2026-01", Bookings: 2, Credits: 101},
			readmodels.StatementMonth{AccountID: "zoe", Month: "2026-02", Bookings: 1, Credits: 10})
}

// The most that an account can hold can come and go.
func TestAccountStatement_most(t *testing.T) {
	projectiontest.Of(t, readmodels.AccountStatement).At(at).
		Given("zoe", accounts.AccountOpened{Owner: "Zoe", Currency: "EUR"},
			accounts.MoneyDeposited{Amount: math.MaxInt64, Currency: "EUR"},
			accounts.MoneyWithdrawn{Amount: math.MaxInt64, Currency: "EUR"}).
		Then(readmodels.StatementMonth{
			AccountID: "zoe", Month: "2026-01", Bookings: 2, Credits: math.MaxInt64, Debits: math.MaxInt64,
		})
}
