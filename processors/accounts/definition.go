package accounts

import (
	"math/rand/v2"

	"refold/processors"
)

// Definition is the kind of aggregate that this package is about. A worker runs the Goka group graph that
// comes of it: see package processors, graph.go.
var Definition = processors.Aggregate[Account, Command, Event]{
	Name: "account", Plural: "accounts", Namespace: "refold.accounts",

	Decide:      decide,
	Evolve:      evolve,
	FoldVersion: 2, // to be raised when Evolve, or what a row says, changes its meaning

	Commands: []processors.Message{
		processors.Of(OpenAccount{Owner: "Alice", Currency: "EUR"},
			"Wish to open an account that was never opened before."),
		processors.Of(DepositMoney{Amount: 500, Currency: "EUR"},
			"Wish to pay money in."),
		processors.Of(WithdrawMoney{Amount: 120, Currency: "EUR"},
			"Wish to pay money out."),
		processors.Of(ChargeAccount{Amount: 120, Currency: "EUR", Reference: "order-1"},
			"Wish to take money for something that RefundAccount can give it back for."),
		processors.Of(RefundAccount{Amount: 120, Currency: "EUR", Reference: "order-1"},
			"Wish to give back what ChargeAccount took for a reference, all or a part of it."),
		processors.Of(FreezeAccount{Reason: Reason{Kind: ReasonStolen, Text: "reported by the owner"}},
			"Wish to stop money from going out."),
		processors.Of(UnfreezeAccount{},
			"Wish to let money go out again."),
		processors.Of(CloseAccount{},
			"Wish to end an account whose balance is zero."),
	},
	Events: []processors.Message{
		processors.Of(AccountOpened{}, "There is an account from now on."),
		processors.Of(MoneyDeposited{}, "Money was paid in."),
		processors.Of(MoneyWithdrawn{}, "Money was paid out."),
		processors.Of(AccountCharged{}, "Money was taken for what the reference names."),
		processors.Of(AccountRefunded{}, "Money taken for the reference was given back."),
		processors.Of(AccountFrozen{Reason: Reason{Kind: ReasonOther}}, "No money goes out from now on."),
		processors.Of(AccountUnfrozen{}, "Money can go out again."),
		processors.Of(AccountClosed{}, "The account has ended."),
	},
	FormerCommands: formerCommands, FormerEvents: formerEvents, FormerStates: formerStates,
	Rejections: map[string]string{
		CodeAccountNotOpen:          "The account was never opened.",
		CodeAccountAlreadyOpen:      "OpenAccount, on an account that is open or frozen.",
		CodeAccountClosed:           "The account has ended, for good.",
		CodeAccountFrozen:           "Nothing goes out of a frozen account, nor is it frozen twice or closed.",
		CodeAccountNotFrozen:        "UnfreezeAccount, on an account that is not frozen.",
		CodeInsufficientFunds:       "More is to go out than the balance.",
		CodeCurrencyMismatch:        "The command's currency is not the account's.",
		CodeCurrencyUnknown:         "OpenAccount, with what is no active ISO 4217 currency.",
		CodeAmountNotPositive:       "The amount is 0 or less.",
		CodeBalanceOverflow:         "The balance would be more than an int64 holds.",
		CodeBalanceNotZero:          "CloseAccount, with money on the account.",
		CodeReferenceMissing:        "A charge or refund does not say what it pays for.",
		CodeReferenceUnknown:        "Nothing is left to refund for the reference, or the account has forgotten it.",
		CodeReferenceExceeded:       "A refund of more than is left to refund for the reference.",
		CodeReferenceAlreadyCharged: "ChargeAccount, for a reference that the account remembers to have charged, refunded or not.",
		CodeOwnerMissing:            "OpenAccount, without an owner.",
		CodeReasonMissing:           "FreezeAccount, without a reason.",
		CodeReasonUnknown:           "FreezeAccount, with a reason of a kind that there is not.",
		CodeTextTooLong:             "An owner, reason or reference has more characters than allowed.",
		CodeTextInvalid:             "An owner, reason or reference is no UTF-8, or has a control character.",
	},

	Example: Account{
		Status: StatusOpen, Owner: "Alice", Currency: "EUR", Balance: 500, Charges: []Charge{},
	},
	Traffic: traffic,
	Money: map[string]string{
		"balance": "currency", "charges[].refundable": "currency", "amount": "currency",
	},
	Totals: func(a Account) []processors.Total { return []processors.Total{{Name: a.Currency, Amount: a.Balance}} },
}

// Decider is an account's whole behaviour. Every command that is one of this package's structs is accepted,
// with exactly one event, or rejected with one of the codes in rejections.go.
var Decider = Definition.Decider()

// traffic opens the account, and pays money in.
func traffic(n int, _ *rand.Rand) Command {
	if n == 0 {
		return OpenAccount{Owner: "Bench", Currency: "EUR"}
	}
	return DepositMoney{Amount: 1, Currency: "EUR"}
}
