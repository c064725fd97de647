package snapshots

import (
	"fmt"
	"sync"
	"time"

	"github.com/lovoo/goka/storage"

	"refold/layers"
)

// Staged is the store of one partition of a group table. Rows are written to an open layer; Seal
// closes it, and Commit makes the oldest closed layer part of the store. One goroutine writes and
// one commits; any number may read.
type Staged struct {
	*handle

	commits sync.Mutex // held by Commit and Discard: a layer is not discarded under its commit
	layers  layers.Layers
}

// Get returns a row's newest value, committed or not, nil if there is none. It must not be changed.
func (s *Staged) Get(key string) ([]byte, error) {
	if value, found := s.layers.Get(key); found {
		return value, nil
	}
	// A layer that is committed at this very moment is in the store before it stops being a layer.
	return s.committed(key)
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
	s.layers.Set(key, value)
	return nil
}

// Delete removes a row, in the open layer.
func (s *Staged) Delete(key string) error {
	s.layers.Set(key, nil)
	return nil
}

// SetOffset does nothing: Commit carries the offset.
func (s *Staged) SetOffset(int64) error { return nil }

// Seal closes the layer of rows written since the last Seal and returns it; nil values are
// deletions. When nothing was written the result is empty, and no layer is kept.
func (s *Staged) Seal() map[string][]byte { return s.layers.Seal() }

// Commit makes the oldest sealed layer part of the committed store, which is then the state of what
// lies below next. It becomes durable later.
func (s *Staged) Commit(next int64) error {
	s.commits.Lock()
	defer s.commits.Unlock()
	rows, is := s.layers.Oldest()
	if !is {
		return fmt.Errorf("commit to %s: no layer is sealed", s.store.at)
	}
	if err := s.commit(rows, next); err != nil {
		return err
	}
	s.layers.Drop() // only now: in between, readers find the rows here, and from now on below
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
	var key []byte
	for name, value := range rows {
		key = append(key[:0], name...)
		if err := set(b, key, value); err != nil {
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
			s.store.at.Topic, s.store.at.Partition, err)
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
	s.layers.Discard()
}

// Iterator goes through all rows as they are now, in the order of their keys.
func (s *Staged) Iterator() (storage.Iterator, error) { return s.IteratorWithRange(nil, nil) }

// IteratorWithRange goes through the rows from start on and before limit; nil is no bound.
func (s *Staged) IteratorWithRange(start, limit []byte) (storage.Iterator, error) {
	// Layers first: one that is committed in between is then seen twice, which is harmless, and
	// not missed.
	over := s.layers.Range(start, limit)
	c, err := s.cursor(start, limit)
	if err != nil {
		return nil, err
	}
	return newIterator(over, c), nil
}
