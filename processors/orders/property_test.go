package orders_test

import (
	"errors"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refold/eventsourcing"
	"refold/processors/orders"
)

// book is a naive model beside an order: it has numbers without limits, and forgets nothing.
type book struct {
	order  orders.Order
	events []orders.Event
	total  big.Int // of the lines
	// What the order says of the account's money, in minor units.
	paid, requested, refunded int64
	surplus                   map[string]string // what became of a payment that was not due
}

// legal are the states that an order may be in after a command.
var legal = map[orders.Status][]orders.Payment{
	orders.StatusNone:      {orders.PaymentNone},
	orders.StatusPlaced:    {orders.PaymentPending, orders.PaymentPaid},
	orders.StatusShipped:   {orders.PaymentPaid},
	orders.StatusDelivered: {orders.PaymentPaid},
	orders.StatusDeclined:  {orders.PaymentNotMade},
	orders.StatusCancelled: {
		orders.PaymentPending, orders.PaymentNotMade, orders.PaymentRefundPending,
		orders.PaymentBack, orders.PaymentRefundDeclined,
	},
}

// Random commands: every state is a legal one, the total is the sum, and no more is refunded than
// was paid.
func TestDecider_property(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &book{surplus: map[string]string{}}
		// Not every order is placed by the first command, but most are.
		if rapid.IntRange(0, 9).Draw(t, "placed at once") > 0 {
			b.handle(t, place(teapot...))
		}
		for range rapid.IntRange(0, 30).Draw(t, "commands") {
			b.handle(t, drawCommand(t))
			b.check(t)
		}
		if got := orders.Decider.Fold(orders.Order{}, recorded(b.events...)...); // G4
		!reflect.DeepEqual(got, b.order) {
			t.Fatalf("the fold of all events is %+v, the state %+v", got, b.order)
		}
	})
}

func drawCommand(t *rapid.T) orders.Command {
	text := rapid.OneOf(rapid.Just("text"), rapid.String()).Draw(t, "text")
	id := "alice/" + strconv.Itoa(rapid.IntRange(3, 14).Draw(t, "id"))
	code := rapid.SampledFrom([]string{"account-closed", "account-frozen", ""}).Draw(t, "code")
	switch rapid.IntRange(0, 11).Draw(t, "kind") {
	case 0, 1:
		return drawPlace(t)
	case 2, 3:
		parcels := rapid.IntRange(0, 3).Draw(t, "parcels")
		return ship(slices.Repeat([]orders.Parcel{{Carrier: "DHL", TrackingNumber: text}}, parcels)...)
	case 4:
		return orders.DeliverOrder{}
	case 5, 6:
		return orders.CancelOrder{Reason: text}
	case 7, 8:
		return orders.RecordPayment{PaymentID: id}
	case 9:
		return orders.RecordPaymentDeclined{Code: code, Message: text}
	case 10:
		return orders.RecordRefund{RefundID: id}
	default:
		return orders.RecordRefundDeclined{Code: code, Message: text}
	}
}

func drawPlace(t *rapid.T) orders.PlaceOrder {
	number := rapid.OneOf(
		rapid.Int64Range(1, 100), rapid.Int64Range(-1, 2), rapid.Int64(),
		rapid.Just[int64](math.MaxInt64), rapid.Just[int64](1<<32),
	)
	currency := rapid.SampledFrom([]string{"EUR", "EUR", "EUR", "EUR", "EUR", "EUR", "USD", "eur", ""})
	line := rapid.Custom(func(t *rapid.T) orders.Line {
		return orders.Line{
			SKU:       rapid.OneOf(rapid.Just("tea"), rapid.String()).Draw(t, "sku"),
			Quantity:  number.Draw(t, "quantity"),
			UnitPrice: number.Draw(t, "price"),
			Currency:  currency.Draw(t, "line's currency"),
		}
	})
	return orders.PlaceOrder{
		AccountID: rapid.SampledFrom([]string{"alice", "bob", ""}).Draw(t, "account"),
		Currency:  currency.Draw(t, "currency"),
		Lines:     rapid.SliceOfN(line, 0, 5).Draw(t, "lines"),
	}
}

func (b *book) handle(t *rapid.T, command orders.Command) {
	events, err := orders.Decider.Decide(eventsourcing.Context{}, b.order, command)
	if err != nil {
		rejection, is := errors.AsType[*eventsourcing.Rejection](err)
		if !is || rejection.Code == "" || rejection.Message == "" || len(events) > 0 {
			t.Fatalf("%#v on %+v came to %v and %v", command, b.order, events, err)
		}
		return
	}
	for _, event := range events {
		before := b.order
		kept, surplus := slices.Clone(before.Lines), slices.Clone(before.Surplus)
		parcels := slices.Clone(before.Parcels)
		b.order = orders.Decider.Evolve(before, recorded(event)[0])
		if !slices.Equal(before.Lines, kept) || !slices.Equal(before.Surplus, surplus) ||
			!slices.Equal(before.Parcels, parcels) {
			t.Fatalf("%#v changed the state before it, from %v, %v, %v to %+v",
				event, kept, parcels, surplus, before)
		}
		b.events = append(b.events, event)
		b.write(t, before, event)
	}
}

// write writes the event down, and sees that it could happen.
func (b *book) write(t *rapid.T, before orders.Order, event orders.Event) {
	from := func(is bool) {
		if !is {
			t.Fatalf("%#v happened to %+v", event, before)
		}
	}
	o := b.order
	money := func(account, currency string, amount int64) int64 {
		from(account == o.AccountID && currency == o.Currency && amount == o.Total)
		return amount
	}
	cancelled := before.Status == orders.StatusCancelled
	switch e := event.(type) {
	case orders.OrderPlaced:
		from(before.Status == orders.StatusNone)
		for _, line := range e.Lines {
			from(line.Quantity > 0 && line.UnitPrice >= 0 && line.Currency == e.Currency)
			b.total.Add(&b.total, new(big.Int).Mul(big.NewInt(line.Quantity), big.NewInt(line.UnitPrice)))
		}
		money(e.AccountID, e.Currency, e.Total)
	case orders.PaymentProcessed:
		from(before.Payment == orders.PaymentPending)
		b.paid += money(e.AccountID, e.Currency, e.Amount)
	case orders.PaymentDeclined:
		from(before.Payment == orders.PaymentPending)
	case orders.ParcelHandedOver:
		from(before.Status == orders.StatusPlaced && before.Payment == orders.PaymentPaid)
	case orders.OrderShipped:
		from(before.Status == orders.StatusPlaced && before.Payment == orders.PaymentPaid &&
			e.ParcelCount == int64(len(before.Parcels)))
	case orders.OrderDelivered:
		from(before.Status == orders.StatusShipped)
	case orders.OrderCancelled:
		from(before.Status == orders.StatusPlaced)
	case orders.RefundRequested:
		from(cancelled && before.Payment == orders.PaymentPaid)
		b.requested += money(e.AccountID, e.Currency, e.Amount)
	case orders.SurplusReceived:
		_, again := b.surplus[e.PaymentID]
		from(before.Payment != orders.PaymentNone && before.Payment != orders.PaymentPending &&
			e.PaymentID != before.PaymentID && !again)
		money(e.AccountID, e.Currency, e.Amount)
		b.surplus[e.PaymentID] = "asked"
	case orders.SurplusRefunded:
		from(b.surplus[e.PaymentID] == "asked" || b.surplus[e.PaymentID] == "declined")
		money(e.AccountID, e.Currency, e.Amount)
		b.surplus[e.PaymentID] = "refunded"
	case orders.SurplusRefundDeclined:
		from(b.surplus[e.PaymentID] == "asked")
		b.surplus[e.PaymentID] = "declined"
	case orders.PaymentRefunded:
		from(cancelled && (before.Payment == orders.PaymentRefundPending ||
			before.Payment == orders.PaymentRefundDeclined))
		b.refunded += money(e.AccountID, e.Currency, e.Amount)
	case orders.RefundDeclined:
		from(cancelled && before.Payment == orders.PaymentRefundPending)
	default:
		t.Fatalf("%#v is new; write it down", event)
	}
}

func (b *book) check(t *rapid.T) {
	o := b.order
	if !slices.Contains(legal[o.Status], o.Payment) {
		t.Fatalf("an order is %q, its payment %q", o.Status, o.Payment)
	}
	if o.Status == orders.StatusNone {
		if !reflect.DeepEqual(o, orders.Order{}) {
			t.Fatalf("never placed, but %+v", o)
		}
		return
	}
	if o.Total < 1 || b.total.Cmp(big.NewInt(o.Total)) != 0 {
		t.Fatalf("the lines make %v, the total is %d", &b.total, o.Total)
	}
	// What the payment's state says is what has happened to the money.
	var paid, requested, refunded int64
	switch o.Payment {
	case orders.PaymentNone, orders.PaymentPending, orders.PaymentNotMade:
	case orders.PaymentPaid:
		paid = o.Total
	case orders.PaymentRefundPending, orders.PaymentRefundDeclined:
		paid, requested = o.Total, o.Total
	case orders.PaymentBack:
		paid, requested, refunded = o.Total, o.Total, o.Total
	}
	if b.paid != paid || b.requested != requested || b.refunded != refunded {
		t.Fatalf("%d paid, %d requested, %d refunded, but the payment is %q of %d",
			b.paid, b.requested, b.refunded, o.Payment, o.Total)
	}
	for _, s := range o.Surplus {
		want := "asked"
		if s.Code != "" {
			want = "declined"
		} else if s.RefundID != "" {
			want = "refunded"
		}
		if b.surplus[s.PaymentID] != want {
			t.Fatalf("%+v, but it was %s", s, b.surplus[s.PaymentID])
		}
	}
	if len(o.Surplus) != len(b.surplus) || len(o.Surplus) > orders.MaxSurplus {
		t.Fatalf("%v, but there were %v", o.Surplus, b.surplus)
	}
	if (o.PaymentID != "") != (paid > 0) || (o.RefundID != "") != (refunded > 0) {
		t.Fatalf("%q and %q at a payment that is %q", o.PaymentID, o.RefundID, o.Payment)
	}
	if (len(o.Parcels) > 0) != (o.Status == orders.StatusShipped || o.Status == orders.StatusDelivered) {
		t.Fatalf("%d parcels of an order that is %q", len(o.Parcels), o.Status)
	}
}

// recorded numbers events from 1 on.
func recorded(events ...orders.Event) []eventsourcing.Recorded[orders.Event] {
	return eventsourcing.Record(1, time.Time{}, events...)
}
