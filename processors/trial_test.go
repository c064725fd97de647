package processors_test

import (
	"slices"
	"testing"

	"refold/eventsourcing"
	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/foldtest"
	"refold/processors/orders"
)

// Examples of commands lead to real events, without anybody making them up.
func TestTrialOfAccounts(t *testing.T) {
	opened := foldtest.Open(t, accounts.Definition)
	trial := opened.Try()
	for _, name := range opened.Events.Types() {
		if len(trial.Events[name].JSON) == 0 {
			t.Errorf("no example leads to %s", name)
		}
	}
	if got := string(trial.Events["AccountOpened"].JSON); got != `{"owner":"Alice","currency":"EUR"}` {
		t.Errorf("an account is opened by %s", got)
	}
	if got := trial.Leads["OpenAccount"]; !slices.Equal(got, []string{"AccountOpened"}) {
		t.Errorf("OpenAccount leads to %v", got)
	}
	if len(trial.Row) == 0 {
		t.Error("there is no row")
	}
}

// A trial of the same definition has the same result.
func TestTrialsAreAlike(t *testing.T) {
	opened := foldtest.Open(t, orders.Definition)
	one, two := opened.Try(), opened.Try()
	for _, name := range opened.Events.Types() {
		if string(one.Events[name].JSON) != string(two.Events[name].JSON) {
			t.Errorf("%s is %s, then %s", name, one.Events[name].JSON, two.Events[name].JSON)
		}
	}
	if string(one.Row) != string(two.Row) || len(one.Leads) != len(two.Leads) {
		t.Errorf("got %s, then %s", one.Row, two.Row)
	}
}

// A process shows what it sends for events, and for the results of what it has sent.
func TestTrialOfPayments(t *testing.T) {
	opened, err := orders.Payments.Open(registryOf(t))
	if err != nil {
		t.Fatal(err)
	}
	got := opened.Try(orders.OrderPlaced{Total: 1}, orders.OrderShipped{}, "no event",
		orders.RefundRequested{Amount: 1}, orders.SurplusReceived{Amount: 1})
	want := []processors.Reaction{
		{On: "OrderPlaced", Aggregate: "account", Command: "ChargeAccount"},
		{On: "RefundRequested", Aggregate: "account", Command: "RefundAccount"},
		{On: "SurplusReceived", Aggregate: "account", Command: "RefundAccount"},
		{"ChargeAccount", processors.OutcomeAccepted, "order", "RecordPayment"},
		{"ChargeAccount", processors.OutcomeRejected, "order", "RecordPaymentDeclined"},
		{"RefundAccount", processors.OutcomeAccepted, "order", "RecordRefund"},
		{"RefundAccount", processors.OutcomeRejected, "order", "RecordRefundDeclined"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
	if opened.Of.Name != "order" || len(opened.Commands) != 2 || len(opened.Results) != 1 {
		t.Errorf("got %+v", opened)
	}
}

// Code that panics for an example has nothing to show, and breaks nothing.
func TestTrialOfWhatPanics(t *testing.T) {
	definition := accounts.Definition
	definition.Decide = func(eventsourcing.Context, accounts.Account, accounts.Command) ([]accounts.Event, error) {
		panic("not yet")
	}
	if trial := foldtest.Open(t, definition).Try(); len(trial.Events) > 0 || trial.Row != nil {
		t.Errorf("got %+v", trial)
	}
	process := orders.Payments
	process.React = func(eventsourcing.Envelope[orders.Event]) []eventsourcing.Instruction { panic("nor this") }
	opened, err := process.Open(registryOf(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := opened.Try(orders.OrderPlaced{}); len(got) > 0 {
		t.Errorf("got %+v", got)
	}
}
