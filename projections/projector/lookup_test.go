package projector

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refold/kafka"
	"refold/projections"
)

// wantLinks returns the rows of the links of all events.
func (w *world) wantLinks() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return wantLinks(w.events, partitions)
}

// keepBack lets no write of the partition of a counter succeed until it is let go on.
func (w *world) keepBack(id string) (goOn func()) {
	at := projections.Partition{Topic: topic, Partition: kafka.Partition([]byte(id), partitions)}
	w.store.set(func(s *flaky) {
		s.before = func(b *projections.Batch) error {
			for _, a := range b.Advances {
				if a.Partition == at && len(b.States) > 0 {
					return errAway
				}
			}
			return nil
		}
	})
	return func() { w.store.set(func(s *flaky) { s.before = nil }) }
}

// pair is two counters whose partitions two processes have, and the number by which the events of the first
// one are referred to.
type pair struct {
	behind, ahead string
	number        int64
	ofAhead       *process
}

// pairOf starts two processes, and waits until they share the partitions.
func (w *world) pairOf(o Options) (found pair) {
	w.Helper()
	one, two := w.start(o), w.start(o)
	eventually(w.T, "the partitions are apart", func() (is bool) {
		if len(one.Lag())+len(two.Lag()) != partitions {
			return false
		}
		if found, is = across(one, two); !is {
			found, is = across(two, one)
		}
		return is
	})
	return found
}

// across returns a counter that a process has, and one that another process has, if there are such.
func across(one, two *process) (pair, bool) {
	has := func(p *process, id string) bool {
		return slices.ContainsFunc(p.Lag(), func(l Lag) bool {
			return l.Partition.Partition == kafka.Partition([]byte(id), partitions)
		})
	}
	for i, behind := range linked {
		for _, ahead := range ids {
			if has(one, behind) && !has(two, behind) && has(two, ahead) && !has(one, ahead) {
				return pair{behind, ahead, int64(i), two}, true
			}
		}
	}
	return pair{}, false
}

// G12: a partition whose event refers to one that another member has not taken waits for it, while others go
// on; also when the process dies meanwhile.
func TestAPartitionWaitsForAnother(t *testing.T) {
	w, p := newWorld(t), links()
	o := w.options(p)
	o.patience = time.Hour
	both := w.pairOf(o)
	behind, ahead, waiter := both.behind, both.ahead, both.ofAhead
	goOn := w.keepBack(behind)
	w.add(20, behind)
	w.add(both.number*10+1, ahead)
	w.add(0, ahead)
	eventually(t, "it waits", func() bool {
		return w.metric(waiter, "refold_projection_waiting_partitions") == 1
	})
	if waits := waiter.Lag(); !slices.ContainsFunc(waits, func(l Lag) bool {
		return l.Waits == `counter "`+behind+`" as of event 1`
	}) {
		t.Errorf("the lag is %+v", waits)
	}
	if rows := rowsOf(t, p, w.build(p, 1)); len(rows) > 0 {
		t.Errorf("there are rows: %v", rows)
	}
	waiter.stop()
	w.start(o)
	goOn()
	w.eventuallyHas(p, w.wantLinks())
	if letters := w.letters(); len(letters) > 0 {
		t.Errorf("%d events were set aside", len(letters))
	}
}

// eventuallyHas waits until build 1 has some rows.
func (w *world) eventuallyHas(p projections.Projection, want map[string]string) {
	w.Helper()
	var diff string
	for deadline := time.Now().Add(patience); ; kafka.Sleep(w.Context(), 10*time.Millisecond) {
		if open := w.build(p, 1); open != nil {
			if diff = cmp.Diff(want, rowsOf(w.T, p, open)); diff == "" {
				return
			}
		}
		if time.Now().After(deadline) {
			w.Fatalf("the build has other rows (-want +got):\n%s", diff)
		}
	}
}

// A partition that stands still holds nobody up: what is looked up is read from its log.
func TestAPartitionThatStandsStill(t *testing.T) {
	w, p := newWorld(t), links()
	o := w.options(p)
	o.patience = time.Millisecond
	both := w.pairOf(o)
	behind, ahead := both.behind, both.ahead
	goOn := w.keepBack(behind)
	w.add(20, behind)
	w.add(both.number*10+1, ahead)
	w.add(both.number*10+2, ahead) // which there is not
	w.add(0, ahead)
	all := w.wantLinks()
	want := maps.Clone(all)
	delete(want, lines.Name+"/"+lines.KeyOf(behind, int64(1)))
	if len(want) != 2 {
		t.Fatalf("the story has rows %v", want)
	}
	w.eventuallyHas(p, want)
	goOn()
	w.eventuallyHas(p, all)
}

// A reference to what never comes is poison, and the events behind it are taken.
func TestReferencesToNothing(t *testing.T) {
	w, p := newWorld(t), links()
	w.add(17, "a") // b/7, which there is not; and it is not kept
	w.add(0, "b")
	w.add(1, "b")  // a/1, which is not kept
	w.add(9, "c")  // a/9, which there is not
	w.add(29, "c") // c/9, in its own partition
	w.add(11, "c") // b/1
	w.start(w.options(p))
	want := map[string]string{"lines/b/1": "b 1 0 0", "lines/c/3": "c 3 11 0"}
	w.eventuallyHas(p, want)
	if diff := cmp.Diff(w.wantLinks(), want); diff != "" {
		t.Errorf("the fold has other rows:\n%s", diff)
	}
	eventually(t, "all are set aside", func() bool { return len(w.letters()) == 4 })
	for _, l := range w.letters() {
		if l.Reason != string(projections.PoisonLookup) {
			t.Errorf("the reason is %q", l.Reason)
		}
	}
}

// A partition that is ahead of what it looks up gives few records to each batch, and more again later.
func TestMostOfAPartition(t *testing.T) {
	p := &partition{}
	var most []int
	for _, took := range [][2]int{{5000, 5000}, {3, 5000}, {64, 64}, {100, 128}, {200, 200}, {400, 400}} {
		p.took(took[0], took[1], 800)
		most = append(most, p.most)
	}
	if diff := cmp.Diff([]int{0, 64, 128, 200, 400, 0}, most); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
