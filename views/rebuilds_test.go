package views_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
	"refold/views"
)

// state returns where a view stands.
func (r *running) state(t *testing.T, name string) views.State {
	t.Helper()
	states := r.States()
	i := slices.IndexFunc(states, func(s views.State) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("there is no %s", name)
	}
	return states[i]
}

// hold begins a transaction that nobody can read past: who restores waits for its end.
func (f *fixture) hold(t *testing.T, topic string, keys ...string) (release func()) {
	t.Helper()
	opts, err := f.kafka.Options()
	must(t, err)
	client, err := kgo.NewClient(append(opts, kgo.RecordPartitioner(kafka.Partitioner()),
		kgo.TransactionalID("holds "+topic))...)
	must(t, err)
	t.Cleanup(client.Close)
	must(t, client.BeginTransaction())
	for _, key := range keys {
		must(t, client.ProduceSync(t.Context(), &kgo.Record{
			Topic: topic, Key: []byte(key), Value: row(99),
		}).FirstErr())
	}
	return func() {
		t.Helper()
		must(t, client.EndTransaction(t.Context(), kgo.TryAbort))
	}
}

// G7, G10: a view is rebuilt while it serves. One rebuild at a time; it can be cancelled, and a process
// that ends in the middle serves again as before.
func TestRebuild(t *testing.T) {
	f := newFixture(t)
	keys := []string{"a", keyIn(0, 0), keyIn(1, 0), keyIn(2, 0)} // in all partitions
	for _, id := range keys {
		f.write(t, topics.Table, id, row(1))
	}
	v := f.run(t)
	for _, view := range []string{
		"counters-table", "counter-results", "counter-commands", topics.Events,
	} {
		_, err := v.Rebuild(view, "me")
		must(t, err)
		eventually(t, func() bool {
			s := v.States()
			return !slices.ContainsFunc(s, func(s views.State) bool {
				return s.Rebuild != nil && s.Rebuild.Stage == views.RebuildRunning
			})
		})
	}
	r := v.state(t, "counters-table").Rebuild
	if r.Stage != views.RebuildDone || r.Done != 3 || r.By != "me" {
		t.Errorf("it ended as %+v", r)
	}
	for _, id := range keys {
		got, err := v.counters.Get(id)
		if err != nil || got.Sequence != 1 || got.Position.Offset < 0 {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
	f.write(t, topics.Table, "a", row(2)) // the tail goes on
	_, err := v.counters.WaitFor(patient(t), "a", 2)
	must(t, err)
	refused(t, v)

	release := f.hold(t, topics.Table, keys...)
	_, err = v.Rebuild("counters-table", "me")
	must(t, err)
	if _, err := v.Rebuild("counter-events", "me"); !errors.Is(err, views.ErrRebuilding) {
		t.Errorf("a second one: %v", err)
	}
	eventually(t, func() bool { return v.state(t, "counters-table").Partitions[0].Rebuilding })
	_, err = v.counters.Get("a")
	must(t, err)
	_, err = v.CancelRebuild("counters-table")
	must(t, err)
	eventually(t, func() bool {
		return v.state(t, "counters-table").Rebuild.Stage == views.RebuildCancelled
	})
	_, err = v.Rebuild("counters-table", "me")
	must(t, err)
	v.stop()
	release()
	got, err := f.run(t).counters.Get("a")
	if err != nil || got.Sequence != 2 {
		t.Errorf("after a restart: %+v, %v", got, err)
	}
}

func refused(t *testing.T, v *running) {
	t.Helper()
	for want, ask := range map[error]func() (views.State, error){
		views.ErrNoView:      func() (views.State, error) { return v.Rebuild("nobody", "") },
		views.ErrNoPartition: func() (views.State, error) { return v.Rebuild("counters-table", "", 3) },
		views.ErrNoRebuild:   func() (views.State, error) { return v.CancelRebuild("counters-table") },
	} {
		if _, err := ask(); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
}

// A view whose stores were filed in another way is rebuilt at start, in place: nobody can read the old
// rows any more. Until it is done the pod is not ready, so that a rolling deployment keeps those that are;
// other views are read meanwhile.
func TestRefiledAtStart(t *testing.T) {
	f := newFixture(t)
	retention := func(d time.Duration) func(*views.Options) {
		return func(o *views.Options) { o.TraceRetention = d } // a part of the version
	}
	f.write(t, topics.Table, "a", row(1))
	f.write(t, topics.Events, "a", nil, kgo.RecordHeader{Key: codecs.HeaderSequence, Value: []byte("1")})
	f.run(t, retention(time.Hour)).stop()

	release := f.hold(t, topics.Events, "a")
	v, stores := f.open(t, retention(2*time.Hour))
	r := f.started(t, v, stores)
	eventually(t, func() bool { _, err := r.counters.Get("a"); return err == nil })
	state := r.state(t, "counter-events")
	restoring := slices.ContainsFunc(state.Partitions, func(p views.PartitionState) bool {
		return p.Restoring
	})
	if err := v.Ready(); !errors.Is(err, views.ErrNotReady) || state.Missing == "" || !restoring {
		t.Errorf("ready: %v; %+v", err, state)
	}
	if _, err := r.counters.Events(t.Context(), "a", views.EventQuery{Limit: 1}); !errors.Is(
		err, views.ErrNotReady) {
		t.Errorf("histories: %v", err)
	}
	release()
	eventually(t, func() bool { return v.Ready() == nil })
	page, err := r.counters.Events(t.Context(), "a", views.EventQuery{Limit: 1})
	if err != nil || page.Sequence != 1 || page.Position.Offset < 0 {
		t.Errorf("%+v, %v", page, err)
	}
}
