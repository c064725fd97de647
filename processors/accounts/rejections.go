package accounts

import (
	"math"
	"slices"
	"strings"

	"refold/eventsourcing"
)

// Codes of rejections. They are part of the contract: senders act on them. A further one, of every
// aggregate, is [eventsourcing.CodeSequenceMismatch]. [Definition] says what each means.
const (
	CodeAccountNotOpen          = "account-not-open"
	CodeAccountAlreadyOpen      = "account-already-open"
	CodeAccountClosed           = "account-closed"
	CodeAccountFrozen           = "account-frozen"
	CodeAccountNotFrozen        = "account-not-frozen"
	CodeInsufficientFunds       = "insufficient-funds"
	CodeCurrencyMismatch        = "currency-mismatch"
	CodeCurrencyUnknown         = "currency-unknown"
	CodeAmountNotPositive       = "amount-not-positive"
	CodeBalanceOverflow         = "balance-overflow"
	CodeBalanceNotZero          = "balance-not-zero"
	CodeReferenceMissing        = "reference-missing"
	CodeReferenceUnknown        = "reference-unknown"
	CodeReferenceExceeded       = "reference-exceeded"
	CodeReferenceAlreadyCharged = "reference-already-charged"
	CodeOwnerMissing            = "owner-missing"
	CodeReasonMissing           = "reason-missing"
	CodeReasonUnknown           = "reason-unknown"
	CodeTextTooLong             = "text-too-long"
	CodeTextInvalid             = "text-invalid"
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

func checkReason(r Reason) error {
	if err := eventsourcing.CheckText("reason.text", r.Text, MaxReason, CodeReasonMissing); err != nil {
		return err
	}
	if !slices.Contains(reasonKinds, string(r.Kind)) {
		return eventsourcing.Reject(CodeReasonUnknown, "reason.kind is %.20q; it must be one of %s",
			string(r.Kind), strings.Join(reasonKinds, ", "))
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
