package orders

import "refold/processors"

// Definition is the kind of aggregate that this package is about. A worker runs the Goka group graph that
// comes of it: see package processors, graph.go.
var Definition = processors.Aggregate[Order, Command, Event]{
	Name: "order", Plural: "orders", Namespace: "refold.orders",

	Decide:      decide,
	Evolve:      evolve,
	FoldVersion: 2, // to be raised when Evolve, or what a row says, changes its meaning

	Commands: []processors.Message{
		processors.Of(examplePlaced,
			"Wish to order goods that an account pays for."),
		processors.Of(ShipOrder{Parcels: []Parcel{{Carrier: "DHL", TrackingNumber: "00340434"}}},
			"Wish to hand a paid order to carriers, in one parcel or several."),
		processors.Of(DeliverOrder{},
			"Wish to note that the customer has the order."),
		processors.Of(CancelOrder{Reason: "ordered twice"},
			"Wish to end an order that was not shipped."),
		processors.Of(RecordPayment{PaymentID: "alice/3"},
			"The payment process notes that the account has paid.").Internal(),
		processors.Of(RecordPaymentDeclined{Code: "insufficient-funds", Message: "the balance is 0"},
			"The payment process notes that the account has refused to pay.").Internal(),
		processors.Of(RecordRefund{RefundID: "alice/4"},
			"The payment process notes that the account has its money back.").Internal(),
		processors.Of(RecordRefundDeclined{Code: "account-closed", Message: "the account is closed"},
			"The payment process notes that the account takes no refund.").Internal(),
	},
	Events: []processors.Message{
		processors.Of(OrderPlaced{}, "Goods were ordered at a price."),
		processors.Of(PaymentProcessed{}, "The account has paid."),
		processors.Of(PaymentDeclined{}, "The account has refused to pay."),
		processors.Of(ParcelHandedOver{}, "A carrier has a part of the order."),
		processors.Of(OrderShipped{}, "Carriers have all of the order."),
		processors.Of(OrderDelivered{}, "The customer has the order."),
		processors.Of(OrderCancelled{}, "The order will not be shipped."),
		processors.Of(RefundRequested{}, "The account is owed what it has paid."),
		processors.Of(PaymentRefunded{}, "The account has its money back."),
		processors.Of(RefundDeclined{}, "The account takes no refund: somebody has to pay it out in another way."),
		processors.Of(SurplusReceived{}, "The account has paid although no payment was due, and is owed that back."),
		processors.Of(SurplusRefunded{}, "The account has back what it had paid although it was not due."),
		processors.Of(SurplusRefundDeclined{}, "The account does not take a surplus back: a person has to pay it out in another way."),
	},
	FormerCommands: formerCommands, FormerEvents: formerEvents, FormerStates: formerStates,
	Rejections: map[string]string{
		CodeOrderNotPlaced:        "There is no such order.",
		CodeOrderAlreadyPlaced:    "PlaceOrder, under an ID that is taken.",
		CodeOrderDeclined:         "The account did not pay; the order has ended.",
		CodeOrderCancelled:        "The order was cancelled.",
		CodeOrderDelivered:        "The order has been delivered.",
		CodeOrderAlreadyShipped:   "The order has left; it is neither shipped again nor cancelled.",
		CodeOrderNotShipped:       "DeliverOrder, of an order that has not left.",
		CodePaymentPending:        "ShipOrder, before the account has paid. Try again later.",
		CodePaymentNotExpected:    "A payment is recorded that the order doesn't wait for, and it has no room to note a further one.",
		CodeRefundNotExpected:     "A refund is recorded that the order doesn't wait for.",
		CodeAccountMissing:        "PlaceOrder, without an account.",
		CodeCurrencyUnknown:       "What is no active ISO 4217 currency.",
		CodeCurrencyMixed:         "A line in another currency than the order.",
		CodeLinesMissing:          "PlaceOrder, without lines.",
		CodeTooManyLines:          "PlaceOrder, with more than 100.",
		CodeSKUMissing:            "A line does not say of what.",
		CodeQuantityNotPositive:   "A line of 0 or fewer.",
		CodePriceNegative:         "A line with a price below 0.",
		CodeTotalNotPositive:      "There is nothing to pay, so that no account can.",
		CodeTotalOverflow:         "The total is more than an int64 holds.",
		CodeParcelsMissing:        "ShipOrder, without parcels.",
		CodeTooManyParcels:        "ShipOrder, with more than 20.",
		CodeCarrierMissing:        "ShipOrder, with a parcel without a carrier.",
		CodeTrackingNumberMissing: "ShipOrder, with a parcel without a tracking number.",
		CodeReasonMissing:         "CancelOrder, without a reason.",
		CodePaymentMissing:        "A payment is recorded without its ID.",
		CodeRefundMissing:         "A refund is recorded without its ID.",
		CodeCodeMissing:           "A decline is recorded without its code.",
		CodeTextTooLong:           "A text has more characters than allowed.",
		CodeTextInvalid:           "A text is no UTF-8, or has a control character.",
	},

	Example: Order{
		Status: StatusPlaced, Payment: PaymentPending, AccountID: examplePlaced.AccountID,
		Currency: examplePlaced.Currency, Lines: examplePlaced.Lines, Total: 2500,
	},
	Money: map[string]string{
		"total": "currency", "amount": "currency", "lines[].unitPrice": "currency",
	},
	Totals: func(o Order) []processors.Total { return []processors.Total{{Name: o.Currency, Amount: o.Total}} },
}

var examplePlaced = PlaceOrder{
	AccountID: "alice", Currency: "EUR",
	Lines: []Line{{SKU: "tea-500g", Quantity: 2, UnitPrice: 1250, Currency: "EUR"}},
}

// Decider is an order's whole behaviour. Every command that is one of this package's structs is accepted,
// or rejected with one of the codes in rejections.go.
var Decider = Definition.Decider()
