//go:build system

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// How a store keeps where it is: under this key is its checkpoint, in which a byte for the encoding
// and the topic's ID come before the offset.
var checkpointKey = []byte{0}

const (
	checkpointNext = 1 + 16
	// aheadBy is further than any topic of a run gets.
	aheadBy = 1 << 40
)

// errNoStore says that a worker has no store yet.
var errNoStore = errors.New("there is no store with a checkpoint")

// setAhead makes a store of a worker that doesn't run say that it is the state of an offset that its
// topic has not reached: what is left when a topic loses its end. It returns the store's name.
func (d *disk) setAhead(choice uint64) (string, error) {
	var stores []string
	err := filepath.WalkDir(d.stores(), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "LOCK" {
			stores = append(stores, filepath.Dir(path))
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("looking for stores: %w", err)
	}
	if n := uint64(len(stores)); n > 0 {
		first := choice % n
		stores = slices.Concat(stores[first:], stores[:first])
	}
	for _, dir := range stores {
		switch set, err := setCheckpointAhead(dir); {
		case err != nil:
			return "", fmt.Errorf("the store in %s: %w", dir, err)
		case set:
			d.spoil(dir)
			return d.name(dir), nil
		}
	}
	return "", errNoStore
}

// setCheckpointAhead reports whether the store had a checkpoint.
func setCheckpointAhead(dir string) (set bool, err error) {
	db, err := pebble.Open(dir, &pebble.Options{DisableWAL: true, Logger: quiet{}})
	if err != nil {
		return false, fmt.Errorf("opening it: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	value, closer, err := db.Get(checkpointKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading its checkpoint: %w", err)
	}
	point := slices.Clone(value)
	if err := closer.Close(); err != nil {
		return false, fmt.Errorf("reading its checkpoint: %w", err)
	}
	next := point[checkpointNext:]
	binary.BigEndian.PutUint64(next, binary.BigEndian.Uint64(next)+aheadBy)
	if err := errors.Join(db.Set(checkpointKey, point, pebble.NoSync), db.Flush()); err != nil {
		return false, fmt.Errorf("writing its checkpoint: %w", err)
	}
	return true, nil
}

// quiet drops what Pebble says.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("chaos: pebble: "+format, args...))
}
