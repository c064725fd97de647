package snapshots

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// store is the copy of one partition. It is used by one handle at a time: the one that opened it
// last. Those before it get ErrTakenOver.
type store struct {
	of  *Stores
	at  place
	dir string
	log *slog.Logger

	opening sync.Mutex // one Open at a time

	// mu guards what follows. Who uses the backend holds it, shared: it is not closed under them.
	mu    sync.RWMutex
	back  backend // nil: not open
	owner *handle

	number   atomic.Uint64              // in the row cache
	point    atomic.Pointer[checkpoint] // never nil; written by the owner
	damage   atomic.Pointer[error]
	unsaved  atomic.Bool
	progress atomic.Pointer[RestoreProgress] // nil: no restore is going on
}

func newStore(of *Stores, at place) *store {
	s := &store{
		of: of, at: at,
		// Topic names are harmless as they are, except "." and "..", which no topic has.
		dir: filepath.Join(of.options.Dir, url.PathEscape(at.topic),
			strconv.FormatInt(int64(at.partition), 10)),
		log: of.options.Logger.With("topic", at.topic, "partition", at.partition),
	}
	s.point.Store(new(checkpoint))
	return s
}

// damaged notes that Pebble found files that are not as it wrote them.
func (s *store) damaged(err error) {
	wrapped := fmt.Errorf("%w: %w", ErrDamaged, err)
	if s.damage.CompareAndSwap(nil, &wrapped) {
		s.log.Error("a local store is damaged; it is rebuilt when it is opened next", "error", err)
		s.markDamaged()
	}
}

// faulty notes that the disk does not take what it is given, or that it does again.
func (s *store) faulty(err error) {
	if err != nil {
		s.log.Error("the disk of a local store fails", "dir", s.dir, "error", err)
	}
}

// damagedFile tells the next process what this one has found.
const damagedFile = "DAMAGED"

func (s *store) markDamaged() {
	f, err := s.of.disk.fs.Create(filepath.Join(s.dir, damagedFile), "unspecified")
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		s.log.Error("mark a damaged store", "error", err)
	}
}

// take makes h the owner, and opens the backend if it isn't.
func (s *store) take(h *handle) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owner = h
	if s.damage.Load() != nil {
		s.heal("damaged files", *s.damage.Load())
	}
	if s.back != nil {
		return nil
	}
	return s.openBackend()
}

// openBackend opens the store's rows; damaged ones are thrown away. The caller holds mu.
func (s *store) openBackend() error {
	s.number.Store(s.of.nextNumber())
	if s.of.disk == nil {
		s.back = newMemory()
		s.point.Store(new(checkpoint))
		return nil
	}
	if _, err := s.of.disk.fs.Stat(filepath.Join(s.dir, damagedFile)); err == nil {
		s.heal("damaged files", ErrDamaged)
	}
	err := s.openDatabase()
	if isDamage(err) {
		s.heal("damaged files", err)
		err = s.openDatabase()
	}
	if err != nil {
		return fmt.Errorf("open the store in %s: %w", s.dir, err)
	}
	return nil
}

func (s *store) openDatabase() error {
	database, err := s.of.disk.openDatabase(s.dir, s, s.log)
	if err != nil {
		return err
	}
	point, err := database.checkpoint()
	if err != nil {
		return errors.Join(err, database.close())
	}
	s.back = database
	s.point.Store(&point)
	return nil
}

// heal throws the rows away, loudly. The caller holds mu.
func (s *store) heal(reason string, err error) {
	s.log.Warn("a local store is rebuilt from its topic", "reason", reason, "error", err,
		"dir", s.dir)
	s.of.options.Metrics.healed(s.of, reason)
	if s.back != nil {
		if err := s.back.close(); err != nil {
			s.log.Debug("close a store that is thrown away", "error", err)
		}
		s.back = nil
	}
	s.point.Store(new(checkpoint))
	s.damage.Store(nil)
	if s.of.disk != nil {
		if err := s.of.disk.fs.RemoveAll(s.dir); err != nil {
			s.log.Error("remove a store", "error", err)
		}
	}
}

// rebuild throws the rows away and begins with none, if h is still the owner.
func (s *store) rebuild(h *handle, reason string, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner != h {
		return ErrTakenOver
	}
	s.heal(reason, err)
	return s.openBackend()
}

// use calls fn with the backend, unless h may not use it any more.
func (s *store) use(h *handle, fn func(backend) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.owner != h && s.owner != nil:
		return ErrTakenOver
	case s.back == nil || s.owner == nil || !h.open.Load():
		return ErrClosed
	}
	if damage := s.damage.Load(); damage != nil {
		return *damage
	}
	err := fn(s.back)
	if err != nil && isDamage(err) {
		s.damaged(err)
	}
	return err
}

// apply writes a batch, and that the rows are now the state of what lies below next.
func (s *store) apply(h *handle, b batch, next int64) error {
	return s.use(h, func(backend) error {
		point := *s.point.Load()
		point.next, point.set = next, true
		begin := time.Now()
		if err := b.apply(&point); err != nil {
			return err
		}
		s.of.options.Metrics.committed(s.of, time.Since(begin))
		s.point.Store(&point)
		s.unsaved.Store(true)
		return nil
	})
}

// release gives the store back, if h still has it.
func (s *store) release(h *handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.open.Store(false)
	if s.owner == h {
		s.owner = nil
	}
}

// flush begins to make durable what isn't.
func (s *store) flush() {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.back == nil || !s.unsaved.Swap(false) {
		return
	}
	if _, err := s.back.flush(); err != nil {
		s.log.Error("flush a local store", "error", err)
	}
}

// shut closes the store for good, and waits until what it holds is durable.
func (s *store) shut() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owner = nil
	if s.back == nil {
		return nil
	}
	if s.damage.Load() == nil {
		done, err := s.back.flush()
		if err != nil {
			s.log.Error("flush a local store", "error", err)
		} else {
			<-done
		}
	}
	err := s.back.close()
	s.back = nil
	if err != nil {
		return fmt.Errorf("close the store of %s/%d: %w", s.at.topic, s.at.partition, err)
	}
	return nil
}
