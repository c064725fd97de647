package snapshots_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/snapshots"
)

// G6: a partition that comes back, and a process that comes back, read what they missed and no
// more.
func TestOnlyTheTailIsRead(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	for i := range 50 {
		w.write("a", fmt.Sprint(i), fmt.Sprint("b", i), "1")
	}
	stores := w.stores(dir)
	st := w.opened(stores)
	if got := w.restored(); got != 100 {
		t.Fatalf("restored from %d records; want 100", got)
	}
	w.set(st, "own", "1")
	if err := st.Commit(w.write("own", "1")); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	w.write("a", "back", "b0", "-")
	st = w.opened(stores)
	if got := w.restored(); got != 102 {
		t.Errorf("a partition that came back read %d records; want 2", got-100)
	}
	value, err := st.Get("a")
	if err != nil || string(value) != "back" {
		t.Errorf("a is %q, %v", value, err)
	}
	w.shut(stores)
	w.write("a", "restarted")
	st = w.opened(w.stores(dir))
	if got := w.restored(); got != 103 {
		t.Errorf("a process that came back read %d records; want 1", got-102)
	}
	if value, err := st.Get("a"); err != nil || string(value) != "restarted" {
		t.Errorf("a is %q, %v", value, err)
	}
	if w.rebuilt() != 0 {
		t.Error("the store was thrown away")
	}
}

// G6: the restore ends exactly at the end whatever that is (design §2, no. 4 and 5); G3: what was
// aborted never was.
func TestEndsOfTopics(t *testing.T) {
	for name, test := range map[string]struct {
		write func(w *world)
		want  string
		end   int64 // offset before the end
	}{
		"nothing":           {func(*world) {}, "", -7},
		"commit marker":     {func(w *world) { w.write("a", "1") }, "a=1", 1},
		"deletion":          {func(w *world) { w.write("a", "1", "b", "1", "a", "-") }, "b=1", 3},
		"nothing committed": {func(w *world) { w.begin("a", "2"); w.end(kgo.TryAbort) }, "", 1},
		"abort marker": {func(w *world) {
			w.write("a", "1")
			w.begin("a", "2", "b", "2")
			w.end(kgo.TryAbort)
		}, "a=1", 4},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			test.write(w)
			for _, dir := range []string{"", t.TempDir()} {
				st := w.opened(w.stores(dir))
				w.expect(st, test.want)
				if at, err := st.GetOffset(-7); at != test.end || err != nil {
					t.Errorf("the offset is %d, %v; want %d", at, err, test.end)
				}
			}
		})
	}
}

// held writes n rows and one more in a transaction that stays open, and returns a table that has
// been restored up to there and waits.
func (w *world) held(ctx context.Context, s *snapshots.Stores, n int) (
	*snapshots.Staged, chan error,
) {
	w.Helper()
	rows := make([]string, 0, 2*n)
	for i := range n {
		rows = append(rows, fmt.Sprintf("k%05d", i), "1")
	}
	w.write(rows...)
	w.begin("last", "1")
	st, done := w.opening(ctx, s)
	w.restoring(s, int64(n))
	return st, done
}

// restoring waits until a restore has applied n records.
func (w *world) restoring(s *snapshots.Stores, n int64) {
	w.Helper()
	w.eventually("the restore is held up", func() bool {
		p := s.Progress()
		return len(p) == 1 && p[0].Records == n && p[0].End > p[0].Next
	})
}

// G6: a restore that is cancelled keeps what it has restored; the next one goes on from there, in
// this process and in another one.
func TestCancelledRestoreGoesOn(t *testing.T) {
	const rows = 12_000 // more than one batch
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			stores := w.stores(dir)
			ctx, cancel := context.WithCancel(t.Context())
			st, done := w.held(ctx, stores, rows)
			if p := stores.Progress()[0]; p.Topic != table || p.Start != 0 || p.Next != rows+1 ||
				p.End != rows+2 || w.metric("refold_store_restore_remaining_offsets") != 1 {
				t.Errorf("progress is %+v", p)
			}
			cancel()
			if err := w.outcome(done); !errors.Is(err, context.Canceled) {
				t.Errorf("a cancelled restore says %v", err)
			}
			if _, err := st.Get("k00000"); !errors.Is(err, snapshots.ErrClosed) {
				t.Errorf("reading from it says %v", err)
			}
			if len(stores.Progress()) != 0 {
				t.Error("progress is reported of a restore that has ended")
			}
			if dir != "" {
				w.shut(stores)
				stores = w.stores(dir)
			}
			w.end(kgo.TryCommit)
			st = w.opened(stores)
			if got := w.restored(); got != rows+1 {
				t.Errorf("%d records were read again", got-rows-1)
			}
			for _, key := range []string{"k00000", "k11999", "last"} {
				if has, err := st.Has(key); !has || err != nil {
					t.Errorf("%s is missing, %v", key, err)
				}
			}
		})
	}
}

// A fault before the restore knows where the log begins leaves no trace: a checkpoint of then
// would be damaged.
func TestFaultBeforeTheBeginning(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	w.write("a", "1")
	fault := w.Kafka().Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: table, Err: kerr.NotLeaderForPartition, Count: -1,
	})
	stores := w.stores(dir)
	ctx, cancel := context.WithCancel(t.Context())
	_, done := w.opening(ctx, stores)
	w.eventually("it fails some times", func() bool { return fault.Hits() > 3 })
	cancel()
	if err := w.outcome(done); !errors.Is(err, context.Canceled) {
		t.Errorf("it says %v", err)
	}
	fault.Remove()
	w.shut(stores)
	w.expect(w.opened(w.stores(dir)), "a=1")
	if w.rebuilt() != 0 {
		t.Error("the store was thrown away")
	}
}

// G5, G6: whoever opens a store takes it away at once, also from one that is restoring still, and
// goes on from where that one was.
func TestTakenOverWhileRestoring(t *testing.T) {
	w := newWorld(t)
	stores := w.stores("")
	_, first := w.held(t.Context(), stores, 5)
	_, second := w.opening(t.Context(), stores)
	if err := w.outcome(first); !errors.Is(err, snapshots.ErrTakenOver) {
		t.Errorf("the first opener is told %v", err)
	}
	w.restoring(stores, 0)
	w.end(kgo.TryCommit)
	if err := w.outcome(second); err != nil {
		t.Error(err)
	}
	if got := w.restored(); got != 6 {
		t.Errorf("%d records were read; want 6", got)
	}
}

// An opener who waits for another one can give up.
func TestWaitForTurnIsCancelled(t *testing.T) {
	w := newWorld(t)
	o := w.options("")
	o.ParallelRestores = 1
	stores, err := snapshots.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer w.shut(stores)
	_, first := w.held(t.Context(), stores, 1)
	if err := w.Kafka().CreateTopic("other", 1, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	other, err := stores.Follower(ctx, "other", 0, snapshots.Projection{})
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan error, 1)
	go func() { second <- other.Open() }()
	w.eventually("it waits", func() bool { return len(stores.Progress()) == 2 })
	cancel()
	if err := w.outcome(second); !errors.Is(err, context.Canceled) {
		t.Errorf("it says %v", err)
	}
	w.end(kgo.TryCommit)
	if err := w.outcome(first); err != nil {
		t.Error(err)
	}
}

// Close ends restores, and nothing opens afterwards.
func TestCloseEndsRestores(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			stores := w.stores(dir)
			st, done := w.held(t.Context(), stores, 1)
			w.shut(stores)
			if err := w.outcome(done); !errors.Is(err, snapshots.ErrClosed) {
				t.Errorf("the restore says %v", err)
			}
			if err := st.Open(); !errors.Is(err, snapshots.ErrClosed) {
				t.Errorf("Open after Close says %v", err)
			}
			if _, err := stores.Staged(t.Context(), table, 0); !errors.Is(err, snapshots.ErrClosed) {
				t.Errorf("Staged after Close says %v", err)
			}
			w.end(kgo.TryAbort)
		})
	}
}
