package refold_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/snapshots/rebuild/refold"
)

// G7: an event that can't be folded ends the refold of its partition, which has changed nothing, and
// says where it is.
func TestRunStopsAtAnEventThatCannotBeFolded(t *testing.T) {
	for name, c := range map[string]struct {
		code  string
		event func(w *world) *kgo.Record
	}{
		"undecodable": {"undecodable", func(w *world) *kgo.Record { return w.record("key-00001", 3, "?") }},
		"a gap":       {"sequence-gap", func(w *world) *kgo.Record { return w.record("key-00001", 4, "1") }},
		"a new aggregate's gap": {"sequence-gap", func(w *world) *kgo.Record {
			return w.record("new", 2, "1")
		}},
		"repeated": {"sequence-gap", func(w *world) *kgo.Record { return w.record("key-00001", 2, "1") }},
		"an aggregate begins again": {"sequence-gap", func(w *world) *kgo.Record {
			return w.record("key-00001", 1, "1")
		}},
	} {
		for many, keys := range map[string]int{"in memory": 5, "evicted": 5_000} {
			t.Run(name+", "+many, func(t *testing.T) {
				w := newWorld(t)
				w.fill(keys, 2)
				w.produce(c.event(w))
				w.fill(keys, 1)
				w.table["key-00002"] = rowOf(sum{2, 0, 0}, "wrong")
				before := maps.Clone(w.table)
				o := w.options()
				o.Dir, o.CacheBytes = shadowDir(t), 1<<20
				_, err := w.run(o)
				event, is := errors.AsType[*refold.EventError](err)
				if !is || event.Topic != events || event.Partition != 0 || event.Code != c.code ||
					event.Offset != int64(2*keys) || refold.CodeOf(err) != c.code {
					t.Errorf("error %v", err)
				}
				if !maps.EqualFunc(before, w.table, bytes.Equal) {
					t.Error("the table has changed")
				}
				gone(t, o.Dir)
			})
		}
	}
}

// G7: what is not whole is not folded.
func TestRunStopsAtATopicThatIsNotWhole(t *testing.T) {
	t.Run("no events", func(t *testing.T) {
		w := newWorld(t)
		w.table["key"] = rowOf(sum{1, 1, 1}, "ring")
		_, err := w.run(w.options())
		if refold.CodeOf(err) != refold.CodeTruncated || w.table["key"] == nil {
			t.Errorf("error %v, row %q", err, w.table["key"])
		}
	})
	t.Run("first events deleted", func(t *testing.T) {
		w := newWorld(t)
		w.fill(3, 3)
		w.trim(4)
		_, err := w.run(w.options())
		if refold.CodeOf(err) != refold.CodeTruncated || w.steps > 0 {
			t.Errorf("error %v after %d steps", err, w.steps)
		}
	})
	t.Run("no topic", func(t *testing.T) {
		w := newWorld(t)
		o := w.options()
		o.EventsTopic, o.Dir = "nobodys-events", shadowDir(t)
		if _, err := w.run(o); !errors.Is(err, kafka.ErrTopicMissing) {
			t.Errorf("error %v", err)
		}
		gone(t, o.Dir)
	})
	t.Run("a row that is none", func(t *testing.T) {
		w := newWorld(t)
		w.fill(3, 3)
		w.table["key-00001"] = []byte("?")
		if _, err := w.run(w.options()); refold.CodeOf(err) != refold.CodeRow {
			t.Errorf("error %v", err)
		}
	})
}

// A fault is waited for, and is no reason to stop.
func TestRunWaitsForFaults(t *testing.T) {
	w := newWorld(t)
	w.fill(5, 2)
	w.table["key-00001"] = rowOf(sum{2, 0, 0}, "wrong")
	w.rings["key-00001"] = "wrong"
	o := w.options()
	o.Fold, o.ProgressInterval = &sums{faults: 2}, time.Nanosecond
	told := false
	o.Progress = func(p refold.PhaseProgress) { told = told || p.Fault != nil }
	if out, err := w.run(o); err != nil || out.Changed != 1 || !told {
		t.Errorf("outcome %+v, error %v, fault told: %v", out, err, told)
	}
	w.check()
}

// G7: a refold that is cancelled leaves nothing behind, wherever it is, and no row that is worse.
func TestRunEndsWithItsContext(t *testing.T) {
	end := errors.New("the session is over")
	places := map[string]func(w *world, o *refold.Options, cancel func()){
		"fold": func(_ *world, o *refold.Options, cancel func()) {
			o.Observe = func(event *kgo.Record) error {
				if event.Offset == 500 {
					cancel()
				}
				return nil
			}
		},
		"fold at a slow pace": func(_ *world, o *refold.Options, cancel func()) {
			o.EventsPerSecond = 1
			o.Observe = func(*kgo.Record) error { cancel(); return nil }
		},
		"resting": func(_ *world, o *refold.Options, cancel func()) {
			o.CPUShare = 1e-9
			o.Observe = func(event *kgo.Record) error {
				if event.Offset == 0 {
					<-time.After(10 * time.Millisecond) // work, for all that the pace knows
					time.AfterFunc(time.Millisecond, cancel)
				}
				return nil
			}
		},
		"fault": func(_ *world, o *refold.Options, cancel func()) {
			o.Fold, o.ProgressInterval = &sums{faults: 1e9}, time.Nanosecond
			o.Progress = func(refold.PhaseProgress) { cancel() }
		},
		"compare": func(w *world, _ *refold.Options, cancel func()) { w.scan = cancel },
		"first step": func(w *world, _ *refold.Options, cancel func()) {
			w.between = cancel
		},
		"between steps": func(w *world, o *refold.Options, cancel func()) {
			w.between = func() {
				if w.writes > 0 {
					cancel()
				}
			}
			o.StepRows = 1
		},
	}
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fill(500, 2)
			for _, key := range []string{"key-00001", "key-00002", "key-00003"} {
				w.table[key] = rowOf(sum{2, 0, 0}, "wrong")
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			o := w.options()
			o.Dir = shadowDir(t)
			place(w, &o, func() { cancel(end) })
			out, err := refold.Run(ctx, o)
			if !errors.Is(err, end) && !errors.Is(err, context.Canceled) || refold.CodeOf(err) != "" {
				t.Errorf("error %v", err)
			}
			if int(out.Changed) != w.writes || w.writes > 1 {
				t.Errorf("outcome %+v, %d rows written", out, w.writes)
			}
			gone(t, o.Dir)
		})
	}
}

// A step that the table refuses, because its transaction has failed, is tried again.
func TestRunTriesARefusedStepAgain(t *testing.T) {
	w := newWorld(t)
	w.fill(5, 2)
	w.damageOne("key-00001")
	w.refuse = errors.New("aborted")
	out, err := w.run(w.options())
	if err != nil || out.Changed != 1 || out.Steps != 2 || w.writes != 1 {
		t.Errorf("outcome %+v, error %v, %d rows written", out, err, w.writes)
	}
	w.check()
}

// A table that refuses everything ends the refold with its error, and nothing counts.
func TestRunEndsWithTheTablesError(t *testing.T) {
	w := newWorld(t)
	w.fill(5, 2)
	w.damageOne("key-00001")
	fenced := errors.New("fenced")
	w.between = func() { w.refuse = fenced }
	defer refold.ShortenPauses()()
	out, err := w.run(w.options())
	if !errors.Is(err, fenced) || out.Changed != 0 || w.writes != 0 {
		t.Errorf("outcome %+v, error %v, %d rows written", out, err, w.writes)
	}
}

// What the table will never take ends the refold at once, with a code: tried again, it would be refused
// every time. What went wrong in the step itself, and may pass, is tried again.
func TestRunEndsWithWhatIsRefusedForGood(t *testing.T) {
	defer refold.ShortenPauses()()
	w := newWorld(t)
	w.fill(5, 2)
	w.damageOne("key-00001")
	w.between = func() { w.refuse = fmt.Errorf("%w: 5 MiB", refold.ErrRefused) }
	out, err := w.run(w.options())
	if refold.CodeOf(err) != refold.CodeRefused || out.Changed != 0 || w.steps != 1 {
		t.Errorf("outcome %+v, error %v, %d steps", out, err, w.steps)
	}
	w.between = func() {}
	passing := errors.New("the disk is busy")
	w.faults = []error{passing, passing}
	out, err = w.run(w.options())
	if err != nil || out.Changed != 1 {
		t.Errorf("outcome %+v, error %v", out, err)
	}
	w.check()
}

// Steps that always come too late end the refold in the end, with the reason.
func TestRunEndsWithStepsThatAreAlwaysLate(t *testing.T) {
	defer refold.ShortenPauses()()
	defer refold.LimitLateness(20 * time.Millisecond)()
	w := newWorld(t)
	w.fill(5, 2)
	w.damageOne("key-00001")
	for range 1000 {
		w.faults = append(w.faults, context.DeadlineExceeded)
	}
	out, err := w.run(w.options())
	if !errors.Is(err, context.DeadlineExceeded) || out.Changed != 0 || len(w.faults) == 0 {
		t.Errorf("outcome %+v, error %v", out, err)
	}
}

// G7: a transaction that somebody left open hides the events behind it. The line does not stand still
// for it: the step is tried again when it is over.
func TestAStepDoesNotWaitForAnOpenTransaction(t *testing.T) {
	w := newWorld(t)
	w.fill(5, 2)
	w.table["key-00001"] = rowOf(sum{2, 0, 0}, "wrong")
	w.rings["key-00001"] = "wrong"
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	zombie := w.client(kgo.TransactionalID("zombie"))
	begin := func() {
		if err := zombie.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := zombie.ProduceSync(ctx, w.record("key-00003", 3, "5")).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	w.between = func() {
		if w.steps == 0 {
			begin()
			w.command("key-00001", 7) // its event is behind the open transaction's
		}
	}
	o := w.options()
	o.StepTimeout = 50 * time.Millisecond
	o.ProgressInterval = time.Nanosecond
	o.Progress = func(p refold.PhaseProgress) {
		if w.steps == 1 && !w.still && p.Held {
			if err := zombie.EndTransaction(ctx, kgo.TryAbort); err != nil {
				t.Error(err)
			}
			w.steps++
		}
	}
	out, err := refold.Run(ctx, o)
	if err != nil || out.Changed != 1 || out.Steps != 2 {
		t.Errorf("outcome %+v, error %v", out, err)
	}
	w.check()
}

// trim deletes the topic's first records.
func (w *world) trim(before int64) {
	w.tb.Helper()
	if err := trim(w.producer, w.topic, before); err != nil {
		w.tb.Fatal(err)
	}
}
