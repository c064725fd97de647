package snapshots

import (
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// told counts what Pebble says of damage. A call too many never returns: time in the bubble, which
// would stand still while Pebble is busy, goes on, and the test can end.
type told struct {
	times atomic.Int64
	end   chan struct{}
}

const tooOften = 1000

func (c *told) damaged(error) bool {
	n := c.times.Add(1)
	if n > tooOften {
		<-c.end
	}
	return n > 1
}

func (*told) flushed(error) {}
func (*told) faulty(error)  {}

// A damaged file that Pebble wants for its statistics is not read again and again without a pause.
func TestDamageCostsNoProcessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := vfs.NewMem()
		d := newDisk(Options{CacheBytes: 256 << 20, MaxOpenFiles: 640}.WithDefaults(), files)
		defer d.close()
		watch := &told{end: make(chan struct{})}
		open := func() *database {
			db, err := d.openDatabase("/db", watch, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			return db
		}
		db := open()
		b := db.batch(0)
		if err := errors.Join(b.Set([]byte("key"), []byte("value")), b.apply(nil)); err != nil {
			t.Fatal(err)
		}
		b.release()
		if err := errors.Join(db.db.Flush(), db.close()); err != nil {
			t.Fatal(err)
		}
		spoilTables(t, files)
		db = open()
		<-time.After(10 * time.Second)
		n := watch.times.Load()
		close(watch.end)
		if err := db.close(); err != nil {
			t.Log(err)
		}
		if n == 0 || n > tooOften/2 {
			t.Errorf("in ten seconds, Pebble read the damaged file %d times", n)
		}
	})
}

// spoilTables makes the ends of a database's tables unreadable.
func spoilTables(t *testing.T, files *vfs.MemFS) {
	t.Helper()
	names, err := files.List("/db")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".sst") {
			continue
		}
		content, err := files.UnsafeGetFileDataBuffer("/db/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for i := len(content) / 2; i < len(content); i++ {
			content[i] ^= 0x5a
		}
	}
}
