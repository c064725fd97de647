package snapshots

import (
	"fmt"
	"sync"
	"time"

	"github.com/lovoo/goka/storage"
)

// Staged is the store of one partition of a group table. Rows are written to an open layer; Seal
// closes it, and Commit makes the oldest closed layer part of the store. One goroutine writes and
// one commits; any number may read.
type Staged struct {
	*handle

	commits sync.Mutex // held by Commit and Discard: a layer is not discarded under its commit

	mu     sync.RWMutex
	layer  map[string][]byte   // open; a nil value is a deletion
	sealed []map[string][]byte // oldest first
}

// Get returns a row's newest value, committed or not, nil if there is none. It must not be changed.
func (s *Staged) Get(key string) ([]byte, error) {
	if value, found := s.staged(key); found {
		return value, nil
	}
	// A layer that is committed at this very moment is in the store before it stops being a layer.
	return s.committed(key)
}

func (s *Staged) staged(key string) ([]byte, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if value, found := s.layer[key]; found {
		return value, true
	}
	for i := len(s.sealed) - 1; i >= 0; i-- {
		if value, found := s.sealed[i][key]; found {
			return value, true
		}
	}
	return nil, false
}

// Has reports whether there is a row.
func (s *Staged) Has(key string) (bool, error) {
	value, err := s.Get(key)
	return value != nil, err
}

// Set writes a row to the open layer. The value must not be changed any more.
func (s *Staged) Set(key string, value []byte) error {
	if value == nil {
		return errNilValue
	}
	return s.stage(key, value)
}

// Delete removes a row, in the open layer.
func (s *Staged) Delete(key string) error { return s.stage(key, nil) }

func (s *Staged) stage(key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.layer[key] = value
	return nil
}

// SetOffset does nothing: Commit carries the offset.
func (s *Staged) SetOffset(int64) error { return nil }

// Seal closes the layer of rows written since the last Seal and returns it; nil values are
// deletions. When nothing was written the result is empty, and no layer is kept.
func (s *Staged) Seal() map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := s.layer
	if len(rows) > 0 {
		s.sealed = append(s.sealed, rows)
		s.layer = make(map[string][]byte, len(rows))
	}
	return rows
}

// Commit makes the oldest sealed layer part of the committed store, which is then the state of what
// lies below next. It becomes durable later.
func (s *Staged) Commit(next int64) error {
	s.commits.Lock()
	defer s.commits.Unlock()
	s.mu.RLock()
	if len(s.sealed) == 0 {
		s.mu.RUnlock()
		return fmt.Errorf("commit to %s/%d: no layer is sealed", s.store.at.topic,
			s.store.at.partition)
	}
	rows := s.sealed[0]
	s.mu.RUnlock()
	if err := s.commit(rows, next); err != nil {
		return err
	}
	// Only now: in between, readers find the rows here, and from now on below.
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed = s.sealed[1:]
	return nil
}

// rowOverhead is what a row takes in a batch beside its key and value.
const rowOverhead = 16

func (s *Staged) commit(rows map[string][]byte, next int64) error {
	bytes := 0
	for key, value := range rows {
		bytes += len(key) + len(value) + rowOverhead
	}
	var b batch
	err := s.store.use(s.handle, func(back backend) error {
		b = back.batch(bytes)
		return nil
	})
	if err != nil {
		return err
	}
	defer b.release()
	for key, value := range rows {
		if err := set(b, []byte(key), value); err != nil {
			return err
		}
	}
	point := *s.store.point.Load()
	point.next, point.since, point.set = next, time.Now().UnixMilli(), true
	err = s.store.apply(s.handle, b, point, func(cache *rowCache, number uint64) {
		for key, value := range rows {
			cache.put(number, key, value)
		}
	})
	if err != nil {
		return fmt.Errorf("commit to the store of %s/%d: %w",
			s.store.at.topic, s.store.at.partition, err)
	}
	return nil
}

func set(w Writer, key, value []byte) error {
	if value == nil {
		return w.Delete(key)
	}
	return w.Set(key, value)
}

// Discard forgets the open layer and all sealed ones.
func (s *Staged) Discard() {
	s.commits.Lock()
	defer s.commits.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.layer, s.sealed = make(map[string][]byte), nil
}

// Iterator goes through all rows as they are now, in the order of their keys.
func (s *Staged) Iterator() (storage.Iterator, error) { return s.IteratorWithRange(nil, nil) }

// IteratorWithRange goes through the rows from start on and before limit; nil is no bound.
func (s *Staged) IteratorWithRange(start, limit []byte) (storage.Iterator, error) {
	// Layers first: one that is committed in between is then seen twice, which is harmless, and
	// not missed.
	over := s.overlay(start, limit)
	c, err := s.cursor(start, limit)
	if err != nil {
		return nil, err
	}
	return newIterator(over, c), nil
}
