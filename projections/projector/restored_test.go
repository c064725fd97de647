package projector

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"refold/projections"
	"refold/projections/memory"
)

// G12: a backup is restored while nothing comes. The events since are taken again without a new one.
func TestRestoredWhileIdle(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	w.start(w.options(p))
	w.add(1, ids...)
	w.eventually(p, 1, 1)
	backup, err := w.store.backup(p, ids)
	must(t, err)
	w.add(2, ids...)
	w.eventually(p, 1, 1)
	w.store.set(func(s *flaky) { s.inner = backup })
	w.eventually(p, 1, 1)
}

// A store that was emptied is filled again, without a restart.
func TestEmptiedStore(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	w.start(w.options(p))
	w.add(1, ids...)
	w.untilLive(p, 1)
	w.store.set(func(s *flaky) { s.inner = &memory.Store{} })
	w.untilLive(p, 1)
	w.eventually(p, 1, 1)
}

// The topic was restored from a backup, and ends before what the build has taken: nothing is taken, whose
// sequences would look as if they were there already. Ready says what has happened.
func TestTopicIsShorterThanTheStore(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	process := w.start(w.options(p))
	w.add(1, ids...)
	w.eventually(p, 1, 1)
	process.stop()
	ctx, first := context.Background(), projections.Partition{Topic: topic}
	open := w.build(p, 1)
	claimed, err := open.Claim(ctx, []projections.Partition{first})
	must(t, err)
	must(t, open.Write(ctx, &projections.Batch{Advances: []projections.Advance{{
		Partition: first, Epoch: claimed[0].Epoch, From: claimed[0].Next, To: claimed[0].Next + 1000,
	}}}))
	process = w.start(w.options(p))
	eventually(t, "held", func() bool {
		err := process.Ready()
		want := fmt.Sprintf("%s/0 does not have offset %d, which is due: it ends at %d, as it was restored",
			topic, claimed[0].Next+1000, claimed[0].Next)
		return err != nil && strings.Contains(err.Error(), want)
	})
	if n := w.metric(process, "refold_projection_held_partitions"); n != 1 {
		t.Errorf("%v partitions are held", n)
	}
}

// An operator sees of a projection how many partitions are filled, its builds by status, the builds that wait
// for a take-over by hand, and for how long a store has been away.
func TestStanding(t *testing.T) {
	w, p := newWorld(t), ledger(1, 1)
	o := w.options(p)
	o.Projections[0].ByHand = true
	process := w.start(o)
	w.add(1, ids...)
	metric := func(name string) float64 { return w.metric(process, "refold_projection_"+name) }
	eventually(t, "the build waits for an operator", func() bool { return metric("waiting_builds") == 1 })
	eventually(t, "it has all partitions", func() bool {
		return metric("partitions") == partitions && metric("topic_partitions") == partitions
	})
	if n := metric("builds"); n != 1 {
		t.Errorf("there are %v builds", n)
	}
	must(t, w.build(p, 1).TakeOver(context.Background(), time.Second))
	eventually(t, "the build is live", func() bool {
		lag := process.Lag()
		return metric("waiting_builds") == 0 && len(lag) == partitions && lag[0].Status == projections.Live
	})
	w.store.set(func(s *flaky) { s.away = errAway })
	eventually(t, "the store is away", func() bool { return metric("fault_seconds") > 0 })
	w.store.set(func(s *flaky) { s.away = nil })
	eventually(t, "the store is there", func() bool { return metric("fault_seconds") == 0 })
}
