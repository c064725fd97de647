package snapshots_test

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"refold/snapshots"
)

// crashing is a file system that keeps what a crash would leave each time that something was made
// durable: in between, that does not change.
type crashing struct {
	*vfs.MemFS
	mu   sync.Mutex
	left []*vfs.MemFS
}

func (c *crashing) crash() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = append(c.left, c.CrashClone(vfs.CrashCloneCfg{}))
}

func (c *crashing) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := c.MemFS.Create(name, category)
	return &crashingFile{f, c}, err
}

func (c *crashing) OpenDir(name string) (vfs.File, error) {
	f, err := c.MemFS.OpenDir(name)
	return &crashingFile{f, c}, err
}

type crashingFile struct {
	vfs.File
	of *crashing
}

func (f *crashingFile) Sync() error {
	err := f.File.Sync()
	f.of.crash()
	return err
}

func (f *crashingFile) SyncData() error {
	err := f.File.SyncData()
	f.of.crash()
	return err
}

// G3, G6: whenever a process dies, in the middle of a commit, a flush or a compaction too, its
// files hold the rows of the first so many layers, and the offset of just these.
func TestCrashAtAnyPoint(t *testing.T) {
	const layers, crashes = 150, 60
	w, files := newWorld(t), &crashing{MemFS: vfs.NewCrashableMem()}
	o := w.options("/crash")
	o.MemTableBytes = 256 << 10
	stores, err := snapshots.OpenOn(files, o)
	if err != nil {
		t.Fatal(err)
	}
	st := w.opened(stores)
	history, rows := []map[string]string{{}}, make(map[string]string)
	for i := range layers {
		// Each fourth layer is a large batch to Pebble, which takes a way of its own to the disk.
		value := strings.Repeat(fmt.Sprintf("%09d", i), 500+(i%4/3)*20_000)
		key := fmt.Sprint("key", i%7)
		w.set(st, key, value, "last", fmt.Sprint(i))
		if err := st.Commit(int64(i + 1)); err != nil {
			t.Fatal(err)
		}
		rows[key], rows["last"] = value, fmt.Sprint(i)
		history = append(history, maps.Clone(rows))
		if i%5 == 0 {
			snapshots.Flush(stores)
		}
	}
	w.shut(stores)
	left := files.left
	seen := make(map[int64]bool)
	for i := range crashes {
		after, err := snapshots.OpenOn(left[i*len(left)/crashes], o)
		if err != nil {
			t.Fatal(err)
		}
		got, next, err := snapshots.Raw(after, table)
		if err != nil {
			t.Fatal(err)
		}
		if want := history[max(next, 0)]; !maps.Equal(got, want) {
			t.Errorf("at offset %d the files hold other rows: last %q", next, got["last"])
		}
		seen[next] = true
		w.shut(after)
	}
	if len(seen) < 5 {
		t.Errorf("the crashes left %d different states; want more", len(seen))
	}
}
