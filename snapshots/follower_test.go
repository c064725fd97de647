package snapshots_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"refold/snapshots"
)

// history keeps every value of a key, in order, instead of the last one; a deletion deletes all.
var history = snapshots.Projection{Version: "history 1", File: fileHistory}

func fileHistory(w snapshots.Writer, r *kgo.Record) error {
	if r.Value == nil {
		return w.DeleteRange(append(r.Key, '/'), append(r.Key, '0')) // '0' comes after '/'
	}
	key := binary.BigEndian.AppendUint32(append(bytes.Clone(r.Key), '/'), uint32(r.Offset))
	return w.Set(key, r.Value)
}

func (w *world) follower(s *snapshots.Stores, p snapshots.Projection) *snapshots.Follower {
	w.Helper()
	f, err := s.Follower(w.Context(), table, 0, p)
	if err != nil {
		w.Fatal(err)
	}
	if err := f.Open(); err != nil {
		w.Fatal(err)
	}
	return f
}

// G4, G10: a projection gives the same rows restored as applied live; a record that comes twice is
// applied once.
func TestProjection(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			stores := w.stores(dir)
			live := w.follower(stores, history)
			records := []*kgo.Record{
				{Offset: 0, Key: []byte("a"), Value: []byte("1")},
				{Offset: 1, Key: []byte("b"), Value: []byte("1")},
				{Offset: 2, Key: []byte("a"), Value: []byte("2")},
				{Offset: 1, Key: []byte("b"), Value: []byte("again")},
				{Offset: 4, Key: []byte("a")}, // a commit marker in between
				{Offset: 5, Key: []byte("a"), Value: []byte("3")},
			}
			for _, r := range records {
				if err := live.Apply(r); err != nil {
					t.Fatal(err)
				}
				// A row that is deleted by range is not in the cache either.
				if value, err := live.Get("a/\x00\x00\x00\x00"); err != nil ||
					(value == nil) != (r.Offset >= 4) {
					t.Errorf("after offset %d the first row is %q, %v", r.Offset, value, err)
				}
			}
			const want = "a/\x00\x00\x00\x05=3 b/\x00\x00\x00\x01=1"
			w.expect(live, want)
			if at, err := live.GetOffset(-1); at != 5 || err != nil {
				t.Errorf("the offset is %d, %v", at, err)
			}
			w.write("a", "1", "b", "1", "a", "2")
			w.write("a", "-", "a", "3")
			w.expect(w.follower(w.stores(""), history), want)
		})
	}
}

// A projection that fails ends the restore, and says where.
func TestProjectionFails(t *testing.T) {
	w, failure := newWorld(t), errors.New("no such thing")
	w.write("a", "1", "b", "2")
	f, err := w.stores("").Follower(t.Context(), table, 0, snapshots.Projection{
		File: func(_ snapshots.Writer, r *kgo.Record) error {
			if r.Offset == 1 {
				return failure
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = f.Open()
	if !errors.Is(err, failure) || !bytes.Contains([]byte(err.Error()), []byte("offset 1")) {
		t.Errorf("Open says %v", err)
	}
}

// What Goka does with joins and lookups: rows first, then the offset, both there after a restart.
func TestRowsThenOffset(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	stores := w.stores(dir)
	f := w.follower(stores, snapshots.Projection{})
	if err := errors.Join(f.Set("a", []byte("1")), f.SetOffset(0), f.Set("b", []byte("1")),
		f.SetOffset(1), f.Delete("a"), f.SetOffset(2), f.SetOffset(1), f.MarkRecovered(),
	); err != nil {
		t.Fatal(err)
	}
	if err := f.Set("a", nil); err == nil {
		t.Error("a nil value was stored")
	}
	w.write("a", "1", "b", "1", "a", "-")
	w.shut(stores)
	read := w.restored()
	f = w.follower(w.stores(dir), snapshots.Projection{})
	w.expect(f, "b=1")
	if got := w.restored() - read; got != 0 {
		t.Errorf("%d records were read again", got)
	}
	if has, err := f.Has("a"); has || err != nil {
		t.Errorf("a is there, %v", err)
	}
}

// Ranges on disk are as in memory, and iterators with crossed bounds are empty.
func TestRangesAsInMemory(t *testing.T) {
	w := newWorld(t)
	memory, disk := w.stores(""), w.stores(t.TempDir())
	rapid.Check(t, func(t *rapid.T) {
		bound := rapid.Custom(func(t *rapid.T) []byte {
			if rapid.Bool().Draw(t, "none") {
				return nil
			}
			return []byte(keys.Draw(t, "bound"))
		})
		var results []string
		start, limit := bound.Draw(t, "start"), bound.Draw(t, "limit")
		from, to := bound.Draw(t, "from"), bound.Draw(t, "to")
		rows := rapid.SliceOf(keys).Draw(t, "rows")
		for _, stores := range []*snapshots.Stores{memory, disk} {
			f := w.follower(stores, snapshots.Projection{})
			for _, key := range rows {
				if err := f.Set(key, []byte("1")); err != nil {
					t.Fatal(err)
				}
			}
			if err := f.DeleteRange(start, limit); err != nil {
				t.Fatal(err)
			}
			it, err := f.IteratorWithRange(from, to)
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for it.Next() {
				left = append(left, string(it.Key()))
			}
			it.Release()
			for _, key := range rows {
				if has, err := f.Has(key); err != nil ||
					has != (key < string(start) || limit != nil && key >= string(limit)) {
					t.Fatalf("after the deletion of %q to %q, Has(%q) is %v, %v",
						start, limit, key, has, err)
				}
			}
			results = append(results, fmt.Sprintf("%q", left))
			if err := f.DeleteRange(nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		if results[0] != results[1] {
			t.Fatalf("memory and disk differ: %v", results)
		}
	})
}

// A range that ends before it begins is empty, also for who seeks in it.
func TestCrossedRange(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("a", "1", "b", "1", "c", "1")
			stores := w.stores(dir)
			f := w.follower(stores, snapshots.Projection{})
			snapshots.Flush(stores) // some rows in a file, some in memory
			w.eventually("there is a file", func() bool {
				return dir == "" || w.metric("refold_store_rows") > 0
			})
			if err := f.Set("b", []byte("2")); err != nil {
				t.Fatal(err)
			}
			it, err := f.IteratorWithRange([]byte("c"), []byte("a"))
			if err != nil {
				t.Fatal(err)
			}
			defer it.Release()
			for _, key := range []string{"", "a", "b", "c", "d"} {
				if it.Seek([]byte(key)) || it.Next() {
					t.Errorf("from %q on there is %q", key, it.Key())
				}
			}
		})
	}
}

// What operators see of stores.
func TestMetrics(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	w.write("a", "1", "b", "1")
	stores := w.stores(dir)
	st := w.opened(stores)
	w.set(st, "c", "1")
	if err := st.Commit(w.write("c", "1")); err != nil {
		t.Fatal(err)
	}
	w.expect(st, "a=1 b=1 c=1") // c from the row cache
	for name, want := range map[string]float64{
		"refold_store_restored_records_total":    2,
		"refold_store_rebuilds_total":            0,
		"refold_store_restore_remaining_offsets": 0,
		"refold_row_cache_hits_total":            1,
		"refold_row_cache_misses_total":          2,
	} {
		if got := w.metric(name); got != want {
			t.Errorf("%s is %v; want %v", name, got, want)
		}
	}
	snapshots.Flush(stores)
	w.eventually("the store has a size", func() bool {
		return w.metric("refold_store_disk_bytes") > 0 && w.metric("refold_store_rows") >= 3
	})
	if w.metric("refold_row_cache_bytes") <= 0 {
		t.Error("the row cache has no size")
	}
	problems, err := testutil.GatherAndLint(w.registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	w.shut(stores)
	if got := w.metric("refold_row_cache_hits_total"); got != 0 {
		t.Error("stores that are closed are measured")
	}
}

func TestTimeLeft(t *testing.T) {
	began := time.Unix(1000, 0)
	for name, test := range map[string]struct {
		p    snapshots.RestoreProgress
		want time.Duration
	}{
		"a quarter is done": {
			snapshots.RestoreProgress{Start: 100, Next: 200, End: 500}, 30 * time.Second,
		},
		"nothing is done":     {snapshots.RestoreProgress{Start: 100, Next: 100, End: 500}, 0},
		"all is done":         {snapshots.RestoreProgress{Start: 100, Next: 500, End: 500}, 0},
		"the end isn't known": {snapshots.RestoreProgress{End: -1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			test.p.Began = began
			if got := test.p.Left(began.Add(10 * time.Second)); got != test.want {
				t.Errorf("%v; want %v", got, test.want)
			}
		})
	}
}

// Every mistake of the options at once, with the field's name.
func TestMistakenOptions(t *testing.T) {
	o := snapshots.Options{
		CacheBytes: 1, RowCacheBytes: -1, MemTableBytes: 1, MaxOpenFiles: 1, ParallelRestores: -1,
		FlushInterval: 1, LogInterval: -time.Second,
	}
	_, err := snapshots.Open(o)
	for _, name := range []string{
		"cacheBytes", "rowCacheBytes", "memTableBytes", "maxOpenFiles", "parallelRestores", "flushInterval",
		"logInterval", "kafka",
	} {
		if err == nil || !bytes.Contains([]byte(err.Error()), []byte(name)) {
			t.Errorf("nothing is said of %s: %v", name, err)
		}
	}
	if o = (snapshots.Options{MemTableBytes: 2 << 30}); o.Validate() == nil {
		t.Error("memtables of 2 GiB")
	}
}
