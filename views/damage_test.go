package views_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"refold/views"
)

// G4, G6: files of a view's stores were damaged while nobody looked. Whoever reads a row is told that
// it can't be read, at first; the view rebuilds the store by itself, and answers rightly from then on.
func TestDamagedStoreHeals(t *testing.T) {
	f := newFixture(t)
	const rows = 500
	for n := range rows {
		padded := row(uint64(n + 1)) // with what can't be compressed, so that there are several blocks
		for i := range uint64(25) {
			padded = binary.BigEndian.AppendUint64(padded, rand.Uint64()*i)
		}
		f.write(t, topics.Table, fmt.Sprint(n), padded)
	}
	v := f.run(t)
	v.stop()
	damageTables(t, f.dir)
	v = f.run(t)
	eventually(t, func() bool {
		for n := range rows {
			got, err := v.counters.Get(fmt.Sprint(n))
			if err == nil && got.Sequence != int64(n+1) {
				t.Fatalf("row %d is at sequence %d", n, got.Sequence)
			}
			if err != nil && !errors.Is(err, views.ErrNotReady) {
				t.Fatalf("row %d: %v, which is no fault of the moment", n, err)
			}
			if err != nil {
				return false
			}
		}
		return true
	})
	eventually(t, func() bool { return v.Ready() == nil })
}

// damageTables changes bytes in the middle of all files of rows: not where the checkpoint is, which is
// read when a store is opened.
func damageTables(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "db-*", "*.sst"))
	must(t, err)
	if len(files) == 0 {
		t.Fatal("there are no files of rows")
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		must(t, err)
		for i := len(content) / 3; i < len(content)*2/3; i++ {
			content[i] ^= 0x5a
		}
		must(t, os.WriteFile(file, content, 0o600))
	}
}
