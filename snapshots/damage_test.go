package snapshots_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"refold/snapshots"
)

// database is the directory of the first database of stores.
const database = "db-1"

// damages are what can happen to a file.
var damages = map[string]func(path string, content []byte) error{
	"removed": func(path string, _ []byte) error { return os.Remove(path) },
	"emptied": func(path string, _ []byte) error { return os.Truncate(path, 0) },
	"halved":  func(path string, b []byte) error { return os.WriteFile(path, b[:len(b)/2], 0o600) },
	"changed": func(path string, b []byte) error {
		for i := len(b) / 3; i < len(b)*2/3; i++ {
			b[i] ^= 0x5a
		}
		return os.WriteFile(path, b, 0o600)
	},
}

// G4, G6: whatever happens to the files, the rows are right in the end: wrong ones are never given
// out, and a store that can't be read heals from its topic, once it is opened again at the latest.
func TestDamagedFiles(t *testing.T) {
	w := newWorld(t)
	var rows []string
	for i := range 800 {
		rows = append(rows, fmt.Sprintf("key-%05d", i), fmt.Sprintf("%050d", i*i))
	}
	w.write(rows...)
	intact := t.TempDir()
	stores := w.stores(intact)
	w.opened(stores)
	w.shut(stores)
	files, err := filepath.Glob(filepath.Join(intact, database, "*"))
	if err != nil || len(files) < 4 {
		t.Fatalf("the store has files %v, %v", files, err)
	}
	for _, file := range files {
		kind := strings.TrimLeft(filepath.Base(file), "0123456789")
		for damage, do := range damages {
			t.Run(kind+" "+damage, func(t *testing.T) {
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS(intact)); err != nil {
					t.Fatal(err)
				}
				content, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, database, filepath.Base(file))
				if err := do(path, content); err != nil {
					t.Fatal(err)
				}
				w.heals(dir, rows)
			})
		}
	}
	if w.rebuilt() == 0 || !strings.Contains(w.log.String(), "damaged files") {
		t.Error("no damage was noticed")
	}
}

// heals opens a store, as often as it says that it is damaged, until all rows are read.
func (w *world) heals(dir string, rows []string) {
	w.Helper()
	stores := w.stores(dir)
	defer w.shut(stores)
	for range 3 {
		st := w.opened(stores)
		err := read(st, rows)
		if err == nil {
			return
		}
		if !errors.Is(err, snapshots.ErrDamaged) {
			w.Errorf("a reader is told %v", err)
		}
		if err := st.Close(); err != nil {
			w.Error(err)
		}
	}
	w.Error("the store does not heal")
}

var errWrongRow = errors.New("a wrong row")

// read compares all rows.
func read(st *snapshots.Staged, rows []string) error {
	it, err := st.Iterator()
	if err != nil {
		return err
	}
	defer it.Release()
	for n := 0; it.Next(); n += 2 {
		value, err := it.Value()
		if err != nil {
			return err
		}
		if string(it.Key()) != rows[n] || string(value) != rows[n+1] {
			return fmt.Errorf("%w: %q is %q", errWrongRow, it.Key(), value)
		}
	}
	if err := it.Err(); err != nil {
		return err
	}
	for n := 0; n < len(rows); n += 2 {
		if value, err := st.Get(rows[n]); err != nil {
			return err
		} else if string(value) != rows[n+1] {
			return fmt.Errorf("%w: %q is %q", errWrongRow, rows[n], value)
		}
	}
	return nil
}

// What one process has found damaged, another one rebuilds, though the damaged place is read by
// neither of them when it opens the store.
func TestDamageIsRemembered(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	w.write("a", "1")
	stores := w.stores(dir)
	w.opened(stores)
	w.shut(stores)
	mark := filepath.Join(dir, database, "DAMAGED-1-1")
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.expect(w.opened(w.stores(dir)), "a=1")
	if w.rebuilt() != 1 {
		t.Error("the store was not rebuilt")
	}
	if _, err := os.Stat(mark); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the mark is there still, %v", err)
	}
}

// full is a file system without room for tables while it is set.
type full struct {
	vfs.FS
	set atomic.Bool
}

func (f *full) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if f.set.Load() && strings.HasSuffix(name, ".sst") {
		return nil, &fs.PathError{Op: "create", Path: name, Err: syscall.ENOSPC}
	}
	return f.FS.Create(name, category)
}

// A full disk is told to whoever commits, costs no row, holds up neither readers nor the end, and
// is over when there is room again.
func TestFullDisk(t *testing.T) {
	w, disk := newWorld(t), &full{FS: vfs.NewMem()}
	stores, err := snapshots.OpenOn(disk, w.options("/full-disk"))
	if err != nil {
		t.Fatal(err)
	}
	st := w.opened(stores)
	commit := func(key string) error {
		w.set(st, key, "1")
		return st.Commit(w.write(key, "1"))
	}
	if err := commit("a"); err != nil {
		t.Fatal(err)
	}
	snapshots.Flush(stores)
	snapshots.Flush(stores) // nothing to do: no fault either
	if err := commit("b"); err != nil {
		t.Fatal(err)
	}
	disk.set.Store(true)
	snapshots.Flush(stores)
	w.eventually("the fault is known", func() bool {
		return errors.Is(commit("c"), snapshots.ErrDisk)
	})
	st.Discard()
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	if err := w.staged(t.Context(), stores).Open(); !errors.Is(err, snapshots.ErrDisk) {
		t.Errorf("opened on a full disk: %v", err)
	}
	disk.set.Store(false)
	st = w.staged(t.Context(), stores)
	w.eventually("there is room again", func() bool { return st.Open() == nil })
	w.expect(st, "a=1 b=1 c=1")
	disk.set.Store(true)
	if err := commit("d"); err != nil {
		t.Error(err)
	}
	snapshots.Flush(stores)
	w.shut(stores)
	if w.rebuilt() != 0 {
		t.Error("the store was thrown away")
	}
}

// lockedDir makes this test binary the other process of TestLocked.
const lockedDir = "SNAPSHOTS_TEST_LOCKED_DIR"

// One directory has one user: within a process and among processes.
func TestLocked(t *testing.T) {
	if dir := os.Getenv(lockedDir); dir != "" {
		w := newWorld(t)
		_, err := snapshots.Open(w.options(dir))
		if !errors.Is(err, snapshots.ErrLocked) || !strings.Contains(err.Error(), "another process") {
			t.Errorf("the other process is told %v", err)
		}
		return
	}
	w, dir := newWorld(t), t.TempDir()
	stores := w.stores(dir)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dir, link} {
		if _, err := snapshots.Open(w.options(name)); !errors.Is(err, snapshots.ErrLocked) ||
			!strings.Contains(err.Error(), name) {
			t.Errorf("the second user is told %v", err)
		}
	}
	other := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLocked$", "-test.v")
	other.Env = append(os.Environ(), lockedDir+"="+dir)
	if out, err := other.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
		t.Errorf("the other process: %v\n%s", err, out)
	}
	w.shut(stores)
	w.stores(dir)
}

// A directory that can't be made is no directory in use.
func TestNoDirectory(t *testing.T) {
	w, file := newWorld(t), filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := snapshots.Open(w.options(file))
	if err == nil || errors.Is(err, snapshots.ErrLocked) {
		t.Errorf("it says %v", err)
	}
}
