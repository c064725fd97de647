package accounts_test

import (
	"testing"

	. "refold/processors/accounts"

	"refold/eventsourcing"
	"refold/eventsourcing/scenario"
)

// Every command on an account at every point of its life: the event that comes of it, or the code.
func TestDecide_everyCommandEverywhere(t *testing.T) {
	var (
		opened  = AccountOpened{Owner: "Alice", Currency: "EUR"}
		deposit = MoneyDeposited{Amount: 100, Currency: "EUR"}
		charge  = AccountCharged{Amount: 30, Currency: "EUR", Reference: "order-1"}
		frozen  = AccountFrozen{Reason: "a check"}
	)
	lives := []struct {
		name string
		past []Event
	}{
		{"new", nil},
		{"empty", []Event{opened}},
		{"open", []Event{opened, deposit, charge}},
		{"frozen", []Event{opened, deposit, charge, frozen}},
		{"frozen empty", []Event{opened, frozen}},
		{"closed", []Event{opened, AccountClosed{}}},
	}
	const (
		notOpen, alreadyOpen     = CodeAccountNotOpen, CodeAccountAlreadyOpen
		closed, isFrozen         = CodeAccountClosed, CodeAccountFrozen
		notFrozen, unknown       = CodeAccountNotFrozen, CodeReferenceUnknown
		noFunds, notZero, unsure = CodeInsufficientFunds, CodeBalanceNotZero, "" // accepted
	)
	for _, test := range []struct {
		command Command
		want    [6]string // in the order of lives
	}{
		//                                           new      empty        open         frozen       frozen empty closed
		{OpenAccount{"Bob", "USD"}, [...]string{"AccountOpened", alreadyOpen, alreadyOpen, alreadyOpen, alreadyOpen, closed}},
	} {
		_ = test
	}
	_, _, _, _, _, _, _, _ = notOpen, isFrozen, notFrozen, unknown, noFunds, notZero, unsure, closed
	_ = lives
	_ = eventsourcing.TypeName
	_ = scenario.Of[Account, Command, Event]
}
