package standby_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A standby restores what there is, follows what comes, and hands the stores over: their owner then reads
// the tail only.
func TestFollow(t *testing.T) {
	w := newWorld(t)
	w.write(1, 0, 1000, kgo.TryCommit)
	if lag := w.group.Lag(1); lag >= 0 {
		t.Errorf("a partition that is not followed has lag %d", lag)
	}
	w.group.Follow([]int32{1})
	w.caughtUp(1, 1000)
	w.write(1, 1000, 500, kgo.TryCommit)
	w.write(1, 5000, 500, kgo.TryAbort)
	w.caughtUp(1, 1501)
	if lag, found := w.metric("refold_standby_lag_records"); lag != 0 || found != 2 {
		t.Errorf("the metric of %d partitions adds up to a lag of %v", found, lag)
	}
	if restored := w.restored(); restored != 2000 {
		t.Errorf("%v records were restored; want those that were there", restored)
	}
	if filed, _ := w.metric("refold_standby_records_total"); filed != 1000 {
		t.Errorf("%v records were followed; want those that came", filed)
	}

	w.group.Follow([]int32{0})
	w.write(1, 1500, 7, kgo.TryCommit)
	before := w.restored()
	if rows := w.own(1); rows != 1507 {
		t.Errorf("the owner has %d rows", rows)
	}
	if read := w.restored() - before; read != 7 {
		t.Errorf("the owner has read %v records; want the tail", read)
	}
	w.group.Follow([]int32{1}) // the owner has let it go
	w.caughtUp(1, 1507)
}

// Whatever the standby is doing when it is told to let a partition go: when Follow returns, its stores are
// closed.
func TestFollow_handOver(t *testing.T) {
	w := newWorld(t)
	rows, written := 0, 0
	for range 20 {
		var writer sync.WaitGroup
		writer.Go(func() {
			for range 3 {
				w.write(0, written, 10, kgo.TryCommit)
				written += 10
			}
		})
		w.group.Follow([]int32{0})
		w.group.Follow(nil)
		if open := w.open.Load(); open != 0 {
			t.Errorf("%d stores are open", open)
		}
		now := w.own(0)
		if now < rows {
			t.Errorf("%d rows have become %d", rows, now)
		}
		rows = now
		writer.Wait()
	}
	w.group.Follow([]int32{0})
	w.caughtUp(0, int64(written))
	w.group.Follow(nil)
	if rows := w.own(0); rows != written {
		t.Errorf("the owner has %d rows; want %d", rows, written)
	}
}

// A copy that takes nothing in any more is opened anew, and has what it lacked.
func TestFollow_failure(t *testing.T) {
	w := newWorld(t)
	w.write(0, 0, 10, kgo.TryCommit)
	w.group.Follow([]int32{0})
	w.caughtUp(0, 10)
	w.refuse.Store(true)
	w.write(0, 10, 10, kgo.TryCommit)
	w.eventually("copies are opened anew", func() bool {
		n, _ := w.metric("refold_standby_restarts_total")
		return n > 0
	})
	w.refuse.Store(false)
	w.caughtUp(0, 20)
}

// A store whose topic is not what it was is not touched: it may hold the only rows that are left.
func TestFollow_unfit(t *testing.T) {
	w := newWorld(t)
	w.write(0, 0, 10, kgo.TryCommit)
	why := errors.New("the topic was made again")
	w.fit.Store(&why)
	w.group.Follow([]int32{0})
	w.eventually("it was looked at", func() bool {
		n, _ := w.metric("refold_standby_restarts_total")
		return n > 2
	})
	if w.open.Load() != 0 || w.kept(table, 0) != 0 {
		t.Error("the store was opened")
	}
	w.fit.Store(nil)
	w.caughtUp(0, 10)
}

// A process that starts again knows what its stores hold before it opens any.
func TestNext(t *testing.T) {
	w := newWorld(t)
	w.write(1, 0, 25, kgo.TryCommit)
	if next := w.kept(table, 1); next != 0 {
		t.Errorf("there is no store, and it holds %d records", next)
	}
	w.own(1)
	w.must(w.stores.Close())
	w.reopen()
	if next := w.kept(table, 1); next < 25 {
		t.Errorf("the store holds %d records", next)
	}
	if next := w.kept(events, 1); next != 0 {
		t.Errorf("a store that was never opened holds %d records", next)
	}
}

// Close ends the following of all partitions.
func TestClose(t *testing.T) {
	w := newWorld(t)
	w.group.Follow([]int32{0, 1})
	w.standbys.Close()
	if open := w.open.Load(); open != 0 {
		t.Errorf("%d stores are open", open)
	}
	w.group.Follow([]int32{0, 1})
	if lag := w.group.Lag(0); lag != -1 {
		t.Errorf("the lag is %d", lag)
	}
}
