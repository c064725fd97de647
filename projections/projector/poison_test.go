package projector

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/projections"
)

// metric returns the sum of a metric over all its labels.
func (w *world) metric(p *process, name string) (sum float64) {
	w.Helper()
	families, err := p.metrics.Gather()
	must(w.T, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// spoil writes an event of a counter that can't be decoded.
func (w *world) spoil(id string) {
	w.Helper()
	w.commit(&kgo.Record{Topic: topic, Key: []byte(id), Value: []byte("bad")})
}

// An event that can't be taken goes to the dead letters, whatever is wrong with it; all others are taken.
func TestPoison(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	w.add(1, ids...)
	w.add(panics, "b")
	w.add(refused, "c")
	w.spoil("a")
	w.last["a"] = event{"a", 2, 1} // it is event 2 that can't be read
	w.add(2, ids...)
	w.add(3, ids...)
	process := w.start(w.options(p))
	want := w.want(p, 1)
	for _, lost := range []string{"lines/b/2", "lines/c/2", "lines/a/3", "lines/a/4"} {
		delete(want, lost)
	}
	want["totals/all"] = "all 22 43"
	eventually(t, "all else is taken", func() bool {
		open := w.build(p, 1)
		return open != nil && cmp.Equal(want, rowsOf(t, p, open))
	})
	var got []string
	for _, l := range w.letters() {
		got = append(got, string(l.Key)+" "+l.Reason)
		if l.Projection != "ledger" || l.Group != "projection-ledger-1" || l.Version != "v1" ||
			l.ReplayTopic != "" || l.Origin.Topic != topic {
			t.Errorf("the letter is %+v", l)
		}
	}
	slices.Sort(got)
	reasons := []string{
		"a sequence-gap", "a sequence-gap", "a undecodable", "b projection-panic", "c projection-refused",
	}
	if diff := cmp.Diff(reasons, got); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
	if n := w.metric(process, "refold_projection_dead_letters_total"); int(n) != len(reasons) {
		t.Errorf("%v are counted", n)
	}
}

// A state that no row can be made of is the poison of the last event that has led to it.
func TestPoisonousState(t *testing.T) {
	w, p := newWorld(t), states(1, 1)
	w.add(panics-1, "a")
	w.add(1, "a", "b")
	w.start(w.options(p))
	eventually(t, "there is a letter", func() bool { return len(w.letters()) > 0 })
	w.add(1, "a")
	w.eventually(p, 1, 1)
	l := w.letters()
	if len(l) != 1 || string(l[0].Value) != "2:1" || l[0].Reason != string(projections.PoisonPanic) {
		t.Errorf("the letters are %+v", l)
	}
}

// By choice, poison holds its partition: all before it is taken, nothing behind it, and other partitions go
// on. A process that sets poison aside goes on from there.
func TestStop(t *testing.T) {
	for name, by := range map[string]int64{"panic": panics, "refused": refused} {
		t.Run(name, func(t *testing.T) {
			w, p := newWorld(t), ledger(1, 1)
			w.add(1, ids...)
			w.add(by, "a")
			w.add(2, ids...)
			o := w.options(p)
			o.OnPoison = Stop
			process := w.start(o)
			at := kafka.Partition([]byte("a"), partitions)
			want := make(map[string]string)
			sum := wantOf(p, 1, w.events[:len(ids)])
			for key, row := range w.want(p, 1) {
				id := strings.Split(key, "/")[1]
				other := strings.HasPrefix(key, "lines/") && kafka.Partition([]byte(id), partitions) != at
				if other || sum[key] == row {
					want[key] = row
				}
			}
			eventually(t, "the others go on", func() bool {
				open := w.build(p, 1)
				if open == nil {
					return false
				}
				got := rowsOf(t, p, open)
				delete(got, "totals/all")
				return cmp.Equal(want, got)
			})
			eventually(t, "not ready", func() bool {
				err := process.Ready()
				return err != nil && strings.Contains(err.Error(), "can't take")
			})
			eventually(t, "told in metrics", func() bool {
				return w.metric(process, "refold_projection_held_partitions") == 1 &&
					w.metric(process, "refold_projection_lag_records") > 0 &&
					w.metric(process, "refold_projection_lag_seconds") > 0
			})
			process.stop()
			w.start(w.options(p))
			want = w.want(p, 1)
			delete(want, "lines/a/2")
			eventually(t, "all is taken", func() bool {
				got := rowsOf(t, p, w.build(p, 1))
				want["totals/all"] = got["totals/all"]
				return cmp.Equal(want, got)
			})
		})
	}
}

// A letter is written before the event is passed: once while a process lives, however often the write fails;
// and again after a crash at that moment, with the same key and origin.
func TestCrashBetweenLetterAndWrite(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	w.add(1, ids...)
	w.add(panics, "b")
	w.store.before = func(b *projections.Batch) error {
		for _, s := range b.States {
			if s.Subject == "b" {
				return errAway
			}
		}
		return nil
	}
	process := w.start(w.options(p))
	eventually(t, "the write has failed many times", func() bool {
		return w.metric(process, "refold_projection_faults_total") > 5 && len(w.letters()) > 0
	})
	if n := len(w.letters()); n != 1 {
		t.Errorf("%d letters", n)
	}
	process.stop()
	w.store.set(func(s *flaky) { s.before = nil })
	w.start(w.options(p))
	want := w.want(p, 1)
	delete(want, "lines/b/2")
	want["totals/all"] = "all 8 8"
	eventually(t, "all else is taken", func() bool { return cmp.Equal(want, rowsOf(t, p, w.build(p, 1))) })
	letters := w.letters()
	if len(letters) != 2 || letters[0].Origin != letters[1].Origin || string(letters[1].Key) != "b" {
		t.Errorf("the letters are %+v", letters)
	}
}

// Dead letters that can't be written are a fault: nothing is passed without one.
func TestLettersAreAway(t *testing.T) {
	p := ledger(1, 1)
	store := newFlaky()
	ctx := context.Background()
	_, err := store.Begin(ctx, &p, projections.Build{Version: 1}, false)
	must(t, err)
	open, err := store.Open(ctx, &p, 1)
	must(t, err)
	progress, err := open.Claim(ctx, []projections.Partition{{Topic: topic}})
	must(t, err)
	r := event{"a", 1, panics}.record()
	own := &partition{Partition: progress[0].Partition, epoch: 1, written: -1, polled: -1}
	own.accept([]*kgo.Record{r}, 1)
	b := &batcher{
		build: open, sources: sourcesOf(p), letters: noLetters{},
		folding: projections.NewFolding(&p, sourcesOf(p), 10), records: 10, bytes: 1 << 20,
	}
	if err := b.step(ctx, []*partition{own}); err == nil || len(own.pending) != 1 {
		t.Errorf("the error is %v, and %d records are left", err, len(own.pending))
	}
	again, err := open.Claim(ctx, []projections.Partition{{Topic: topic}})
	must(t, err)
	if again[0].Next != progress[0].Next {
		t.Error("the event was passed")
	}
}

type noLetters struct{}

func (noLetters) send(context.Context, []poisoned) error { return errAway }
