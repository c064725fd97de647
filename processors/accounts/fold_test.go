package accounts_test

import (
	"testing"

	"refold/processors/accounts"
	"refold/processors/foldtest"
)

// lifetime is what happens to one of the accounts, and some of what does not.
var lifetime = []accounts.Command{
	accounts.OpenAccount{Owner: "Zoë", Currency: "EUR"},
	accounts.DepositMoney{Amount: 100, Currency: "EUR"},
	accounts.ChargeAccount{Amount: 5, Currency: "EUR", Reference: "order-1"},
	accounts.ChargeAccount{Amount: 5, Currency: "EUR", Reference: "order-1"}, // rejected
	accounts.ChargeAccount{Amount: 7, Currency: "EUR", Reference: "order-2"},
	accounts.RefundAccount{Amount: 5, Currency: "EUR", Reference: "order-1"},
	accounts.FreezeAccount{Reason: other("court order")},
	accounts.WithdrawMoney{Amount: 1, Currency: "EUR"}, // rejected
	accounts.UnfreezeAccount{},
	accounts.WithdrawMoney{Amount: 93, Currency: "EUR"},
	accounts.CloseAccount{},
}

// G4, G7: after each command the fold of the events makes the very row that handling the commands has
// made, byte for byte.
func TestFoldMakesTheRowThatCommandsMake(t *testing.T) {
	foldtest.MakesTheRows(t, accounts.Definition, lifetime)
	if accounts.Decider.Version() != 2 {
		t.Errorf("fold version %d", accounts.Decider.Version())
	}
}
