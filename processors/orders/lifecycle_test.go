package orders_test

import (
	"strings"
	"testing"

	"refold/eventsourcing/scenario"
	"refold/processors/orders"
)

// byPeople says what comes of the commands of people at every point of an order's life, byProcess of
// those of the payment process: what has brought the order here, when it comes again, and with 2
// another of its kind.
//
//	accepted    with the command's event
//	and-refund  accepted, and a refund is asked for
//	parcel      accepted, after the parcel was handed over
//	known       accepted without an event: it is recorded already, or says nothing new
//	surplus     accepted: it is owed back
const (
	byPeople = `
                    PlaceOrder  ShipOrder   DeliverOrder  CancelOrder
new                 accepted    not-placed  not-placed    not-placed
pending             already     pending     not-shipped   accepted
paid                already     parcel      not-shipped   and-refund
shipped             already     shipped     accepted      shipped
delivered           already     delivered   delivered     delivered
declined            already     declined    declined      declined
cancelled-pending   already     cancelled   cancelled     cancelled
cancelled-declined  already     cancelled   cancelled     cancelled
refund-pending      already     cancelled   cancelled     cancelled
refunded            already     cancelled   cancelled     cancelled
refund-declined     already     cancelled   cancelled     cancelled
`
	byProcess = `
                   Payment    Payment2   Declined   Declined2  Refund     Refund2    Refused    Refused2
new                not-placed not-placed not-placed not-placed not-placed not-placed not-placed not-placed
pending            accepted   accepted   accepted   accepted   no-refund  no-refund  no-refund  no-refund
paid               known      surplus    known      known      no-refund  no-refund  no-refund  no-refund
shipped            known      surplus    known      known      no-refund  no-refund  no-refund  no-refund
delivered          known      surplus    known      known      no-refund  no-refund  no-refund  no-refund
declined           surplus    surplus    known      known      no-refund  no-refund  no-refund  no-refund
cancelled-pending  and-refund and-refund accepted   accepted   no-refund  no-refund  no-refund  no-refund
cancelled-declined surplus    surplus    known      known      no-refund  no-refund  no-refund  no-refund
refund-pending     known      surplus    known      known      accepted   accepted   accepted   accepted
refunded           known      surplus    known      known      known      no-refund  known      known
refund-declined    known      surplus    known      known      accepted   accepted   known      known
`
)

func TestDecide_everyCommandEverywhere(t *testing.T) {
	columns := 0
	for _, table := range []string{byPeople, byProcess} {
		lines := strings.Split(strings.TrimSpace(table), "\n")
		names := strings.Fields(lines[0])
		columns += len(names)
		if len(lines)-1 != len(pasts) {
			t.Fatalf("the table has %d lives, there are %d", len(lines)-1, len(pasts))
		}
		for _, line := range lines[1:] {
			words := strings.Fields(line)
			past, known := pasts[words[0]]
			if !known || len(words) != 1+len(names) {
				t.Fatalf("no life, or not %d outcomes: %s", len(names), line)
			}
			for i, word := range words[1:] {
				t.Run(names[i]+" when "+words[0], func(t *testing.T) {
					commands[names[i]].comesTo(t, past, word)
				})
			}
		}
	}
	if columns != len(commands) {
		t.Errorf("the tables have %d commands, there are %d", columns, len(commands))
	}
}

type decided struct {
	command orders.Command
	event   orders.Event
}

func (d decided) comesTo(t *testing.T, past []orders.Event, word string) {
	t.Helper()
	turn := scenario.Of(t, orders.Decider).Given(past...).When(d.command)
	switch word {
	case "accepted":
		turn.Then(d.event)
	case "and-refund":
		turn.Then(d.event, requested)
	case "parcel":
		turn.Then(handed, d.event)
	case "known":
		turn.Then()
	case "surplus":
		payment, _ := d.command.(orders.RecordPayment)
		turn.Then(surplus(payment.PaymentID))
	default:
		turn.ThenRejected(codes[word])
	}
}

var codes = map[string]string{
	"not-placed":  orders.CodeOrderNotPlaced,
	"already":     orders.CodeOrderAlreadyPlaced,
	"declined":    orders.CodeOrderDeclined,
	"cancelled":   orders.CodeOrderCancelled,
	"delivered":   orders.CodeOrderDelivered,
	"shipped":     orders.CodeOrderAlreadyShipped,
	"not-shipped": orders.CodeOrderNotShipped,
	"pending":     orders.CodePaymentPending,
	"no-refund":   orders.CodeRefundNotExpected,
}

// commands has one of each, and of the process's two, with the event that comes of it.
var commands = map[string]decided{
	"PlaceOrder":   {place(teapot...), placed},
	"ShipOrder":    {ship(parcel), shipped},
	"DeliverOrder": {orders.DeliverOrder{}, delivered},
	"CancelOrder":  {orders.CancelOrder(cancelled), cancelled},
	"Payment":      {orders.RecordPayment{PaymentID: "alice/3"}, paid},
	"Declined":     {orders.RecordPaymentDeclined(declined), declined},
	"Refund":       {orders.RecordRefund{RefundID: "alice/4"}, refunded},
	"Refused":      {orders.RecordRefundDeclined(refundDeclined), refundDeclined},

	"Payment2": {
		orders.RecordPayment{PaymentID: "alice/9"},
		orders.PaymentProcessed{
			AccountID: "alice", PaymentID: "alice/9", Amount: 2500, Currency: "EUR",
		},
	},
	"Declined2": {
		orders.RecordPaymentDeclined{Code: "account-frozen"},
		orders.PaymentDeclined{Code: "account-frozen"},
	},
	"Refund2": {
		orders.RecordRefund{RefundID: "alice/9"},
		orders.PaymentRefunded{
			AccountID: "alice", RefundID: "alice/9", Amount: 2500, Currency: "EUR",
		},
	},
	"Refused2": {
		orders.RecordRefundDeclined{Code: "reference-unknown"},
		orders.RefundDeclined{Code: "reference-unknown"},
	},
}

// pasts lead to each point of an order's life.
var pasts = map[string][]orders.Event{
	"new":                nil,
	"pending":            {placed},
	"paid":               {placed, paid},
	"shipped":            {placed, paid, handed, shipped},
	"delivered":          {placed, paid, handed, shipped, delivered},
	"declined":           {placed, declined},
	"cancelled-pending":  {placed, cancelled},
	"cancelled-declined": {placed, cancelled, declined},
	"refund-pending":     {placed, paid, cancelled, requested},
	"refunded":           {placed, cancelled, paid, requested, refunded},
	"refund-declined":    {placed, paid, cancelled, requested, refundDeclined},
}
