package snapshots

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"refold/kafka"
)

// deaf is a watcher that nothing is expected to be told.
type deaf struct{ t testing.TB }

func (d deaf) damaged(err error) { d.t.Errorf("told of damage: %v", err) }

// openedDisk is a disk in memory.
func openedDisk(t *testing.T) *disk {
	t.Helper()
	d := newDisk(Options{Dir: "/dir", CacheBytes: 4 << 20, MaxOpenFiles: 640}.WithDefaults(), vfs.NewMem())
	if err := d.fs.MkdirAll(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return d
}

// rowsOf are the rows that a cursor gives.
func rowsOf(t interface{ Fatal(args ...any) }, k backend, start, limit []byte) map[string]string {
	c, err := k.cursor(start, limit)
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]string)
	for c.next() {
		value, err := c.value()
		if err != nil {
			t.Fatal(err)
		}
		rows[string(c.key())] = string(value)
	}
	if err := c.err(); err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// within are the rows of a range.
func within(rows map[string]string, start, limit []byte) map[string]string {
	rows = maps.Clone(rows)
	maps.DeleteFunc(rows, func(key, _ string) bool {
		return key < string(start) || limit != nil && key >= string(limit)
	})
	return rows
}

// Stores in one database know nothing of each other: whatever is written to one, in batches of any changes in
// any order, deleted by range, dropped or replaced, each has its own rows and its own offset, and no cursor
// leaves its store. A batch does what its changes do one after the other.
func TestStoresShareADatabase(t *testing.T) {
	disk, runs := openedDisk(t), 0
	rapid.Check(t, func(t *rapid.T) {
		const stores = 3
		runs++
		var open [stores]*keyspace
		var want [stores]map[string]string
		var next [stores]int64
		take := func(i int) {
			k, err := disk.keyspace(storeName{topic: fmt.Sprint("topic", runs), partition: int32(i)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			open[i] = k
		}
		for i := range stores {
			take(i)
			want[i] = make(map[string]string)
		}
		key := rapid.SampledFrom([]string{
			"", "\x00", "a", "a\x00", "b", "c", "\xff", "\xff\xff\xff\xff\xff\xff",
		})
		changes := rapid.SampledFrom([]string{"set", "set", "set", "delete", "range"})
		bound := func(name string) []byte {
			if !rapid.Bool().Draw(t, name+" is a bound") {
				return nil
			}
			return []byte(key.Draw(t, name))
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			i := rapid.IntRange(0, stores-1).Draw(t, "store")
			switch rapid.SampledFrom([]string{"write", "write", "write", "drop", "replace"}).Draw(t, "do") {
			case "write":
				b := open[i].batch(0)
				for range rapid.IntRange(0, 6).Draw(t, "changes") {
					switch changes.Draw(t, "change") {
					case "set":
						k, value := key.Draw(t, "key"), rapid.StringN(0, 5, -1).Draw(t, "value")
						want[i][k] = value
						_ = b.Set([]byte(k), []byte(value))
					case "delete":
						k := key.Draw(t, "key")
						delete(want[i], k)
						_ = b.Delete([]byte(k))
					case "range":
						start, limit := bound("start"), bound("limit")
						for k := range within(want[i], start, limit) {
							delete(want[i], k)
						}
						_ = b.DeleteRange(start, limit)
					}
				}
				next[i]++
				if err := b.apply(&checkpoint{next: next[i]}); err != nil {
					t.Fatal(err)
				}
				b.release()
			case "drop":
				if err := open[i].drop(false); err != nil {
					t.Fatal(err)
				}
				_ = open[i].close()
				before := open[i].number
				take(i)
				if open[i].number <= before {
					t.Fatalf("the number %d was given after %d", open[i].number, before)
				}
				want[i], next[i] = make(map[string]string), 0
			case "replace":
				beside, err := disk.keyspace(storeName{fmt.Sprint("topic", runs), int32(i), true}, nil)
				if err != nil {
					t.Fatal(err)
				}
				b := beside.batch(0)
				_ = b.Set([]byte("new"), []byte("row"))
				if err := b.apply(&checkpoint{next: 99}); err != nil {
					t.Fatal(err)
				}
				b.release()
				if err := beside.replace(open[i]); err != nil {
					t.Fatal(err)
				}
				_ = open[i].close()
				_ = beside.close()
				take(i) // by name
				want[i], next[i] = map[string]string{"new": "row"}, 99
			}
			start, limit := bound("start"), bound("limit")
			for i, k := range open {
				point, err := k.checkpoint()
				if err != nil || point.next != next[i] {
					t.Fatalf("store %d is at %d, %v; want %d", i, point.next, err, next[i])
				}
				if got := rowsOf(t, k, nil, nil); !maps.Equal(got, want[i]) {
					t.Fatalf("store %d has %q; want %q", i, got, want[i])
				}
				if limit != nil && bytes.Compare(start, limit) > 0 {
					continue
				}
				if got := rowsOf(t, k, start, limit); !maps.Equal(got, within(want[i], start, limit)) {
					t.Fatalf("store %d has %q from %q to %q; want %q", i, got, start, limit,
						within(want[i], start, limit))
				}
			}
		}
		for _, k := range open {
			_ = k.drop(false)
			_ = k.close()
		}
	})
}

// The names of stores are found again by whoever opens the database next, and their numbers are not given to
// others. What was not finished is gone.
func TestNamesAreKept(t *testing.T) {
	files := vfs.NewMem()
	o := Options{Dir: "/dir", CacheBytes: 4 << 20, MaxOpenFiles: 640}.WithDefaults()
	if err := files.MkdirAll(o.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	numbers := make(map[storeName]uint32)
	highest := uint32(0)
	for round := range 3 {
		d := newDisk(o, files)
		for i := range 5 {
			name := storeName{"topic", int32(i), false}
			k, err := d.keyspace(name, deaf{t})
			if err != nil {
				t.Fatal(err)
			}
			if round > 0 && k.number != numbers[name] {
				t.Errorf("%v had number %d and has %d", name, numbers[name], k.number)
			}
			numbers[name], highest = k.number, max(highest, k.number)
			if err := k.close(); err != nil {
				t.Fatal(err)
			}
		}
		k, err := d.keyspace(storeName{"topic", 0, true}, deaf{t})
		if err != nil {
			t.Fatal(err)
		}
		if k.number <= highest {
			t.Errorf("number %d was given after %d", k.number, highest)
		}
		if rows := rowsOf(t, k, nil, nil); len(rows) > 0 {
			t.Errorf("a store that was not finished has the rows %v", rows)
		}
		b := k.batch(0)
		_ = b.Set([]byte("half"), []byte("row"))
		if err := b.apply(nil); err != nil {
			t.Fatal(err)
		}
		b.release()
		if err := k.close(); err != nil {
			t.Fatal(err)
		}
		if err := d.close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever bytes a name is read from: it is refused, or it is what would be written again.
func FuzzName(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(storeName{"topic", 7, false}.encode())
	f.Add(storeName{"", -1, true}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		name, err := parseName(b)
		if err == nil && !bytes.Equal(name.encode(), b) {
			t.Errorf("%x is read as %+v", b, name)
		}
		if err != nil && name != (storeName{}) {
			t.Errorf("refused, and yet %+v", name)
		}
	})
}

// Spans that overlap are removed as one, so that no file is split by the first which the second covers.
func TestSpansAreMerged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most = 40
		var all []span
		held := make(map[uint32]bool)
		for range rapid.IntRange(0, 8).Draw(t, "spans") {
			from := rapid.Uint32Range(1, most).Draw(t, "from")
			s := span{from, rapid.Uint32Range(from, most).Draw(t, "to")}
			all = append(all, s)
			for n := s.from; n <= s.to; n++ {
				held[n] = true
			}
		}
		got := merged(all)
		for i := 1; i < len(got); i++ {
			if got[i].from <= got[i-1].to {
				t.Fatalf("%v overlap", got)
			}
		}
		for n := range uint32(most + 1) {
			if slices.ContainsFunc(got, func(s span) bool { return s.holds(n) }) != held[n] {
				t.Fatalf("%d is in %v: %v", n, got, !held[n])
			}
		}
	})
}

// A thousand partitions of nine topics take no more files and memory than one process may have, whatever was
// written to them.
func TestFootprint(t *testing.T) {
	const (
		partitions, topics = 1_000, 9
		rows, rounds       = 10, 3
		mostFiles          = 1_000
		mostBytes          = 512 << 20
	)
	dir := t.TempDir()
	stores, err := Open(Options{
		Name: "test", Dir: dir, Kafka: kafka.Settings{Brokers: []string{"localhost:1"}},
		CacheBytes: 128 << 20, RowCacheBytes: 64 << 20, MaxOpenFiles: 600,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stores.Close(); err != nil {
			t.Error(err)
		}
	})
	var all []*store
	begin := time.Now()
	for p := range partitions {
		for topic := range topics {
			at := kafka.TopicPartition{Topic: fmt.Sprint("topic-", topic), Partition: int32(p)}
			st, err := stores.store(at)
			if err != nil {
				t.Fatal(err)
			}
			if err := st.openBackend(); err != nil {
				t.Fatal(err)
			}
			all = append(all, st)
		}
	}
	opened := time.Since(begin)
	value := bytes.Repeat([]byte("state"), 40)
	for range rounds {
		for _, st := range all {
			b := st.back.batch(rows * (len(value) + rowOverhead))
			for i := range rows {
				if err := b.Set(fmt.Appendf(nil, "account-%d", i), value); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.apply(&checkpoint{next: 1}); err != nil {
				t.Fatal(err)
			}
			b.release()
		}
		if !all[0].back.settle(t.Context()) {
			t.Fatal("it does not become durable")
		}
	}
	begin = time.Now()
	var sizes int64
	for _, st := range all {
		size, _ := st.size()
		sizes += size.disk
	}
	measured := time.Since(begin)
	begin = time.Now()
	if err := stores.disk.now.readNames(); err != nil {
		t.Fatal(err)
	}
	named := time.Since(begin)
	files, bytesOnDisk := 0, int64(0)
	err = filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			files++
			if info, err := entry.Info(); err == nil {
				bytesOnDisk += info.Size()
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	t.Logf("%d stores, opened in %v, names read in %v: %d files of %d MiB; measured in %v as %d MiB; heap "+
		"%d MiB, all of Go's memory %d MiB", len(all), opened, named, files, bytesOnDisk>>20, measured,
		sizes>>20, memory.HeapInuse>>20, memory.Sys>>20)
	if files > mostFiles {
		t.Errorf("there are %d files", files)
	}
	if memory.HeapInuse > mostBytes {
		t.Errorf("the heap has %d MiB", memory.HeapInuse>>20)
	}
}
