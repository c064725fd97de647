package snapshots

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// The limits of a database, chosen by BenchmarkShipped (decision 15).
const (
	// memTables is how many memtables' worth of writes may be in memory before writes wait for the
	// disk: one that is written, and one on its way to the disk.
	memTables = 2
	// mergeBytes is how much is gathered in unsorted files before they are merged into the first sorted
	// level, which is kept to twice that: a merge writes what it meets there anew.
	mergeBytes = 64 << 20
	// mostRuns is how many unsorted files at most a read has to look into, the filters of most.
	mostRuns = l0Stop / 2
	// l0Stop is how many runs of unsorted files make writes wait for compactions. A restore on two
	// cores gets to some dozens; reads of the meantime are helped by the filters.
	l0Stop = 64
	// fileBytes is the size of a file of the upper levels. Those below have twice to 64 times as much, which
	// keeps their number low.
	fileBytes = 4 << 20
	// manifestBytes is small: a database that is opened reads its whole manifest.
	manifestBytes = 4 << 20
	// filterBits lets one of a hundred look-ups of an unknown key read a block for nothing.
	filterBits = 10
)

// memTable is the size of a memtable: memTables of them take no more than half of the cache.
func (o *Options) memTable() uint64 {
	return uint64(min(o.CacheBytes/2/memTables, o.MemTableBytes))
}

// mergeRuns is how many runs of unsorted files are merged at a time.
func mergeRuns(memTable uint64) int { return min(max(mergeBytes/int(memTable), 2), mostRuns) }

// damagedPause is how long Pebble waits before it reads a damaged file again. By itself it does not wait:
// where the file is one of those whose statistics it reads when it opens, that would take a processor
// until somebody opens the store anew, which a quiet partition may not see for hours.
const damagedPause = 100 * time.Millisecond

// database is a Pebble database without a write-ahead log, in which each store has a number, and all of
// its keys begin with it. The topics are the log. A crash takes back the latest batches, in order and each
// as a whole, whichever stores they are of.
type database struct {
	dir  string
	on   *disk
	log  *slog.Logger
	db   *pebble.DB
	refs atomic.Int64 // of the disk, and of each keyspace
	// condemned says that the database is damaged as a whole: nothing more is written to it, and its files
	// are removed when its last keyspace is closed.
	condemned atomic.Bool

	// mu guards what follows. It is never held while Pebble is called, for Pebble calls back.
	mu       sync.Mutex
	names    map[storeName]uint32 // of all stores, open or not
	open     map[uint32]*keyspace
	next     uint32 // the first number that no store had
	suspects []span
	known    map[string]bool // the damage that was told

	flushing sync.Mutex
	unsaved  atomic.Bool
	saved    <-chan struct{} // closed when the last flush is done

	fault     atomic.Pointer[error] // why the disk does not take the oldest memtable
	lastFlush atomic.Pointer[error] // how the last flush ended that was none
	faultLog  atomic.Int64          // when a fault was logged last, in nanoseconds since 1970
	changes   atomic.Int64          // of the files
}

// database returns the database of a directory, not opened yet.
func (d *disk) database(dir string) *database {
	b := &database{
		dir: dir, on: d, log: d.log.With("dir", dir),
		names: make(map[storeName]uint32), open: make(map[uint32]*keyspace), next: 1,
		known: make(map[string]bool),
	}
	b.refs.Store(1)
	saved := make(chan struct{})
	close(saved)
	b.saved = saved
	return b
}

// open opens or makes the database in a directory.
func (d *disk) open(dir string) (*database, error) {
	if _, err := d.fs.Stat(filepath.Join(dir, damagedFile)); err == nil {
		return nil, ErrDamaged
	}
	b := d.database(dir)
	var err error
	if b.db, err = pebble.Open(dir, b.pebbleOptions()); err != nil {
		return nil, err //nolint:wrapcheck // the caller says what was being done
	}
	if err := b.learn(); err != nil {
		return nil, errors.Join(err, b.db.Close())
	}
	return b, nil
}

func (d *database) pebbleOptions() *pebble.Options {
	changed := func() { d.changes.Add(1) }
	options := &pebble.Options{
		FS:                          d.on.fs,
		Cache:                       d.on.cache,
		FileCache:                   d.on.files,
		DisableWAL:                  true,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                d.on.memTable,
		MemTableStopWritesThreshold: memTables,
		L0CompactionThreshold:       mergeRuns(d.on.memTable),
		L0StopWritesThreshold:       l0Stop,
		LBaseMaxBytes:               2 * mergeBytes,
		MaxManifestFileSize:         manifestBytes,
		Logger:                      pebbleLogger{d.log},
		EventListener: &pebble.EventListener{
			BackgroundError:  d.faulty,
			FlushEnd:         func(info pebble.FlushInfo) { d.flushed(info.Err); changed() },
			CompactionEnd:    func(pebble.CompactionInfo) { changed() },
			TableStatsLoaded: func(pebble.TableStatsInfo) { changed() },
			TableIngested:    func(pebble.TableIngestInfo) { changed() },
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				if d.corrupted(info) {
					<-time.After(damagedPause)
				}
			},
		},
	}
	options.TargetFileSizes[0] = fileBytes
	// Damaged rows that are in memory are flushed before they are removed: a removal that waits in the queue
	// of flushes, and fails there, would hold up all flushes behind it.
	options.Experimental.DisableIngestAsFlushable = func() bool { return true }
	for i := range options.Levels {
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(filterBits)
	}
	return options
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

// flushed notes how a flush of a memtable ended. An error may also say that the memtable was empty;
// if it does not, faulty is told it next.
func (d *database) flushed(err error) {
	if err != nil {
		d.lastFlush.Store(&err)
		return
	}
	if d.fault.Swap(nil) != nil {
		d.log.Info("the disk of the local stores works again")
	}
}

// faulty notes what failed in the background. Pebble tries again without a pause, so that this is
// called thousands of times a second while a disk is full.
func (d *database) faulty(err error) {
	if last := d.lastFlush.Load(); last != nil && errors.Is(err, *last) {
		wrapped := fmt.Errorf("%w: %w", ErrDisk, err)
		d.fault.Store(&wrapped)
	}
	if errors.Is(err, fs.ErrNotExist) {
		d.condemn(err) // Pebble names no file that is gone, and can't merge without it
	}
	now, last := time.Now().UnixNano(), d.faultLog.Load()
	if now-last >= int64(d.on.logInterval) && d.faultLog.CompareAndSwap(last, now) {
		d.log.Error("the disk of the local stores fails", "error", err)
	}
}

// faulted returns why the disk does not take what was written, nil if it does.
func (d *database) faulted() error {
	if fault := d.fault.Load(); fault != nil {
		return *fault
	}
	return nil
}

// flush begins to make durable what isn't; the channel is closed when it is.
func (d *database) flush() (<-chan struct{}, error) {
	d.flushing.Lock()
	defer d.flushing.Unlock()
	if !d.unsaved.Swap(false) {
		return d.saved, nil
	}
	saved, err := d.db.AsyncFlush()
	if err != nil {
		d.unsaved.Store(true)
		return nil, err //nolint:wrapcheck // the caller says what was being done
	}
	d.saved = saved
	return saved, nil
}

// commit applies a batch, whose rows a crash may take back.
func (d *database) commit(b *pebble.Batch) error {
	if err := b.Commit(pebble.NoSync); err != nil {
		return err //nolint:wrapcheck // the caller says what was being done
	}
	d.unsaved.Store(true)
	return nil
}

// unref closes the database when nobody uses it any more.
func (d *database) unref() error {
	if d.refs.Add(-1) > 0 {
		return nil
	}
	err := d.db.Close()
	if d.condemned.Load() {
		if err != nil {
			d.log.Debug("close a database that is thrown away", "error", err)
		}
		err = d.on.fs.RemoveAll(d.dir)
	}
	return err //nolint:wrapcheck // the caller says what was being done
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
