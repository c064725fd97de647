package load

import (
	"context"
	"fmt"

	"refold/eventsourcing"
)

// watchedOrder is an order that this process has placed.
type watchedOrder struct {
	state OrderState
	moved chan struct{} // closed when the state has changed
}

// WaitOrder waits for the events of an order that this process has placed.
func (t *Topic) WaitOrder(ctx context.Context, id string, until func(OrderState) bool) (
	OrderState, error,
) {
	for {
		t.mu.Lock()
		watched := t.orders[id]
		if watched == nil {
			t.mu.Unlock()
			return OrderState{}, fmt.Errorf("the order %s was not placed here", id)
		}
		state, moved := watched.state, watched.moved
		t.mu.Unlock()
		if until(state) {
			return state, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return state, fmt.Errorf("no event: %w", context.Cause(ctx))
		}
	}
}

// Forget watches an order no longer.
func (t *Topic) Forget(orderID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.orders, orderID)
}

// orderEvent moves a watched order on.
func (t *Topic) orderEvent(event eventsourcing.Metadata) {
	t.mu.Lock()
	defer t.mu.Unlock()
	watched := t.orders[event.Subject]
	if watched == nil || event.Sequence <= watched.state.Sequence {
		return
	}
	watched.state = watched.state.after(event.Type)
	watched.state.Sequence = event.Sequence
	close(watched.moved)
	watched.moved = make(chan struct{})
}

// after is the state after an event, as orders' contract has it.
func (s OrderState) after(event string) OrderState {
	switch event {
	case "OrderPlaced":
		s.Status, s.Payment = statePlaced, "pending"
	case "PaymentProcessed":
		s.Payment = "paid"
	case "PaymentDeclined":
		s.Payment = "declined"
		if s.Status == statePlaced {
			s.Status = "declined"
		}
	case "OrderShipped":
		s.Status = "shipped"
	case "OrderDelivered":
		s.Status = "delivered"
	case "OrderCancelled":
		s.Status = "cancelled"
	case "RefundRequested":
		s.Payment = "refund-pending"
	case "PaymentRefunded":
		s.Payment = "refunded"
	case "RefundDeclined":
		s.Payment = "refund-declined"
	}
	return s
}
