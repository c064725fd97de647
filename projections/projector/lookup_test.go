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

// neighbours returns two of the counters a to d in different partitions, and the number by which events of
// the first one are referred to.
func neighbours(t *testing.T) (behind, ahead string, number int64) {
	t.Helper()
	for i, id := range linked {
		for _, other := range linked {
			if kafka.Partition([]byte(id), partitions) != kafka.Partition([]byte(other), partitions) {
				return id, other, int64(i)
			}
		}
	}
	t.Fatal("all counters are in one partition")
	return "", "", 0
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

// twoProcesses starts two processes, and waits until one has the partition of a counter and the other that of
// another one.
func (w *world) twoProcesses(o Options, one, other string) (ofOne, ofOther *process) {
	w.Helper()
	both := []*process{w.start(o), w.start(o)}
	has := func(p *process, id string) bool {
		return slices.ContainsFunc(p.Lag(), func(l Lag) bool {
			return l.Partition.Partition == kafka.Partition([]byte(id), partitions)
		})
	}
	eventually(w.T, "the partitions are apart", func() bool {
		if has(both[0], other) {
			slices.Reverse(both)
		}
		return has(both[0], one) && !has(both[0], other) && has(both[1], other) && !has(both[1], one)
	})
	return both[0], both[1]
}

// lineOf is an event that refers to the first event of a counter by its number.
func lineOf(number int64) int64 { return number*10 + 1 }

// G12: a partition whose event refers to one that another member has not taken waits for it, while others go
// on; also when the process dies meanwhile.
func TestAPartitionWaitsForAnother(t *testing.T) {
	w, p := newWorld(t), links()
	behind, ahead, number := neighbours(t)
	o := w.options(p)
	o.patience = time.Hour
	_, waiter := w.twoProcesses(o, behind, ahead)
	goOn := w.keepBack(behind)
	w.add(20, behind)
	w.add(lineOf(number), ahead)
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
	behind, ahead, number := neighbours(t)
	o := w.options(p)
	o.patience = time.Millisecond
	w.twoProcesses(o, behind, ahead)
	goOn := w.keepBack(behind)
	w.add(20, behind)
	w.add(lineOf(number), ahead)
	w.add(number*10+2, ahead) // which there is not
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
