package snapshots

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// Stores is a directory of stores, or a number of them in memory. It is safe for concurrent use.
type Stores struct {
	options  Options
	disk     *disk // nil: in memory
	rows     *rowCache
	lock     io.Closer
	client   *kgo.Client      // asks about topics
	restores chan struct{}    // as many as may run at once
	readers  chan *kgo.Client // of restores, when none uses them

	mu     sync.Mutex
	stores map[kafka.TopicPartition]*store
	number uint64
	closed bool

	stop chan struct{}
	work sync.WaitGroup
}

// Open opens the directory, which it makes if it is missing. The error is ErrLocked if somebody
// else has it. The stores themselves are opened when they are asked for.
func Open(o Options) (*Stores, error) { return OpenOn(vfs.Default, o) }

// OpenOn is Open on another file system: one in memory that a test lets crash, for example.
func OpenOn(fileSystem vfs.FS, o Options) (*Stores, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("snapshots: %w", err)
	}
	o = o.WithDefaults()
	s := &Stores{
		options: o, rows: newRowCache(o.RowCacheBytes),
		restores: make(chan struct{}, o.ParallelRestores),
		readers:  make(chan *kgo.Client, o.ParallelRestores),
		stores:   make(map[kafka.TopicPartition]*store), stop: make(chan struct{}),
	}
	opts, err := o.Kafka.Options()
	if err != nil {
		return nil, fmt.Errorf("snapshots: %w", err)
	}
	if s.client, err = kgo.NewClient(opts...); err != nil {
		return nil, fmt.Errorf("snapshots: %w", err)
	}
	if o.Dir != "" {
		lock, err := lockDir(fileSystem, o.Dir)
		if err != nil {
			s.client.Close()
			return nil, err
		}
		s.lock = lock
		s.disk = newDisk(o, fileSystem)
		s.disk.lost = func() { o.Metrics.healed(s, reasonDamaged) }
	}
	s.work.Go(s.flushRegularly)
	o.Metrics.attach(s)
	return s, nil
}

// locked are the directories that this process has: the lock of the file system keeps out other
// processes only.
var locked sync.Map

type dirLock struct {
	dir string
	of  io.Closer
}

func (l dirLock) Close() error {
	locked.Delete(l.dir)
	return l.of.Close()
}

func lockDir(fileSystem vfs.FS, dir string) (io.Closer, error) {
	if err := makeDir(fileSystem, dir); err != nil {
		return nil, fmt.Errorf("snapshots: make the directory: %w", err)
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("snapshots: %w", err)
	}
	if target, err := filepath.EvalSymlinks(absolute); err == nil {
		absolute = target
	}
	if _, taken := locked.LoadOrStore(absolute, true); taken {
		return nil, fmt.Errorf("snapshots: %w: this process has %s already", ErrLocked, dir)
	}
	lock, err := fileSystem.Lock(filepath.Join(dir, "LOCK"))
	if err != nil {
		locked.Delete(absolute)
		if _, isFile := errors.AsType[*fs.PathError](err); isFile { // it could not be made
			return nil, fmt.Errorf("snapshots: lock the directory: %w", err)
		}
		return nil, fmt.Errorf("snapshots: %w: another process has %s: %w", ErrLocked, dir, err)
	}
	return dirLock{absolute, lock}, nil
}

// makeDir makes a directory and its parents if they are missing, durably: a crash that took the
// directory back would take all stores with it.
func makeDir(fileSystem vfs.FS, dir string) error {
	parent := fileSystem.PathDir(dir)
	if _, err := fileSystem.Stat(dir); err == nil || parent == dir {
		return fileSystem.MkdirAll(dir, 0o755) // an error if it is a file
	}
	if err := makeDir(fileSystem, parent); err != nil {
		return err
	}
	if err := fileSystem.MkdirAll(dir, 0o755); err != nil {
		return err //nolint:wrapcheck // the caller says what was being done
	}
	above, err := fileSystem.OpenDir(parent)
	if err != nil {
		return err //nolint:wrapcheck // the caller says what was being done
	}
	return errors.Join(above.Sync(), above.Close())
}

// Staged returns the store of a partition of a group table, still to be opened. When ctx ends, so
// does its restore.
func (s *Stores) Staged(ctx context.Context, topic string, partition int32) (*Staged, error) {
	h, err := s.handle(ctx, topic, partition, Projection{})
	if err != nil {
		return nil, err
	}
	return &Staged{handle: h}, nil
}

// Follower returns the store of a partition that somebody else writes, still to be opened. When
// ctx ends, so does its restore.
func (s *Stores) Follower(
	ctx context.Context, topic string, partition int32, project Projection,
) (*Follower, error) {
	if n := len(project.Version); n > MaxVersionBytes {
		return nil, fmt.Errorf("store of %s/%d: the projection's version has %d bytes, at most %d "+
			"are allowed", topic, partition, n, MaxVersionBytes)
	}
	h, err := s.handle(ctx, topic, partition, project)
	if err != nil {
		return nil, err
	}
	return &Follower{handle: h}, nil
}

func (s *Stores) handle(
	ctx context.Context, topic string, partition int32, project Projection,
) (*handle, error) {
	st, err := s.store(kafka.TopicPartition{Topic: topic, Partition: partition})
	if err != nil {
		return nil, err
	}
	if project.File == nil {
		project.File = keep
	}
	return newHandle(ctx, st, project), nil
}

// store returns the store of a partition.
func (s *Stores) store(at kafka.TopicPartition) (*store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("store of %s: %w", at, ErrClosed)
	}
	if s.stores[at] == nil {
		s.stores[at] = newStore(s, at)
	}
	return s.stores[at], nil
}

// Remove removes the stores of all partitions of a topic, none of which may be open, for good. They are
// restored from the topic when they are opened next.
func (s *Stores) Remove(ctx context.Context, topic string) error {
	if s.disk == nil {
		return nil
	}
	if err := s.disk.remove(ctx, topic); err != nil {
		return fmt.Errorf("remove the stores of %s: %w", topic, err)
	}
	return nil
}

// nextNumber returns a number that no store had.
func (s *Stores) nextNumber() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	return s.number
}

// all returns the stores there are.
func (s *Stores) all() []*store {
	s.mu.Lock()
	defer s.mu.Unlock()
	stores := make([]*store, 0, len(s.stores))
	for _, st := range s.stores {
		stores = append(stores, st)
	}
	return stores
}

// flushRegularly limits what a crash takes back of tables that are seldom written.
func (s *Stores) flushRegularly() {
	ticker := time.NewTicker(s.options.FlushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.flush()
		case <-s.stop:
			return
		}
	}
}

// flush begins to make durable what isn't. A disk that fails is tried by Pebble; one more memtable that waits
// for it helps nobody.
func (s *Stores) flush() {
	if s.disk == nil {
		return
	}
	if err := s.disk.flush(); err != nil {
		s.options.Logger.Error("flush the local stores", "error", err)
	}
}

// closePatience is how long Close waits for disks. Processes that are told to stop often have ten
// seconds for all they do.
const closePatience = 5 * time.Second

// Close makes everything durable and gives the directory up. Stores that are still open can't be
// used any more, and restores end. It may be called twice.
func (s *Stores) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	close(s.stop)
	s.work.Wait()
	s.options.Metrics.detach(s)
	stores := s.all()
	for _, st := range stores {
		st.end()
	}
	s.flush() // the disk works while restores end
	var errs []error
	for _, st := range stores {
		errs = append(errs, st.shut())
	}
	s.client.Close()
	s.closeReaders()
	if s.disk != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closePatience)
		defer cancel()
		errs = append(errs, s.disk.close(ctx), s.lock.Close())
	}
	return errors.Join(errs...)
}
