package snapshots

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// The keys of a database: one for the checkpoint, then the rows.
const (
	rowPrefix = 1
	rowsEnd   = 2
)

var checkpointKey = []byte{0}

// The limits of one database.
const (
	// l0Stop is how many runs of unsorted files make writes wait for compactions. A restore on two
	// cores gets to some dozens; reads of the meantime are helped by the filters.
	l0Stop = 64
	// manifestBytes is small: a database that is opened reads its whole manifest.
	manifestBytes = 4 << 20
	// filterBits lets one of a hundred look-ups of an unknown key read a block for nothing.
	filterBits = 10
)

// disk is what all databases of a Stores have in common.
type disk struct {
	fs       vfs.FS
	cache    *pebble.Cache
	files    *pebble.FileCache
	memTable uint64
}

func newDisk(o Options, fileSystem vfs.FS) *disk {
	cache := pebble.NewCache(o.CacheBytes)
	return &disk{
		fs: fileSystem, cache: cache, memTable: o.memTable(),
		files: pebble.NewFileCache(cacheShards, o.MaxOpenFiles),
	}
}

func (d *disk) close() {
	d.files.Unref()
	d.cache.Unref()
}

// watcher is told what happens in the background. Its methods must not wait for the database.
type watcher interface {
	damaged(err error) (known bool) // files are not as they were written; known: it is told again
	flushed(err error)              // the flush of a memtable ended
	faulty(err error)               // a flush or a compaction failed; it is tried again at once
}

// damagedPause is how long Pebble waits before it reads a damaged file again. By itself it does not wait:
// where the file is one of those whose statistics it reads when it opens, that would take a processor
// until somebody opens the store anew, which a quiet partition may not see for hours.
const damagedPause = 100 * time.Millisecond

// database is a backend in files: a Pebble database without a write-ahead log. The table topic is
// the log. A crash takes back the latest batches, in order and each as a whole.
type database struct {
	db *pebble.DB

	mu      sync.Mutex
	cursors map[*databaseCursor]struct{} // not closed yet
}

// openDatabase opens or makes the database in a directory.
func (d *disk) openDatabase(dir string, w watcher, log *slog.Logger) (*database, error) {
	options := &pebble.Options{
		FS:                          d.fs,
		Cache:                       d.cache,
		FileCache:                   d.files,
		DisableWAL:                  true,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                d.memTable,
		MemTableStopWritesThreshold: memTables,
		L0CompactionThreshold:       d.mergeRuns(),
		L0StopWritesThreshold:       l0Stop,
		LBaseMaxBytes:               2 * mergeBytes,
		MaxManifestFileSize:         manifestBytes,
		Logger:                      pebbleLogger{log},
		EventListener: &pebble.EventListener{
			BackgroundError: w.faulty,
			FlushEnd:        func(info pebble.FlushInfo) { w.flushed(info.Err) },
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				if w.damaged(fmt.Errorf("%w: %v", ErrDamaged, info)) {
					<-time.After(damagedPause)
				}
			},
		},
	}
	for i := range options.Levels {
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(filterBits)
	}
	db, err := pebble.Open(dir, options)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what was being done
	}
	return &database{db: db, cursors: make(map[*databaseCursor]struct{})}, nil
}

// isDamage reports whether an error of a database is about its files.
func isDamage(err error) bool {
	return errors.Is(err, ErrDamaged) || errors.Is(err, errCheckpoint) ||
		pebble.IsCorruptionError(err) || errors.Is(err, fs.ErrNotExist)
}

// asDamage makes an error about a database's files ErrDamaged, and leaves others alone.
func asDamage(err error) error {
	if err == nil || !isDamage(err) || errors.Is(err, ErrDamaged) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// isUnusable tells errors of opening a database that a new one would not have (damaged files, or
// those of a newer release of Pebble; most of these errors have no type) from those that it would:
// what the operating system refuses (no space, no permission, too many open files).
func isUnusable(err error) bool {
	_, refused := errors.AsType[syscall.Errno](err)
	return isDamage(err) || !refused
}

// rowKey is a row's key in the database.
func rowKey(key []byte) []byte {
	return append(append(make([]byte, 0, 1+len(key)), rowPrefix), key...)
}

// rowRange is a range of rows in the database.
func rowRange(start, limit []byte) (from, to []byte) {
	from, to = rowKey(start), []byte{rowsEnd}
	if limit != nil {
		to = rowKey(limit)
	}
	return from, to
}

func (d *database) get(key string) ([]byte, error) {
	k := make([]byte, 0, 128) // stays on the stack for usual keys
	k = append(append(k, rowPrefix), key...)
	value, closer, err := d.db.Get(k)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what was being done
	}
	own := append(make([]byte, 0, len(value)), value...) // not nil, even if empty
	return own, closer.Close()
}

func (d *database) checkpoint() (checkpoint, error) {
	value, closer, err := d.db.Get(checkpointKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return checkpoint{}, nil
	}
	if err != nil {
		return checkpoint{}, fmt.Errorf("read the checkpoint: %w", err)
	}
	c, err := parseCheckpoint(value)
	return c, errors.Join(err, closer.Close())
}

func (d *database) flush() (<-chan struct{}, error) {
	return d.db.AsyncFlush() //nolint:wrapcheck // the caller says what was being done
}

func (d *database) size() size {
	s := size{disk: int64(d.db.Metrics().DiskSpaceUsage())}
	levels, err := d.db.SSTables()
	if err != nil {
		return s
	}
	for _, tables := range levels {
		for i := range tables {
			stats := &tables[i].TableStats
			// Each deletion hides a row of a lower level, usually.
			s.rows += int64(stats.NumEntries) - 2*int64(stats.NumDeletions)
		}
	}
	s.rows = max(s.rows, 0)
	return s
}

func (d *database) close() error {
	d.mu.Lock()
	for c := range d.cursors {
		c.abandon()
	}
	d.mu.Unlock()
	return d.db.Close() //nolint:wrapcheck // the caller says what was being done
}

func (d *database) batch(bytes int) batch {
	return &databaseBatch{d.db.NewBatchWithSize(max(bytes, 64))}
}

// databaseBatch is a batch of Pebble's.
type databaseBatch struct{ b *pebble.Batch }

// Set writes a row.
func (b *databaseBatch) Set(key, value []byte) error {
	if value == nil {
		return errNilValue
	}
	op := b.b.SetDeferred(1+len(key), len(value))
	op.Key[0] = rowPrefix
	copy(op.Key[1:], key)
	copy(op.Value, value)
	return op.Finish() //nolint:wrapcheck // never fails on a batch without an index
}

// Delete removes a row.
func (b *databaseBatch) Delete(key []byte) error {
	op := b.b.DeleteDeferred(1 + len(key))
	op.Key[0] = rowPrefix
	copy(op.Key[1:], key)
	return op.Finish() //nolint:wrapcheck // never fails on a batch without an index
}

// DeleteRange removes rows.
func (b *databaseBatch) DeleteRange(start, limit []byte) error {
	from, to := rowRange(start, limit)
	if bytes.Compare(from, to) >= 0 {
		return nil
	}
	return b.b.DeleteRange(from, to, nil) //nolint:wrapcheck // never fails without an index
}

func (b *databaseBatch) apply(c *checkpoint) error {
	if c != nil {
		if err := b.b.Set(checkpointKey, c.encode(), nil); err != nil {
			return err //nolint:wrapcheck // the caller says what was being done
		}
	}
	return b.b.Commit(pebble.NoSync) //nolint:wrapcheck // the caller says what was being done
}

func (b *databaseBatch) rows(each func(key, value []byte)) (all bool) {
	all = true
	for r := b.b.Reader(); ; {
		kind, key, value, ok, err := r.Next()
		if !ok || err != nil {
			return all && err == nil
		}
		switch {
		case key[0] != rowPrefix:
		case kind == pebble.InternalKeyKindSet:
			each(key[1:], value)
		case kind == pebble.InternalKeyKindDelete:
			each(key[1:], nil)
		default:
			all = false
		}
	}
}

func (b *databaseBatch) release() { _ = b.b.Close() } // fails only when it is closed already

// databaseCursor is an iterator of Pebble's that survives the closing of its database.
type databaseCursor struct {
	of *database

	mu       sync.Mutex
	it       *pebble.Iterator // nil when closed
	fresh    bool             // not moved yet
	abandons error
}

func (d *database) cursor(start, limit []byte) (cursor, error) {
	from, to := rowRange(start, limit)
	if bytes.Compare(from, to) > 0 {
		to = from // an empty range; Pebble does not allow bounds that cross
	}
	it, err := d.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what was being done
	}
	c := &databaseCursor{of: d, it: it, fresh: true}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cursors[c] = struct{}{}
	return c, nil
}

func (c *databaseCursor) next() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.it == nil {
		return false
	}
	if c.fresh {
		c.fresh = false
		return c.it.First()
	}
	return c.it.Next()
}

func (c *databaseCursor) seek(key []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.it == nil {
		return false
	}
	c.fresh = false
	return c.it.SeekGE(rowKey(key))
}

func (c *databaseCursor) key() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.it == nil || !c.it.Valid() {
		return nil
	}
	return c.it.Key()[1:]
}

func (c *databaseCursor) value() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.it == nil {
		return nil, c.abandons
	}
	if !c.it.Valid() {
		return nil, nil
	}
	value, err := c.it.ValueAndErr()
	return value, asDamage(err)
}

func (c *databaseCursor) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.it == nil {
		return c.abandons
	}
	return asDamage(c.it.Error())
}

func (c *databaseCursor) close() error {
	c.of.mu.Lock()
	delete(c.of.cursors, c)
	c.of.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.it == nil {
		return nil
	}
	it := c.it
	c.it = nil
	return it.Close() //nolint:wrapcheck // the caller says what was being done
}

// abandon ends the iterator because the database closes.
func (c *databaseCursor) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.it != nil {
		_ = c.it.Close() // its reader is told ErrClosed instead
		c.it, c.abandons = nil, ErrClosed
	}
}

// pebbleLogger sends what Pebble says to slog. Its "info" tells of each file.
type pebbleLogger struct{ to *slog.Logger }

// Infof logs ordinary work.
func (l pebbleLogger) Infof(format string, args ...any) {
	l.to.Debug(fmt.Sprintf(format, args...), "component", "pebble")
}

// Errorf logs a fault.
func (l pebbleLogger) Errorf(format string, args ...any) {
	l.to.Error(fmt.Sprintf(format, args...), "component", "pebble")
}

// Fatalf ends the process: Pebble calls it where it can't go on (a manifest that can't be written)
// and counts on not coming back. Nothing is lost by that, the topic has it all.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	l.to.Error(message, "component", "pebble")
	panic("pebble: " + message)
}
