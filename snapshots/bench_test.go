package snapshots_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/snapshots"
)

// benchRow is a row's size in benchmarks.
const benchRow = 200

// benchStores opens stores for a benchmark; rowCache as in Options.
func benchStores(b *testing.B, w *world, dir string, rowCache int64) *snapshots.Stores {
	b.Helper()
	o := snapshots.Options{
		Dir: dir, Kafka: w.settings(), RowCacheBytes: rowCache,
		CacheBytes: 128 << 20, MaxOpenFiles: 640,
	}
	s, err := snapshots.Open(o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { w.shut(s) })
	return s
}

func benchKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("account-%09d", i*7919%n)
	}
	return keys
}

// BenchmarkCommit is Set, Seal and Commit, for each row, in layers of 1,000.
func BenchmarkCommit(b *testing.B) {
	const layer = 1_000
	for _, dir := range []string{"memory", "disk"} {
		b.Run(dir, func(b *testing.B) {
			w := newWorld(b)
			path := ""
			if dir == "disk" {
				path = b.TempDir()
			}
			st := w.opened(benchStores(b, w, path, 0))
			keys, value := benchKeys(100_000), []byte(strings.Repeat("x", benchRow))
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if err := st.Set(keys[i%len(keys)], value); err != nil {
					b.Fatal(err)
				}
				if i%layer == layer-1 || i == b.N-1 {
					st.Seal()
					if err := st.Commit(int64(i + 1)); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkGet reads random rows of 200,000: from the row cache, and without one from Pebble.
func BenchmarkGet(b *testing.B) {
	for name, rowCache := range map[string]int64{"row cache": 128 << 20, "Pebble": 0} {
		b.Run(name, func(b *testing.B) {
			w, dir := newWorld(b), b.TempDir()
			keys, value := benchKeys(200_000), []byte(strings.Repeat("x", benchRow))
			st := w.opened(benchStores(b, w, dir, rowCache))
			for i, key := range keys {
				if err := st.Set(key, value); err != nil {
					b.Fatal(err)
				}
				if i%1_000 == 999 {
					st.Seal()
					if err := st.Commit(int64(i + 1)); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if got, err := st.Get(keys[rand.IntN(len(keys))]); err != nil || len(got) != benchRow {
					b.Fatal(len(got), err)
				}
			}
		})
	}
}

// BenchmarkRestore restores 200,000 rows from the embedded cluster, onto an empty disk.
func BenchmarkRestore(b *testing.B) {
	const rows = 200_000
	w := newWorld(b)
	cl := w.client()
	value := []byte(strings.Repeat("x", benchRow))
	for _, key := range benchKeys(rows) {
		cl.Produce(b.Context(), &kgo.Record{Topic: table, Key: []byte(key), Value: value},
			func(_ *kgo.Record, err error) {
				if err != nil {
					b.Error(err)
				}
			})
	}
	if err := cl.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		stores := benchStores(b, w, b.TempDir(), 0)
		w.opened(stores)
		w.shut(stores)
	}
	b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
