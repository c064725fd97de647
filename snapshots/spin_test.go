package snapshots

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A damaged file that Pebble wants for its statistics or for a merge is not read again and again without a
// pause, for as long as nobody opens a store that has rows in it.
func TestDamageCostsNoProcessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{Dir: "/dir", CacheBytes: 1 << 20, MaxOpenFiles: 640}.WithDefaults()
		d := newDisk(o, vfs.NewMem())
		defer func() {
			if err := d.close(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		told := d.database("/dir/db-1").pebbleOptions().EventListener.DataCorruption
		info := pebble.DataCorruptionInfo{Path: "000005.sst", Details: errors.New("checksum mismatch")}
		info.Bounds.Start, info.Bounds.End.Key = keyOf(1, nameKind), keyOf(3, rowKind)
		other := info
		other.Path = "000006.sst"
		for _, step := range []struct {
			what   string
			info   pebble.DataCorruptionInfo
			pauses bool
		}{
			{"the first time", info, false},
			{"again", info, true},
			{"another file", other, false},
			{"again and again", info, true},
		} {
			begin := time.Now()
			told(step.info)
			if pause := time.Since(begin); (pause > 0) != step.pauses {
				t.Errorf("%s, Pebble pauses for %v", step.what, pause)
			}
		}
	})
}
