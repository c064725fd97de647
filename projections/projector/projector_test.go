package projector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/projections"
)

var ids = []string{"a", "b", "c", "d", "e", "f", "g", "h"}

// G12: a store that fails before and after writes, and processes that come and go, take each event once.
func TestFaultsAndRebalances(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	every := func(n int64) func(*projections.Batch) error {
		var times atomic.Int64
		return func(*projections.Batch) error {
			if times.Add(1)%n == 0 {
				return errAway
			}
			return nil
		}
	}
	w.store.before, w.store.after = every(3), every(2)
	first := w.start(w.options(p))
	for range 20 {
		w.add(1, ids...)
	}
	second := w.start(w.options(p))
	for range 20 {
		w.add(2, ids...)
	}
	w.start(w.options(p))
	first.stop()
	for range 20 {
		w.add(3, ids...)
	}
	w.eventually(p, 1, 1)
	second.stop()
	w.add(4, ids...)
	w.eventually(p, 1, 1)
	if _, _, moved := w.store.counted(); moved == 0 {
		t.Error("no answer was lost")
	}
}

// G12: a partition that comes back to a process has gone on meanwhile: the states that it had are not those
// of the store any more.
func TestPartitionsComeBack(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	first := w.start(w.options(p))
	w.add(1, ids...)
	w.eventually(p, 1, 1)
	second := w.start(w.options(p))
	eventually(t, "both have partitions", func() bool {
		one, two := len(first.Lag()), len(second.Lag())
		return one > 0 && two > 0 && one+two == partitions
	})
	w.add(2, ids...)
	w.eventually(p, 1, 1)
	second.stop()
	w.add(3, ids...)
	w.eventually(p, 1, 1)
	if n := len(w.letters()); n > 0 {
		t.Errorf("%d events were set aside", n)
	}
}

// G12: several members of one process share its partitions, and write at the same time.
func TestSeveralMembers(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	o := w.options(p)
	o.Members = 2
	one := w.start(o)
	eventually(t, "both have partitions", func() bool {
		all := one.projections[0].members()
		return len(all) == 2 && len(all[0].lag(nil)) > 0 && len(all[1].lag(nil)) > 0
	})
	for range 20 {
		w.add(1, ids...)
	}
	w.eventually(p, 1, 1)
	if n := len(one.Lag()); n != partitions {
		t.Errorf("the process has %d partitions", n)
	}
}

// G12: a process that stands still with a batch in its hands, until others have taken its partitions, writes
// nothing more.
func TestZombie(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	w.start(w.options(p))
	w.add(1, ids...)
	w.eventually(p, 1, 1)
	still, release := make(chan struct{}), make(chan struct{})
	asleep := false // the store's lock is not held; only the zombie writes at first
	w.store.set(func(s *flaky) {
		s.before = func(b *projections.Batch) error {
			if len(b.Changes) == 0 || asleep {
				return nil
			}
			asleep = true
			close(still)
			<-release
			return nil
		}
	})
	w.add(2, ids...)
	<-still
	w.store.set(func(s *flaky) { s.before = nil })
	w.start(w.options(p))
	w.eventually(p, 1, 1) // by the other
	close(release)
	eventually(t, "the zombie is fenced", func() bool {
		_, fenced, _ := w.store.counted()
		return fenced > 0
	})
	w.add(3, ids...)
	w.eventually(p, 1, 1)
}

// A process that could not claim partitions, and has lost them to another one since, has no fault any more.
func TestLostBeforeTheyAreClaimed(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	o := w.options(p)
	o.StallAfter = time.Nanosecond
	first, second := w.start(o), w.start(o)
	w.add(1, ids...)
	eventually(t, "both have partitions", func() bool {
		one, two := len(first.Lag()), len(second.Lag())
		return one > 0 && two > 0 && one+two == partitions
	})
	w.store.set(func(s *flaky) { s.claims = errAway })
	second.stop()
	eventually(t, "the first can't claim", func() bool { return errors.Is(first.Ready(), errAway) })
	third := w.start(o)
	eventually(t, "the third can't claim", func() bool { return errors.Is(third.Ready(), errAway) })
	w.store.set(func(s *flaky) { s.claims = nil })
	w.add(2, ids...)
	w.eventually(p, 1, 1)
	eventually(t, "ready", func() bool { return first.Ready() == nil && third.Ready() == nil })
}

// A store that is away holds all up, Ready tells of it, and when it comes back all goes on.
func TestStoreIsAway(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	w.store.away = errAway
	o := w.options(p)
	o.StallAfter = time.Nanosecond
	process := w.start(o)
	away := func() bool { return errors.Is(process.Ready(), errAway) }
	eventually(t, "not ready at the start", away)
	w.store.set(func(s *flaky) { s.away = nil })
	w.add(1, ids...)
	w.eventually(p, 1, 1)
	w.store.set(func(s *flaky) { s.away = errAway })
	w.add(2, ids...)
	eventually(t, "not ready", away)
	second := w.start(w.options(p)) // and a rebalance meanwhile
	w.add(3, ids...)
	w.store.set(func(s *flaky) { s.away = nil })
	w.eventually(p, 1, 1)
	eventually(t, "ready", func() bool { return process.Ready() == nil && second.Ready() == nil })
}

// A registry that does not answer is a fault, no poison.
func TestRegistryIsAway(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	registryAway.Store(true)
	defer registryAway.Store(false)
	o := w.options(p)
	o.StallAfter = time.Nanosecond
	process := w.start(o)
	w.add(1, ids...)
	eventually(t, "not ready", func() bool { return errors.Is(process.Ready(), errRegistryAway) })
	registryAway.Store(false)
	w.eventually(p, 1, 1)
	if n := len(w.letters()); n > 0 {
		t.Errorf("%d dead letters", n)
	}
}

// A build that is held waits; that is no fault.
func TestHeldBuild(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	process := w.start(w.options(p))
	w.untilLive(p, 1)
	times := 0
	w.store.set(func(s *flaky) {
		s.before = func(*projections.Batch) error {
			times++
			if times < 6 {
				return projections.ErrHeld
			}
			return nil
		}
	})
	w.add(1, ids...)
	w.eventually(p, 1, 1)
	if n := w.metric(process, "refold_projection_faults_total"); n != 0 {
		t.Errorf("%v faults", n)
	}
}

// A store may limit the rows of a batch; a batch is cut as small as that.
func TestStoreWithALimit(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	w.store.rows = 7
	most := 0
	w.store.before = func(b *projections.Batch) error {
		most = max(most, len(b.Changes)+len(b.States))
		return nil
	}
	for range 5 {
		w.add(1, ids...)
	}
	process := w.start(w.options(p))
	w.eventually(p, 1, 1)
	process.stop()
	if most > 7 {
		t.Errorf("a batch has %d rows and states", most)
	}
}

// The progress reaches the ends of all partitions, also where the last record is a transaction's marker; then
// there is no lag, in the process and in Kafka.
func TestNothingIsLeft(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	process := w.start(w.options(p))
	for range 3 {
		w.add(1, ids...)
	}
	w.eventually(p, 1, 1)
	eventually(t, "no lag", func() bool {
		lag := process.Lag()
		return len(lag) == partitions && !slices.ContainsFunc(lag, func(l Lag) bool {
			return l.Records != 0 || l.Age != 0 || l.Next != l.End || l.End < 3
		})
	})
	admin := kadm.NewClient(w.reader)
	eventually(t, "offsets in Kafka", func() bool {
		lags, err := admin.Lag(context.Background(), "projection-ledger-1")
		if err != nil {
			return false
		}
		left, known := int64(0), 0
		for _, of := range lags["projection-ledger-1"].Lag[topic] {
			left, known = left+max(of.Lag, -of.Lag), known+1
		}
		return known == partitions && left == 0
	})
	// Readiness may depend on the lag: that of events which the store does not take grows.
	w.store.set(func(s *flaky) { s.before = func(*projections.Batch) error { return errAway } })
	process.options.ReadyLag = time.Millisecond
	w.add(1, ids...)
	eventually(t, "not ready for its lag", func() bool {
		err := process.Ready()
		return err != nil && strings.Contains(err.Error(), "behind")
	})
}

// Events that Kafka does not have any more can't be left out: the partition is held.
func TestEventsAreGone(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	process := w.start(w.options(p))
	w.add(1, ids...)
	w.eventually(p, 1, 1)
	process.stop()
	for range 5 {
		w.add(1, ids...)
	}
	at := kafka.Partition([]byte("a"), partitions)
	offsets := kadm.Offsets{}
	end, err := kadm.NewClient(w.reader).ListEndOffsets(t.Context(), topic)
	must(t, err)
	o, _ := end.Lookup(topic, at)
	offsets.Add(kadm.Offset{Topic: topic, Partition: at, At: o.Offset - 1})
	_, err = kadm.NewClient(w.reader).DeleteRecords(t.Context(), offsets)
	must(t, err)
	process = w.start(w.options(p))
	eventually(t, "held", func() bool {
		err := process.Ready()
		want := fmt.Sprintf("%s/%d does not have offset", topic, at)
		return err != nil && strings.Contains(err.Error(), want)
	})
}

// A process with other work rests, and takes all the same.
func TestShare(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	for range 10 {
		w.add(1, ids...)
	}
	o := w.options(p)
	o.Share, o.BatchRecords = 0.5, 10
	w.start(o)
	w.eventually(p, 1, 1)
}

// Options that can't be are refused by their names, all at once.
func TestOptions(t *testing.T) {
	settings := kafka.Settings{Brokers: []string{"localhost:9092"}}
	good := func() Options {
		p := ledger(1, 1)
		return Options{Kafka: settings, Projections: []Projected{{
			Projection: p, Sources: sourcesOf(p), Store: newFlaky(),
		}}}
	}
	if _, err := New(good()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"no brokers":     {func(o *Options) { o.Kafka.Brokers = nil }, "brokers"},
		"nothing":        {func(o *Options) { o.Projections = nil }, "Projections is empty"},
		"no store":       {func(o *Options) { o.Projections[0].Store = nil }, "Store is missing"},
		"no sources":     {func(o *Options) { o.Projections[0].Sources = nil }, "Sources has 0"},
		"records":        {func(o *Options) { o.BatchRecords = -1 }, "BatchRecords is -1"},
		"bytes":          {func(o *Options) { o.BatchBytes = 1 << 30 }, "BatchBytes is 1073741824"},
		"share":          {func(o *Options) { o.Share = 1.5 }, "Share is 1.5"},
		"back-off":       {func(o *Options) { o.Backoff, o.BackoffMost = 2, 1 }, "BackoffMost is 1ns"},
		"poison":         {func(o *Options) { o.OnPoison = "ignore" }, `OnPoison is "ignore"`},
		"no name":        {func(o *Options) { o.Projections[0].Projection.Name = "" }, `is called ""`},
		"tables, events": {func(o *Options) { o.Projections[0].FromTables = true }, "made of events"},
		"tables, no fold": {func(o *Options) {
			p := states(1, 1)
			o.Projections[0] = Projected{
				Projection: p, Sources: sourcesOf(p), Store: newFlaky(), FromTables: true,
			}
		}, "RowsFold is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			o := good()
			c.change(&o)
			if _, err := New(o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v; it must say %q", err, c.want)
			}
		})
	}
}

// Fetch errors: those of a broker that is away are told, those of a poll's end are not.
func TestFetchErrors(t *testing.T) {
	m := &member{health: newHealth("x", quiet), owned: make(map[projections.Partition]*partition)}
	m.accept(t.Context(), kgo.NewErrFetch(context.DeadlineExceeded))
	if err := m.health.lasting(0); err != nil {
		t.Errorf("the end of a poll is a fault: %v", err)
	}
	m.accept(t.Context(), kgo.NewErrFetch(errAway))
	if err := m.health.lasting(0); !errors.Is(err, errAway) {
		t.Errorf("a fault is not told: %v", err)
	}
}
