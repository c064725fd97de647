package audit

import (
	"fmt"
	"slices"
)

// Accounts are accounts: money comes in and goes out, also for references.
var Accounts = Kind{
	Name: accountName, Plural: "accounts",
	Initial: map[string]any{
		"status": "", "owner": "", "currency": "", "balance": int64(0), "charges": []any{}, "frozenFor": "",
	},
	Fold: foldAccount, Former: formerAccount,
	shop: &shopChecks{effect: effect, event: (*ledger).moved, row: (*ledger).accountRow},
}

const accountName = "account"

// maxCharges is how many references an account remembers to have been charged.
const maxCharges = 32

// foldAccount changes an account as an event does.
func foldAccount(account map[string]any, e Event) (map[string]any, error) {
	amount, reference := e.Int("amount"), e.Text("reference")
	balance := whole(account, "balance")
	if _, isMoney := e.Fields["amount"]; isMoney {
		if currency := e.Fields["currency"]; amount < 1 || currency != account["currency"] {
			return nil, moneyf("it moves %d %v in an account of %v", amount, currency, account["currency"])
		}
	}
	switch e.Type {
	case "AccountOpened":
		account["status"] = "open"
		account["owner"], account["currency"] = e.Text("owner"), e.Text("currency")
	case "MoneyDeposited":
		balance += amount
	case "MoneyWithdrawn":
		balance -= amount
	case "AccountCharged":
		balance -= amount
		charge(account, reference, amount)
	case "AccountRefunded":
		account["balance"] = balance + amount
		return account, refund(account, reference, amount)
	case "AccountFrozen":
		account["status"], account["frozenFor"] = "frozen", frozenFor(e)
	case "AccountUnfrozen":
		account["status"], account["frozenFor"] = "open", ""
	case "AccountClosed":
		account["status"], account["charges"] = "closed", []any{}
	default:
		return nil, fmt.Errorf("there is no event %q", e.Type)
	}
	account["balance"] = balance
	if balance < 0 {
		return account, fmt.Errorf("it makes the balance %d", balance)
	}
	return account, nil
}

// otherKind is the kind of reason that a reason without a kind is of.
const otherKind = "OTHER"

// frozenFor is the kind of reason of an AccountFrozen. Version 1 had a text for a reason.
func frozenFor(e Event) string {
	if reason, is := e.Fields["reason"].(map[string]any); is {
		return text(reason, "kind")
	}
	return otherKind
}

// formerAccount completes rows of fold version 1, which did not say why an account is frozen. Each of them
// was frozen by an event of version 1.
func formerAccount(account map[string]any) bool {
	if _, has := account["frozenFor"]; has {
		return false
	}
	account["frozenFor"] = ""
	if account["status"] == "frozen" {
		account["frozenFor"] = otherKind
	}
	return true
}

// charge adds to what can be refunded for a reference, and makes it the latest.
func charge(account map[string]any, reference string, amount int64) {
	charges := list(account, "charges") // the one charged longest ago first
	if i := slices.IndexFunc(charges, isOf("reference", reference)); i >= 0 {
		amount += refundable(charges[i])
		charges = slices.Delete(charges, i, i+1)
	}
	if len(charges) == maxCharges { // the oldest goes; of those refunded, if there are any
		oldest := max(0, slices.IndexFunc(charges, func(c any) bool { return refundable(c) == 0 }))
		charges = slices.Delete(charges, oldest, oldest+1)
	}
	account["charges"] = append(charges, map[string]any{"reference": reference, "refundable": amount})
}

// refund takes from what can be refunded for a reference.
func refund(account map[string]any, reference string, amount int64) error {
	charges := list(account, "charges")
	i := slices.IndexFunc(charges, isOf("reference", reference))
	if i < 0 || refundable(charges[i]) < amount {
		return fmt.Errorf("it refunds %d for %q, more than was charged", amount, reference)
	}
	charges[i] = map[string]any{"reference": reference, "refundable": refundable(charges[i]) - amount}
	return nil
}

// refundable is what is left to refund of a charge; 0 if it was refunded.
func refundable(charge any) int64 {
	fields, _ := charge.(map[string]any)
	return whole(fields, "refundable")
}

// effect is what an accepted command does to the balance.
func effect(c Command) int64 {
	amount := whole(c.Fields, "amount")
	switch c.Type {
	case "DepositMoney", "RefundAccount":
		return amount
	case "WithdrawMoney", "ChargeAccount":
		return -amount
	}
	return 0
}
