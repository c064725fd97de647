package orders_test

import (
	"slices"
	"testing"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
	"refold/processors/orders"
)

// open opens a process. No registry is asked.
func open(t *testing.T, p processors.ProcessDefinition) *processors.OpenProcess {
	t.Helper()
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{URLs: []string{"http://localhost:1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registry.Close)
	opened, err := p.Open(registry)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// A process shows what it sends for events, and for the results of what it has sent.
func TestTrialOfPayments(t *testing.T) {
	opened := open(t, orders.Payments)
	got := opened.Try(orders.OrderPlaced{Total: 1}, orders.OrderShipped{}, "no event",
		orders.RefundRequested{Amount: 1}, orders.SurplusReceived{Amount: 1})
	const accepted, rejected = processors.OutcomeAccepted, processors.OutcomeRejected
	want := []processors.Reaction{
		{On: "OrderPlaced", Aggregate: "account", Command: "ChargeAccount"},
		{On: "RefundRequested", Aggregate: "account", Command: "RefundAccount"},
		{On: "SurplusReceived", Aggregate: "account", Command: "RefundAccount"},
		{On: "ChargeAccount", Outcome: accepted, Aggregate: "order", Command: "RecordPayment"},
		{On: "ChargeAccount", Outcome: rejected, Aggregate: "order", Command: "RecordPaymentDeclined"},
		{On: "RefundAccount", Outcome: accepted, Aggregate: "order", Command: "RecordRefund"},
		{On: "RefundAccount", Outcome: rejected, Aggregate: "order", Command: "RecordRefundDeclined"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
	if opened.Of.Name != "order" || len(opened.Commands) != 2 || len(opened.Results) != 1 {
		t.Errorf("got %+v", opened)
	}
}

// A reaction that panics for an example has nothing to show, and breaks nothing.
func TestTrialOfAProcessThatPanics(t *testing.T) {
	process := orders.Payments
	process.React = func(eventsourcing.Envelope[orders.Event]) []eventsourcing.Instruction {
		panic("not yet")
	}
	if got := open(t, process).Try(orders.OrderPlaced{}); len(got) > 0 {
		t.Errorf("got %+v", got)
	}
}
