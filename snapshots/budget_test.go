package snapshots

import (
	"testing"

	"pgregory.net/rapid"
)

// However many stores share the memory, their memtables leave half of it to the blocks of files;
// unless they would be too small to be worth a file.
func TestMemTablesStayWithinTheCache(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Options{
			CacheBytes: rapid.Int64Range(1<<20, 8<<30).Draw(t, "cacheBytes"),
			Stores:     rapid.IntRange(0, 10_000).Draw(t, "stores"),
		}.WithDefaults()
		one := int64(o.memTable())
		if one > o.MemTableBytes || one < leastMemTable {
			t.Fatalf("a memtable of %d bytes", one)
		}
		if all := one * memTables * int64(o.Stores); all > o.CacheBytes/2 && one != leastMemTable {
			t.Fatalf("%d stores with memtables of %d bytes: %d of %d", o.Stores, one, all, o.CacheBytes)
		}
		runs := (&disk{memTable: uint64(one)}).mergeRuns()
		if runs < 2 || runs >= l0Stop {
			t.Fatalf("%d runs are merged; writes stop at %d", runs, l0Stop)
		}
	})
}
