package shop

import (
	"encoding/json"
	"time"

	"refold/load"
)

// States of an order in the tally, beside those that it is read with.
const (
	statePlaced   = "placed"   // the payment is not settled yet
	stateRejected = "rejected" // PlaceOrder was
	stateUnknown  = "unknown"  // the answer to PlaceOrder is missing
)

// orderState is how far an order has come.
type orderState struct {
	Status  string `json:"status"`  // placed, shipped, delivered, cancelled, declined
	Payment string `json:"payment"` // pending, paid, declined, refund-pending, refunded, refund-declined
}

// orderStateOf reads a state; the zero value is that of an order that is not there, or can't be read.
func orderStateOf(s load.State) orderState {
	var state orderState
	if s.JSON == nil || json.Unmarshal(s.JSON, &state) != nil {
		return orderState{}
	}
	return state
}

// settled reports whether the payment was decided.
func (s orderState) settled() bool { return s.Payment != "" && s.Payment != "pending" }

// ended reports whether nothing follows any more.
func (s orderState) ended() bool {
	switch s.Status {
	case "delivered", "declined":
		return true
	case "cancelled":
		return s.Payment == "declined" || s.Payment == "refunded" || s.Payment == "refund-declined"
	}
	return false
}

// name is the state in one word.
func (s orderState) name() string {
	switch {
	case s.Status == statePlaced && s.Payment == "paid":
		return "paid"
	case s.Status == "cancelled" && s.Payment != "":
		return "cancelled, " + s.Payment
	}
	return s.Status
}

// life is the further way of an order that is being placed.
type life struct{ steps []step }

// step is a later command to an order.
type step struct {
	command load.Command
	// afterPayment: it waits until the payment is settled, and is left out if it was declined.
	afterPayment bool
	// delay is how long it takes, from then or from the answer to the last step.
	delay time.Duration
}

// Follow does all that happens to an order after it was placed.
func (l *life) Follow(c *load.Course, placed load.Answer) {
	switch placed.Outcome {
	case load.Accepted:
		c.Moved(statePlaced)
	case load.Rejected:
		c.Moved(stateRejected)
		return
	case load.Unknown, load.Refused:
		c.Moved(stateUnknown)
		return
	}
	for i := range l.steps {
		if !l.steps[i].take(c) {
			return
		}
	}
	if state, is := wait(c, orderState.ended); is {
		c.Moved(state.name())
	}
}

// wait waits for the order to be in such a state.
func wait(c *load.Course, until func(orderState) bool) (orderState, bool) {
	state, is := c.Wait(func(s load.State) bool { return until(orderStateOf(s)) })
	return orderStateOf(state), is
}

// take takes one step; false ends the order's life: it was declined, or the run ends.
func (s *step) take(c *load.Course) bool {
	if s.afterPayment {
		state, is := wait(c, orderState.settled)
		if !is {
			return false
		}
		c.Moved(state.name())
		if state.Status == "declined" {
			return false
		}
	}
	if !c.Pause(s.delay) {
		return false
	}
	answer, is := c.Send(s.command)
	if !is {
		return false
	}
	switch {
	case answer.Outcome != load.Accepted:
	case s.command.Type == "ShipOrder":
		c.Moved("shipped")
	case s.command.Type == "CancelOrder":
		c.Moved("cancelled")
	}
	return true
}
