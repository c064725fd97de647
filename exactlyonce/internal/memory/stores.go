package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/lovoo/goka/storage"

	"refold/kafka"
	"refold/layers"
)

// Stores is the stores of all partitions of all tables. They outlive the sessions that open them: a partition
// that comes back reads only what it missed.
type Stores struct {
	kafka kafka.Settings

	mu   sync.Mutex
	rows map[kafka.TopicPartition]*rows
}

// New returns Stores without any rows, which restore from the cluster of the settings.
func New(settings kafka.Settings) *Stores {
	return &Stores{kafka: settings, rows: make(map[kafka.TopicPartition]*rows)}
}

// Staged returns the store of a partition of a table that this process writes. ctx ends a restore in Open.
func (s *Stores) Staged(ctx context.Context, topic string, partition int32) *Staged {
	return &Staged{store: s.open(ctx, topic, partition)}
}

// Follower returns the store of a partition of a table that another process writes. ctx ends a restore in
// Open.
func (s *Stores) Follower(ctx context.Context, topic string, partition int32) *Follower {
	return &Follower{s.open(ctx, topic, partition)}
}

func (s *Stores) open(ctx context.Context, topic string, partition int32) store {
	s.mu.Lock()
	defer s.mu.Unlock()
	tp := kafka.TopicPartition{Topic: topic, Partition: partition}
	if s.rows[tp] == nil {
		s.rows[tp] = &rows{values: make(map[string][]byte)}
	}
	return store{rows: s.rows[tp], ctx: ctx, kafka: s.kafka, at: tp}
}

// store is the rows of a partition, open in one session.
type store struct {
	*rows
	ctx   context.Context //nolint:containedctx // Goka's Open is given none
	kafka kafka.Settings
	at    kafka.TopicPartition
}

// Open reads what the table topic has and the store lacks.
func (s *store) Open() error {
	opts, err := s.kafka.Options()
	if err != nil {
		return err
	}
	_, err = kafka.ReadPartition(s.ctx, opts, s.missing(s.at), s.restore)
	if errors.Is(err, kafka.ErrOffsetOutOfRange) {
		// The topic was made anew, or the records that are missing are gone: the rows do not fit it.
		s.forget()
		_, err = kafka.ReadPartition(s.ctx, opts, s.missing(s.at), s.restore)
	}
	if err != nil {
		return fmt.Errorf("restore %s: %w", s.at, err)
	}
	return nil
}

// Close keeps the rows for the next session.
func (*store) Close() error { return nil }

// MarkRecovered does nothing.
func (*store) MarkRecovered() error { return nil }

// Staged is the rows of a partition that this process writes: committed ones, and layers of uncommitted ones
// on top. It is an exactlyonce.StagedTable.
type Staged struct {
	store
	layers layers.Layers
}

var errNilValue = errors.New("a nil value can't be stored; delete the row instead")

// Get returns a row's newest value, nil if there is none.
func (s *Staged) Get(key string) ([]byte, error) {
	if value, found := s.layers.Get(key); found {
		return value, nil
	}
	// A layer that is committed at this very moment is among the rows before it stops being a layer.
	return s.get(key), nil
}

// Has reports whether there is a row.
func (s *Staged) Has(key string) (bool, error) {
	value, err := s.Get(key)
	return value != nil, err
}

// Set writes a row to the open layer. The value must not be nil.
func (s *Staged) Set(key string, value []byte) error {
	if value == nil {
		return fmt.Errorf("row %q: %w", key, errNilValue)
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
func (*Staged) SetOffset(int64) error { return nil }

// Seal closes the open layer.
func (s *Staged) Seal() map[string][]byte { return s.layers.Seal() }

// Commit makes the oldest sealed layer part of the committed rows.
func (s *Staged) Commit(next int64) error {
	layer, is := s.layers.Oldest()
	if !is {
		return fmt.Errorf("commit up to offset %d: no layer is sealed", next)
	}
	s.merge(layer, next)
	s.layers.Drop()
	return nil
}

// Discard forgets all layers.
func (s *Staged) Discard() { s.layers.Discard() }

// Iterator goes through all rows as they are now, in the order of their keys.
func (s *Staged) Iterator() (storage.Iterator, error) { return s.IteratorWithRange(nil, nil) }

// IteratorWithRange goes through the rows from start on and before limit; nil is no bound. It costs a copy of
// the range's index.
func (s *Staged) IteratorWithRange(start, limit []byte) (storage.Iterator, error) {
	// Layers first: a layer that is committed in between is then seen twice, which is harmless, and not
	// missed.
	over := s.layers.Range(start, limit)
	return newIterator(s.between(start, limit), over), nil
}

// Follower is the rows of a partition that another process writes: what Goka reads of the table topic and
// writes to the store is committed already.
type Follower struct{ store }

// Get returns a row, nil if there is none.
func (f *Follower) Get(key string) ([]byte, error) { return f.get(key), nil }

// Has reports whether there is a row.
func (f *Follower) Has(key string) (bool, error) { return f.get(key) != nil, nil }

// Set stores a row; nil deletes it.
func (f *Follower) Set(key string, value []byte) error {
	f.set(key, value)
	return nil
}

// Delete removes a row.
func (f *Follower) Delete(key string) error {
	f.set(key, nil)
	return nil
}

// SetOffset notes which record was stored last.
func (f *Follower) SetOffset(offset int64) error {
	f.moveTo(offset + 1)
	return nil
}

// Iterator goes through all rows as they are now, in the order of their keys.
func (f *Follower) Iterator() (storage.Iterator, error) { return f.IteratorWithRange(nil, nil) }

// IteratorWithRange goes through the rows from start on and before limit; nil is no bound.
func (f *Follower) IteratorWithRange(start, limit []byte) (storage.Iterator, error) {
	return newIterator(f.between(start, limit), nil), nil
}
