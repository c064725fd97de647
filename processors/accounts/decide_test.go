package accounts_test

import (
	"math"
	"strings"
	"testing"

	"refold/eventsourcing/scenario"
	"refold/processors/accounts"
)

type story = scenario.Story[accounts.Account, accounts.Command, accounts.Event]

func other(text string) accounts.Reason {
	return accounts.Reason{Kind: accounts.ReasonOther, Text: text}
}

// account begins a story about an account in euros.
func account(t *testing.T, events ...accounts.Event) story {
	t.Helper()
	return scenario.Of(t, accounts.Decider).
		Given(accounts.AccountOpened{Owner: "Alice Liddell", Currency: "EUR"}).
		Given(events...)
}

func TestOpenAccount(t *testing.T) {
	scenario.Of(t, accounts.Decider).
		When(accounts.OpenAccount{Owner: "Alice Liddell", Currency: "EUR"}).
		Then(accounts.AccountOpened{Owner: "Alice Liddell", Currency: "EUR"}).
		HasState(accounts.Account{
			Status: accounts.StatusOpen, Owner: "Alice Liddell", Currency: "EUR",
		})
}

// An owner's name may have any letters, up to the limit counted in characters, not bytes.
func TestOpenAccount_owner(t *testing.T) {
	longest := strings.Repeat("é", accounts.MaxOwner)
	for _, owner := range []string{"X", "Þórdís Ḵ'ashkáan 王", " Alice ", longest} {
		scenario.Of(t, accounts.Decider).
			When(accounts.OpenAccount{Owner: owner, Currency: "JPY"}).
			Then(accounts.AccountOpened{Owner: owner, Currency: "JPY"})
	}
}

func TestDepositMoney(t *testing.T) {
	account(t).
		When(accounts.DepositMoney{Amount: 1000, Currency: "EUR"}).
		Then(accounts.MoneyDeposited{Amount: 1000, Currency: "EUR"}).
		When(accounts.DepositMoney{Amount: 250, Currency: "EUR"}).
		Then(accounts.MoneyDeposited{Amount: 250, Currency: "EUR"}).
		HasState(accounts.Account{
			Status: accounts.StatusOpen, Owner: "Alice Liddell", Currency: "EUR", Balance: 1250,
		})
}

// An account can be filled to the last cent that an int64 counts.
func TestDepositMoney_upToTheLimit(t *testing.T) {
	account(t, accounts.MoneyDeposited{Amount: 1, Currency: "EUR"}).
		When(accounts.DepositMoney{Amount: math.MaxInt64 - 1, Currency: "EUR"}).
		Then(accounts.MoneyDeposited{Amount: math.MaxInt64 - 1, Currency: "EUR"}).
		When(accounts.DepositMoney{Amount: 1, Currency: "EUR"}).
		ThenRejected(accounts.CodeBalanceOverflow).
		When(accounts.WithdrawMoney{Amount: math.MaxInt64, Currency: "EUR"}).
		Then(accounts.MoneyWithdrawn{Amount: math.MaxInt64, Currency: "EUR"})
}

func TestWithdrawMoney(t *testing.T) {
	account(t, accounts.MoneyDeposited{Amount: 1000, Currency: "EUR"}).
		When(accounts.WithdrawMoney{Amount: 1001, Currency: "EUR"}).
		ThenRejected(accounts.CodeInsufficientFunds).
		When(accounts.WithdrawMoney{Amount: 1000, Currency: "EUR"}).
		Then(accounts.MoneyWithdrawn{Amount: 1000, Currency: "EUR"}).
		HasState(accounts.Account{
			Status: accounts.StatusOpen, Owner: "Alice Liddell", Currency: "EUR",
		})
}

func TestChargeAccount(t *testing.T) {
	account(t, accounts.MoneyDeposited{Amount: 1000, Currency: "EUR"}).
		When(accounts.ChargeAccount{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		Then(accounts.AccountCharged{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		When(accounts.ChargeAccount{Amount: 701, Currency: "EUR", Reference: "order-2"}).
		ThenRejected(accounts.CodeInsufficientFunds).
		HasState(accounts.Account{
			Status: accounts.StatusOpen, Owner: "Alice Liddell", Currency: "EUR", Balance: 700,
			Charges: []accounts.Charge{{Reference: "order-1", Refundable: 300}},
		})
}

// Events are for ever: charges for the same reference, which older releases made, add up, and count as
// charged when the latest was.
func TestChargeAccount_sameReferenceInOldEvents(t *testing.T) {
	account(t, accounts.MoneyDeposited{Amount: 1000, Currency: "EUR"},
		accounts.AccountCharged{Amount: 100, Currency: "EUR", Reference: "order-1"},
		accounts.AccountCharged{Amount: 200, Currency: "EUR", Reference: "order-2"},
		accounts.AccountCharged{Amount: 11, Currency: "EUR", Reference: "order-1"}).
		HasState(accounts.Account{
			Status: accounts.StatusOpen, Owner: "Alice Liddell", Currency: "EUR", Balance: 689,
			Charges: []accounts.Charge{
				{Reference: "order-2", Refundable: 200}, {Reference: "order-1", Refundable: 111},
			},
		}).
		When(accounts.RefundAccount{Amount: 111, Currency: "EUR", Reference: "order-1"}).
		Then(accounts.AccountRefunded{Amount: 111, Currency: "EUR", Reference: "order-1"})
}

// A charge that comes again is refused as long as the reference is remembered, whatever has become
// of the money and of the account since; so is its refund.
func TestChargeAccount_again(t *testing.T) {
	charge := accounts.ChargeAccount{Amount: 300, Currency: "EUR", Reference: "order-1"}
	refund := accounts.RefundAccount(charge)
	charged := account(t, accounts.MoneyDeposited{Amount: 1000, Currency: "EUR"}).
		When(charge).Then(accounts.AccountCharged(charge)).
		When(charge).ThenRejected(accounts.CodeReferenceAlreadyCharged)
	for _, since := range []accounts.Event{
		accounts.MoneyWithdrawn{Amount: 700, Currency: "EUR"},
		accounts.AccountFrozen{Reason: other("a check")},
		accounts.AccountRefunded{Amount: 100, Currency: "EUR", Reference: "order-1"},
		accounts.AccountRefunded{Amount: 300, Currency: "EUR", Reference: "order-1"},
	} {
		charged.Given(since).When(charge).ThenRejected(accounts.CodeReferenceAlreadyCharged)
	}
	charged.
		When(refund).Then(accounts.AccountRefunded(refund)).
		When(refund).ThenRejected(accounts.CodeReferenceUnknown).
		When(charge).ThenRejected(accounts.CodeReferenceAlreadyCharged).
		When(refund).ThenRejected(accounts.CodeReferenceUnknown)
}

func TestRefundAccount_inFull(t *testing.T) {
	account(t, accounts.MoneyDeposited{Amount: 1000, Currency: "EUR"},
		accounts.AccountCharged{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		When(accounts.RefundAccount{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		Then(accounts.AccountRefunded{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		HasState(accounts.Account{
			Status: accounts.StatusOpen, Owner: "Alice Liddell", Currency: "EUR", Balance: 1000,
			Charges: []accounts.Charge{{Reference: "order-1"}},
		}).
		When(accounts.RefundAccount{Amount: 1, Currency: "EUR", Reference: "order-1"}).
		ThenRejected(accounts.CodeReferenceUnknown)
}

func TestRefundAccount_inParts(t *testing.T) {
	account(t, accounts.MoneyDeposited{Amount: 1000, Currency: "EUR"},
		accounts.AccountCharged{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		When(accounts.RefundAccount{Amount: 299, Currency: "EUR", Reference: "order-1"}).
		Then(accounts.AccountRefunded{Amount: 299, Currency: "EUR", Reference: "order-1"}).
		When(accounts.RefundAccount{Amount: 2, Currency: "EUR", Reference: "order-1"}).
		ThenRejected(accounts.CodeReferenceExceeded).
		When(accounts.RefundAccount{Amount: 1, Currency: "EUR", Reference: "order-1"}).
		Then(accounts.AccountRefunded{Amount: 1, Currency: "EUR", Reference: "order-1"})
}

// References are compared byte by byte: these are two.
func TestRefundAccount_anotherReference(t *testing.T) {
	account(t, accounts.MoneyDeposited{Amount: 1000, Currency: "EUR"},
		accounts.AccountCharged{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		When(accounts.RefundAccount{Amount: 300, Currency: "EUR", Reference: "Order-1"}).
		ThenRejected(accounts.CodeReferenceUnknown)
}

// The limit of what an account remembers: the reference charged longest ago is forgotten first,
// but for one that was refunded in full, which makes room before.
func TestRefundAccount_forgottenCharge(t *testing.T) {
	s := account(t, accounts.MoneyDeposited{Amount: 1000, Currency: "EUR"})
	for i := range accounts.MaxCharges {
		s = s.When(accounts.ChargeAccount{Amount: 2, Currency: "EUR", Reference: reference(i)}).
			Then(accounts.AccountCharged{Amount: 2, Currency: "EUR", Reference: reference(i)})
	}
	further := accounts.ChargeAccount{Amount: 2, Currency: "EUR", Reference: "one more"}
	charged := accounts.AccountCharged(further)

	s.When(further).Then(charged).
		When(accounts.RefundAccount{Amount: 1, Currency: "EUR", Reference: reference(0)}).
		ThenRejected(accounts.CodeReferenceUnknown).
		When(accounts.RefundAccount{Amount: 1, Currency: "EUR", Reference: reference(1)}).
		Then(accounts.AccountRefunded{Amount: 1, Currency: "EUR", Reference: reference(1)})

	s.When(accounts.RefundAccount{Amount: 2, Currency: "EUR", Reference: reference(7)}).
		Then(accounts.AccountRefunded{Amount: 2, Currency: "EUR", Reference: reference(7)}).
		When(further).Then(charged).
		When(accounts.ChargeAccount{Amount: 2, Currency: "EUR", Reference: reference(0)}).
		ThenRejected(accounts.CodeReferenceAlreadyCharged).
		When(accounts.RefundAccount{Amount: 2, Currency: "EUR", Reference: reference(0)}).
		Then(accounts.AccountRefunded{Amount: 2, Currency: "EUR", Reference: reference(0)})
}

func reference(i int) string { return "order-" + string(rune('A'+i)) }

// Frozen: nothing goes out; what comes in is the owner's and is taken.
func TestFreezeAccount(t *testing.T) {
	account(t, accounts.MoneyDeposited{Amount: 1000, Currency: "EUR"},
		accounts.AccountCharged{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		When(accounts.FreezeAccount{Reason: other("court order 12/26")}).
		Then(accounts.AccountFrozen{Reason: other("court order 12/26")}).
		When(accounts.WithdrawMoney{Amount: 1, Currency: "EUR"}).
		ThenRejected(accounts.CodeAccountFrozen).
		When(accounts.ChargeAccount{Amount: 1, Currency: "EUR", Reference: "order-2"}).
		ThenRejected(accounts.CodeAccountFrozen).
		When(accounts.DepositMoney{Amount: 5, Currency: "EUR"}).
		Then(accounts.MoneyDeposited{Amount: 5, Currency: "EUR"}).
		When(accounts.RefundAccount{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		Then(accounts.AccountRefunded{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		HasState(accounts.Account{
			Status: accounts.StatusFrozen, Owner: "Alice Liddell", Currency: "EUR", Balance: 1005,
			Charges: []accounts.Charge{{Reference: "order-1"}}, FrozenFor: "OTHER",
		})
}

// The kind of the reason is in the state for as long as the account is frozen.
func TestFreezeAccount_kind(t *testing.T) {
	stolen := accounts.Reason{Kind: accounts.ReasonStolen, Text: "the card, in a bus"}
	account(t).
		When(accounts.FreezeAccount{Reason: stolen}).Then(accounts.AccountFrozen{Reason: stolen}).
		HasState(accounts.Account{
			Status: accounts.StatusFrozen, Owner: "Alice Liddell", Currency: "EUR", FrozenFor: "STOLEN",
		}).
		When(accounts.UnfreezeAccount{}).Then(accounts.AccountUnfrozen{}).
		HasState(accounts.Account{Status: accounts.StatusOpen, Owner: "Alice Liddell", Currency: "EUR"})
}

// The sender of a payment has no right to learn why an account is frozen.
func TestFreezeAccount_reasonIsInNoAnswer(t *testing.T) {
	frozen := account(t, accounts.AccountFrozen{Reason: other("suspicion")})
	for _, command := range []accounts.Command{
		accounts.WithdrawMoney{Amount: 1, Currency: "EUR"},
		accounts.FreezeAccount{Reason: other("again")},
		accounts.CloseAccount{},
	} {
		turn := frozen.When(command)
		turn.ThenRejected(accounts.CodeAccountFrozen)
		if strings.Contains(turn.Message(), "suspicion") {
			t.Errorf("%T is told: %s", command, turn.Message())
		}
	}
}

func TestUnfreezeAccount(t *testing.T) {
	account(t, accounts.MoneyDeposited{Amount: 10, Currency: "EUR"},
		accounts.AccountFrozen{Reason: other("a check")}).
		When(accounts.UnfreezeAccount{}).Then(accounts.AccountUnfrozen{}).
		When(accounts.WithdrawMoney{Amount: 10, Currency: "EUR"}).
		Then(accounts.MoneyWithdrawn{Amount: 10, Currency: "EUR"})
}

func TestCloseAccount(t *testing.T) {
	account(t, accounts.MoneyDeposited{Amount: 10, Currency: "EUR"},
		accounts.AccountCharged{Amount: 9, Currency: "EUR", Reference: "order-1"}).
		When(accounts.CloseAccount{}).ThenRejected(accounts.CodeBalanceNotZero).
		When(accounts.WithdrawMoney{Amount: 1, Currency: "EUR"}).
		Then(accounts.MoneyWithdrawn{Amount: 1, Currency: "EUR"}).
		When(accounts.CloseAccount{}).Then(accounts.AccountClosed{}).
		HasState(accounts.Account{
			Status: accounts.StatusClosed, Owner: "Alice Liddell", Currency: "EUR",
		}).
		When(accounts.RefundAccount{Amount: 9, Currency: "EUR", Reference: "order-1"}).
		ThenRejected(accounts.CodeAccountClosed)
}

// What is wrong with a command itself is told first, so that the answer does not depend on the
// account.
func TestDecide_commandBeforeAccount(t *testing.T) {
	for _, s := range []story{
		scenario.Of(t, accounts.Decider),
		account(t),
		account(t, accounts.AccountFrozen{Reason: other("a check")}),
		account(t, accounts.AccountClosed{}),
	} {
		s.When(accounts.OpenAccount{Owner: "", Currency: "EUR"}).
			ThenRejected(accounts.CodeOwnerMissing)
		s.When(accounts.OpenAccount{Owner: "Bob", Currency: "eur"}).
			ThenRejected(accounts.CodeCurrencyUnknown)
		s.When(accounts.DepositMoney{Amount: 0, Currency: "EUR"}).
			ThenRejected(accounts.CodeAmountNotPositive)
		s.When(accounts.WithdrawMoney{Amount: -1, Currency: "USD"}).
			ThenRejected(accounts.CodeAmountNotPositive)
		s.When(accounts.ChargeAccount{Amount: 1, Currency: "EUR"}).
			ThenRejected(accounts.CodeReferenceMissing)
		s.When(accounts.RefundAccount{Amount: 1, Currency: "EUR"}).
			ThenRejected(accounts.CodeReferenceMissing)
		s.When(accounts.FreezeAccount{}).
			ThenRejected(accounts.CodeReasonMissing)
	}
}
