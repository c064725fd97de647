package audit

import (
	"fmt"
	"slices"
)

// maxCharges is how many references an account remembers to have been charged.
const maxCharges = 32

// Account is an account's state.
type Account struct {
	Status, Owner, Currency string
	Balance                 int64
	Charges                 []Charge // charged longest ago first
}

// Charge is what is left to refund for a reference; 0 if it was refunded.
type Charge struct {
	Reference  string
	Refundable int64
}

func readAccount(fields map[string]any) (State, error) {
	a := &Account{}
	err := fill(fields, map[string]any{
		"status": &a.Status, "owner": &a.Owner, "currency": &a.Currency, "balance": &a.Balance,
	})
	if err != nil {
		return nil, err
	}
	charges, _ := fields["charges"].([]any)
	for _, item := range charges {
		var charge Charge
		itemFields, _ := item.(map[string]any)
		err := fill(itemFields, map[string]any{
			"reference": &charge.Reference, "refundable": &charge.Refundable,
		})
		if err != nil {
			return nil, err
		}
		a.Charges = append(a.Charges, charge)
	}
	return a, nil
}

func (a *Account) same(other State) bool {
	b, is := other.(*Account)
	return is && a.Status == b.Status && a.Owner == b.Owner && a.Currency == b.Currency &&
		a.Balance == b.Balance && slices.Equal(a.Charges, b.Charges)
}

func (a *Account) fields() map[string]any {
	charges := make([]any, len(a.Charges))
	for i, c := range a.Charges {
		charges[i] = map[string]any{"reference": c.Reference, "refundable": c.Refundable}
	}
	return map[string]any{
		"status": a.Status, "owner": a.Owner, "currency": a.Currency, "balance": a.Balance,
		"charges": charges,
	}
}

func (a *Account) apply(e Event) error {
	amount, reference := whole(e, "amount"), text(e, "reference")
	if _, isMoney := e.Fields["amount"]; isMoney {
		if currency := e.Fields["currency"]; amount < 1 || currency != a.Currency {
			return fmt.Errorf("it moves %d %v in an account of %s", amount, currency, a.Currency)
		}
	}
	switch e.Type {
	case "AccountOpened":
		a.Status = "open"
		a.Owner, a.Currency = text(e, "owner"), text(e, "currency")
	case "MoneyDeposited":
		a.Balance += amount
	case "MoneyWithdrawn":
		a.Balance -= amount
	case "AccountCharged":
		a.Balance -= amount
		a.charge(reference, amount)
	case "AccountRefunded":
		a.Balance += amount
		return a.refund(reference, amount)
	case "AccountFrozen":
		a.Status = "frozen"
	case "AccountUnfrozen":
		a.Status = "open"
	case "AccountClosed":
		a.Status, a.Charges = "closed", nil
	default:
		return illegalf("there is no event %q", e.Type)
	}
	if a.Balance < 0 {
		return illegalf("it makes the balance %d", a.Balance)
	}
	return nil
}

// find returns where a reference is; -1 if nowhere.
func (a *Account) find(reference string) int {
	return slices.IndexFunc(a.Charges, func(c Charge) bool { return c.Reference == reference })
}

// charge adds to what can be refunded for a reference and makes it the latest.
func (a *Account) charge(reference string, amount int64) {
	if i := a.find(reference); i >= 0 {
		amount += a.Charges[i].Refundable
		a.Charges = slices.Delete(a.Charges, i, i+1)
	}
	if len(a.Charges) == maxCharges { // the oldest goes; of those refunded, if there are any
		oldest := 0
		for i, c := range a.Charges {
			if c.Refundable == 0 {
				oldest = i
				break
			}
		}
		a.Charges = slices.Delete(a.Charges, oldest, oldest+1)
	}
	a.Charges = append(a.Charges, Charge{Reference: reference, Refundable: amount})
}

func (a *Account) refund(reference string, amount int64) error {
	i := a.find(reference)
	if i < 0 || a.Charges[i].Refundable < amount {
		return illegalf("it refunds %d for %q, more than was charged", amount, reference)
	}
	a.Charges[i].Refundable -= amount
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
