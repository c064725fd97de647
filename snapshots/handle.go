package snapshots

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/lovoo/goka/storage"
)

// handle is a store in the hands of one session: what Staged and Follower have in common.
type handle struct {
	store   *store
	ctx     context.Context //nolint:containedctx // Goka's Open is given none
	project Projection
	open    atomic.Bool
	damaged chan struct{}
	spoil   func() // closes damaged, once
}

func newHandle(ctx context.Context, s *store, p Projection) *handle {
	h := &handle{store: s, ctx: ctx, project: p, damaged: make(chan struct{})}
	h.spoil = sync.OnceFunc(func() { close(h.damaged) })
	return h
}

// Damaged returns a channel that is closed when the store's files are found damaged after Open. All
// that is asked of the store fails then, with ErrDamaged, until it is opened anew: that rebuilds it.
func (h *handle) Damaged() <-chan struct{} { return h.damaged }

// Open takes the store, and restores it to the end of its topic. It may take minutes; it ends
// early, keeping what it has restored, when the context given to Staged or Follower ends. It takes
// the store away from whoever had it before, and ends a restore of theirs.
func (h *handle) Open() error {
	ctx, cancel := context.WithCancelCause(h.ctx)
	defer cancel(nil)
	if err := h.openWith(ctx, cancel); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		h.store.release(h)
		return fmt.Errorf("open the store of %s/%d: %w",
			h.store.at.Topic, h.store.at.Partition, err)
	}
	return nil
}

func (h *handle) openWith(ctx context.Context, cancel context.CancelCauseFunc) error {
	if err := h.store.claim(h, cancel); err != nil {
		return err
	}
	select { // whoever was opening the store has been told to end
	case h.store.opening <- struct{}{}:
		defer func() { <-h.store.opening }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := h.store.take(h); err != nil {
		return err
	}
	return h.restore(ctx)
}

// Close gives the store back. What was committed stays, for whoever opens it next.
func (h *handle) Close() error {
	h.store.release(h)
	return nil
}

// GetOffset returns the offset before the first that the store lacks, or the default if it lacks
// all. After Open that is the end of the topic: to Goka the table is recovered.
func (h *handle) GetOffset(byDefault int64) (int64, error) {
	offset := byDefault
	err := h.store.use(h, func(backend) error {
		if point := h.store.point.Load(); point.set && point.next > 0 {
			offset = point.next - 1
		}
		return nil
	})
	return offset, err
}

// MarkRecovered does nothing: Open has restored the store.
func (h *handle) MarkRecovered() error { return nil }

// committed returns a row of the committed store, nil if there is none. It must not be changed.
func (h *handle) committed(key string) (value []byte, err error) {
	err = h.store.use(h, func(b backend) error {
		rows := h.store.of.rows
		if rows == nil {
			value, err = b.get(key)
			return err
		}
		number := h.store.number.Load()
		cached, ok, miss := rows.get(number, key)
		if ok {
			value = cached
			return nil
		}
		if value, err = b.get(key); err == nil && value != nil {
			rows.fill(number, key, value, miss)
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("read %q of %s/%d: %w", key, h.store.at.Topic, h.store.at.Partition, err)
	}
	return value, err
}

// cursor goes through the committed rows.
func (h *handle) cursor(start, limit []byte) (c cursor, err error) {
	err = h.store.use(h, func(b backend) error {
		c, err = b.cursor(start, limit)
		c, err = h.store.watched(b, c, err)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("iterate over %s/%d: %w",
			h.store.at.Topic, h.store.at.Partition, err)
	}
	return c, nil
}

// write applies changes, and what the store is then the state of. The row cache follows: it is told of
// all rows of a batch, or forgets the store.
func (h *handle) write(b batch, point checkpoint) error {
	err := h.store.apply(h, b, point, func(cache *rowCache, number uint64) {
		if !b.rows(func(key, value []byte) { cache.refresh(number, key, value) }) {
			h.store.forgetCached()
		}
	})
	if err != nil {
		return fmt.Errorf("write to the store of %s/%d: %w",
			h.store.at.Topic, h.store.at.Partition, err)
	}
	return nil
}

var (
	_ storage.Storage = (*Staged)(nil)
	_ storage.Storage = (*Follower)(nil)
)
