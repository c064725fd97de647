//go:build system

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// How a store keeps where it is: its keys in the database begin with its number, in four bytes, and a kind.
// Under the number and this kind is its checkpoint, in which a byte for the encoding and the topic's ID come
// before the offset.
const (
	numberBytes    = 4
	checkpointKind = 1
	checkpointNext = 1 + 16
	// aheadBy is further than any topic of a run gets.
	aheadBy = 1 << 40
)

// errNoStore says that a worker has no store yet.
var errNoStore = errors.New("there is no store with a checkpoint")

// setAhead makes a store of a worker that doesn't run say that it is the state of an offset that its
// topic has not reached: what is left when a topic loses its end. It returns the name of the store's
// database.
func (d *disk) setAhead(choice uint64) (string, error) {
	var databases []string
	err := filepath.WalkDir(d.stores(), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), "db-") {
			databases = append(databases, path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("looking for stores: %w", err)
	}
	if n := uint64(len(databases)); n > 0 {
		first := choice % n
		databases = slices.Concat(databases[first:], databases[:first])
	}
	for _, dir := range databases {
		switch set, err := setCheckpointAhead(dir, choice); {
		case err != nil:
			return "", fmt.Errorf("the stores in %s: %w", dir, err)
		case set:
			d.spoil(dir)
			return d.name(dir), nil
		}
	}
	return "", errNoStore
}

// setCheckpointAhead sets one store of a database ahead, and reports whether one had a checkpoint.
func setCheckpointAhead(dir string, choice uint64) (set bool, err error) {
	db, err := pebble.Open(dir, &pebble.Options{DisableWAL: true, Logger: quiet{}})
	if err != nil {
		return false, fmt.Errorf("opening it: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	keys, points, err := checkpoints(db)
	if err != nil {
		return false, fmt.Errorf("reading the checkpoints: %w", err)
	}
	if len(keys) == 0 {
		return false, nil
	}
	i := choice % uint64(len(keys))
	next := points[i][checkpointNext:]
	binary.BigEndian.PutUint64(next, binary.BigEndian.Uint64(next)+aheadBy)
	if err := errors.Join(db.Set(keys[i], points[i], pebble.NoSync), db.Flush()); err != nil {
		return false, fmt.Errorf("writing a checkpoint: %w", err)
	}
	return true, nil
}

// checkpoints returns those of all stores.
func checkpoints(db *pebble.DB) (keys, points [][]byte, err error) {
	it, err := db.NewIter(nil)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		if key := it.Key(); len(key) == numberBytes+1 && key[numberBytes] == checkpointKind {
			keys, points = append(keys, slices.Clone(key)), append(points, slices.Clone(it.Value()))
		}
	}
	return keys, points, it.Error()
}

// quiet drops what Pebble says.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("chaos: pebble: "+format, args...))
}
