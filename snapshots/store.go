package snapshots

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"refold/kafka"
)

// store is the copy of one partition. It is used by one handle at a time: the one that opened it
// last. Those before it get ErrTakenOver.
type store struct {
	of     *Stores
	at     kafka.TopicPartition
	beside bool // it is being made, to take the place of another one
	log    *slog.Logger

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

	number   atomic.Uint64              // in the row cache
	point    atomic.Pointer[checkpoint] // never nil; written by the owner
	damage   atomic.Pointer[error]
	holder   atomic.Pointer[handle]          // who is told of damage
	progress atomic.Pointer[RestoreProgress] // nil: no restore is going on
}

func newStore(of *Stores, at kafka.TopicPartition) *store {
	s := &store{
		of: of, at: at,
		log:     of.options.Logger.With("topic", at.Topic, "partition", at.Partition),
		opening: make(chan struct{}, 1), rebuilding: make(chan struct{}, 1),
	}
	s.point.Store(new(checkpoint))
	return s
}

// damaged notes that files are not as they were written: nobody is given rows any more until the store is
// opened anew, which rebuilds it.
func (s *store) damaged(err error) {
	wrapped := asDamage(err)
	if !s.damage.CompareAndSwap(nil, &wrapped) {
		return
	}
	s.log.Error("a local store is damaged; it is rebuilt when it is opened next", "error", err)
	if h := s.holder.Load(); h != nil {
		h.spoil()
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
	s.point.Store(new(checkpoint))
	if s.of.disk == nil {
		s.back = newMemory()
		return nil
	}
	var err error
	for range rebuilds {
		if err = s.openKeyspace(); err == nil || s.back == nil {
			break
		}
		if err := s.heal(reasonDamaged, err); err != nil {
			return err
		}
	}
	if err != nil {
		return fmt.Errorf("open the store in %s: %w", s.of.options.Dir, err)
	}
	return nil
}

// openKeyspace opens the store's rows in the database. If they can't be read, it leaves them open.
func (s *store) openKeyspace() error {
	k, err := s.of.disk.keyspace(storeName{s.at.Topic, s.at.Partition, s.beside}, s)
	if err != nil {
		return err
	}
	s.back = k
	point, err := k.checkpoint()
	if err != nil {
		return err
	}
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
	s.log.Warn("a local store is rebuilt from its topic", "reason", reason, "error", err)
	s.of.options.Metrics.healed(s.of, reason)
	if s.back != nil {
		if err := s.back.drop(reason == reasonDamaged); err != nil {
			return fmt.Errorf("remove the store that is to be rebuilt: %w", err)
		}
		if err := s.back.close(); err != nil {
			s.log.Debug("close a store that is thrown away", "error", err)
		}
		s.back = nil
	}
	s.damage.Store(nil)
	s.point.Store(new(checkpoint))
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
	return s.noteDamage(s.back, fn(s.back))
}

// noteDamage looks whether an error is about the store's files. If so, nobody is given rows any more, the row
// cache's among them, until the store is opened anew, which rebuilds it.
func (s *store) noteDamage(of backend, err error) error {
	if err == nil || !isDamage(err) {
		return err
	}
	of.damaged(err)
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
	return s.use(h, func(back backend) error {
		if fault := back.fault(); fault != nil {
			return fault
		}
		begin := time.Now()
		if err := b.apply(&point); err != nil {
			s.forgetCached() // it may hold some of the rows all the same
			return err
		}
		s.of.options.Metrics.committed(s.of, time.Since(begin))
		s.point.Store(&point)
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

// end begins to close the store for good: it can't be used any more.
func (s *store) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.disown(ErrClosed)
}

// shut closes the store after end.
func (s *store) shut() error {
	s.opening <- struct{}{} // a restore that end has ended
	defer func() { <-s.opening }()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.back == nil {
		return nil
	}
	err := s.back.close()
	s.back = nil
	if err != nil {
		return fmt.Errorf("close the store of %s/%d: %w", s.at.Topic, s.at.Partition, err)
	}
	return nil
}
