package snapshots

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// Whatever bytes a checkpoint is read from: it is refused, or it is what would be written again.
func FuzzCheckpoint(f *testing.F) {
	f.Add([]byte(nil))
	f.Add((&checkpoint{}).encode())
	f.Add((&checkpoint{topic: [16]byte{1, 15: 2}, next: 1 << 40, since: 1 << 41}).encode())
	f.Add((&checkpoint{next: -1}).encode())
	f.Add((&checkpoint{next: 1, version: "history 1"}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseCheckpoint(b)
		if err != nil {
			if c != (checkpoint{}) {
				t.Errorf("refused, and yet %+v", c)
			}
			return
		}
		if !c.set || c.next < 0 || c.since < 0 || !bytes.Equal(c.encode(), b) {
			t.Errorf("%x is read as %+v", b, c)
		}
	})
}

// The row cache stays within its limit, whatever is done, and holds no row but the last written.
func TestRowCacheIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 64 * 2_000
		c, rows := newRowCache(limit), make(map[string]int)
		for range rapid.IntRange(0, 3_000).Draw(t, "writes") / 10 {
			key := fmt.Sprint("key", rapid.IntRange(0, 500).Draw(t, "key"))
			size := rapid.IntRange(0, 2_500).Draw(t, "size")
			switch rapid.SampledFrom([]string{"put", "refresh", "remove", "get"}).Draw(t, "do") {
			case "put":
				c.put(1, key, make([]byte, size))
				rows[key] = size
			case "refresh":
				c.refresh(1, []byte(key), make([]byte, size))
				rows[key] = size
			case "remove":
				c.put(1, key, nil)
				delete(rows, key)
			case "get":
				value, ok, _ := c.get(1, key)
				if want, is := rows[key]; ok && (!is || len(value) != want) {
					t.Fatalf("%s is %d bytes; want %d, %v", key, len(value), want, is)
				}
			}
		}
		var bytes int64
		for i := range c.shards {
			for _, e := range c.shards[i].ring {
				bytes += e.size()
			}
		}
		if got := c.stats(); got.bytes != bytes || got.bytes > limit {
			t.Fatalf("it holds %d bytes, says %d, and may hold %d", bytes, got.bytes, limit)
		}
	})
}

// Reproduction: a reader reads the old row from the store, a writer writes a new one, the reader
// fills in what it has read. Without the ticket the old row would stay (G4).
func TestRowCacheFill_reproduction(t *testing.T) {
	c := newRowCache(1 << 20)
	_, _, miss := c.get(1, "a")
	c.put(1, "a", []byte("new"))
	miss.changes = miss.shard.changes // as if nobody looked
	c.fill(1, "a", []byte("old"), miss)
	if value, _, _ := c.get(1, "a"); string(value) != "old" {
		t.Errorf("the cache holds %q", value)
	}
}

// Prevention of the same, for each way to write.
func TestRowCacheFill_prevention(t *testing.T) {
	for name, write := range map[string]func(c *rowCache){
		"put":     func(c *rowCache) { c.put(1, "a", []byte("new")) },
		"refresh": func(c *rowCache) { c.refresh(1, []byte("a"), []byte("new")) },
		"delete":  func(c *rowCache) { c.put(1, "a", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newRowCache(1 << 20)
			_, _, miss := c.get(1, "a")
			write(c)
			c.fill(1, "a", []byte("old"), miss)
			if value, ok, _ := c.get(1, "a"); ok && string(value) != "new" {
				t.Errorf("the cache holds %q", value)
			}
		})
	}
}
