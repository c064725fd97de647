package accounts

import (
	"fmt"

	"refold/eventsourcing"
)

func decide(_ eventsourcing.Context, a Account, command Command) ([]Event, error) {
	switch c := command.(type) {
	case OpenAccount:
		return decideOpen(a, c)
	case DepositMoney:
		return decideDeposit(a, c)
	case WithdrawMoney:
		return decideWithdraw(a, c)
	case ChargeAccount:
		return decideCharge(a, c)
	case RefundAccount:
		return decideRefund(a, c)
	case FreezeAccount:
		return decideFreeze(a, c)
	case UnfreezeAccount:
		return decideUnfreeze(a)
	case CloseAccount:
		return decideClose(a)
	default:
		return nil, fmt.Errorf("accounts: no decision for a %T", command)
	}
}

func decideOpen(a Account, c OpenAccount) ([]Event, error) {
	if err := eventsourcing.CheckText("owner", c.Owner, MaxOwner, CodeOwnerMissing); err != nil {
		return nil, err
	}
	if !ActiveCurrency(c.Currency) {
		return nil, eventsourcing.Reject(CodeCurrencyUnknown,
			"currency is %.10q; it must be an active ISO 4217 code of three upper-case letters, "+
				"such as EUR", c.Currency)
	}
	switch a.Status {
	case StatusNone:
		return accept(AccountOpened{Owner: c.Owner, Currency: c.Currency})
	case StatusClosed:
		return nil, rejectClosed()
	case StatusOpen, StatusFrozen:
	}
	return nil, eventsourcing.Reject(CodeAccountAlreadyOpen, "the account is open already, in %s",
		a.Currency)
}

func decideDeposit(a Account, c DepositMoney) ([]Event, error) {
	if err := checkAmount(c.Amount); err != nil {
		return nil, err
	}
	if err := checkIncoming(a, c.Amount, c.Currency); err != nil {
		return nil, err
	}
	return accept(MoneyDeposited{Amount: c.Amount, Currency: c.Currency})
}

func decideWithdraw(a Account, c WithdrawMoney) ([]Event, error) {
	if err := checkAmount(c.Amount); err != nil {
		return nil, err
	}
	if err := checkOutgoing(a, c.Amount, c.Currency); err != nil {
		return nil, err
	}
	return accept(MoneyWithdrawn{Amount: c.Amount, Currency: c.Currency})
}

func decideCharge(a Account, c ChargeAccount) ([]Event, error) {
	if err := checkPayment(c.Amount, c.Reference); err != nil {
		return nil, err
	}
	// This comes before what may have changed since the charge, such as the balance: whoever sends a
	// charge again, however late, is told that it was made.
	if i := find(a.Charges, c.Reference); i >= 0 {
		return nil, eventsourcing.Reject(CodeReferenceAlreadyCharged,
			"%q was charged already, and %s of it can be refunded; a reference is charged once",
			c.Reference, money(a.Charges[i].Refundable, a.Currency))
	}
	if err := checkOutgoing(a, c.Amount, c.Currency); err != nil {
		return nil, err
	}
	return accept(AccountCharged{
		Amount: c.Amount, Currency: c.Currency, Reference: c.Reference,
	})
}

func decideRefund(a Account, c RefundAccount) ([]Event, error) {
	if err := checkPayment(c.Amount, c.Reference); err != nil {
		return nil, err
	}
	if err := checkIncoming(a, c.Amount, c.Currency); err != nil {
		return nil, err
	}
	left := a.refundable(c.Reference)
	if left == 0 {
		return nil, eventsourcing.Reject(CodeReferenceUnknown,
			"nothing is left to refund for %q: it was never charged, was refunded, or %d others "+
				"were charged since", c.Reference, MaxCharges)
	}
	if c.Amount > left {
		return nil, eventsourcing.Reject(CodeReferenceExceeded,
			"%s are left to refund for %q, the refund is %s",
			money(left, a.Currency), c.Reference, money(c.Amount, a.Currency))
	}
	return accept(AccountRefunded{
		Amount: c.Amount, Currency: c.Currency, Reference: c.Reference,
	})
}

func decideFreeze(a Account, c FreezeAccount) ([]Event, error) {
	if err := checkReason(c.Reason); err != nil {
		return nil, err
	}
	if err := checkAlive(a); err != nil {
		return nil, err
	}
	// Accepting this without an event would lose the second reason.
	if err := checkNotFrozen(a); err != nil {
		return nil, err
	}
	return accept(AccountFrozen{Reason: c.Reason})
}

func decideUnfreeze(a Account) ([]Event, error) {
	if err := checkAlive(a); err != nil {
		return nil, err
	}
	if a.Status != StatusFrozen {
		return nil, eventsourcing.Reject(CodeAccountNotFrozen, "the account is not frozen")
	}
	return accept(AccountUnfrozen{})
}

func decideClose(a Account) ([]Event, error) {
	if err := checkAlive(a); err != nil {
		return nil, err
	}
	if err := checkNotFrozen(a); err != nil {
		return nil, err
	}
	if a.Balance != 0 {
		return nil, eventsourcing.Reject(CodeBalanceNotZero,
			"the balance is %s; it must be zero to close the account", money(a.Balance, a.Currency))
	}
	return accept(AccountClosed{})
}

func accept(event Event) ([]Event, error) { return []Event{event}, nil }
