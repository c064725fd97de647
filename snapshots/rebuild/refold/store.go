package refold

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// The keys of a shadow store.
const (
	statePrefix     = 1 // an aggregate's state
	candidatePrefix = 2 // a key that is to be judged in a closing step
)

// The settings of a shadow store.
const (
	// leastMemTable and mostMemTable bound a memtable.
	leastMemTable = 256 << 10
	mostMemTable  = 32 << 20
	// memTables is how many may be in memory before writes wait for the disk: one that is written, and one
	// that goes to the disk. roomPause is how often it is looked.
	memTables = 2
	roomPause = time.Millisecond
	// roomPatience is for how long the disk may accept nothing: it takes a memtable within a second, and a
	// disk that hangs reports no error.
	roomPatience = time.Minute
	// l0Merge and l0Stop let unsorted files gather: the store is written in bulk and short-lived, and
	// what is not merged costs nothing.
	l0Merge, l0Stop = 32, 96
	// filterBits lets one of a hundred look-ups of a new aggregate read a block for nothing.
	filterBits = 10
	openFiles  = 256
	// batchBytes is what is written at once, at most.
	batchBytes = 1 << 20
	// blockBytes is what is read at once: keys are looked up in their order, and find neighbours.
	blockBytes = 16 << 10
)

// store is a shadow store.
type store struct {
	*pebble.DB
	batchBytes int    // what is written at once
	memTable   uint64 // bytes
	patience   time.Duration
	// fault is the last error of the disk. Pebble retries without limit.
	fault atomic.Pointer[error]
}

var errDiskHangs = errors.New("the disk takes nothing any more, and gives no reason")

// room waits until the store accepts a batch at once, up to its patience. Pebble itself lets writes wait for
// a full disk without limit, and can't be closed meanwhile.
func (s *store) room() error {
	for begin := time.Now(); ; {
		if fault := s.fault.Load(); fault != nil {
			return fmt.Errorf("writing to the shadow store: %w", *fault)
		}
		m := s.Metrics()
		// By bytes, not by number: small memtables, with which a store begins, wait for more before they go.
		if m.MemTable.Size <= memTables*s.memTable && m.Levels[0].Sublevels < l0Stop {
			return nil
		}
		if time.Since(begin) > s.patience {
			return fmt.Errorf("writing to the shadow store: %w (for %v)", errDiskHangs, s.patience)
		}
		<-time.After(roomPause)
	}
}

// openStore opens an empty store that takes some bytes of memory beside the states in use. Nothing in
// it need outlive the process, so that it has no log.
func openStore(fs vfs.FS, dir string, memory int64) (*store, error) {
	memTable := min(max(memory/8, leastMemTable), mostMemTable)
	s := &store{
		batchBytes: int(min(batchBytes, memTable/4)), memTable: uint64(memTable), patience: roomPatience,
	}
	cache := pebble.NewCache(memory) // for memtables, too
	defer cache.Unref()              // the database keeps it
	options := &pebble.Options{
		Cache:                       cache,
		FS:                          fs,
		DisableWAL:                  true,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                s.memTable,
		MemTableStopWritesThreshold: 2 * memTables,
		L0CompactionThreshold:       l0Merge,
		L0StopWritesThreshold:       2 * l0Stop,
		MaxOpenFiles:                openFiles,
		Logger:                      silent{},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { s.fault.CompareAndSwap(nil, &err) },
		},
	}
	if dir == "" {
		options.FS, dir = vfs.NewMem(), "shadow"
	} else if err := fs.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("removing what an earlier refold left: %w", err)
	}
	for i := range options.Levels {
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(filterBits)
		options.Levels[i].BlockSize = blockBytes
		options.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.NoCompression }
	}
	db, err := pebble.Open(dir, options)
	if err != nil {
		return nil, fmt.Errorf("opening the shadow store in %s: %w", dir, err)
	}
	s.DB = db
	return s, nil
}

// silent discards the store's log. What goes wrong is returned as an error.
type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}

// Fatalf ends what can't go on: a store whose manifest can't be written.
func (silent) Fatalf(format string, args ...any) {
	panic("shadow store: " + fmt.Sprintf(format, args...))
}

// writer writes keys below a prefix in batches.
type writer struct {
	db     *store
	batch  *pebble.Batch
	prefix byte
}

func newWriter(db *store, prefix byte) *writer { return &writer{db: db, prefix: prefix} }

func (w *writer) set(key string, value []byte) error {
	if w.batch == nil {
		w.batch = w.db.NewBatchWithSize(w.db.batchBytes)
	}
	op := w.batch.SetDeferred(1+len(key), len(value))
	op.Key[0] = w.prefix
	copy(op.Key[1:], key)
	copy(op.Value, value)
	if err := op.Finish(); err != nil {
		return err //nolint:wrapcheck // never fails on a batch without an index
	}
	if w.batch.Len() < w.db.batchBytes {
		return nil
	}
	return w.finish()
}

// finish writes what is not yet written.
func (w *writer) finish() error {
	if w.batch == nil {
		return nil
	}
	if err := w.db.room(); err != nil {
		w.close()
		return err
	}
	err := errors.Join(w.batch.Commit(pebble.NoSync), w.batch.Close())
	w.batch = nil
	if err != nil {
		return fmt.Errorf("writing to the shadow store: %w", err)
	}
	return nil
}

// close forgets what is not yet written.
func (w *writer) close() {
	if w.batch != nil {
		_ = w.batch.Close() // it is thrown away
		w.batch = nil
	}
}

// below returns an iterator of the keys below a prefix, from one on.
func below(db *store, prefix byte, from []byte) (*pebble.Iterator, error) {
	it, err := db.NewIter(&pebble.IterOptions{
		LowerBound: append([]byte{prefix}, from...), UpperBound: []byte{prefix + 1},
	})
	if err != nil {
		return nil, fmt.Errorf("reading the shadow store: %w", err)
	}
	return it, nil
}
