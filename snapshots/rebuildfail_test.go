package snapshots_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"refold/snapshots"
)

var errRename = errors.New("the disk does not rename")

// stubbornDisk refuses to rename what ends so.
type stubbornDisk struct {
	vfs.FS

	refuses string
}

func (d *stubbornDisk) Rename(from, to string) error {
	if d.refuses != "" && strings.HasSuffix(from, d.refuses) {
		return errRename
	}
	return d.FS.Rename(from, to)
}

// G10: a swap that fails half-way shows nobody anything: the session is told, and what it opens anew is
// whole, from the directory that is, and not behind what was read before.
func TestSwapFails(t *testing.T) {
	for name, refuses := range map[string]string{
		"the old one stays":        table + "/0",
		"the new one doesn't come": "0.next",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("a", "1")
			dir := t.TempDir()
			disk := &stubbornDisk{FS: vfs.Default, refuses: refuses}
			stores, err := snapshots.OpenOn(disk, w.options(dir))
			if err != nil {
				t.Fatal(err)
			}
			defer w.shut(stores)
			f := w.follower(stores, snapshots.Projection{})
			w.apply(f, w.write("a", "2"), "a", "2") // not on the disk yet
			before := w.offset(f)
			if err := f.Rebuild(t.Context(), alone); !errors.Is(err, errRename) {
				t.Fatalf("the swap: %v", err)
			}
			select {
			case <-f.Damaged():
			default:
				t.Error("the session is not told")
			}
			if _, err := f.Get("a"); !errors.Is(err, snapshots.ErrClosed) {
				t.Errorf("a reader is told %v", err)
			}
			disk.refuses = ""
			again := w.follower(stores, snapshots.Projection{})
			w.expect(again, "a=2")
			if w.offset(again) < before || w.files(dir) != "0" {
				t.Errorf("it is at %d after %d; there are files of %s", w.offset(again), before,
					w.files(dir))
			}
			if err := again.Rebuild(t.Context(), alone); err != nil {
				t.Error(err)
			}
		})
	}
}
