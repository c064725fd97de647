package orders_test

import (
	"testing"

	"refold/processors/foldtest"
	"refold/processors/orders"
)

// lifetime is what happens to one of the orders, and some of what does not.
var lifetime = []orders.Command{
	orders.PlaceOrder{AccountID: "zoe", Currency: "EUR", Lines: []orders.Line{
		{SKU: "tea", Quantity: 2, UnitPrice: 350, Currency: "EUR"},
	}},
	ship(orders.Parcel{Carrier: "post", TrackingNumber: "1"}), // rejected: it is not paid
	orders.RecordPayment{PaymentID: "zoe/2"},
	orders.CancelOrder{Reason: "too late"},
	orders.RecordRefund{RefundID: "zoe/3"},
	orders.RecordPayment{PaymentID: "zoe/4"},
	orders.DeliverOrder{}, // rejected
}

// G4, G7: after each command the fold of the events makes the very row that handling the commands has
// made, byte for byte.
func TestFoldMakesTheRowThatCommandsMake(t *testing.T) {
	foldtest.MakesTheRows(t, orders.Definition, lifetime)
	if orders.Decider.Version() != 2 {
		t.Errorf("fold version %d", orders.Decider.Version())
	}
}
