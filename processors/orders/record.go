package orders

import "refold/eventsourcing"

// What the payment process records may come again long after the ring of recent commands has
// forgotten it, and an account that has forgotten a charge may have made it again. So the order
// knows payments and refunds by the IDs of the account's events: one that it knows is accepted and
// leads to no event; a payment that it doesn't know and doesn't wait for is money that is owed back.
//
// A refund does not say what it is for, and need not: what an order has paid and got back is always
// its total. So it settles what is owed, the order's own refund before any surplus.

func decidePayment(o Order, c RecordPayment) ([]Event, error) {
	err := eventsourcing.CheckText("paymentId", c.PaymentID, MaxMessageID, CodePaymentMissing)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Status == StatusNone:
		return nil, rejectNotPlaced()
	case o.PaymentID == c.PaymentID,
		o.surplus(func(s Surplus) bool { return s.PaymentID == c.PaymentID }) != nil:
		return nil, nil
	case o.Payment != PaymentPending && len(o.Surplus) >= MaxSurplus:
		return nil, eventsourcing.Reject(CodePaymentNotExpected,
			"no payment is under way: it is %s, and %d others came that were not due", o.Payment,
			len(o.Surplus))
	case o.Payment != PaymentPending:
		return accept(SurplusReceived{
			AccountID: o.AccountID, PaymentID: c.PaymentID, Amount: o.Total, Currency: o.Currency,
		})
	}
	paid := PaymentProcessed{
		AccountID: o.AccountID, PaymentID: c.PaymentID, Amount: o.Total, Currency: o.Currency,
	}
	if o.Status == StatusCancelled {
		return []Event{paid, refundOf(o)}, nil
	}
	return accept(paid)
}

// decidePaymentDeclined notes that the account has refused. One that refuses what it was asked again
// says nothing new, whatever has come of the first time.
func decidePaymentDeclined(o Order, c RecordPaymentDeclined) ([]Event, error) {
	if err := eventsourcing.CheckText("code", c.Code, MaxText, CodeCodeMissing); err != nil {
		return nil, err
	}
	switch {
	case o.Status == StatusNone:
		return nil, rejectNotPlaced()
	case o.Payment != PaymentPending:
		return nil, nil
	}
	return accept(PaymentDeclined{Code: c.Code, Message: legible(c.Message)})
}

// decideRefund notes that the account has its money back. It may say so after it has declined: a
// refund was asked for twice, and the answers have overtaken each other.
func decideRefund(o Order, c RecordRefund) ([]Event, error) {
	if err := eventsourcing.CheckText("refundId", c.RefundID, MaxMessageID, CodeRefundMissing); err != nil {
		return nil, err
	}
	own := PaymentRefunded{
		AccountID: o.AccountID, RefundID: c.RefundID, Amount: o.Total, Currency: o.Currency,
	}
	owed := o.owed()
	switch {
	case o.Status == StatusNone:
		return nil, rejectNotPlaced()
	case o.RefundID == c.RefundID,
		o.surplus(func(s Surplus) bool { return s.RefundID == c.RefundID }) != nil:
		return nil, nil
	case o.Payment == PaymentRefundPending:
		return accept(own)
	case owed != nil:
		return accept(SurplusRefunded{
			AccountID: o.AccountID, PaymentID: owed.PaymentID, RefundID: c.RefundID,
			Amount: o.Total, Currency: o.Currency,
		})
	case o.Payment == PaymentRefundDeclined:
		return accept(own)
	}
	return nil, eventsourcing.Reject(CodeRefundNotExpected,
		"no refund is under way: the payment is %s", o.Payment)
}

func decideRefundDeclined(o Order, c RecordRefundDeclined) ([]Event, error) {
	if err := eventsourcing.CheckText("code", c.Code, MaxText, CodeCodeMissing); err != nil {
		return nil, err
	}
	asked := o.asked()
	switch {
	case o.Status == StatusNone:
		return nil, rejectNotPlaced()
	case o.Payment == PaymentRefundPending:
		return accept(RefundDeclined{Code: c.Code, Message: legible(c.Message)})
	case asked != nil:
		return accept(SurplusRefundDeclined{
			PaymentID: asked.PaymentID, Code: c.Code, Message: legible(c.Message),
		})
	case o.Payment == PaymentBack, o.Payment == PaymentRefundDeclined, len(o.Surplus) > 0:
		return nil, nil // a refund that was asked for again, after all was settled
	}
	return nil, eventsourcing.Reject(CodeRefundNotExpected,
		"no refund is under way: the payment is %s", o.Payment)
}
