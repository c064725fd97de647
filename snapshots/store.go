package snapshots

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"refold/kafka"
)

// store is the copy of one partition. It is used by one handle at a time: the one that opened it
// last. Those before it get ErrTakenOver.
type store struct {
	of  *Stores
	at  kafka.TopicPartition
	dir string
	log *slog.Logger

	opening    chan struct{}         // of one: one Open at a time
	rebuilding chan struct{}         // of one: one Rebuild at a time
	besides    atomic.Pointer[store] // nil: it is not being rebuilt
	spare      func() error          // reports whether the disk has room for more; may be nil

	// mu guards what follows. Who uses the backend holds it, shared: it is not closed under them.
	mu        sync.RWMutex
	back      backend // nil: not open
	owner     *handle
	interrupt context.CancelCauseFunc // ends the owner's restore
	ended     bool                    // by Stores.Close

	number    atomic.Uint64              // in the row cache
	point     atomic.Pointer[checkpoint] // never nil; written by the owner
	damage    atomic.Pointer[error]
	holder    atomic.Pointer[handle] // who is told of damage
	fault     atomic.Pointer[error]  // why the disk does not take the oldest memtable
	lastFlush atomic.Pointer[error]  // how the last flush ended that was none
	faultLog  atomic.Int64           // when a fault was logged last, in nanoseconds since 1970
	unsaved   atomic.Bool
	progress  atomic.Pointer[RestoreProgress] // nil: no restore is going on
}

func newStore(of *Stores, at kafka.TopicPartition) *store {
	s := &store{
		of: of, at: at,
		// Topic names are harmless as they are, except "." and "..", which no topic has.
		dir: filepath.Join(of.options.Dir, url.PathEscape(at.Topic),
			strconv.FormatInt(int64(at.Partition), 10)),
		log:     of.options.Logger.With("topic", at.Topic, "partition", at.Partition),
		opening: make(chan struct{}, 1), rebuilding: make(chan struct{}, 1),
	}
	s.point.Store(new(checkpoint))
	return s
}

// damaged notes that Pebble found files that are not as it wrote them, and reports whether that is known.
func (s *store) damaged(err error) (known bool) {
	wrapped := asDamage(err)
	if !s.damage.CompareAndSwap(nil, &wrapped) {
		return true
	}
	s.log.Error("a local store is damaged; it is rebuilt when it is opened next", "error", err)
	s.markDamaged()
	if h := s.holder.Load(); h != nil {
		h.spoil()
	}
	return false
}

// flushed notes how a flush of a memtable ended. An error may also say that the memtable was empty;
// if it does not, faulty is told it next.
func (s *store) flushed(err error) {
	if err != nil {
		s.lastFlush.Store(&err)
		return
	}
	if s.fault.Swap(nil) != nil {
		s.log.Info("the disk of a local store works again", "dir", s.dir)
	}
}

// faulty notes what failed in the background. Pebble tries again without a pause, so that this is
// called thousands of times a second while a disk is full.
func (s *store) faulty(err error) {
	if last := s.lastFlush.Load(); last != nil && errors.Is(err, *last) {
		wrapped := fmt.Errorf("%w: %w", ErrDisk, err)
		s.fault.Store(&wrapped)
	}
	now, last := time.Now().UnixNano(), s.faultLog.Load()
	if now-last >= int64(s.of.options.LogInterval) && s.faultLog.CompareAndSwap(last, now) {
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

// claim makes h the owner. A restore of the owner before is ended: it would hold up h's.
func (s *store) claim(h *handle, interrupt context.CancelCauseFunc) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return ErrClosed
	}
	if s.owner != nil {
		s.interrupt(ErrTakenOver)
	}
	s.owner, s.interrupt = h, interrupt
	return nil
}

// take lets h use the store, if it is the owner still, and opens the backend if it isn't.
func (s *store) take(h *handle) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return ErrClosed
	case s.owner != h:
		return ErrTakenOver
	}
	h.open.Store(true)
	if damage := s.damage.Load(); damage != nil {
		if err := s.heal(reasonDamaged, *damage); err != nil {
			return err
		}
	}
	if s.back == nil {
		if err := s.openBackend(); err != nil {
			return err
		}
	}
	// What Pebble found while it was opening has been healed, and is nobody's business any more; what
	// it has found since is h's.
	s.holder.Store(h)
	if s.damage.Load() != nil {
		h.spoil()
	}
	return nil
}

// openBackend opens the store's rows; damaged ones are thrown away. The caller holds mu.
func (s *store) openBackend() error {
	s.number.Store(s.of.nextNumber())
	if s.of.disk == nil {
		s.back = newMemory()
		s.point.Store(new(checkpoint))
		return nil
	}
	if err := s.tidy(); err != nil {
		return err
	}
	if _, err := s.of.disk.fs.Stat(filepath.Join(s.dir, damagedFile)); err == nil {
		if err := s.heal(reasonDamaged, ErrDamaged); err != nil {
			return err
		}
	}
	err := s.openDatabase()
	if err != nil && isUnusable(err) {
		if err := s.heal(reasonDamaged, err); err != nil {
			return err
		}
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

// Why stores are thrown away: labels of a metric, and words of a log line.
const (
	reasonDamaged = "damaged files"
	reasonMisfit  = "does not fit its topic"
	reasonRefiled = "filed in another way"
)

// heal throws the rows away, loudly. The caller holds mu.
func (s *store) heal(reason string, err error) error {
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
	s.fault.Store(nil)
	if s.of.disk == nil {
		return nil
	}
	if err := s.of.disk.fs.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("remove the store that is to be rebuilt: %w", err)
	}
	return nil
}

// rebuild throws the rows away and begins with none, if h is still the owner.
func (s *store) rebuild(h *handle, reason string, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner != h {
		return ErrTakenOver
	}
	if err := s.heal(reason, err); err != nil {
		return err
	}
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
	return s.noteDamage(fn(s.back))
}

// noteDamage looks whether an error is about the store's files. If so, nobody is given rows any more, the row
// cache's among them, until the store is opened anew, which rebuilds it.
func (s *store) noteDamage(err error) error {
	if err == nil || !isDamage(err) {
		return err
	}
	s.damaged(err)
	return asDamage(err)
}

// forgetCached has the row cache forget the store's rows: they are looked for under another number.
func (s *store) forgetCached() { s.number.Store(s.of.nextNumber()) }

// apply writes a batch, and what the rows are now the state of. Then it has refresh tell the row
// cache, before anybody else can open the store: were the cache told later, an owner that is taken
// over in between would put its old rows over those that the next owner has restored.
func (s *store) apply(
	h *handle, b batch, point checkpoint, refresh func(cache *rowCache, number uint64),
) error {
	return s.use(h, func(backend) error {
		if fault := s.fault.Load(); fault != nil {
			return *fault
		}
		begin := time.Now()
		if err := b.apply(&point); err != nil {
			s.forgetCached() // it may hold some of the rows all the same
			return err
		}
		s.of.options.Metrics.committed(s.of, time.Since(begin))
		s.point.Store(&point)
		s.unsaved.Store(true)
		if s.of.rows != nil {
			refresh(s.of.rows, s.number.Load())
		}
		return nil
	})
}

// release gives the store back, if h still has it.
func (s *store) release(h *handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.open.Store(false)
	if s.owner == h {
		s.disown(ErrClosed)
	}
}

// disown takes the store from its owner, if it has one. The caller holds mu.
func (s *store) disown(why error) {
	if s.owner != nil {
		s.interrupt(why)
	}
	s.owner, s.interrupt = nil, nil
}

// flush begins to make durable what isn't. A store that somebody opens, heals or closes meanwhile has its
// turn the next time: the others don't wait for it.
func (s *store) flush() {
	if !s.mu.TryRLock() {
		return
	}
	defer s.mu.RUnlock()
	// A disk that fails is tried by Pebble; one more memtable that waits for it helps nobody.
	if s.back == nil || s.fault.Load() != nil || !s.unsaved.Swap(false) {
		return
	}
	if _, err := s.back.flush(); err != nil {
		s.log.Error("flush a local store", "error", err)
	}
}

// end begins to close the store for good: it can't be used any more.
func (s *store) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.disown(ErrClosed)
}

// faultCheck is how often it is looked whether there is any use in waiting for a disk.
const faultCheck = 20 * time.Millisecond

// settle makes what the store holds durable and reports whether it is. The caller holds mu.
func (s *store) settle(ctx context.Context) bool {
	if s.damage.Load() != nil || s.fault.Load() != nil {
		return false
	}
	done, err := s.back.flush()
	if err != nil {
		s.log.Error("flush a local store", "error", err)
		return false
	}
	ticker := time.NewTicker(faultCheck)
	defer ticker.Stop()
	for s.fault.Load() == nil {
		select {
		case <-done:
			return true
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
	}
	return false
}

// shut closes the store after end, and waits until what it holds is durable, but not for longer
// than ctx lets it: what a disk does not take is in the topic.
func (s *store) shut(ctx context.Context) error {
	s.opening <- struct{}{} // a restore that end has ended
	defer func() { <-s.opening }()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.back == nil {
		return nil
	}
	if !s.settle(ctx) {
		s.log.Warn("a local store is closed before all of it is durable; the rest is read from " +
			"the topic again")
	}
	err := s.back.close()
	s.back = nil
	if err != nil {
		return fmt.Errorf("close the store of %s/%d: %w", s.at.Topic, s.at.Partition, err)
	}
	return nil
}
