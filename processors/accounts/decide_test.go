package accounts_test

import (
	"math"
	"strings"
	"testing"

	. "refold/processors/accounts"

	"refold/eventsourcing/scenario"
)

type story = scenario.Story[Account, Command, Event]

// account begins a story about an account in euros.
func account(t *testing.T, events ...Event) story {
	t.Helper()
	return scenario.Of(t, Decider).
		Given(AccountOpened{Owner: "Alice Liddell", Currency: "EUR"}).
		Given(events...)
}

func TestOpenAccount(t *testing.T) {
	scenario.Of(t, Decider).
		When(OpenAccount{Owner: "Alice Liddell", Currency: "EUR"}).
		Then(AccountOpened{Owner: "Alice Liddell", Currency: "EUR"}).
		HasState(Account{Status: StatusOpen, Owner: "Alice Liddell", Currency: "EUR"})
}

// An owner's name may have any letters, up to the limit counted in characters, not bytes.
func TestOpenAccount_owner(t *testing.T) {
	longest := strings.Repeat("é", MaxOwner)
	for _, owner := range []string{"X", "Þórdís Ḵ'ashkáan 王", " Alice ", longest} {
		scenario.Of(t, Decider).
			When(OpenAccount{Owner: owner, Currency: "JPY"}).
			Then(AccountOpened{Owner: owner, Currency: "JPY"})
	}
}

func TestDepositMoney(t *testing.T) {
	account(t).
		When(DepositMoney{Amount: 1000, Currency: "EUR"}).
		Then(MoneyDeposited{Amount: 1000, Currency: "EUR"}).
		When(DepositMoney{Amount: 250, Currency: "EUR"}).
		Then(MoneyDeposited{Amount: 250, Currency: "EUR"}).
		HasState(Account{
			Status: StatusOpen, Owner: "Alice Liddell", Currency: "EUR", Balance: 1250,
		})
}

// An account can be filled to the last cent that an int64 counts.
func TestDepositMoney_upToTheLimit(t *testing.T) {
	account(t, MoneyDeposited{Amount: 1, Currency: "EUR"}).
		When(DepositMoney{Amount: math.MaxInt64 - 1, Currency: "EUR"}).
		Then(MoneyDeposited{Amount: math.MaxInt64 - 1, Currency: "EUR"}).
		When(DepositMoney{Amount: 1, Currency: "EUR"}).
		ThenRejected(CodeBalanceOverflow).
		When(WithdrawMoney{Amount: math.MaxInt64, Currency: "EUR"}).
		Then(MoneyWithdrawn{Amount: math.MaxInt64, Currency: "EUR"})
}

func TestWithdrawMoney(t *testing.T) {
	account(t, MoneyDeposited{Amount: 1000, Currency: "EUR"}).
		When(WithdrawMoney{Amount: 1001, Currency: "EUR"}).
		ThenRejected(CodeInsufficientFunds).
		When(WithdrawMoney{Amount: 1000, Currency: "EUR"}).
		Then(MoneyWithdrawn{Amount: 1000, Currency: "EUR"}).
		HasState(Account{Status: StatusOpen, Owner: "Alice Liddell", Currency: "EUR"})
}

func TestChargeAccount(t *testing.T) {
	account(t, MoneyDeposited{Amount: 1000, Currency: "EUR"}).
		When(ChargeAccount{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		Then(AccountCharged{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		When(ChargeAccount{Amount: 701, Currency: "EUR", Reference: "order-2"}).
		ThenRejected(CodeInsufficientFunds).
		HasState(Account{
			Status: StatusOpen, Owner: "Alice Liddell", Currency: "EUR", Balance: 700,
			Charges: []Charge{{Reference: "order-1", Refundable: 300}},
		})
}

// Charges for the same reference add up, and count as charged when the latest was.
func TestChargeAccount_sameReference(t *testing.T) {
	account(t, MoneyDeposited{Amount: 1000, Currency: "EUR"},
		AccountCharged{Amount: 100, Currency: "EUR", Reference: "order-1"},
		AccountCharged{Amount: 200, Currency: "EUR", Reference: "order-2"}).
		When(ChargeAccount{Amount: 11, Currency: "EUR", Reference: "order-1"}).
		Then(AccountCharged{Amount: 11, Currency: "EUR", Reference: "order-1"}).
		HasState(Account{
			Status: StatusOpen, Owner: "Alice Liddell", Currency: "EUR", Balance: 689,
			Charges: []Charge{
				{Reference: "order-2", Refundable: 200}, {Reference: "order-1", Refundable: 111},
			},
		}).
		When(RefundAccount{Amount: 111, Currency: "EUR", Reference: "order-1"}).
		Then(AccountRefunded{Amount: 111, Currency: "EUR", Reference: "order-1"})
}

func TestRefundAccount_inFull(t *testing.T) {
	account(t, MoneyDeposited{Amount: 1000, Currency: "EUR"},
		AccountCharged{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		When(RefundAccount{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		Then(AccountRefunded{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		HasState(Account{
			Status: StatusOpen, Owner: "Alice Liddell", Currency: "EUR", Balance: 1000,
		}).
		When(RefundAccount{Amount: 1, Currency: "EUR", Reference: "order-1"}).
		ThenRejected(CodeReferenceUnknown)
}

func TestRefundAccount_inParts(t *testing.T) {
	account(t, MoneyDeposited{Amount: 1000, Currency: "EUR"},
		AccountCharged{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		When(RefundAccount{Amount: 299, Currency: "EUR", Reference: "order-1"}).
		Then(AccountRefunded{Amount: 299, Currency: "EUR", Reference: "order-1"}).
		When(RefundAccount{Amount: 2, Currency: "EUR", Reference: "order-1"}).
		ThenRejected(CodeReferenceExceeded).
		When(RefundAccount{Amount: 1, Currency: "EUR", Reference: "order-1"}).
		Then(AccountRefunded{Amount: 1, Currency: "EUR", Reference: "order-1"})
}

// References are compared byte by byte: these are two.
func TestRefundAccount_anotherReference(t *testing.T) {
	account(t, MoneyDeposited{Amount: 1000, Currency: "EUR"},
		AccountCharged{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		When(RefundAccount{Amount: 300, Currency: "EUR", Reference: "Order-1"}).
		ThenRejected(CodeReferenceUnknown)
}

// The limit of what an account remembers: the reference charged longest ago is forgotten first, and
// one that was refunded in full makes room.
func TestRefundAccount_forgottenCharge(t *testing.T) {
	s := account(t, MoneyDeposited{Amount: 1000, Currency: "EUR"})
	for i := range MaxCharges {
		s = s.When(ChargeAccount{Amount: 2, Currency: "EUR", Reference: reference(i)}).
			Then(AccountCharged{Amount: 2, Currency: "EUR", Reference: reference(i)})
	}
	further := ChargeAccount{Amount: 2, Currency: "EUR", Reference: "one more"}
	charged := AccountCharged(further)

	s.When(further).Then(charged).
		When(RefundAccount{Amount: 1, Currency: "EUR", Reference: reference(0)}).
		ThenRejected(CodeReferenceUnknown).
		When(RefundAccount{Amount: 1, Currency: "EUR", Reference: reference(1)}).
		Then(AccountRefunded{Amount: 1, Currency: "EUR", Reference: reference(1)})

	s.When(RefundAccount{Amount: 2, Currency: "EUR", Reference: reference(7)}).
		Then(AccountRefunded{Amount: 2, Currency: "EUR", Reference: reference(7)}).
		When(further).Then(charged).
		When(RefundAccount{Amount: 2, Currency: "EUR", Reference: reference(0)}).
		Then(AccountRefunded{Amount: 2, Currency: "EUR", Reference: reference(0)})
}

func reference(i int) string { return "order-" + string(rune('A'+i)) }

// Frozen: nothing goes out; what comes in is the owner's and is taken.
func TestFreezeAccount(t *testing.T) {
	account(t, MoneyDeposited{Amount: 1000, Currency: "EUR"},
		AccountCharged{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		When(FreezeAccount{Reason: "court order 12/26"}).
		Then(AccountFrozen{Reason: "court order 12/26"}).
		When(WithdrawMoney{Amount: 1, Currency: "EUR"}).ThenRejected(CodeAccountFrozen).
		When(ChargeAccount{Amount: 1, Currency: "EUR", Reference: "order-2"}).
		ThenRejected(CodeAccountFrozen).
		When(DepositMoney{Amount: 5, Currency: "EUR"}).
		Then(MoneyDeposited{Amount: 5, Currency: "EUR"}).
		When(RefundAccount{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		Then(AccountRefunded{Amount: 300, Currency: "EUR", Reference: "order-1"}).
		HasState(Account{
			Status: StatusFrozen, Owner: "Alice Liddell", Currency: "EUR", Balance: 1005,
		})
}

// The sender of a payment has no right to learn why an account is frozen.
func TestFreezeAccount_reasonIsInNoAnswer(t *testing.T) {
	frozen := account(t, AccountFrozen{Reason: "suspicion"})
	for _, command := range []Command{
		WithdrawMoney{Amount: 1, Currency: "EUR"}, FreezeAccount{Reason: "again"}, CloseAccount{},
	} {
		turn := frozen.When(command)
		turn.ThenRejected(CodeAccountFrozen)
		if strings.Contains(turn.Message(), "suspicion") {
			t.Errorf("%T is told: %s", command, turn.Message())
		}
	}
}

func TestUnfreezeAccount(t *testing.T) {
	account(t, MoneyDeposited{Amount: 10, Currency: "EUR"}, AccountFrozen{Reason: "a check"}).
		When(UnfreezeAccount{}).Then(AccountUnfrozen{}).
		When(WithdrawMoney{Amount: 10, Currency: "EUR"}).
		Then(MoneyWithdrawn{Amount: 10, Currency: "EUR"})
}

func TestCloseAccount(t *testing.T) {
	account(t, MoneyDeposited{Amount: 10, Currency: "EUR"},
		AccountCharged{Amount: 9, Currency: "EUR", Reference: "order-1"}).
		When(CloseAccount{}).ThenRejected(CodeBalanceNotZero).
		When(WithdrawMoney{Amount: 1, Currency: "EUR"}).
		Then(MoneyWithdrawn{Amount: 1, Currency: "EUR"}).
		When(CloseAccount{}).Then(AccountClosed{}).
		HasState(Account{Status: StatusClosed, Owner: "Alice Liddell", Currency: "EUR"}).
		When(RefundAccount{Amount: 9, Currency: "EUR", Reference: "order-1"}).
		ThenRejected(CodeAccountClosed)
}

// What is wrong with a command itself is told first, so that the answer does not depend on the
// account.
func TestDecide_commandBeforeAccount(t *testing.T) {
	for _, s := range []story{
		scenario.Of(t, Decider),
		account(t),
		account(t, AccountFrozen{Reason: "a check"}),
		account(t, AccountClosed{}),
	} {
		s.When(OpenAccount{Owner: "", Currency: "EUR"}).ThenRejected(CodeOwnerMissing)
		s.When(OpenAccount{Owner: "Bob", Currency: "eur"}).ThenRejected(CodeCurrencyUnknown)
		s.When(DepositMoney{Amount: 0, Currency: "EUR"}).ThenRejected(CodeAmountNotPositive)
		s.When(WithdrawMoney{Amount: -1, Currency: "USD"}).ThenRejected(CodeAmountNotPositive)
		s.When(ChargeAccount{Amount: 1, Currency: "EUR"}).ThenRejected(CodeReferenceMissing)
		s.When(RefundAccount{Amount: 1, Currency: "EUR"}).ThenRejected(CodeReferenceMissing)
		s.When(FreezeAccount{}).ThenRejected(CodeReasonMissing)
	}
}
