package audit

import (
	"fmt"
	"slices"
)

// maxCharges is how many references an account remembers to refund.
const maxCharges = 32

// account is an account's state, folded of its events.
type account struct {
	status, owner, currency string
	balance                 int64
	charges                 []Charge // charged longest ago first
}

// apply folds one event. The error says why it can't follow on those before it.
func (a *account) apply(e Event) error {
	amount, _ := e.Fields["amount"].(int64)
	reference, _ := e.Fields["reference"].(string)
	if _, isMoney := e.Fields["amount"]; isMoney {
		if currency := e.Fields["currency"]; amount < 1 || currency != a.currency {
			return fmt.Errorf("it moves %d %v in an account of %s", amount, currency, a.currency)
		}
	}
	switch e.Type {
	case "AccountOpened":
		a.status = "open"
		a.owner, _ = e.Fields["owner"].(string)
		a.currency, _ = e.Fields["currency"].(string)
	case "MoneyDeposited":
		a.balance += amount
	case "MoneyWithdrawn":
		a.balance -= amount
	case "AccountCharged":
		a.balance -= amount
		a.charge(reference, amount)
	case "AccountRefunded":
		a.balance += amount
		return a.refund(reference, amount)
	case "AccountFrozen":
		a.status = "frozen"
	case "AccountUnfrozen":
		a.status = "open"
	case "AccountClosed":
		a.status, a.charges = "closed", nil
	default:
		return fmt.Errorf("there is no event %q", e.Type)
	}
	if a.balance < 0 {
		return fmt.Errorf("it makes the balance %d", a.balance)
	}
	return nil
}

// find returns where a reference is; -1 if nowhere.
func (a *account) find(reference string) int {
	return slices.IndexFunc(a.charges, func(c Charge) bool { return c.Reference == reference })
}

// charge adds to what can be refunded for a reference and makes it the latest.
func (a *account) charge(reference string, amount int64) {
	if i := a.find(reference); i >= 0 {
		amount += a.charges[i].Refundable
		a.charges = slices.Delete(a.charges, i, i+1)
	}
	a.charges = append(a.charges, Charge{Reference: reference, Refundable: amount})
	if len(a.charges) > maxCharges {
		a.charges = slices.Delete(a.charges, 0, 1)
	}
}

func (a *account) refund(reference string, amount int64) error {
	i := a.find(reference)
	if i < 0 || a.charges[i].Refundable < amount {
		return fmt.Errorf("it refunds %d for %q, more than was charged", amount, reference)
	}
	a.charges[i].Refundable -= amount
	if a.charges[i].Refundable == 0 {
		a.charges = slices.Delete(a.charges, i, i+1)
	}
	return nil
}

// effect is what an accepted command does to the balance.
func effect(c Command) int64 {
	amount, _ := c.Fields["amount"].(int64)
	switch c.Type {
	case "DepositMoney", "RefundAccount":
		return amount
	case "WithdrawMoney", "ChargeAccount":
		return -amount
	}
	return 0
}
