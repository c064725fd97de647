package audit

import (
	"strings"
	"time"
)

// AccountsCurrent has each account as it is.
var AccountsCurrent = ReadModel{
	Name: "accounts_current", Version: 1, Reads: []string{accountName},
	Tables: []Table{{Name: "accounts_current", Key: []string{"account_id"}, Empty: map[string]any{
		"status": "", "owner": "", "owner_folded": "", "currency": "", "balance": int64(0), "frozen_for": "",
		"sequence": int64(0),
	}}},
	Fold: func(rows *ModelRows, e Event, _, account map[string]any) {
		row := rows.Row("accounts_current", e.Key)
		copyFields(row, account, "status", "owner", "currency", "balance")
		row["owner_folded"] = strings.ToLower(strings.Join(strings.Fields(text(account, "owner")), " "))
		row["frozen_for"], row["sequence"] = account["frozenFor"], e.Sequence
	},
}

// AccountCard has what is shown of an account wherever it is shown.
var AccountCard = ReadModel{
	Name: "account_card", Version: 1, Reads: []string{accountName},
	Tables: []Table{{Name: "account_card", Key: []string{"account_id"}, Empty: map[string]any{
		"owner": "", "status": "", "currency": "", "balance": int64(0), "available": int64(0),
		"sequence": int64(0),
	}}},
	Fold: func(rows *ModelRows, e Event, _, account map[string]any) {
		row := rows.Row("account_card", e.Key)
		copyFields(row, account, "owner", "status", "currency", "balance")
		row["available"], row["sequence"] = int64(0), e.Sequence
		if account["status"] == "open" {
			row["available"] = account["balance"]
		}
	},
}

// AccountStatement has every booking, the turnover of each month, and what stands above a statement.
var AccountStatement = ReadModel{
	Name: "account_statement", Version: 1, Reads: []string{accountName},
	Tables: []Table{
		{Name: "account_statement", Key: []string{"account_id", "sequence"}, Empty: map[string]any{
			"month": "", "booked_at": time.Time{}, "kind": "", "text": "", "reference": "",
			"amount": int64(0), "currency": "", "balance": int64(0),
		}},
		{Name: "account_months", Key: []string{"account_id", "month"}, Empty: map[string]any{
			"bookings": int64(0), "credits": int64(0), "debits": int64(0),
		}},
		{Name: "account_holders", Key: []string{"account_id"}, Empty: map[string]any{
			"owner": "", "currency": "", "opened_at": time.Time{}, "closed_at": nil,
		}},
	},
	Fold: foldStatement,
}

// bookings are the events that move money: the kind of a booking, its text, and the sign of its amount.
var bookings = map[string]struct {
	kind, text string
	sign       int64
}{
	"MoneyDeposited":  {"deposit", "Deposit", 1},
	"MoneyWithdrawn":  {"withdrawal", "Withdrawal", -1},
	"AccountCharged":  {"payment", "Payment", -1},
	"AccountRefunded": {"refund", "Refund", 1},
}

func foldStatement(rows *ModelRows, e Event, _, account map[string]any) {
	switch e.Type {
	case "AccountOpened":
		row := rows.Row("account_holders", e.Key)
		row["owner"], row["currency"] = e.Text("owner"), e.Text("currency")
		row["opened_at"], row["closed_at"] = e.Time, nil
	case "AccountClosed":
		rows.Row("account_holders", e.Key)["closed_at"] = e.Time
	}
	booking, is := bookings[e.Type]
	if !is {
		return
	}
	amount, month := e.Int("amount"), e.Time.UTC().Format("2006-01")
	line := rows.Row("account_statement", e.Key, e.Sequence)
	line["month"], line["booked_at"] = month, e.Time
	line["kind"], line["text"], line["reference"] = booking.kind, booking.text, e.Text("reference")
	line["amount"], line["currency"] = booking.sign*amount, account["currency"]
	line["balance"] = account["balance"]
	rows.Add("account_months", "bookings", 1, e.Key, month)
	if booking.sign > 0 {
		rows.Add("account_months", "credits", amount, e.Key, month)
	} else {
		rows.Add("account_months", "debits", amount, e.Key, month)
	}
}

// copyFields copies fields of a state into columns of the same names.
func copyFields(row, state map[string]any, names ...string) {
	for _, name := range names {
		row[name] = state[name]
	}
}
