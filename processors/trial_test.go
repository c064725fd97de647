package processors_test

import (
	"slices"
	"testing"

	"refold/eventsourcing"
	"refold/processors/accounts"
	"refold/processors/foldtest"
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
	opened := foldtest.Open(t, accounts.Definition)
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

// Code that panics for an example has nothing to show, and breaks nothing.
func TestTrialOfWhatPanics(t *testing.T) {
	definition := accounts.Definition
	definition.Decide = func(
		eventsourcing.Context, accounts.Account, accounts.Command,
	) ([]accounts.Event, error) {
		panic("not yet")
	}
	if trial := foldtest.Open(t, definition).Try(); len(trial.Events) > 0 || trial.Row != nil {
		t.Errorf("got %+v", trial)
	}
}
