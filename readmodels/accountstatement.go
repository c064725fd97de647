package readmodels

import (
	"time"

	"refold/processors/accounts"
	"refold/projections"
)

// StatementLine is a line of an account's statement: money came or went. Its ID elsewhere, such as an order's
// paymentId, is that of the event: the account's ID, a slash, the sequence.
type StatementLine struct {
	AccountID string      `column:"account_id,key,subject" json:"-"`
	Sequence  int64       `column:"sequence,key" json:"sequence" doc:"Of the account's event."`
	Month     string      `column:"month" json:"-"`
	BookedAt  time.Time   `column:"booked_at" json:"bookedAt" doc:"When the command was sent."`
	Kind      BookingKind `column:"kind" json:"kind" enum:"deposit,withdrawal,payment,refund" doc:"For programs."`
	Text      string      `column:"text" json:"text" doc:"The booking text, for people."`
	Reference string      `column:"reference" json:"reference,omitempty" doc:"What was paid for, such as an order's ID."`
	Amount    int64       `column:"amount" json:"amount" doc:"In minor units (cents); below 0 if money went."`
	Currency  string      `column:"currency" json:"currency" doc:"The account's ISO 4217 code."`
	Balance   int64       `column:"balance" json:"balance" doc:"After it was booked, in minor units."`
}

// BookingKind says why money came or went.
type BookingKind string

// The kinds of bookings.
const (
	Deposit    BookingKind = "deposit"
	Withdrawal BookingKind = "withdrawal"
	Payment    BookingKind = "payment" // AccountCharged
	Refund     BookingKind = "refund"
)

// StatementMonth has the turnover of an account in a month. Its opening balance is what the months before it
// have left: a sum over a row for each month. One turnover is limited to what an int64 holds.
type StatementMonth struct {
	AccountID string `column:"account_id,key,subject"`
	Month     string `column:"month,key"` // YYYY-MM, in UTC
	Bookings  int64  `column:"bookings,sum"`
	Credits   int64  `column:"credits,sum"` // what came
	Debits    int64  `column:"debits,sum"`  // what went; not negative
}

// AccountHolder is what stands above an account's statements.
type AccountHolder struct {
	AccountID string     `column:"account_id,key,subject"`
	Owner     string     `column:"owner"`
	Currency  string     `column:"currency"`
	OpenedAt  time.Time  `column:"opened_at"`
	ClosedAt  *time.Time `column:"closed_at"`
}

// The tables of AccountStatement.
var (
	StatementLines  = projections.NewTable[StatementLine]("account_statement")
	StatementMonths = projections.NewTable[StatementMonth]("account_months")
	AccountHolders  = projections.NewTable[AccountHolder]("account_holders")
)

// AccountStatement has what a bank's customer and an accountant need: each booking with the balance after it,
// and the turnover of each month.
//
// Lines are in the order in which they were booked, by sequence. The month is that of the time at which the
// command was sent. A sender whose clock is behind may so have a booking in the month before, after others of
// the new month. The months' balances agree all the same: each opens with what all months before it have
// left.
var AccountStatement = projections.Projection{
	Name: "account_statement", Version: 1,
	Tables:     projections.Tables{StatementLines.Table, StatementMonths.Table, AccountHolders.Table},
	Sources:    []projections.Source{projections.FromEvents(accounts.Definition, statement)},
	Migrations: migrationsOf("account_statement"),
}

// MonthForm is the form of months: YYYY-MM.
const MonthForm = "2006-01"

func statement(e projections.Event[accounts.Account, accounts.Event]) []projections.Change {
	switch event := e.Event.(type) {
	case accounts.AccountOpened:
		return []projections.Change{AccountHolders.Put(AccountHolder{
			AccountID: e.Subject, Owner: event.Owner, Currency: event.Currency, OpenedAt: e.Time,
		})}
	case accounts.MoneyDeposited:
		return booked(e, StatementLine{Kind: Deposit, Text: "Deposit", Amount: event.Amount})
	case accounts.MoneyWithdrawn:
		return booked(e, StatementLine{Kind: Withdrawal, Text: "Withdrawal", Amount: -event.Amount})
	case accounts.AccountCharged:
		return booked(e, StatementLine{
			Kind: Payment, Text: "Payment", Amount: -event.Amount, Reference: event.Reference,
		})
	case accounts.AccountRefunded:
		return booked(e, StatementLine{
			Kind: Refund, Text: "Refund", Amount: event.Amount, Reference: event.Reference,
		})
	case accounts.AccountClosed:
		return []projections.Change{AccountHolders.Merge(
			AccountHolder{AccountID: e.Subject, ClosedAt: &e.Time}, "closed_at")}
	case accounts.AccountFrozen, accounts.AccountUnfrozen: // no money comes or goes
	}
	return nil
}

// booked returns the changes that a booking makes; the line says what is special about it.
func booked(
	e projections.Event[accounts.Account, accounts.Event], line StatementLine,
) []projections.Change {
	line.AccountID, line.Sequence, line.BookedAt = e.Subject, e.Sequence, e.Time
	line.Month = e.Time.UTC().Format(MonthForm)
	line.Currency, line.Balance = e.After.Currency, e.After.Balance
	month := StatementMonth{AccountID: e.Subject, Month: line.Month, Bookings: 1}
	if line.Amount < 0 {
		month.Debits = -line.Amount
	} else {
		month.Credits = line.Amount
	}
	return []projections.Change{
		StatementLines.Put(line), StatementMonths.Merge(month, "bookings", "credits", "debits"),
	}
}
