package load

import (
	"context"
	"fmt"
)

// States of an order in the tally, beside those that it is read with.
const (
	statePlaced   = "placed"   // the payment is not settled yet
	stateRejected = "rejected" // PlaceOrder was
	stateUnknown  = "unknown"  // nobody knows whether it was placed
)

// life is an order on its way.
type life struct {
	*Driver
	id    string
	state string
}

// follow does all that happens to an order after it was placed.
func (d *Driver) follow(ctx, begin context.Context, act *Act, placed Answer) {
	l := &life{Driver: d, id: act.Command.Subject}
	switch placed.Outcome {
	case Accepted:
		l.moved(statePlaced)
	case Rejected:
		l.moved(stateRejected)
		return
	case Unknown, Refused:
		l.moved(stateUnknown)
		return
	}
	for i := range act.Steps {
		if !l.step(ctx, begin, &act.Steps[i]) {
			return
		}
	}
	if state, is := l.wait(ctx, begin, OrderState.ended); is {
		l.moved(state.name())
	}
}

// name is the state in one word.
func (s OrderState) name() string {
	switch {
	case s.Status == statePlaced && s.Payment == "paid":
		return "paid"
	case s.Status == "cancelled" && s.Payment != "":
		return "cancelled, " + s.Payment
	}
	return s.Status
}

// step does one step; false ends the order's life: it was declined, or the run ends.
func (l *life) step(ctx, begin context.Context, step *Step) bool {
	if step.AfterPayment {
		state, is := l.wait(ctx, begin, OrderState.settled)
		if !is {
			return false
		}
		l.moved(state.name())
		if state.Status == "declined" {
			return false
		}
	}
	if pause(begin, step.Delay) != nil {
		return false
	}
	due, err := l.pace.wait(begin)
	if err != nil || !take(begin, l.slots) {
		return false
	}
	answer := l.send(ctx, step.Command, due)
	<-l.slots
	switch {
	case answer.Outcome != Accepted:
	case step.Command.Type == "ShipOrder":
		l.moved("shipped")
	case step.Command.Type == "CancelOrder":
		l.moved("cancelled")
	}
	return true
}

// wait waits for the order to be in such a state. It reports whether it is; if not, that is counted,
// or the run ends.
func (l *life) wait(ctx, begin context.Context, until func(OrderState) bool) (OrderState, bool) {
	if !take(begin, l.looks) {
		return OrderState{}, false
	}
	defer func() { <-l.looks }()
	patient, cancel := context.WithTimeout(begin, l.Patience)
	defer cancel()
	state, err := l.System.WaitOrder(patient, l.id, until)
	if err != nil && begin.Err() == nil {
		l.tally.failed(fmt.Errorf("%s is stuck: status %q, payment %q, sequence %d: %w",
			l.id, state.Status, state.Payment, state.Sequence, err))
	}
	return state, err == nil && ctx.Err() == nil
}

func (l *life) moved(to string) {
	if to != l.state {
		l.tally.orderMoved(l.state, to)
		l.state = to
	}
}
