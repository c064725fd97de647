package orders

import (
	"fmt"

	"refold/eventsourcing"
)

func decide(_ eventsourcing.Context, o Order, command Command) ([]Event, error) {
	switch c := command.(type) {
	case PlaceOrder:
		return decidePlace(o, c)
	case ShipOrder:
		return decideShip(o, c)
	case DeliverOrder:
		return decideDeliver(o)
	case CancelOrder:
		return decideCancel(o, c)
	case RecordPayment:
		return decidePayment(o, c)
	case RecordPaymentDeclined:
		return decidePaymentDeclined(o, c)
	case RecordRefund:
		return decideRefund(o, c)
	case RecordRefundDeclined:
		return decideRefundDeclined(o, c)
	default:
		return nil, fmt.Errorf("orders: no decision for a %T", command)
	}
}

func decidePlace(o Order, c PlaceOrder) ([]Event, error) {
	if err := eventsourcing.CheckText("accountId", c.AccountID, MaxID, CodeAccountMissing); err != nil {
		return nil, err
	}
	if err := checkCurrency(c.Currency); err != nil {
		return nil, err
	}
	total, err := checkLines(c.Lines, c.Currency)
	if err != nil {
		return nil, err
	}
	if o.Status != StatusNone {
		return nil, eventsourcing.Reject(CodeOrderAlreadyPlaced,
			"there is an order under this ID already; it is %s", o.Status)
	}
	return accept(OrderPlaced{
		AccountID: c.AccountID, Currency: c.Currency, Lines: c.Lines, Total: total,
	})
}

func decideShip(o Order, c ShipOrder) ([]Event, error) {
	if err := checkParcels(c.Parcels); err != nil {
		return nil, err
	}
	if err := checkNotEnded(o); err != nil {
		return nil, err
	}
	switch {
	case o.Status == StatusShipped:
		return nil, eventsourcing.Reject(CodeOrderAlreadyShipped,
			"the order is with %s already", o.carriers())
	case o.Payment != PaymentPaid:
		return nil, eventsourcing.Reject(CodePaymentPending,
			"the account has not answered yet; the order can be shipped when it is paid")
	}
	events := make([]Event, 0, len(c.Parcels)+1)
	for _, p := range c.Parcels {
		events = append(events, ParcelHandedOver(p))
	}
	return append(events, OrderShipped{ParcelCount: int64(len(c.Parcels))}), nil
}

func decideDeliver(o Order) ([]Event, error) {
	if err := checkNotEnded(o); err != nil {
		return nil, err
	}
	if o.Status != StatusShipped {
		return nil, eventsourcing.Reject(CodeOrderNotShipped,
			"the order is %s; only what was shipped can be delivered", o.Status)
	}
	return accept(OrderDelivered{})
}

// decideCancel ends an order. If it is paid, the refund is asked for at once; if the payment is
// still under way, when it has arrived (decidePayment).
func decideCancel(o Order, c CancelOrder) ([]Event, error) {
	if err := eventsourcing.CheckText("reason", c.Reason, MaxReason, CodeReasonMissing); err != nil {
		return nil, err
	}
	if err := checkNotEnded(o); err != nil {
		return nil, err
	}
	if o.Status == StatusShipped {
		return nil, eventsourcing.Reject(CodeOrderAlreadyShipped,
			"the order is with %s already; it can't be cancelled any more", o.carriers())
	}
	events := []Event{OrderCancelled{Reason: c.Reason}}
	if o.Payment == PaymentPaid {
		events = append(events, refundOf(o))
	}
	return events, nil
}

func refundOf(o Order) RefundRequested {
	return RefundRequested{AccountID: o.AccountID, Amount: o.Total, Currency: o.Currency}
}

func accept(event Event) ([]Event, error) { return []Event{event}, nil }
