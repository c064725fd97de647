package orders

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"refold/eventsourcing"
)

// Status is where an order is in its life. Its text is part of the table's rows.
type Status string

// An order's life.
const (
	StatusNone      Status = "" // never placed
	StatusPlaced    Status = "placed"
	StatusShipped   Status = "shipped"
	StatusDelivered Status = "delivered"
	StatusCancelled Status = "cancelled"
	StatusDeclined  Status = "declined" // the account did not pay
)

// Payment is where an order's money is. Its text is part of the table's rows.
type Payment string

// A payment's life.
const (
	PaymentNone    Payment = ""
	PaymentPending Payment = "pending" // the account has been asked
	PaymentPaid    Payment = "paid"
	// PaymentNotMade: the account has refused.
	PaymentNotMade Payment = "declined"
	// PaymentRefundPending: the account has been asked to take its money back.
	PaymentRefundPending Payment = "refund-pending"
	PaymentBack          Payment = "refunded"
	// PaymentRefundDeclined: the account did not take it; a person has to see to it.
	PaymentRefundDeclined Payment = "refund-declined"
)

// Order is the state of one order. Its zero value is that of an order that was never placed. It is
// part of the table's rows and of the API, by the names in its tags.
type Order struct {
	Status    Status  `avro:"status" json:"status" doc:"placed, shipped, delivered, cancelled or declined; empty if the order was never placed."`
	Payment   Payment `avro:"payment" json:"payment" doc:"pending, paid, declined, refund-pending, refunded or refund-declined; empty if the order was never placed."`
	AccountID string  `avro:"accountId" json:"accountId" doc:"The account that pays."`
	Currency  string  `avro:"currency" json:"currency" doc:"The order's ISO 4217 code, such as EUR."`
	// Lines are shared with earlier states and never changed.
	Lines []Line `avro:"lines" json:"lines" nullable:"false" doc:"What was ordered."`
	// Total is in minor units.
	Total int64 `avro:"total" json:"total" doc:"In minor units (cents)."`
	// Parcels are at most MaxParcels. The slice is shared with earlier states: it is copied before it is
	// changed.
	Parcels []Parcel `avro:"parcels" json:"parcels,omitempty" nullable:"false" doc:"What carriers have of it; none before it is shipped."`
	// PaymentID and RefundID are the IDs of the account's events.
	PaymentID string `avro:"paymentId" json:"paymentId,omitempty" doc:"The ID of the account's event by which it was paid; empty before."`
	RefundID  string `avro:"refundId" json:"refundId,omitempty" doc:"The ID of the account's event by which it was refunded; empty before."`
	// Reason is why it was cancelled, Code why the account declined.
	Reason string `avro:"reason" json:"reason,omitempty" doc:"Why it was cancelled."`
	Code   string `avro:"code" json:"code,omitempty" doc:"Why the account declined a payment or refund."`
	// Surplus is what the account has paid although it was not due, the oldest first; at most
	// MaxSurplus. It is shared with earlier states and copied before it is changed.
	Surplus []Surplus `avro:"surplus" json:"surplus,omitempty" nullable:"false" doc:"What the account has paid although it was not due, the oldest first."`
}

// Surplus is a payment that was not due. The account has it back if there is a RefundID.
type Surplus struct {
	// PaymentID and RefundID are the IDs of the account's events.
	PaymentID string `avro:"paymentId" json:"paymentId" doc:"The ID of the account's event by which it was paid."`
	RefundID  string `avro:"refundId" json:"refundId" doc:"The ID of the account's event by which it was refunded; empty before."`
	// Code is why the account did not take it back: a person has to see to it.
	Code string `avro:"code" json:"code" doc:"Why the account declined the refund; empty unless it did."`
}

// evolve returns the order after an event. It refuses nothing: decide has.
func evolve(o Order, recorded eventsourcing.Recorded[Event]) Order {
	switch e := recorded.Event.(type) {
	case OrderPlaced:
		o = Order{
			Status: StatusPlaced, Payment: PaymentPending, AccountID: e.AccountID,
			Currency: e.Currency, Lines: e.Lines, Total: e.Total,
		}
	case PaymentProcessed:
		o.Payment, o.PaymentID = PaymentPaid, e.PaymentID
	case PaymentDeclined:
		o.Payment, o.Code = PaymentNotMade, e.Code
		if o.Status == StatusPlaced {
			o.Status = StatusDeclined
		}
	case ParcelHandedOver:
		o.Parcels = append(slices.Clip(o.Parcels), Parcel(e))
	case OrderShipped:
		o.Status = StatusShipped
	case OrderDelivered:
		o.Status = StatusDelivered
	case OrderCancelled:
		o.Status, o.Reason = StatusCancelled, e.Reason
	case RefundRequested:
		o.Payment = PaymentRefundPending
	case PaymentRefunded:
		o.Payment, o.RefundID, o.Code = PaymentBack, e.RefundID, ""
	case RefundDeclined:
		o.Payment, o.Code = PaymentRefundDeclined, e.Code
	case SurplusReceived:
		o.Surplus = append(slices.Clip(o.Surplus), Surplus{PaymentID: e.PaymentID})
	case SurplusRefunded:
		o.Surplus = withSurplus(o.Surplus, Surplus{PaymentID: e.PaymentID, RefundID: e.RefundID})
	case SurplusRefundDeclined:
		o.Surplus = withSurplus(o.Surplus, Surplus{PaymentID: e.PaymentID, Code: e.Code})
	default:
		// Passing over an event that this release does not know would make a wrong state and
		// write it down. Whoever folds stops here.
		panic(fmt.Sprintf("orders: no fold for a %T", e))
	}
	return o
}

// withSurplus returns a copy in which the surplus of that payment is another.
func withSurplus(list []Surplus, s Surplus) []Surplus {
	list = slices.Clone(list)
	for i := range list {
		if list[i].PaymentID == s.PaymentID {
			list[i] = s
		}
	}
	return list
}

// asked returns the oldest surplus whose refund the account has not answered; nil if there is none.
func (o Order) asked() *Surplus {
	return o.surplus(func(s Surplus) bool { return s.RefundID == "" && s.Code == "" })
}

// owed returns the oldest surplus that the account has not got back, one without an answer before
// one that was declined; nil if there is none.
func (o Order) owed() *Surplus {
	return cmp.Or(o.asked(), o.surplus(func(s Surplus) bool { return s.RefundID == "" }))
}

func (o Order) surplus(is func(Surplus) bool) *Surplus {
	if i := slices.IndexFunc(o.Surplus, is); i >= 0 {
		return &o.Surplus[i]
	}
	return nil
}

// carriers names who has the order's parcels, each once.
func (o Order) carriers() string {
	var names []string
	for _, p := range o.Parcels {
		if !slices.Contains(names, p.Carrier) {
			names = append(names, p.Carrier)
		}
	}
	return strings.Join(names, " and ")
}

// AvroDoc documents the record inside the rows' schema.
func (Surplus) AvroDoc() string { return "A payment that was not due." }
