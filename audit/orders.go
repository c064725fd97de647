package audit

import (
	"fmt"
	"slices"
)

// Order is an order's state.
type Order struct {
	Status, Payment         string
	Account, Currency       string
	Lines                   []Line
	Total                   int64
	Carrier, TrackingNumber string
	PaymentID, RefundID     string
	Reason, Code            string
	Surplus                 []Surplus
}

// Surplus is a payment that was not due.
type Surplus struct{ PaymentID, RefundID, Code string }

// Line is a line of an order.
type Line struct {
	SKU                 string
	Quantity, UnitPrice int64
	Currency            string
}

// legal are the states that an order may be in, status and payment.
var legal = map[[2]string]bool{
	{"placed", "pending"}: true, {"placed", "paid"}: true, {"declined", "declined"}: true,
	{"shipped", "paid"}: true, {"delivered", "paid"}: true,
	{"cancelled", "pending"}: true, {"cancelled", "declined"}: true,
	{"cancelled", "paid"}:           true, // between PaymentProcessed and RefundRequested of one command
	{"cancelled", "refund-pending"}: true, {"cancelled", "refunded"}: true,
	{"cancelled", "refund-declined"}: true,
}

// settled are those in which nothing is under way.
func (o *Order) settled() bool {
	return o.Payment != "pending" && o.Payment != "refund-pending" &&
		!slices.ContainsFunc(o.Surplus, func(s Surplus) bool { return s.RefundID == "" && s.Code == "" })
}

// keeps is the money that the order has taken from its account and not given back.
func (o *Order) keeps() (kept int64) {
	switch o.Payment {
	case "paid", "refund-pending", "refund-declined":
		kept = o.Total
	}
	for _, s := range o.Surplus {
		if s.RefundID == "" {
			kept += o.Total
		}
	}
	return kept
}

func readOrder(fields map[string]any) (State, error) {
	o := &Order{}
	err := fill(fields, map[string]any{
		"status": &o.Status, "payment": &o.Payment, "accountId": &o.Account,
		"currency": &o.Currency, "total": &o.Total, "carrier": &o.Carrier,
		"trackingNumber": &o.TrackingNumber, "paymentId": &o.PaymentID, "refundId": &o.RefundID,
		"reason": &o.Reason, "code": &o.Code,
	})
	if err != nil {
		return nil, err
	}
	if o.Lines, err = readLines(fields); err != nil {
		return nil, err
	}
	o.Surplus, err = readSurplus(fields)
	return o, err
}

func readSurplus(fields map[string]any) (list []Surplus, err error) {
	items, _ := fields["surplus"].([]any)
	for _, item := range items {
		var s Surplus
		itemFields, _ := item.(map[string]any)
		err := fill(itemFields, map[string]any{
			"paymentId": &s.PaymentID, "refundId": &s.RefundID, "code": &s.Code,
		})
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

func readLines(fields map[string]any) ([]Line, error) {
	var lines []Line
	items, _ := fields["lines"].([]any)
	for _, item := range items {
		var line Line
		itemFields, _ := item.(map[string]any)
		err := fill(itemFields, map[string]any{
			"sku": &line.SKU, "quantity": &line.Quantity, "unitPrice": &line.UnitPrice,
			"currency": &line.Currency,
		})
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func (o *Order) same(other State) bool {
	b, is := other.(*Order)
	if !is || !slices.Equal(o.Lines, b.Lines) || !slices.Equal(o.Surplus, b.Surplus) {
		return false
	}
	x, y := *o, *b
	x.Lines, y.Lines, x.Surplus, y.Surplus = nil, nil, nil, nil
	return fmt.Sprint(x) == fmt.Sprint(y)
}

func (o *Order) fields() map[string]any {
	lines := make([]any, len(o.Lines))
	for i, l := range o.Lines {
		lines[i] = map[string]any{
			"sku": l.SKU, "quantity": l.Quantity, "unitPrice": l.UnitPrice, "currency": l.Currency,
		}
	}
	surplus := make([]any, len(o.Surplus))
	for i, s := range o.Surplus {
		surplus[i] = map[string]any{"paymentId": s.PaymentID, "refundId": s.RefundID, "code": s.Code}
	}
	return map[string]any{
		"surplus": surplus,
		"status":  o.Status, "payment": o.Payment, "accountId": o.Account, "currency": o.Currency,
		"lines": lines, "total": o.Total, "carrier": o.Carrier, "trackingNumber": o.TrackingNumber,
		"paymentId": o.PaymentID, "refundId": o.RefundID, "reason": o.Reason, "code": o.Code,
	}
}

func (o *Order) apply(e Event) error {
	before := o.Status
	allowed := func(statuses ...string) error {
		if !slices.Contains(statuses, before) {
			return illegalf("%s of an order that is %q", e.Type, before)
		}
		return nil
	}
	var err error
	switch e.Type {
	case "OrderPlaced":
		err = allowed("")
		o.Status, o.Payment = "placed", "pending"
		o.Account, o.Currency = text(e, "accountId"), text(e, "currency")
		var wrong error
		if o.Lines, wrong = readLines(e.Fields); wrong != nil {
			return wrong
		}
		if o.Total = whole(e, "total"); o.Total != o.sum() {
			return fmt.Errorf("the total is %d, the lines make %d", o.Total, o.sum())
		}
	case "PaymentProcessed":
		err = allowed("placed", "cancelled")
		o.Payment, o.PaymentID = "paid", text(e, "paymentId")
	case "PaymentDeclined":
		err = allowed("placed", "cancelled")
		o.Payment, o.Code = "declined", text(e, "code")
		if o.Status == "placed" {
			o.Status = "declined"
		}
	case "OrderShipped":
		err = allowed("placed")
		o.Status, o.Carrier, o.TrackingNumber = "shipped", text(e, "carrier"), text(e, "trackingNumber")
	case "OrderDelivered":
		err = allowed("shipped")
		o.Status = "delivered"
	case "OrderCancelled":
		err = allowed("placed")
		o.Status, o.Reason = "cancelled", text(e, "reason")
	case "RefundRequested":
		err = allowed("cancelled")
		o.Payment = "refund-pending"
	case "PaymentRefunded":
		err = allowed("cancelled")
		o.Payment, o.RefundID, o.Code = "refunded", text(e, "refundId"), ""
	case "RefundDeclined":
		err = allowed("cancelled")
		o.Payment, o.Code = "refund-declined", text(e, "code")
	case "SurplusReceived", "SurplusRefunded", "SurplusRefundDeclined":
		err = o.applySurplus(e)
	default:
		return illegalf("there is no event %q", e.Type)
	}
	if err != nil {
		return err
	}
	return o.checkMoney(e)
}

// applySurplus follows a payment that was not due: it is received once, and given back once.
func (o *Order) applySurplus(e Event) error {
	payment := text(e, "paymentId")
	at := slices.IndexFunc(o.Surplus, func(s Surplus) bool { return s.PaymentID == payment })
	switch received := e.Type == "SurplusReceived"; {
	case o.Status == "", o.Payment == "pending", payment == o.PaymentID, received != (at < 0):
		return illegalf("%s of payment %q to an order that is %q", e.Type, payment, o.Payment)
	case received:
		o.Surplus = append(o.Surplus, Surplus{PaymentID: payment})
	case o.Surplus[at].RefundID != "":
		return illegalf("%s of payment %q, which was refunded", e.Type, payment)
	default:
		o.Surplus[at].RefundID, o.Surplus[at].Code = text(e, "refundId"), text(e, "code")
	}
	return nil
}

// checkMoney checks what an event says of money, and the state that it leads to.
func (o *Order) checkMoney(e Event) error {
	if _, moves := e.Fields["amount"]; moves && (whole(e, "amount") != o.Total ||
		text(e, "currency") != o.Currency || text(e, "accountId") != o.Account) {
		return fmt.Errorf("it is about %v %v of %v, the order about %d %s of %s", e.Fields["amount"],
			e.Fields["currency"], e.Fields["accountId"], o.Total, o.Currency, o.Account)
	}
	if !legal[[2]string{o.Status, o.Payment}] {
		return illegalf("it makes the order %s, %s", o.Status, o.Payment)
	}
	return nil
}

// sum is what the lines make, all in the order's currency.
func (o *Order) sum() (sum int64) {
	for _, line := range o.Lines {
		if line.Currency != o.Currency {
			return -1
		}
		sum += line.Quantity * line.UnitPrice
	}
	return sum
}
