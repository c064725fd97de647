package accounts_test

import (
	"math"
	"strings"
	"testing"

	"refold/eventsourcing/scenario"
	"refold/processors/accounts"
	"refold/processors/foldtest"
)

// rejection is a command that is rejected, and how.
type rejection struct {
	code    string
	message string
	past    []accounts.Event
	command accounts.Command
}

func rejections() []rejection {
	const most = math.MaxInt64
	var (
		opened  = accounts.AccountOpened{Owner: "Alice", Currency: "EUR"}
		full    = accounts.MoneyDeposited{Amount: most, Currency: "EUR"}
		some    = accounts.MoneyDeposited{Amount: 1250, Currency: "EUR"}
		charged = accounts.AccountCharged{Amount: 300, Currency: "EUR", Reference: "order-1"}
		past    = func(events ...accounts.Event) []accounts.Event { return events }
		long    = func(n int) string { return strings.Repeat("é", n+1) }
	)
	return []rejection{
		{
			accounts.CodeAccountNotOpen, "the account was never opened", nil,
			accounts.DepositMoney{Amount: 1, Currency: "EUR"},
		},
		{
			accounts.CodeAccountAlreadyOpen, "the account is open already, in EUR", past(opened),
			accounts.OpenAccount{Owner: "Bob", Currency: "USD"},
		},
		{
			accounts.CodeAccountClosed, "the account is closed for good, and its ID is not used again",
			past(opened, accounts.AccountClosed{}),
			accounts.OpenAccount{Owner: "Bob", Currency: "USD"},
		},
		{
			accounts.CodeAccountFrozen, "the account is frozen",
			past(opened, some, accounts.AccountFrozen{Reason: other("a check")}),
			accounts.WithdrawMoney{Amount: 1, Currency: "EUR"},
		},
		{
			accounts.CodeAccountNotFrozen, "the account is not frozen", past(opened),
			accounts.UnfreezeAccount{},
		},
		{
			accounts.CodeInsufficientFunds, "the balance is 12.50 EUR, the amount is 12.51 EUR",
			past(opened, some),
			accounts.WithdrawMoney{Amount: 1251, Currency: "EUR"},
		},
		{
			accounts.CodeInsufficientFunds, "the balance is 12.50 EUR, the amount is 20.00 EUR",
			past(opened, some),
			accounts.ChargeAccount{Amount: 2000, Currency: "EUR", Reference: "order-1"},
		},
		{
			accounts.CodeCurrencyMismatch, `the account is in EUR, the command in "USD"`,
			past(opened),
			accounts.DepositMoney{Amount: 1, Currency: "USD"},
		},
		{
			accounts.CodeCurrencyMismatch, `the account is in EUR, the command in "much too l"`,
			past(opened),
			accounts.DepositMoney{Amount: 1, Currency: "much too long"},
		},
		{
			accounts.CodeCurrencyUnknown, `currency is "euro"; it must be an active ISO 4217 code ` +
				`of three upper-case letters, such as EUR`, nil,
			accounts.OpenAccount{Owner: "Bob", Currency: "euro"},
		},
		{
			accounts.CodeAmountNotPositive, "amount is -5; it must be 1 minor unit or more",
			past(opened),
			accounts.DepositMoney{Amount: -5, Currency: "EUR"},
		},
		{
			accounts.CodeBalanceOverflow, "the balance is 92233720368547758.07 EUR; with another " +
				"0.01 EUR it would be more than 92233720368547758.07 EUR, the most an account holds",
			past(opened, full),
			accounts.DepositMoney{Amount: 1, Currency: "EUR"},
		},
		{
			accounts.CodeBalanceOverflow, "the balance is 92233720368547758.07 EUR; with another " +
				"3.00 EUR it would be more than 92233720368547758.07 EUR, the most an account holds",
			past(opened, some, charged,
				accounts.MoneyDeposited{Amount: most - 950, Currency: "EUR"}),
			accounts.RefundAccount{Amount: 300, Currency: "EUR", Reference: "order-1"},
		},
		{accounts.CodeBalanceNotZero, "the balance is 12.50 EUR; it must be zero to close the " +
			"account", past(opened, some), accounts.CloseAccount{}},
		{
			accounts.CodeReferenceMissing, "reference is empty; it must have 1 to 128 characters",
			past(opened, some),
			accounts.ChargeAccount{Amount: 1, Currency: "EUR", Reference: " "},
		},
		{
			accounts.CodeReferenceUnknown, `nothing is left to refund for "order-2": it was never ` +
				`charged, was refunded, or 32 others were charged since`, past(opened, some, charged),
			accounts.RefundAccount{Amount: 1, Currency: "EUR", Reference: "order-2"},
		},
		{
			accounts.CodeReferenceExceeded, `3.00 EUR are left to refund for "order-1", the refund ` +
				`is 3.01 EUR`, past(opened, some, charged),
			accounts.RefundAccount{Amount: 301, Currency: "EUR", Reference: "order-1"},
		},
		{
			accounts.CodeReferenceAlreadyCharged, `"order-1" was charged already, and 3.00 EUR of it ` +
				`can be refunded; a reference is charged once`,
			past(opened, some, charged),
			accounts.ChargeAccount{Amount: 1, Currency: "EUR", Reference: "order-1"},
		},
		{
			accounts.CodeOwnerMissing, "owner is empty; it must have 1 to 200 characters", nil,
			accounts.OpenAccount{Owner: "\t ", Currency: "EUR"},
		},
		{
			accounts.CodeReasonMissing, "reason.text is empty; it must have 1 to 500 characters",
			past(opened),
			accounts.FreezeAccount{},
		},
		{
			accounts.CodeReasonUnknown, `reason.kind is "RUMOUR"; it must be one of OTHER, STOLEN, ` +
				"COURT_ORDER, FRAUD, DECEASED",
			past(opened),
			accounts.FreezeAccount{Reason: accounts.Reason{Kind: "RUMOUR", Text: "they say so"}},
		},
		{
			accounts.CodeTextTooLong, "owner has 201 characters; at most 200 are allowed", nil,
			accounts.OpenAccount{Owner: long(accounts.MaxOwner), Currency: "EUR"},
		},
		{
			accounts.CodeTextTooLong, "reason.text has 501 characters; at most 500 are allowed",
			past(opened),
			accounts.FreezeAccount{Reason: other(long(accounts.MaxReason))},
		},
		{
			accounts.CodeTextTooLong, "reference has 129 characters; at most 128 are allowed",
			past(opened),
			accounts.RefundAccount{
				Amount: 1, Currency: "EUR", Reference: long(accounts.MaxReference),
			},
		},
		{
			accounts.CodeTextInvalid, "owner is no valid UTF-8", nil,
			accounts.OpenAccount{Owner: "Alic\xe9", Currency: "EUR"},
		},
		{accounts.CodeTextInvalid, "reason.text has the control character U+000A at byte 5; none is " +
			"allowed", past(opened), accounts.FreezeAccount{Reason: other("fraud\nINFO all is well")}},
	}
}

func TestRejections(t *testing.T) {
	for _, r := range rejections() {
		t.Run(r.code, func(t *testing.T) {
			turn := scenario.Of(t, accounts.Decider).Given(r.past...).When(r.command)
			turn.ThenRejected(r.code)
			if got := turn.Message(); got != r.message {
				t.Errorf("the message is:\n%s\nwanted:\n%s", got, r.message)
			}
		})
	}
}

// A code that nothing provokes is a promise that nobody has tried.
func TestRejections_everyCode(t *testing.T) {
	var provoked []string
	for _, r := range rejections() {
		provoked = append(provoked, r.code)
	}
	foldtest.EveryCodeIsProvoked(t, accounts.Definition, provoked...)
}
