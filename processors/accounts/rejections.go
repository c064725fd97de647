package accounts

import (
	"math"

	"refold/eventsourcing"
)

// Codes of rejections. They are part of the contract: senders act on them. A further one, of every
// aggregate, is [eventsourcing.CodeSequenceMismatch].
const (
	// CodeAccountNotOpen: the account was never opened.
	CodeAccountNotOpen = "account-not-open"
	// CodeAccountAlreadyOpen: OpenAccount, on an account that is open or frozen.
	CodeAccountAlreadyOpen = "account-already-open"
	// CodeAccountClosed: the account has ended, for good.
	CodeAccountClosed = "account-closed"
	// CodeAccountFrozen: nothing goes out of a frozen account, nor is it frozen twice or closed.
	CodeAccountFrozen = "account-frozen"
	// CodeAccountNotFrozen: UnfreezeAccount, on an account that is not frozen.
	CodeAccountNotFrozen = "account-not-frozen"
	// CodeInsufficientFunds: more is to go out than the balance.
	CodeInsufficientFunds = "insufficient-funds"
	// CodeCurrencyMismatch: the command's currency is not the account's.
	CodeCurrencyMismatch = "currency-mismatch"
	// CodeCurrencyUnknown: OpenAccount, with what is no active ISO 4217 currency.
	CodeCurrencyUnknown = "currency-unknown"
	// CodeAmountNotPositive: the amount is 0 or less.
	CodeAmountNotPositive = "amount-not-positive"
	// CodeBalanceOverflow: the balance would be more than an int64 holds.
	CodeBalanceOverflow = "balance-overflow"
	// CodeBalanceNotZero: CloseAccount, with money on the account.
	CodeBalanceNotZero = "balance-not-zero"
	// CodeReferenceMissing: a charge or refund does not say what it pays for.
	CodeReferenceMissing = "reference-missing"
	// CodeReferenceUnknown: nothing is left to refund for the reference, or the account has
	// forgotten it; see [MaxCharges].
	CodeReferenceUnknown = "reference-unknown"
	// CodeReferenceExceeded: a refund of more than is left to refund for the reference.
	CodeReferenceExceeded = "reference-exceeded"
	// CodeReferenceAlreadyCharged: ChargeAccount, for a reference that the account remembers to have
	// charged, refunded or not; see [MaxCharges].
	CodeReferenceAlreadyCharged = "reference-already-charged"
	// CodeOwnerMissing: OpenAccount, without an owner.
	CodeOwnerMissing = "owner-missing"
	// CodeReasonMissing: FreezeAccount, without a reason.
	CodeReasonMissing = "reason-missing"
	// CodeTextTooLong: an owner, reason or reference has more characters than allowed.
	CodeTextTooLong = "text-too-long"
	// CodeTextInvalid: an owner, reason or reference is no UTF-8, or has a control character.
	CodeTextInvalid = "text-invalid"
)

// Limits of texts, in characters (Unicode code points).
const (
	MaxOwner     = 200 // the longest names on passports and in trade registers fit
	MaxReason    = 500 // a sentence or two; the file it refers to is elsewhere
	MaxReference = 128 // an ID, as long as the API allows, not a text: a row holds up to MaxCharges of them
)

func rejectClosed() error {
	return eventsourcing.Reject(CodeAccountClosed,
		"the account is closed for good, and its ID is not used again")
}

// checkAlive rejects what only an open or a frozen account takes.
func checkAlive(a Account) error {
	switch a.Status {
	case StatusNone:
		return eventsourcing.Reject(CodeAccountNotOpen, "the account was never opened")
	case StatusClosed:
		return rejectClosed()
	case StatusOpen, StatusFrozen:
	}
	return nil
}

func checkNotFrozen(a Account) error {
	if a.Status == StatusFrozen {
		return eventsourcing.Reject(CodeAccountFrozen, "the account is frozen")
	}
	return nil
}

func checkCurrency(a Account, currency string) error {
	if currency != a.Currency {
		return eventsourcing.Reject(CodeCurrencyMismatch,
			"the account is in %s, the command in %.10q", a.Currency, currency)
	}
	return nil
}

func checkAmount(amount int64) error {
	if amount <= 0 {
		return eventsourcing.Reject(CodeAmountNotPositive,
			"amount is %d; it must be 1 minor unit or more", amount)
	}
	return nil
}

// checkPayment checks what is alike in a charge and a refund, whatever the account.
func checkPayment(amount int64, reference string) error {
	if err := checkAmount(amount); err != nil {
		return err
	}
	return eventsourcing.CheckText("reference", reference, MaxReference, CodeReferenceMissing)
}

// checkIncoming reports whether the account can take the positive amount in.
func checkIncoming(a Account, amount int64, currency string) error {
	if err := checkAlive(a); err != nil {
		return err
	}
	if err := checkCurrency(a, currency); err != nil {
		return err
	}
	if amount > math.MaxInt64-a.Balance {
		return eventsourcing.Reject(CodeBalanceOverflow,
			"the balance is %s; with another %s it would be more than %s, the most an account "+
				"holds", money(a.Balance, a.Currency), money(amount, a.Currency),
			money(math.MaxInt64, a.Currency))
	}
	return nil
}

// checkOutgoing reports whether the account can pay the positive amount out.
func checkOutgoing(a Account, amount int64, currency string) error {
	if err := checkAlive(a); err != nil {
		return err
	}
	if err := checkNotFrozen(a); err != nil {
		return err
	}
	if err := checkCurrency(a, currency); err != nil {
		return err
	}
	if amount > a.Balance {
		return eventsourcing.Reject(CodeInsufficientFunds, "the balance is %s, the amount is %s",
			money(a.Balance, a.Currency), money(amount, a.Currency))
	}
	return nil
}
