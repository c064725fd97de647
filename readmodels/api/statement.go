package api

import (
	"context"
	"fmt"
	"time"

	"refold/readmodels"
)

// Statement is a page of an account's statement of a month. Opening and Closing are of the whole month.
type Statement struct {
	AccountID string     `json:"accountId" doc:"The account's ID."`
	Owner     string     `json:"owner" doc:"Whose account it is."`
	Currency  string     `json:"currency" doc:"The account's ISO 4217 code."`
	OpenedAt  time.Time  `json:"openedAt" doc:"When the account was opened."`
	ClosedAt  *time.Time `json:"closedAt,omitempty" doc:"When it was closed; none: it is not."`
	Month     string     `json:"month" doc:"YYYY-MM, in UTC."`
	Bookings  int64      `json:"bookings" doc:"How many lines the month has."`
	Opening   int64      `json:"opening" doc:"The balance before the month, in minor units (cents)."`
	Credits   int64      `json:"credits" doc:"What came in the month, in minor units."`
	Debits    int64      `json:"debits" doc:"What went in the month, in minor units, not negative."`
	Closing   int64      `json:"closing" doc:"The balance after the month: opening and credits less debits."`
	// Carried is not on the first page, which begins with Opening.
	Carried *int64                     `json:"carried,omitempty" doc:"The balance that the page before ended with, in minor units."`
	Items   []readmodels.StatementLine `json:"items" nullable:"false" doc:"The lines, as they were booked."`
	Next    string                     `json:"next,omitempty" doc:"The path of the next page; none: this is the last one."`
}

// statementQuery is what a statement is read by.
type statementQuery struct {
	account string
	month   string // empty: that of the last booking
	after   int64  // a sequence; 0 for the first page
	limit   int
}

// readStatement reads a page, and whether there are more, all as of one moment.
func (e *endpoints) readStatement(
	ctx context.Context, q statementQuery,
) (s *Statement, more bool, err error) {
	var holders []readmodels.AccountHolder
	err = atOnce(ctx, e.Database, func(on querier) (err error) {
		holders, err = read(ctx, e.Database, on, readmodels.AccountHolders, "WHERE account_id = ?", q.account)
		if err != nil || len(holders) == 0 {
			return err
		}
		h := holders[0]
		s = &Statement{
			AccountID: h.AccountID, Owner: h.Owner, Currency: h.Currency, OpenedAt: h.OpenedAt,
			ClosedAt: h.ClosedAt, Month: q.month,
		}
		if s.Month == "" {
			s.Month = h.OpenedAt.UTC().Format(readmodels.MonthForm)
		}
		if err := e.readTotals(ctx, on, s, q.month == ""); err != nil {
			return err
		}
		s.Items, err = read(ctx, e.Database, on, readmodels.StatementLines,
			"WHERE account_id = ? AND month = ? AND sequence > ? ORDER BY sequence LIMIT ?",
			q.account, s.Month, q.after, q.limit+1)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if len(holders) == 0 {
		return nil, false, unknownAccount(q.account)
	}
	if len(s.Items) > q.limit {
		s.Items, more = s.Items[:q.limit], true
	}
	if q.after > 0 && len(s.Items) > 0 {
		s.Carried = new(s.Items[0].Balance - s.Items[0].Amount)
	}
	s.Items = append([]readmodels.StatementLine{}, s.Items...) // [] and not null
	return s, more, nil
}

// readTotals reads the balances and the turnover of the statement's month; of the last one with a booking, if
// there is any, if last is set.
func (e *endpoints) readTotals(ctx context.Context, on querier, s *Statement, last bool) error {
	months, err := read(ctx, e.Database, on, readmodels.StatementMonths,
		"WHERE account_id = ? ORDER BY month", s.AccountID)
	if err != nil {
		return err
	}
	if last && len(months) > 0 {
		s.Month = months[len(months)-1].Month
	}
	for _, m := range months {
		switch {
		case m.Month < s.Month:
			s.Opening += m.Credits - m.Debits
		case m.Month == s.Month:
			s.Bookings, s.Credits, s.Debits = m.Bookings, m.Credits, m.Debits
		}
	}
	s.Closing = s.Opening + s.Credits - s.Debits
	return nil
}

// fileName returns the name under which a client saves a statement: of characters that any system takes.
func (s *Statement) fileName(suffix string) string {
	safe := []rune(s.AccountID)
	for i, r := range safe {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-':
		default:
			safe[i] = '_'
		}
	}
	const most = 64
	return fmt.Sprintf("statement-%s-%s%s", string(safe[:min(len(safe), most)]), s.Month, suffix)
}
