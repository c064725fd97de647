package rows

import (
	"strings"

	"refold/audit"
)

// account changes the rows that an event of an account changes.
func (f *folding) account(e audit.Event) error {
	_, a, err := f.accounts.next(audit.Accounts, e)
	if err != nil {
		return err
	}
	owner, _ := a["owner"].(string)
	f.tables.put("accounts_current", Row{
		"account_id": e.Key, "status": a["status"], "owner": owner,
		"owner_folded": strings.ToLower(strings.Join(strings.Fields(owner), " ")),
		"currency":     a["currency"], "balance": a["balance"], "frozen_for": a["frozenFor"],
		"sequence": e.Sequence,
	})
	card := Row{
		"account_id": e.Key, "owner": owner, "status": a["status"], "currency": a["currency"],
		"balance": a["balance"], "available": int64(0), "sequence": e.Sequence,
	}
	if a["status"] == "open" {
		card["available"] = a["balance"]
	}
	f.tables.put("account_card", card)
	customer := f.customer(e.Key)
	for _, column := range []string{"status", "owner", "currency", "balance"} {
		customer[column] = a[column]
	}
	customer["sequence"] = e.Sequence
	f.statement(e, a)
	return nil
}

// customer returns the row of a customer. What is the account's is empty until it has an event.
func (f *folding) customer(account string) Row {
	return f.row("customers", Row{"account_id": account, "status": "", "owner": "", "currency": ""},
		"balance", "sequence", "orders", "placed", "shipped", "delivered", "cancelled", "declined", "paid",
		"refunded")
}

// booking says what a line of a statement has of an event of this type, and whether money comes.
type booking struct {
	kind, text string
	sign       int64
}

var bookings = map[string]booking{
	"MoneyDeposited":  {"deposit", "Deposit", 1},
	"MoneyWithdrawn":  {"withdrawal", "Withdrawal", -1},
	"AccountCharged":  {"payment", "Payment", -1},
	"AccountRefunded": {"refund", "Refund", 1},
}

// statement changes the tables of statements.
func (f *folding) statement(e audit.Event, a map[string]any) {
	switch e.Type {
	case "AccountOpened":
		f.tables.put("account_holders", Row{
			"account_id": e.Key, "owner": e.Text("owner"), "currency": e.Text("currency"),
			"opened_at": e.Time, "closed_at": nil,
		})
	case "AccountClosed":
		f.row("account_holders", Row{"account_id": e.Key})["closed_at"] = e.Time
	}
	of, is := bookings[e.Type]
	if !is {
		return
	}
	month := e.Time.UTC().Format("2006-01")
	f.tables.put("account_statement", Row{
		"account_id": e.Key, "sequence": e.Sequence, "month": month, "booked_at": e.Time, "kind": of.kind,
		"text": of.text, "reference": e.Text("reference"), "amount": of.sign * e.Int("amount"),
		"currency": a["currency"], "balance": a["balance"],
	})
	turnover := f.row("account_months", Row{"account_id": e.Key, "month": month},
		"bookings", "credits", "debits")
	turnover.add("bookings", 1)
	if of.sign > 0 {
		turnover.add("credits", e.Int("amount"))
	} else {
		turnover.add("debits", e.Int("amount"))
	}
}
