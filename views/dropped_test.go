package views_test

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"refold/processors"
	"refold/views"
)

// drop has a topic drop all that it has.
func (f *fixture) drop(t *testing.T, topic string) {
	t.Helper()
	admin := kadm.NewClient(f.client)
	ends, err := admin.ListEndOffsets(t.Context(), topic)
	must(t, err)
	_, err = admin.DeleteRecords(t.Context(), ends.Offsets())
	must(t, err)
}

// sweeping are limits by which what is dropped is removed at once, record by record.
var sweeping = views.Limits{
	ForgetInterval: 10 * time.Millisecond, ForgetPause: time.Millisecond, ForgetRecords: 1,
	SweepInterval: time.Nanosecond,
}

// A command is known for as long as the topics keep it, no longer; after that its ID may be used again. It is
// in traces for as long as these are kept. So it is after a restart.
func TestDroppedRecordsAreForgotten(t *testing.T) {
	f := newFixture(t)
	quick := func(o *views.Options) { o.Limits = sweeping }
	v := f.run(t, traces(time.Hour), quick)
	key := counterCommand("a", "c-1")
	known := func() bool {
		_, err := v.Command(t.Context(), key)
		_, all := v.CommandsOf(t.Context(), "c-1")
		for _, err := range []error{err, all} {
			if err != nil && !errors.Is(err, views.ErrNotFound) && !errors.Is(err, views.ErrNotReady) {
				t.Fatal(err)
			}
		}
		return err == nil && all == nil
	}
	records := chain()
	f.writeRecords(t, records...)
	whole := func() bool {
		trace, err := v.Trace(t.Context(), "c-1")
		return err == nil && drawn(trace.Roots, "") == wholeChain
	}
	eventually(t, known)
	eventually(t, whole) // before topics drop what views have not read
	f.drop(t, topics.Results)
	eventually(t, func() bool {
		c, err := v.Command(t.Context(), key)
		return err == nil && c.Status == views.Pending
	})
	f.drop(t, topics.Commands)
	eventually(t, func() bool { return !known() })
	if differs, err := v.counters.Differs(add("c-1", "a", 1)); differs || err != nil {
		t.Errorf("its data are still known: %v, %v", differs, err)
	}
	if !whole() {
		t.Error("its trace is not whole any more")
	}
	v.stop()
	v = f.run(t, traces(time.Hour), quick)
	if known() || !whole() {
		t.Errorf("after a restart: it is known %v, its trace is whole %v", known(), whole())
	}
	// Sent once more, it is another command, with an outcome of its own.
	other := records[2]
	other.result = processors.Result{CommandType: "Add", Code: "too-late"}
	f.writeRecords(t, other)
	c, err := v.WaitCommand(patient(t), key, views.Decided)
	if err != nil || c.Code != "too-late" {
		t.Errorf("the outcome is %+v, %v", c, err)
	}
	v.stop()
	// With a shorter time of keeping, traces don't show it any more, and nothing keeps its entries.
	v = f.run(t, traces(time.Second), quick)
	eventually(t, func() bool {
		_, err := v.Trace(t.Context(), "c-1")
		return errors.Is(err, views.ErrNotFound)
	})
	if c, err := v.Command(t.Context(), key); err != nil || c.Code != "too-late" {
		t.Errorf("the outcome is %+v, %v", c, err)
	}
}

// A rebuilt copy forgets at once what the topic has dropped meanwhile.
func TestRebuiltCopyHasNothingDropped(t *testing.T) {
	f := newFixture(t)
	v := f.run(t, func(o *views.Options) { o.Limits.ForgetInterval = time.Hour })
	f.writeResult(t, "a", "c-1", processors.Result{CommandType: "Add", Accepted: true})
	key := counterCommand("a", "c-1")
	_, err := v.WaitCommand(patient(t), key, views.Decided)
	must(t, err)
	f.drop(t, topics.Results)
	if _, err := v.Command(t.Context(), key); err != nil {
		t.Fatalf("it is forgotten before the first look: %v", err)
	}
	_, err = v.Rebuild("counter-results", "me")
	must(t, err)
	eventually(t, func() bool {
		r := v.state(t, "counter-results").Rebuild
		return r != nil && r.Stage == views.RebuildDone
	})
	if _, err := v.Command(t.Context(), key); !errors.Is(err, views.ErrNotFound) {
		t.Errorf("after the rebuild: %v", err)
	}
}

// In Owned placement traces are found, and what topics drop is forgotten, as everywhere: in the partitions
// that are here.
func TestOwnedPartitionsForget(t *testing.T) {
	f := newFixture(t)
	o := f.owner(t, sweeping, traces(time.Hour))
	a, b := partitionOf("a"), partitionOf("b")
	o.begin(a, b)
	o.own()
	var c commit
	for _, r := range f.writeRecords(t, chain()...) {
		switch r.Topic {
		case topics.Commands:
			c.inputs = append(c.inputs, r)
		case topics.Events, topics.Results:
			c.outputs = append(c.outputs, r)
		}
	}
	o.Committed("counter", c)
	key := counterCommand("a", "c-1")
	is := func(status views.Status) func() bool {
		return func() bool {
			c, err := o.Command(t.Context(), key)
			return c.Status == status && (err == nil || errors.Is(err, views.ErrNotFound))
		}
	}
	whole := func() bool {
		trace, err := o.Trace(t.Context(), "c-1")
		return err == nil && drawn(trace.Roots, "") == wholeChain
	}
	eventually(t, is(views.Accepted))
	eventually(t, whole)
	f.drop(t, topics.Results)
	eventually(t, is(views.Pending))
	f.drop(t, topics.Commands)
	eventually(t, is(views.Unknown))
	if !whole() {
		t.Error("the trace is not whole any more")
	}
	o.leave() // and what comes back has not forgotten that it forgot
	o.begin(a, b)
	o.own()
	eventually(t, whole)
	if !is(views.Unknown)() {
		t.Error("the command is known again")
	}
}
