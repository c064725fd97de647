package orders_test

import (
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"refold/eventsourcing"
	"refold/processors/orders"
)

// arrivals is what becomes of an order that is placed and cancelled: how the account answers, how
// often each record comes, and in which order.
type arrivals struct {
	Pays, TakesRefund bool
	// Copies is how often a record of the process comes.
	Copies int
	// Next picks, step by step, among what may come next.
	Next []int
}

var anyArrivals = rapid.Custom(func(t *rapid.T) arrivals {
	return arrivals{
		Pays:        rapid.Bool().Draw(t, "pays"),
		TakesRefund: rapid.Bool().Draw(t, "takes the refund"),
		Copies:      rapid.IntRange(1, 3).Draw(t, "copies"),
		Next:        rapid.SliceOfN(rapid.IntRange(0, 11), 7, 7).Draw(t, "next"),
	}
})

type decider = eventsourcing.Decider[orders.Order, orders.Command, orders.Event]

// settle lets everything arrive at an order, and tells what is wrong with the end: a record of the
// process that was refused, money that moved twice or stays where it should not, or another order
// than in any other sequence of arrivals.
func (a arrivals) settle(d decider) error {
	state := d.Fold(d.Initial, recorded(placed)...)
	var coming []orders.Command
	come := func(command orders.Command, times int) {
		for range times {
			coming = append(coming, command)
		}
	}
	if a.Pays {
		come(orders.RecordPayment{PaymentID: "alice/3"}, a.Copies)
	} else {
		come(orders.RecordPaymentDeclined(declined), a.Copies)
	}
	come(orders.CancelOrder(cancelled), 1)

	happened := map[string]int{}
	for step := 0; len(coming) > 0; step++ {
		i := a.Next[step] % len(coming)
		command := coming[i]
		coming = append(coming[:i:i], coming[i+1:]...)
		events, err := d.Decide(eventsourcing.Context{}, state, command)
		if _, person := command.(orders.CancelOrder); err != nil && !person {
			return fmt.Errorf("%#v on %+v: %w", command, state, err)
		}
		state = d.Fold(state, recorded(events...)...)
		for _, event := range events {
			name := eventsourcing.TypeName(event)
			happened[name]++
			if happened[name] > 1 {
				return fmt.Errorf("%T happened twice", event)
			}
			if _, asked := event.(orders.RefundRequested); !asked {
				continue
			}
			if a.TakesRefund {
				come(orders.RecordRefund{RefundID: "alice/4"}, a.Copies)
			} else {
				come(orders.RecordRefundDeclined(refundDeclined), a.Copies)
			}
		}
	}
	if want := a.settled(happened["OrderCancelled"] > 0); !reflect.DeepEqual(state, want) {
		return fmt.Errorf("settled as %+v, not as %+v", state, want)
	}
	return nil
}

// settled is the order in the end. That one can't cancel what was declined already is all that the
// sequence of arrivals may change.
func (a arrivals) settled(cancelled bool) orders.Order {
	o := orders.Order{
		Status: orders.StatusDeclined, Payment: orders.PaymentNotMade, Code: declined.Code,
		AccountID: "alice", Currency: "EUR", Lines: teapot, Total: 2500,
	}
	if cancelled || a.Pays {
		o.Status, o.Reason = orders.StatusCancelled, "changed my mind"
	}
	if a.Pays {
		o.PaymentID = "alice/3"
		o.Payment, o.Code = orders.PaymentRefundDeclined, refundDeclined.Code
	}
	if a.Pays && a.TakesRefund {
		o.Payment, o.Code, o.RefundID = orders.PaymentBack, "", "alice/4"
	}
	return o
}

// Whichever comes first, the account's answer or the customer's second thought, and however often
// the process repeats itself when no ring remembers: the order settles, and its money is where it
// belongs.
func TestSettled_inAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if err := anyArrivals.Draw(t, "arrivals").settle(orders.Decider); err != nil {
			t.Fatal(err)
		}
	})
}

// The twins of TestSettled_inAnyOrder: without each of the mechanisms, some sequence of arrivals
// doesn't settle.
func TestSettled_twins(t *testing.T) {
	withDecide := func(decide func(orders.Order, orders.Command) ([]orders.Event, error)) decider {
		return decider{
			Decide: func(_ eventsourcing.Context, o orders.Order, c orders.Command) ([]orders.Event, error) {
				return decide(o, c)
			},
			Evolve: orders.Decider.Evolve,
		}
	}
	for name, twin := range map[string]decider{
		"a cancelled order forgets that it is to be refunded": withDecide(
			func(o orders.Order, c orders.Command) ([]orders.Event, error) {
				events, err := orders.Decider.Decide(eventsourcing.Context{}, o, c)
				if _, is := c.(orders.RecordPayment); is && len(events) > 1 {
					events = events[:1]
				}
				return events, err
			}),
		"a payment that comes again is not recognized": withDecide(
			func(o orders.Order, c orders.Command) ([]orders.Event, error) {
				o.PaymentID = ""
				return orders.Decider.Decide(eventsourcing.Context{}, o, c)
			}),
		"a refund that comes again is not recognized": withDecide(
			func(o orders.Order, c orders.Command) ([]orders.Event, error) {
				o.RefundID = ""
				return orders.Decider.Decide(eventsourcing.Context{}, o, c)
			}),
		"a decline that comes again is not recognized": withDecide(
			func(o orders.Order, c orders.Command) ([]orders.Event, error) {
				if _, is := c.(orders.RecordPaymentDeclined); is {
					o.Payment = orders.PaymentPending
				}
				return orders.Decider.Decide(eventsourcing.Context{}, o, c)
			}),
	} {
		t.Run(name, func(t *testing.T) {
			const most = 1000 // a dozen is enough for each of them
			for seed := range most {
				if anyArrivals.Example(seed).settle(twin) != nil {
					return
				}
			}
			t.Errorf("it settles all the same in %d sequences of arrivals", most)
		})
	}
}
