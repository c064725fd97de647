package projector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refold/eventsourcing"
	"refold/kafka"
	"refold/processors"
	"refold/projections"
	"refold/projections/memory"
)

var quiet = slog.New(slog.DiscardHandler)

func snapshot(sequence, value int64) eventsourcing.Snapshot[int64] {
	return eventsourcing.Snapshot[int64]{Sequence: sequence, State: value}
}

// load writes events until it is stopped.
func (w *world) load() (stop func()) {
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ended:
				return
			default:
				w.add(1, ids...)
				kafka.Sleep(w.Context(), time.Millisecond) // others want to work, too
			}
		}
	}()
	stop = sync.OnceFunc(func() {
		close(ended)
		<-done
	})
	w.Cleanup(stop)
	return stop
}

// read reads the live row again and again, and fails the test if there is ever less than before: then a reader
// has seen a build that is not filled.
func (w *world) read(p projections.Projection) (stop func()) {
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		seen := int64(0)
		for {
			select {
			case <-ended:
				return
			default:
			}
			row, err := w.store.LiveRow(context.Background(), &p, totals.Table, "all")
			count := int64(0)
			if row != nil {
				count = row[1].(int64)
			}
			if err != nil || count < seen {
				w.Errorf("a reader has seen %d events after %d: %v", count, seen, err)
				return
			}
			seen = count
			kafka.Sleep(w.Context(), 100*time.Microsecond) // the store has one lock
		}
	}()
	stop = sync.OnceFunc(func() {
		close(ended)
		<-done
	})
	w.Cleanup(stop)
	return stop
}

// G12: a rebuild under load takes over without a gap. No reader ever sees less than before. The build before is
// kept, and the one before that is dropped.
func TestRebuildUnderLoad(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	o := w.options(p)
	o.BatchRecords = 50
	w.start(o)
	w.start(o)
	w.add(1, ids...)
	w.untilLive(p, 1)
	stopLoad, stopReading := w.load(), w.read(p)
	anew := projections.Build{Version: 1, Folds: "counter=1"}
	for number := 2; number <= 3; number++ {
		b, err := w.store.Begin(context.Background(), &p, anew, true)
		must(t, err)
		if b.Number != number {
			t.Fatalf("the build is number %d", b.Number)
		}
		w.untilLive(p, number)
	}
	stopLoad()
	w.eventually(p, 3, 1)
	w.eventually(p, 2, 1) // it is kept up to date
	stopReading()
	want := map[int]projections.Status{2: projections.Kept, 3: projections.Live}
	eventually(t, "the oldest is dropped", func() bool { return cmp.Equal(want, w.statuses(p)) })
}

// A build that was dropped is left, and others go on.
func TestDroppedBuild(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	o := w.options(p)
	o.Projections[0].ByHand = true
	process := w.start(o)
	w.add(1, ids...)
	w.eventually(p, 1, 1)
	must(t, w.build(p, 1).TakeOver(context.Background(), time.Second))
	_, err := w.store.Begin(context.Background(), &p, projections.Build{Version: 1, Folds: "counter=1"}, true)
	must(t, err)
	w.eventually(p, 2, 1)
	must(t, w.store.Drop(context.Background(), &p, 2))
	eventually(t, "one build runs", func() bool { return len(process.projections[0].members()) == 1 })
	eventually(t, "its metrics are gone", func() bool {
		families, err := process.metrics.Gather()
		must(t, err)
		return !strings.Contains(fmt.Sprint(families), `name:"build" value:"2"`)
	})
	w.add(2, ids...)
	w.eventually(p, 1, 1)
	if n := w.metric(process, "refold_projection_events_total"); int(n) != len(w.events) {
		t.Errorf("%v events are counted, of %d", n, len(w.events))
	}
	if n := w.metric(process, "refold_projection_batches_total"); n < 2 {
		t.Errorf("%v batches are counted", n)
	}
	if got := w.statuses(p); !cmp.Equal(got, map[int]projections.Status{1: projections.Live}) {
		t.Errorf("by hand, the builds are %v", got)
	}
}

// Other folds of the aggregates make other rows: a new build, which takes over.
func TestNewFoldVersion(t *testing.T) {
	w := newWorld(t)
	process := w.start(w.options(ledger(1, 1)))
	w.add(1, ids...)
	w.untilLive(ledger(1, 1), 1)
	w.eventually(ledger(1, 1), 1, 1)
	process.stop()
	w.start(w.options(ledger(1, 2)))
	w.untilLive(ledger(1, 2), 2)
	w.add(2, ids...)
	w.eventually(ledger(1, 2), 2, 2)
}

// A program may have two versions of a projection: both are kept up to date, and the later one is live.
func TestTwoVersions(t *testing.T) {
	w := newWorld(t)
	o := w.options(ledger(1, 1))
	o.Projections = append(o.Projections, w.projected(ledger(2, 1)))
	w.start(o)
	w.add(1, ids...)
	numbers := make(map[int]int) // by version
	live := func() (version int) {
		builds, err := w.store.Builds(context.Background(), "ledger")
		must(t, err)
		for _, b := range builds {
			numbers[b.Version] = b.Number
			if b.Status == projections.Live {
				version = b.Version
			}
		}
		return version
	}
	eventually(t, "version 2 is live", func() bool { return live() == 2 && len(numbers) == 2 })
	w.add(2, ids...)
	w.eventually(ledger(1, 1), numbers[1], 1)
	w.eventually(ledger(2, 1), numbers[2], 1)
	if got := live(); got != 2 {
		t.Errorf("version %d is live", got)
	}
}

// G12: a build that is filled from tables has the rows of one that is filled from events, and goes on alike.
func TestFillFromTables(t *testing.T) {
	for name, c := range map[string]struct {
		rowsFold int
		poisoned bool
		all      bool // events are taken
	}{
		"rows of today's fold":             {1, false, false},
		"rows of another fold":             {0, false, true},
		"a row that it can't make rows of": {1, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			w, p := newWorld(t), states(1, 1)
			for range 3 {
				w.add(1, ids...)
			}
			if c.poisoned { // in every partition
				w.add(panics, "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z")
			}
			before := len(w.events)
			o := w.options(p)
			o.Projections[0].FromTables = true
			o.RowsFold = func(context.Context, processors.AggregateName, int32) (int, error) {
				return c.rowsFold, nil
			}
			process := w.start(o)
			w.untilLive(p, 1)
			w.add(2, append([]string{"new"}, ids...)...)
			if c.poisoned { // the states go on
				w.add(1, "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z")
			}
			w.eventually(p, 1, 1)
			taken := w.metric(process, "refold_projection_events_total")
			if all := taken >= float64(before); all != c.all {
				t.Errorf("it has taken %v events, of %d that there were before", taken, before)
			}
		})
	}
}

// A row may be newer than the events from which the fill goes on; those are left out.
func TestRowsAreNewerThanEvents(t *testing.T) {
	w, p := newWorld(t), states(1, 1)
	w.add(1, ids...)
	events, rows := w.records(2, ids...)
	w.commit(rows...)
	o := w.options(p)
	o.Projections[0].FromTables = true
	o.RowsFold = func(context.Context, processors.AggregateName, int32) (int, error) { return 1, nil }
	process := w.start(o)
	w.untilLive(p, 1)
	w.eventually(p, 1, 1)
	w.commit(events...)
	eventually(t, "the events are left out", func() bool {
		return w.metric(process, "refold_projection_repeated_total") == float64(len(ids))
	})
	w.add(3, ids...)
	w.eventually(p, 1, 1)
}

// Only a store that can't keep the projection at all ends Run.
func TestStoreThatCantMerge(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	o := w.options(p)
	o.Projections[0].Store = cantMerge{&memory.Store{}}
	projector, err := New(o)
	must(t, err)
	if err := projector.Run(t.Context()); !errors.Is(err, projections.ErrCantMerge) {
		t.Errorf("Run returns %v", err)
	}
}

type cantMerge struct{ *memory.Store }

func (cantMerge) Begin(
	context.Context, *projections.Projection, projections.Build, bool,
) (projections.Build, error) {
	return projections.Build{}, projections.ErrCantMerge
}
