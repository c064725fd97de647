package orders_test

import (
	"math"
	"strings"
	"testing"

	"refold/eventsourcing/scenario"
	"refold/processors/accounts"
	"refold/processors/orders"
)

type story = scenario.Story[orders.Order, orders.Command, orders.Event]

// What happens to the order that order begins with.
var (
	teapot = []orders.Line{
		{SKU: "teapot", Quantity: 1, UnitPrice: 2000, Currency: "EUR"},
		{SKU: "tea", Quantity: 2, UnitPrice: 250, Currency: "EUR"},
	}
	placed = orders.OrderPlaced{AccountID: "alice", Currency: "EUR", Lines: teapot, Total: 2500}
	paid   = orders.PaymentProcessed{
		AccountID: "alice", PaymentID: "alice/3", Amount: 2500, Currency: "EUR",
	}
	declined  = orders.PaymentDeclined{Code: "insufficient-funds", Message: "the balance is 1.00 EUR"}
	parcel    = orders.Parcel{Carrier: "DHL", TrackingNumber: "JJD 0001"}
	handed    = orders.ParcelHandedOver(parcel)
	shipped   = orders.OrderShipped{ParcelCount: 1}
	delivered = orders.OrderDelivered{}
	cancelled = orders.OrderCancelled{Reason: "changed my mind"}
	requested = orders.RefundRequested{AccountID: "alice", Amount: 2500, Currency: "EUR"}
	refunded  = orders.PaymentRefunded{
		AccountID: "alice", RefundID: "alice/4", Amount: 2500, Currency: "EUR",
	}
	surplusBack = orders.SurplusRefunded{
		AccountID: "alice", PaymentID: "alice/9", RefundID: "alice/10", Amount: 2500, Currency: "EUR",
	}
	surplusKept = orders.SurplusRefundDeclined{
		PaymentID: "alice/9", Code: "account-closed", Message: "the account is closed",
	}
	refundDeclined = orders.RefundDeclined{Code: "account-closed", Message: "the account is closed"}
)

func surplus(paymentID string) orders.SurplusReceived {
	return orders.SurplusReceived{
		AccountID: "alice", PaymentID: paymentID, Amount: 2500, Currency: "EUR",
	}
}

// order begins a story about an order that was placed.
func order(t *testing.T, events ...orders.Event) story {
	t.Helper()
	return scenario.Of(t, orders.Decider).Given(placed).Given(events...)
}

func place(lines ...orders.Line) orders.PlaceOrder {
	return orders.PlaceOrder{AccountID: "alice", Currency: "EUR", Lines: lines}
}

func ship(parcels ...orders.Parcel) orders.ShipOrder { return orders.ShipOrder{Parcels: parcels} }

// closerLook is why accounts are frozen here.
var closerLook = accounts.Reason{Kind: accounts.ReasonOther, Text: "a closer look"}

func euros(quantity, price int64) orders.Line {
	return orders.Line{SKU: "tea", Quantity: quantity, UnitPrice: price, Currency: "EUR"}
}

func TestPlaceOrder(t *testing.T) {
	scenario.Of(t, orders.Decider).
		When(place(teapot...)).
		Then(placed).
		HasState(orders.Order{
			Status: orders.StatusPlaced, Payment: orders.PaymentPending,
			AccountID: "alice", Currency: "EUR", Lines: teapot, Total: 2500,
		})
}

// An order holds up to the last cent that an int64 counts, in one line or in several; beyond it is
// refused, never wrapped around.
func TestPlaceOrder_total(t *testing.T) {
	const most = math.MaxInt64
	for _, test := range []struct {
		lines []orders.Line
		total int64 // 0: refused
	}{
		{[]orders.Line{euros(1, 1)}, 1},
		{[]orders.Line{euros(1, 0), euros(1, 1)}, 1},
		{[]orders.Line{euros(3, 7), euros(7, 3), euros(5, 0)}, 42},
		{[]orders.Line{euros(1, most)}, most},
		{[]orders.Line{euros(most, 1)}, most},
		{[]orders.Line{euros(7, most/7)}, most}, // 7 divides it
		{[]orders.Line{euros(1, most-1), euros(1, 1)}, most},
		{[]orders.Line{euros(1, most), euros(most, 0)}, most},
		{[]orders.Line{euros(1, most), euros(1, 1)}, 0},
		{[]orders.Line{euros(1, 1), euros(1, most)}, 0},
		{[]orders.Line{euros(2, most)}, 0},
		{[]orders.Line{euros(most, most)}, 0},
		{[]orders.Line{euros(2, 1<<62)}, 0},       // an int64 would be negative
		{[]orders.Line{euros(4, 1<<62)}, 0},       // would be 0
		{[]orders.Line{euros(1<<33, 1<<31+1)}, 0}, // would be positive, and far too little
	} {
		turn := scenario.Of(t, orders.Decider).When(place(test.lines...))
		if test.total == 0 {
			turn.ThenRejected(orders.CodeTotalOverflow)
			continue
		}
		turn.Then(orders.OrderPlaced{
			AccountID: "alice", Currency: "EUR", Lines: test.lines, Total: test.total,
		})
	}
}

// Limits are counted in characters, not bytes, and are met exactly.
func TestPlaceOrder_limits(t *testing.T) {
	lines := make([]orders.Line, orders.MaxLines)
	for i := range lines {
		lines[i] = euros(1, 1)
		lines[i].SKU = strings.Repeat("茶", orders.MaxSKU)
	}
	longest := strings.Repeat("é", orders.MaxID)
	scenario.Of(t, orders.Decider).
		When(orders.PlaceOrder{AccountID: longest, Currency: "EUR", Lines: lines}).
		Then(orders.OrderPlaced{
			AccountID: longest, Currency: "EUR", Lines: lines, Total: orders.MaxLines,
		})
}

// The same thing may be on several lines, at several prices: that is the shop's business.
func TestPlaceOrder_sameSKU(t *testing.T) {
	lines := []orders.Line{euros(1, 250), euros(2, 200), euros(1, 0)}
	scenario.Of(t, orders.Decider).
		When(place(lines...)).
		Then(orders.OrderPlaced{AccountID: "alice", Currency: "EUR", Lines: lines, Total: 650})
}

func TestLifeOfAnOrder(t *testing.T) {
	order(t).
		When(ship(parcel)).
		ThenRejected(orders.CodePaymentPending).
		When(orders.RecordPayment{PaymentID: "alice/3"}).Then(paid).
		When(orders.DeliverOrder{}).ThenRejected(orders.CodeOrderNotShipped).
		When(ship(parcel)).Then(handed, shipped).
		When(orders.CancelOrder{Reason: "too late"}).ThenRejected(orders.CodeOrderAlreadyShipped).
		When(orders.DeliverOrder{}).Then(delivered).
		When(orders.CancelOrder{Reason: "too late"}).ThenRejected(orders.CodeOrderDelivered).
		HasState(orders.Order{
			Status: orders.StatusDelivered, Payment: orders.PaymentPaid,
			AccountID: "alice", Currency: "EUR", Lines: teapot, Total: 2500,
			Parcels: []orders.Parcel{parcel}, PaymentID: "alice/3",
		})
}

// An order goes out in as many parcels as it takes, with a carrier each.
func TestShipOrder_inParcels(t *testing.T) {
	another := orders.Parcel{Carrier: "UPS", TrackingNumber: "1Z 999"}
	order(t, paid).
		When(ship(parcel, another, parcel)).
		Then(handed, orders.ParcelHandedOver(another), handed, orders.OrderShipped{ParcelCount: 3}).
		HasState(orders.Order{
			Status: orders.StatusShipped, Payment: orders.PaymentPaid,
			AccountID: "alice", Currency: "EUR", Lines: teapot, Total: 2500,
			Parcels: []orders.Parcel{parcel, another, parcel}, PaymentID: "alice/3",
		})
}

func TestPaymentDeclined(t *testing.T) {
	order(t).
		When(orders.RecordPaymentDeclined(declined)).Then(declined).
		When(ship(orders.Parcel{Carrier: "DHL", TrackingNumber: "1"})).
		ThenRejected(orders.CodeOrderDeclined).
		When(orders.CancelOrder{Reason: "so what"}).ThenRejected(orders.CodeOrderDeclined).
		HasState(orders.Order{
			Status: orders.StatusDeclined, Payment: orders.PaymentNotMade,
			AccountID: "alice", Currency: "EUR", Lines: teapot, Total: 2500,
			Code: "insufficient-funds",
		})
}

// Cancelling while the payment is under way: both orders of arrival come to the same order, but
// for the events on the way.
func TestCancelOrder_whilePaymentIsUnderWay(t *testing.T) {
	want := orders.Order{
		Status: orders.StatusCancelled, Payment: orders.PaymentRefundPending,
		AccountID: "alice", Currency: "EUR", Lines: teapot, Total: 2500,
		PaymentID: "alice/3", Reason: "changed my mind",
	}
	settled := want
	settled.Payment, settled.RefundID = orders.PaymentBack, "alice/4"

	cancelledFirst := order(t).
		When(orders.CancelOrder{Reason: "changed my mind"}).Then(cancelled).
		When(orders.RecordPayment{PaymentID: "alice/3"}).Then(paid, requested)
	paidFirst := order(t).
		When(orders.RecordPayment{PaymentID: "alice/3"}).Then(paid).
		When(orders.CancelOrder{Reason: "changed my mind"}).Then(cancelled, requested)
	for _, s := range []story{cancelledFirst, paidFirst} {
		s.HasState(want).
			When(orders.RecordRefund{RefundID: "alice/4"}).Then(refunded).
			HasState(settled)
	}
}

// Cancelled first, then declined: nothing was paid, nothing is refunded. Declined first, and there is
// nothing left to cancel.
func TestCancelOrder_whilePaymentIsDeclined(t *testing.T) {
	order(t).
		When(orders.CancelOrder{Reason: "changed my mind"}).Then(cancelled).
		When(orders.RecordPaymentDeclined(declined)).Then(declined).
		HasState(orders.Order{
			Status: orders.StatusCancelled, Payment: orders.PaymentNotMade,
			AccountID: "alice", Currency: "EUR", Lines: teapot, Total: 2500,
			Reason: "changed my mind", Code: "insufficient-funds",
		})
	order(t).
		When(orders.RecordPaymentDeclined(declined)).Then(declined).
		When(orders.CancelOrder{Reason: "changed my mind"}).ThenRejected(orders.CodeOrderDeclined)
}

func TestRefundDeclined(t *testing.T) {
	order(t, paid, cancelled, requested).
		When(orders.RecordRefundDeclined(refundDeclined)).Then(refundDeclined).
		HasState(orders.Order{
			Status: orders.StatusCancelled, Payment: orders.PaymentRefundDeclined,
			AccountID: "alice", Currency: "EUR", Lines: teapot, Total: 2500,
			PaymentID: "alice/3", Reason: "changed my mind", Code: "account-closed",
		}).
		// The account's first answer comes after its second: somebody had set it aside.
		When(orders.RecordRefund{RefundID: "alice/4"}).Then(refunded).
		HasState(orders.Order{
			Status: orders.StatusCancelled, Payment: orders.PaymentBack,
			AccountID: "alice", Currency: "EUR", Lines: teapot, Total: 2500,
			PaymentID: "alice/3", RefundID: "alice/4", Reason: "changed my mind",
		})
}

// An account's message is for people: it is shortened and made readable, never a reason to refuse
// what has happened. Its code is what programs act on.
func TestDeclines_message(t *testing.T) {
	for message, kept := range map[string]string{
		"":                       "",
		"no more":                "no more",
		strings.Repeat("é", 500): strings.Repeat("é", orders.MaxReason),
		strings.Repeat("é", 501): strings.Repeat("é", orders.MaxReason),
		"no\xffmore":             "no�more",
		"no\nINFO\x1b[2J \u0085": "no�INFO�[2J �",
	} {
		order(t).
			When(orders.RecordPaymentDeclined{Code: "account-frozen", Message: message}).
			Then(orders.PaymentDeclined{Code: "account-frozen", Message: kept})
		order(t, paid, cancelled, requested).
			When(orders.RecordRefundDeclined{Code: "account-closed", Message: message}).
			Then(orders.RefundDeclined{Code: "account-closed", Message: kept})
	}
}

// Orders take what accounts are in: the two never disagree about what is a currency.
func TestPlaceOrder_currency(t *testing.T) {
	for _, code := range []string{"EUR", "JPY", "BHD", "XCG", "", "eur", "EURO", "DEM", "XAU", "ЕUR"} {
		line := orders.Line{SKU: "tea", Quantity: 1, UnitPrice: 5, Currency: code}
		turn := scenario.Of(t, orders.Decider).When(orders.PlaceOrder{
			AccountID: "alice", Currency: code, Lines: []orders.Line{line},
		})
		if accounts.ActiveCurrency(code) {
			turn.Then(orders.OrderPlaced{
				AccountID: "alice", Currency: code, Lines: []orders.Line{line}, Total: 5,
			})
		} else {
			turn.ThenRejected(orders.CodeCurrencyUnknown)
		}
	}
}

// What is wrong with a command itself is told first, so that the answer does not depend on the
// order.
func TestDecide_commandBeforeOrder(t *testing.T) {
	for _, s := range []story{
		scenario.Of(t, orders.Decider),
		order(t),
		order(t, paid),
		order(t, paid, handed, shipped, delivered),
		order(t, declined),
		order(t, cancelled),
	} {
		s.When(place()).ThenRejected(orders.CodeLinesMissing)
		s.When(orders.PlaceOrder{Currency: "EUR"}).ThenRejected(orders.CodeAccountMissing)
		s.When(ship()).ThenRejected(orders.CodeParcelsMissing)
		s.When(ship(orders.Parcel{TrackingNumber: "1"})).ThenRejected(orders.CodeCarrierMissing)
		s.When(ship(orders.Parcel{Carrier: "DHL"})).ThenRejected(orders.CodeTrackingNumberMissing)
		s.When(orders.CancelOrder{}).ThenRejected(orders.CodeReasonMissing)
		s.When(orders.RecordPayment{}).ThenRejected(orders.CodePaymentMissing)
		s.When(orders.RecordRefund{}).ThenRejected(orders.CodeRefundMissing)
		s.When(orders.RecordPaymentDeclined{}).ThenRejected(orders.CodeCodeMissing)
		s.When(orders.RecordRefundDeclined{}).ThenRejected(orders.CodeCodeMissing)
	}
}
