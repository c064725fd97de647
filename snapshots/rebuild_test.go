package snapshots_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/snapshots"
)

// alone calls the swap: nobody goes through rows.
func alone(swap func() error) error { return swap() }

func (w *world) apply(f *snapshots.Follower, next int64, key, value string) {
	w.Helper()
	r := &kgo.Record{Topic: table, Offset: next - 1, Key: []byte(key), Value: []byte(value)}
	if err := f.Apply(r); err != nil {
		w.Fatal(err)
	}
}

// spoil has the store hold what its topic doesn't.
func (w *world) spoil(f *snapshots.Follower) {
	w.Helper()
	if err := f.Set("wrong", []byte("row")); err != nil {
		w.Fatal(err)
	}
}

func (w *world) offset(f *snapshots.Follower) int64 {
	w.Helper()
	offset, err := f.GetOffset(-1)
	if err != nil {
		w.Fatal(err)
	}
	return offset
}

// one checks that the stores hold one store of the table, and none that is not finished.
func (w *world) one(stores *snapshots.Stores) {
	w.Helper()
	if names := snapshots.Names(stores); !slices.Equal(names, []string{table + "/0"}) {
		w.Errorf("there are the stores %v", names)
	}
}

// G7: a store that holds what its topic doesn't is right again, and serves until it is; what came
// meanwhile is in it, and goes on coming.
func TestRebuild(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("a", "1", "b", "1")
			stores := w.stores(dir)
			f := w.follower(stores, snapshots.Projection{})
			w.spoil(f)
			w.apply(f, w.write("c", "1"), "c", "1")
			before := w.offset(f)
			missed := w.write("d", "1") // the tail has not brought it yet
			if err := f.Rebuild(t.Context(), func(swap func() error) error {
				w.expect(f, "a=1 b=1 c=1 wrong=row")
				if err := f.Rebuild(t.Context(), alone); !errors.Is(err, snapshots.ErrRebuilding) {
					t.Errorf("the second one: %v", err)
				}
				if _, going := f.Rebuilding(); !going {
					t.Error("nobody is told of it")
				}
				return swap()
			}); err != nil {
				t.Fatal(err)
			}
			w.expect(f, "a=1 b=1 c=1 d=1")
			if after := w.offset(f); after < before {
				t.Errorf("the offset was %d and is %d", before, after)
			}
			w.apply(f, missed, "d", "again") // passed over
			w.apply(f, w.write("a", "2"), "a", "2")
			w.expect(f, "a=2 b=1 c=1 d=1")
			if dir != "" {
				w.one(stores)
			}
		})
	}
}

// G10: a reader sees no older row after a newer one, nor an older offset, whenever stores are swapped;
// and a hundred rebuilds leave no goroutine and no rows behind.
func TestRebuildNeverGoesBack(t *testing.T) {
	w := newWorld(t)
	w.write("k", "0")
	stores := w.stores(t.TempDir())
	f := w.follower(stores, snapshots.Projection{})
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	work.Go(func() {
		for n := 1; ctx.Err() == nil; n++ {
			w.apply(f, w.write("k", strconv.Itoa(n)), "k", strconv.Itoa(n))
		}
	})
	for range 2 {
		work.Go(func() {
			number, offset := 0, int64(-1)
			for ctx.Err() == nil {
				at := w.offset(f)
				value, err := f.Get("k")
				now, err2 := strconv.Atoi(string(value))
				if errors.Join(err, err2) != nil || now < number || at < offset {
					t.Errorf("read %d at %d after %d at %d: %v", now, at, number, offset,
						errors.Join(err, err2))
					return
				}
				number, offset = now, at
			}
		})
	}
	goroutines := 0
	for i := range 100 {
		if err := f.Rebuild(t.Context(), alone); err != nil {
			t.Fatal(err)
		}
		if i == 10 {
			goroutines = runtime.NumGoroutine()
		}
	}
	stop()
	work.Wait()
	w.one(stores)
	w.eventually("what rebuilds have started has ended", func() bool {
		return runtime.NumGoroutine() <= goroutines+3
	})
}

// The twin: without the tail's pause and the comparison a reader goes back.
func TestRebuildBlindlyGoesBack(t *testing.T) {
	w := newWorld(t)
	w.write("k", "1")
	f := w.follower(w.stores(t.TempDir()), snapshots.Projection{})
	if err := f.RebuildBlindly(t.Context(), func() {
		w.apply(f, w.write("k", "2"), "k", "2")
		w.expect(f, "k=2")
	}); err != nil {
		t.Fatal(err)
	}
	w.expect(f, "k=1")
}

// A process that dies during a rebuild leaves one store that is whole, the old one or the new one; the next
// process serves from it, without reading the topic again, and drops what was not finished (G6).
func TestRebuildCutOff(t *testing.T) {
	type cut func(w *world, s *snapshots.Stores, f *snapshots.Follower, die func()) error
	for name, rebuild := range map[string]cut{
		"while it reads": func(w *world, s *snapshots.Stores, f *snapshots.Follower, die func()) error {
			w.begin("c", "1")
			defer w.end(kgo.TryAbort)
			ctx, stop := context.WithCancel(w.Context())
			return w.during(ctx, f, func() {
				snapshots.Settle(s)
				die()
				stop()
			})
		},
		"before the swap": func(w *world, _ *snapshots.Stores, f *snapshots.Follower, die func()) error {
			return f.Rebuild(w.Context(), func(swap func() error) error {
				die()
				return swap()
			})
		},
		"after the swap": func(w *world, _ *snapshots.Stores, f *snapshots.Follower, die func()) error {
			return f.Rebuild(w.Context(), func(swap func() error) error {
				defer die()
				return swap()
			})
		},
		"when it is durable": func(w *world, s *snapshots.Stores, f *snapshots.Follower, die func()) error {
			return f.Rebuild(w.Context(), func(swap func() error) error {
				defer die()
				defer snapshots.Settle(s)
				return swap()
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, files := newWorld(t), vfs.NewCrashableMem()
			w.write("a", "1", "b", "1")
			stores, err := snapshots.OpenOn(files, w.options("/cut-off"))
			if err != nil {
				t.Fatal(err)
			}
			f := w.follower(stores, snapshots.Projection{})
			snapshots.Settle(stores)
			var left *vfs.MemFS
			err = rebuild(w, stores, f, func() { left = files.CrashClone(vfs.CrashCloneCfg{}) })
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			w.shut(stores)
			before := w.restored()
			stores, err = snapshots.OpenOn(left, w.options("/cut-off"))
			if err != nil {
				t.Fatal(err)
			}
			defer w.shut(stores)
			f = w.follower(stores, snapshots.Projection{})
			w.expect(f, "a=1 b=1")
			if read := w.restored() - before; read != 0 {
				t.Errorf("%d records were read", read)
			}
			w.one(stores)
		})
	}
}

// fullDisk has that much room.
type fullDisk struct {
	vfs.FS

	free uint64
}

func (d *fullDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free}, nil
}

// What ends a rebuild leaves the store as it was: a full disk, a cancel, an end of the session or of
// the stores.
func TestRebuildEnds(t *testing.T) {
	errStopped := errors.New("stopped")
	w := newWorld(t)
	w.write("a", "1")
	disk := &fullDisk{FS: vfs.Default}
	stores, err := snapshots.OpenOn(disk, w.options(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer w.shut(stores)
	session, endSession := context.WithCancelCause(t.Context())
	defer endSession(nil)
	f, err := stores.Follower(session, table, 0, snapshots.Projection{})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Rebuild(t.Context(), alone); !errors.Is(err, snapshots.ErrClosed) {
		t.Errorf("before Open: %v", err)
	}
	if err := f.Open(); err != nil {
		t.Fatal(err)
	}
	w.spoil(f)
	ends := func(what string, want error, how func(context.Context, context.CancelCauseFunc) error) {
		t.Helper()
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		if err := how(ctx, cancel); !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
		w.expect(f, "a=1 wrong=row")
		w.one(stores)
	}
	ends("full disk", snapshots.ErrNoRoom, func(ctx context.Context, _ context.CancelCauseFunc) error {
		return f.Rebuild(ctx, alone)
	})
	disk.free = 1 << 40
	w.begin("b", "1") // what it waits for
	ends("cancelled", errStopped, func(ctx context.Context, cancel context.CancelCauseFunc) error {
		return w.during(ctx, f, func() { cancel(errStopped) })
	})
	ends("refused swap", errStopped, func(ctx context.Context, _ context.CancelCauseFunc) error {
		w.end(kgo.TryAbort)
		return f.Rebuild(ctx, func(func() error) error { return errStopped })
	})
	w.begin("b", "1")
	ends("the session ended", errStopped, func(ctx context.Context, _ context.CancelCauseFunc) error {
		return w.during(ctx, f, func() { endSession(errStopped) })
	})
	w.end(kgo.TryAbort)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Rebuild(t.Context(), alone); err == nil {
		t.Error("it was rebuilt after Close")
	}
}

// during does something while a rebuild waits for a transaction.
func (w *world) during(ctx context.Context, f *snapshots.Follower, do func()) error {
	w.Helper()
	done := make(chan error, 1)
	go func() { done <- f.Rebuild(ctx, alone) }()
	w.eventually("it is being rebuilt", func() bool { _, going := f.Rebuilding(); return going })
	do()
	return w.outcome(done)
}

// Close ends a rebuild and waits for it.
func TestCloseEndsRebuild(t *testing.T) {
	w := newWorld(t)
	w.write("a", "1")
	dir := t.TempDir()
	stores := w.stores(dir)
	f := w.follower(stores, snapshots.Projection{})
	w.begin("b", "1")
	err := w.during(t.Context(), f, func() { w.shut(stores) })
	if !errors.Is(err, snapshots.ErrClosed) {
		t.Error(err)
	}
	w.end(kgo.TryAbort)
	w.one(w.stores(dir))
}
