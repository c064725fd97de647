package orders_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"refold/eventsourcing/scenario"
	"refold/processors/foldtest"
	"refold/processors/orders"
)

// rejection is a command that is rejected, and how.
type rejection struct {
	code    string
	message string
	past    []orders.Event
	command orders.Command
}

// Of the order that the command is for.
func rejectionsOfOrders() []rejection {
	past := func(events ...orders.Event) []orders.Event { return events }
	shipIt := ship(orders.Parcel{Carrier: "UPS", TrackingNumber: "1Z 999"})
	return []rejection{
		{orders.CodeOrderNotPlaced, "there is no such order", nil, shipIt},
		{
			orders.CodeOrderNotPlaced, "there is no such order", nil,
			orders.RecordPayment{PaymentID: "alice/3"},
		},
		{
			orders.CodeOrderAlreadyPlaced,
			"there is an order under this ID already; it is shipped", past(placed, paid, handed, shipped),
			place(teapot...),
		},
		{
			orders.CodeOrderDeclined, "the account did not pay: insufficient-funds",
			past(placed, declined), shipIt,
		},
		{
			orders.CodeOrderCancelled, "the order was cancelled: changed my mind",
			past(placed, cancelled), shipIt,
		},
		{
			orders.CodeOrderDelivered, "the order has been delivered",
			past(placed, paid, handed, shipped, delivered),
			orders.DeliverOrder{},
		},
		{
			orders.CodeOrderAlreadyShipped, "the order is with DHL already",
			past(placed, paid, handed, shipped), shipIt,
		},
		{
			orders.CodeOrderAlreadyShipped,
			"the order is with DHL already; it can't be cancelled any more",
			past(placed, paid, handed, shipped),
			orders.CancelOrder{Reason: "too late"},
		},
		{
			orders.CodeOrderNotShipped, "the order is placed; only what was shipped can be delivered",
			past(placed, paid),
			orders.DeliverOrder{},
		},
		{
			orders.CodePaymentPending,
			"the account has not answered yet; the order can be shipped when it is paid",
			past(placed), shipIt,
		},
		{
			orders.CodePaymentNotExpected, "no payment is under way: it is paid, and 8 others came " +
				"that were not due",
			past(placed, paid, surplus("alice/4"), surplus("alice/5"), surplus("alice/6"),
				surplus("alice/7"), surplus("alice/8"), surplus("alice/9"), surplus("alice/10"),
				surplus("alice/11")),
			orders.RecordPayment{PaymentID: "alice/12"},
		},
		{
			orders.CodeRefundNotExpected, "no refund is under way: the payment is pending",
			past(placed),
			orders.RecordRefund{RefundID: "alice/4"},
		},
		{
			orders.CodeRefundNotExpected, "no refund is under way: the payment is refunded",
			past(placed, paid, cancelled, requested, refunded),
			orders.RecordRefund{RefundID: "alice/9"},
		},
		{
			orders.CodeRefundNotExpected, "no refund is under way: the payment is paid",
			past(placed, paid),
			orders.RecordRefundDeclined{Code: "account-closed"},
		},
	}
}

// Of a command itself, whatever the order.
func rejectionsOfCommands() []rejection {
	const most = math.MaxInt64
	long := func(n int) string { return strings.Repeat("é", n+1) }
	dollars := orders.Line{SKU: "tea", Quantity: 1, UnitPrice: 250, Currency: "USD"}
	sku := func(s string) orders.Line {
		return orders.Line{SKU: s, Quantity: 1, UnitPrice: 250, Currency: "EUR"}
	}
	return []rejection{
		{
			orders.CodeAccountMissing, "accountId is empty; it must have 1 to 128 characters", nil,
			orders.PlaceOrder{Currency: "EUR", Lines: teapot},
		},
		{
			orders.CodeCurrencyUnknown, `currency is "euro"; it must be an active ISO 4217 code ` +
				`of three upper-case letters, such as EUR`, nil,
			orders.PlaceOrder{AccountID: "alice", Currency: "euro", Lines: teapot},
		},
		{
			orders.CodeCurrencyMixed, `line 2 is in "USD", the order in EUR; an order has one currency`,
			nil, place(euros(1, 1), dollars),
		},
		{orders.CodeLinesMissing, "lines is empty; an order has 1 to 100", nil, place()},
		{
			orders.CodeTooManyLines, "there are 101 lines; at most 100 are allowed", nil,
			place(make([]orders.Line, orders.MaxLines+1)...),
		},
		{
			orders.CodeSKUMissing, "the sku of line 3 is empty; it must have 1 to 64 characters", nil,
			place(euros(1, 1), euros(1, 1), sku(" ")),
		},
		{
			orders.CodeQuantityNotPositive, "the quantity of line 2 is 0; it must be 1 or more", nil,
			place(euros(1, 1), euros(0, 1)),
		},
		{
			orders.CodePriceNegative,
			"the unit price of line 1 is -1; it must be 0 minor units or more", nil,
			place(euros(1, -1), euros(1, 10)),
		},
		{
			orders.CodeTotalNotPositive, "the total is 0; at least one line must have a price", nil,
			place(euros(1, 0), euros(most, 0)),
		},
		{
			orders.CodeTotalOverflow, "with line 2 the total is more than 9223372036854775807 minor " +
				"units, the most an order holds", nil,
			place(euros(1, most), euros(1, 1)),
		},
		{orders.CodeParcelsMissing, "parcels is empty; an order is shipped in 1 to 20", nil, ship()},
		{
			orders.CodeTooManyParcels, "there are 21 parcels; at most 20 are allowed", nil,
			ship(slices.Repeat([]orders.Parcel{parcel}, orders.MaxParcels+1)...),
		},
		{
			orders.CodeCarrierMissing,
			"the carrier of parcel 1 is empty; it must have 1 to 100 characters", nil,
			ship(orders.Parcel{TrackingNumber: "1Z 999"}),
		},
		{
			orders.CodeTrackingNumberMissing,
			"the trackingNumber of parcel 2 is empty; it must have 1 to 100 characters", nil,
			ship(parcel, orders.Parcel{Carrier: "UPS", TrackingNumber: "\t"}),
		},
		{
			orders.CodeReasonMissing, "reason is empty; it must have 1 to 500 characters", nil,
			orders.CancelOrder{},
		},
		{
			orders.CodePaymentMissing, "paymentId is empty; it must have 1 to 512 characters", nil,
			orders.RecordPayment{},
		},
		{
			orders.CodeRefundMissing, "refundId is empty; it must have 1 to 512 characters", nil,
			orders.RecordRefund{},
		},
		{
			orders.CodeCodeMissing, "code is empty; it must have 1 to 100 characters", nil,
			orders.RecordPaymentDeclined{Message: "no"},
		},
		{
			orders.CodeCodeMissing, "code is empty; it must have 1 to 100 characters", nil,
			orders.RecordRefundDeclined{Message: "no"},
		},
		{
			orders.CodeTextTooLong, "accountId has 129 characters; at most 128 are allowed", nil,
			orders.PlaceOrder{AccountID: long(orders.MaxID), Currency: "EUR", Lines: teapot},
		},
		{
			orders.CodeTextTooLong, "the sku of line 1 has 65 characters; at most 64 are allowed", nil,
			place(sku(long(orders.MaxSKU))),
		},
		{
			orders.CodeTextTooLong, "the trackingNumber of parcel 1 has 101 characters; at most 100 are " +
				"allowed", nil,
			ship(orders.Parcel{Carrier: "UPS", TrackingNumber: long(orders.MaxText)}),
		},
		{
			orders.CodeTextTooLong, "reason has 501 characters; at most 500 are allowed", nil,
			orders.CancelOrder{Reason: long(orders.MaxReason)},
		},
		{
			orders.CodeTextTooLong, "paymentId has 513 characters; at most 512 are allowed", nil,
			orders.RecordPayment{PaymentID: long(orders.MaxMessageID)},
		},
		{
			orders.CodeTextInvalid, "the carrier of parcel 1 is no valid UTF-8", nil,
			ship(orders.Parcel{Carrier: "UP\xe9", TrackingNumber: "1Z 999"}),
		},
		{
			orders.CodeTextInvalid, "the sku of line 2 has the control character U+000A at byte 3; " +
				"none is allowed", nil,
			place(euros(1, 1), sku("tea\nINFO all is well")),
		},
	}
}

func rejections() []rejection { return append(rejectionsOfOrders(), rejectionsOfCommands()...) }

func TestRejections(t *testing.T) {
	for _, r := range rejections() {
		t.Run(r.code, func(t *testing.T) {
			turn := scenario.Of(t, orders.Decider).Given(r.past...).When(r.command)
			turn.ThenRejected(r.code)
			if got := turn.Message(); got != r.message {
				t.Errorf("the message is:\n%s\nwanted:\n%s", got, r.message)
			}
		})
	}
}

// A code that nothing provokes is a promise that nobody has tried.
func TestRejections_everyCode(t *testing.T) {
	var provoked []string
	for _, r := range rejections() {
		provoked = append(provoked, r.code)
	}
	foldtest.EveryCodeIsProvoked(t, orders.Definition, provoked...)
}
