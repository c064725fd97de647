package snapshots

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// databasePrefix begins the name of a database's directory; its generation follows. There is one, and a
// second one only from when the first turns out to be damaged as a whole until its last store is opened anew.
const databasePrefix = "db-"

// disk is the directory of a Stores: the database in use, and what all databases there have in common.
type disk struct {
	dir         string
	fs          vfs.FS
	log         *slog.Logger
	logInterval time.Duration
	cache       *pebble.Cache
	files       *pebble.FileCache
	memTable    uint64
	// lost is called for each store that lost its rows while nobody had it open.
	lost func()

	// mu guards what follows. Who opens or repairs a database holds it, and may wait for the disk.
	mu         gate
	now        *database // nil: none is open
	generation uint64    // of the newest database; 0: the directory was not looked at
}

func newDisk(o Options, fileSystem vfs.FS) *disk {
	return &disk{
		dir: o.Dir, fs: fileSystem, log: o.Logger, logInterval: o.LogInterval, memTable: o.memTable(),
		cache: pebble.NewCache(o.CacheBytes),
		files: pebble.NewFileCache(cacheShards, o.MaxOpenFiles),
		lost:  func() {},
		mu:    make(gate, 1),
	}
}

// gate is a mutex that may be held for long. Who waits for it waits for a channel, which lets simulated time
// go on (testing/synctest): the holder may be waiting for a time-out.
type gate chan struct{}

// Lock waits until nobody holds the gate.
func (g gate) Lock() { g <- struct{}{} }

// TryLock reports whether it has taken the gate, which nobody held.
func (g gate) TryLock() bool {
	select {
	case g <- struct{}{}:
		return true
	default:
		return false
	}
}

// Unlock lets the next one in.
func (g gate) Unlock() { <-g }

// close makes what the database holds durable, but waits for it no longer than ctx lets it: what a disk does
// not take is in the topics.
func (d *disk) close(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var err error
	if d.now != nil {
		if !d.now.condemned.Load() && !d.now.settle(ctx) {
			d.log.Warn("the local stores are closed before all of them is durable; the rest is read from " +
				"the topics again")
		}
		if err = d.now.unref(); err != nil {
			err = fmt.Errorf("close the database of the local stores: %w", err)
		}
		d.now = nil
	}
	d.files.Unref()
	d.cache.Unref()
	return err
}

// flush begins to make durable what isn't, unless somebody is at work on the database.
func (d *disk) flush() error {
	db := d.used()
	if db == nil {
		return nil
	}
	var err error
	if !db.condemned.Load() && db.faulted() == nil {
		_, err = db.flush()
	}
	return errors.Join(err, db.unref())
}

// used returns the database with one more reference, so that who waits for it holds up nobody else; nil if
// there is none, or somebody is at work on it.
func (d *disk) used() *database {
	if !d.mu.TryLock() {
		return nil
	}
	defer d.mu.Unlock()
	if d.now != nil {
		d.now.refs.Add(1)
	}
	return d.now
}

// keyspace opens the rows of a store, and gives the store a number if it has none. What is damaged of the
// database is removed first.
func (d *disk) keyspace(name storeName, w watcher) (*keyspace, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for range rebuilds {
		db, err := d.current()
		if err != nil {
			return nil, err
		}
		k, err := db.keyspace(name, w)
		if err != nil {
			return nil, fmt.Errorf("give a store its number: %w", err)
		}
		if !k.doubtful() {
			return k, nil
		}
		if err := k.close(); err != nil {
			return nil, err
		}
	}
	return nil, ErrDamaged
}

// remove drops all stores of a topic, durably. None of them may be open.
func (d *disk) remove(ctx context.Context, topic string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	db, err := d.current()
	if err != nil {
		return err
	}
	if err := db.drop(func(name storeName, _ uint32) bool { return name.topic == topic }); err != nil {
		return err
	}
	if !db.settle(ctx) {
		return ErrDisk
	}
	return nil
}

// purge removes what is damaged of a database. If that fails, all of it is taken for damaged.
func (d *disk) purge(db *database) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if db.condemned.Load() {
		return nil // it is removed as a whole
	}
	err := db.repair()
	if errors.Is(err, ErrDisk) {
		return err
	}
	if err != nil {
		db.condemn(err)
	}
	return nil
}

// current returns the database in use, without damage that is known. The caller holds mu.
func (d *disk) current() (*database, error) {
	if d.now != nil && !d.now.condemned.Load() {
		err := d.now.repair()
		if errors.Is(err, ErrDisk) {
			return nil, err
		}
		if err != nil {
			d.now.condemn(err)
		}
	}
	if d.now != nil && d.now.condemned.Load() {
		condemned := d.now
		d.now = nil
		d.generation++
		if err := condemned.unref(); err != nil {
			d.log.Warn("remove a damaged database", "dir", condemned.dir, "error", err)
		}
	}
	if d.now != nil {
		return d.now, nil
	}
	if d.generation == 0 {
		if err := d.look(); err != nil {
			return nil, err
		}
	}
	db, err := d.open(d.path(d.generation))
	if err != nil && isUnusable(err) {
		d.log.Error("the database of the local stores can't be used; it is removed, and all stores are "+
			"restored from their topics", "dir", d.path(d.generation), "error", err)
		d.lost()
		if err := d.fs.RemoveAll(d.path(d.generation)); err != nil {
			return nil, fmt.Errorf("remove the database that can't be used: %w", err)
		}
		d.generation++
		db, err = d.open(d.path(d.generation))
	}
	if err != nil {
		return nil, fmt.Errorf("open the database in %s: %w", d.path(d.generation), err)
	}
	d.now = db
	return db, nil
}

func (d *disk) path(generation uint64) string {
	return filepath.Join(d.dir, databasePrefix+strconv.FormatUint(generation, 10))
}

// look finds the newest database of the directory, and removes what is of no use any more: older ones, and
// the directories of the layout before this one. The caller holds mu.
func (d *disk) look() error {
	names, err := d.fs.List(d.dir)
	if err != nil {
		return fmt.Errorf("look at the directory of the local stores: %w", err)
	}
	var older []string
	newest, former := uint64(1), 0
	for _, name := range names {
		path := filepath.Join(d.dir, name)
		if d.isFormer(path) {
			if err := d.fs.RemoveAll(path); err != nil {
				return fmt.Errorf("remove stores of the former layout: %w", err)
			}
			former++
			continue
		}
		number, is := strings.CutPrefix(name, databasePrefix)
		if generation, err := strconv.ParseUint(number, 10, 64); is && err == nil {
			newest = max(newest, generation)
			older = append(older, path)
		}
	}
	for _, path := range older {
		if path != d.path(newest) {
			err = errors.Join(err, d.fs.RemoveAll(path))
		}
	}
	if err != nil {
		return fmt.Errorf("remove databases that are not used: %w", err)
	}
	if former > 0 {
		d.log.Info("removed local stores of the former layout, one database for each partition; they are "+
			"restored from their topics", "dir", d.dir, "topics", former)
	}
	d.generation = newest
	return nil
}

// isFormer reports whether a directory is one of the former layout: a topic's, with a database for each of
// its partitions, in directories that are named by number, and nothing else.
func (d *disk) isFormer(path string) bool {
	if info, err := d.fs.Stat(path); err != nil || !info.IsDir() {
		return false
	}
	partitions, err := d.fs.List(path)
	if err != nil || len(partitions) == 0 {
		return false
	}
	for _, name := range partitions {
		name = strings.TrimSuffix(strings.TrimSuffix(name, ".next"), ".old")
		if _, err := strconv.ParseInt(name, 10, 32); err != nil {
			return false
		}
	}
	return true
}
