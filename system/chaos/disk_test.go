//go:build system

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// A full disk takes no byte, and takes them again when it is emptied; where there can be none, that
// is said.
func TestFullDisk(t *testing.T) {
	d, err := newDisk(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.release)
	write := func() error {
		return os.WriteFile(filepath.Join(d.dir, "file"), make([]byte, 1<<20), 0o600)
	}
	if d.why != nil {
		if err := d.fill(); !errors.Is(err, errNoDisk) {
			t.Fatalf("no disk of its own (%v), and it is full: %v", d.why, err)
		}
		t.Logf("a worker has no disk of its own here: %v", d.why)
		return
	}
	if err := d.fill(); err != nil {
		t.Fatal(err)
	}
	if err := write(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("writing on a full disk: %v", err)
	}
	if err := d.empty(); err != nil {
		t.Fatal(err)
	}
	if err := write(); err != nil {
		t.Errorf("writing on a disk that was emptied: %v", err)
	}
}

// What is damaged differs, and what is removed is gone; the same choice is the same file.
func TestDamage(t *testing.T) {
	d := &disk{dir: t.TempDir(), why: errNoDisk}
	if name, err := d.damage(1); err == nil {
		t.Errorf("without any file %s was damaged", name)
	}
	file := filepath.Join(d.stores(), "tables", "a")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"", "short", string(make([]byte, 10_000))} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		for choice := range uint64(10) {
			before, _ := os.ReadFile(file)
			name, err := d.damage(choice<<32 | choice)
			after, _ := os.ReadFile(file)
			if err != nil || name != "tables/a" || bytes.Equal(before, after) {
				t.Errorf("%d bytes, choice %d: %s, %v, changed: %t", len(content), choice, name, err,
					!bytes.Equal(before, after))
			}
		}
	}
	if name, err := d.remove(5); err != nil || name != "tables/a" {
		t.Errorf("removed %s, %v", name, err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the file that was removed is there")
	}
}

// A store that is set ahead says so, and a damaged one says that it is damaged.
func TestSetAhead(t *testing.T) {
	d := &disk{dir: t.TempDir(), why: errNoDisk}
	if _, err := d.setAhead(3); !errors.Is(err, errNoStore) {
		t.Errorf("without stores: %v", err)
	}
	dir := filepath.Join(d.stores(), "tables", "db-1")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := pebble.Open(dir, &pebble.Options{Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	point := make([]byte, checkpointNext+8+8)
	point[checkpointNext+7] = 5
	checkpointKey := []byte{0, 0, 0, 1, checkpointKind}
	if err := errors.Join(db.Set(checkpointKey, point, pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	if name, err := d.setAhead(3); err != nil || name != "tables/db-1" {
		t.Fatalf("%s, %v", name, err)
	}
	d.spoilt[dir] = time.Now().Add(-time.Second) // times of files are coarse
	if db, err = pebble.Open(dir, &pebble.Options{Logger: quiet{}}); err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // it was only read
	value, closer, err := db.Get(checkpointKey)
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	if names, err := d.removeUnopened(); err != nil || len(names) != 0 {
		t.Errorf("a store that was opened since was removed: %v, %v", names, err)
	}
	d.spoil(dir)
	if names, err := d.removeUnopened(); err != nil || len(names) != 1 {
		t.Errorf("a store that was not opened since was kept: %v, %v", names, err)
	}
	if next := binary.BigEndian.Uint64(value[checkpointNext:]); next != aheadBy+5 {
		t.Errorf("it is at %d", next)
	}
}
