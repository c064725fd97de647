package views_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"refold/processors"
	"refold/views"
)

// followed are the topics that views follow, by their names.
func followed(v *views.Views) []string {
	var names []string
	for _, s := range v.States() {
		names = append(names, s.Name)
	}
	return names
}

// What an aggregate does not keep is not followed, unless something else needs it.
func TestWhatIsNotKeptIsNotFollowed(t *testing.T) {
	f := newFixture(t)
	with := func(retention time.Duration, change func(*views.Description)) func(*views.Options) {
		return func(o *views.Options) {
			o.TraceRetention = retention
			change(&o.Aggregates[0])
		}
	}
	for name, test := range map[string]struct {
		traces time.Duration
		change func(*views.Description)
		want   []string
	}{
		"all": {0, func(*views.Description) {}, []string{
			"counters-table", "counter-results", "counter-commands", "counter-events",
		}},
		"no results": {0, func(d *views.Description) { d.NoResults, d.Results = true, nil }, []string{
			"counters-table", "counter-commands", "counter-events",
		}},
		"no history": {0, func(d *views.Description) { d.NoHistory = true }, []string{
			"counters-table", "counter-results", "counter-commands",
		}},
		"no history, traces": {time.Hour, func(d *views.Description) { d.NoHistory = true }, []string{
			"counters-table", "counter-results", "counter-commands", "counter-events",
		}},
		"nothing": {time.Hour, func(d *views.Description) {
			d.NoResults, d.NoHistory, d.NoTraces = true, true, true
		}, []string{"counters-table", "counter-commands"}},
	} {
		v, stores := f.open(t, with(test.traces, test.change))
		if got := followed(v); !slices.Equal(got, test.want) {
			t.Errorf("%s: followed are %v, want %v", name, got, test.want)
		}
		must(t, stores.Close())
	}
}

// An aggregate without results, history and traces has its states, and knows which commands were sent.
func TestNothingIsKept(t *testing.T) {
	f := newFixture(t)
	v := f.run(t, traces(time.Hour), func(o *views.Options) {
		d := &o.Aggregates[0]
		d.NoResults, d.NoHistory, d.NoTraces = true, true, true
	})
	must(t, v.counters.Send(patient(t), add("c-1", "a", 5)))
	f.write(t, topics.Table, "a", row(1))
	f.writeResult(t, "a", "c-1", processors.Result{CommandType: "Add", Accepted: true})
	f.writeEvent(t, "a", 1, "c-1")
	if r, err := v.counters.WaitFor(patient(t), "a", 1); err != nil || r.Sequence != 1 {
		t.Errorf("the row is %+v, %v", r, err)
	}
	key := counterCommand("a", "c-1")
	if c, err := v.WaitCommand(patient(t), key, views.Pending); err != nil || c.Status != views.Pending {
		t.Errorf("the command is %+v, %v", c, err)
	}
	if found, err := v.CommandsOf(t.Context(), "c-1"); err != nil || len(found.Commands) != 1 {
		t.Errorf("the commands are %+v, %v", found, err)
	}
	if differs, err := v.counters.Differs(add("c-1", "a", 6)); err != nil || !differs {
		t.Errorf("other data: %v, %v", differs, err)
	}
	if _, err := v.counters.Events(t.Context(), "a", views.EventQuery{Limit: 1}); !errors.Is(err,
		views.ErrNoHistory) {
		t.Errorf("the history: %v", err)
	}
	if _, err := v.Trace(t.Context(), "c-1"); !errors.Is(err, views.ErrNotFound) {
		t.Errorf("the trace: %v", err)
	}
}
