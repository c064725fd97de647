package snapshots

import (
	"fmt"

	"github.com/lovoo/goka/storage"

	"refold/kafka"
)

// Committed reads the rows of a partition that are committed, while somebody else has the store open: a
// Staged, as a rule. It never sees a row of a transaction that is not committed. Any number of goroutines
// may read.
type Committed struct{ store *store }

// Committed returns the committed rows of a partition. They can be read while the partition's store is open;
// otherwise all methods return ErrClosed.
func (s *Stores) Committed(topic string, partition int32) (*Committed, error) {
	st, err := s.store(kafka.TopicPartition{Topic: topic, Partition: partition})
	if err != nil {
		return nil, err
	}
	return &Committed{st}, nil
}

// open returns the handle that has the store open.
func (c *Committed) open() (*handle, error) {
	c.store.mu.RLock()
	defer c.store.mu.RUnlock()
	if c.store.owner == nil {
		return nil, fmt.Errorf("read the store of %s: %w", c.store.at, ErrClosed)
	}
	return c.store.owner, nil
}

// Get returns a row, nil if there is none. It must not be changed.
func (c *Committed) Get(key string) ([]byte, error) {
	h, err := c.open()
	if err != nil {
		return nil, err
	}
	return h.committed(key)
}

// GetOffset returns the offset before the first that the committed rows lack, or the default if they lack
// all.
func (c *Committed) GetOffset(byDefault int64) (int64, error) {
	h, err := c.open()
	if err != nil {
		return 0, err
	}
	return h.GetOffset(byDefault)
}

// IteratorWithRange goes through the rows from start on and before limit, as they are now; nil is no bound.
func (c *Committed) IteratorWithRange(start, limit []byte) (storage.Iterator, error) {
	h, err := c.open()
	if err != nil {
		return nil, err
	}
	rows, err := h.cursor(start, limit)
	if err != nil {
		return nil, err
	}
	return newIterator(nil, rows), nil
}
