package snapshots

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A store is rebuilt beside the one that is read, under a number of its own, and takes its place in the end:
// in one batch, which gives it the name and deletes the rows of the other. A process that dies at any point
// finds one of them that is whole. One that is not finished is dropped by whoever opens the database next.
//
// What readers see never goes back. In the order in which locks are taken:
//
//	tail       Apply and SetOffset wait: the store does not move any more. If the new one is behind it,
//	           it reads on until it isn't: that is what the pause costs.
//	exclusive  the caller's: nobody reads. Iterators that were open would end with the old store.
//	Follower.mu, store.mu  nobody writes or uses the backend: the new one takes its place, with its offset
//	           (not below the old one's) and a number of its own in the row cache.
//
// A reader is before all that and sees the old store, at some offset; or after it, and sees the new one,
// at that offset or a later one. The record that Apply was given meanwhile is in the new store already,
// and is passed over by its offset. Who waits for a record that the new store brought along is told by the
// caller, after the swap: the tail will never bring it as news.
// closeEnough is how many offsets at most the last reading before the pause should have found: some
// hundredths of a second's work.
const closeEnough = 10_000

// spareBytes must stay free on the disk while a store is rebuilt: those that are in use go on to write.
const spareBytes = 64 << 20

// Rebuild makes the store anew from offset zero of its topic, beside the one that is read, which goes on
// following the tail, and swaps them when the new one has come as far. It may take minutes, and the disk
// space of a second store; beside memtables it takes the memory of a restore.
//
// exclusive is called with the swap, and must call it while nobody goes through rows: it takes some
// hundredths of a second. Rows that Write has removed and that the topic has still come back.
//
// The errors are ErrRebuilding if it is being rebuilt already, ErrNoRoom, ErrDisk, and those of Open. After
// any error the store is the one that it was.
func (f *Follower) Rebuild(ctx context.Context, exclusive func(swap func() error) error) error {
	err := f.rebuild(ctx, exclusive)
	if err != nil {
		err = fmt.Errorf("rebuild the store of %s/%d: %w", f.store.at.Topic, f.store.at.Partition, err)
	}
	return err
}

func (f *Follower) rebuild(ctx context.Context, exclusive func(swap func() error) error) error {
	ctx, end, err := f.store.of.working(ctx, f.ctx)
	if err != nil {
		return err
	}
	defer end()
	select {
	case f.store.rebuilding <- struct{}{}:
		defer func() { <-f.store.rebuilding }()
	default:
		return ErrRebuilding
	}
	n, err := f.beside(ctx)
	if err != nil {
		return err
	}
	defer n.store.discard()
	f.store.besides.Store(n.store)
	defer f.store.besides.Store(nil)
	if err := n.comeClose(ctx); err != nil {
		return besideError(ctx, err)
	}
	f.tail.Lock()
	defer f.tail.Unlock()
	paused, swapping := time.Now(), time.Duration(0)
	for n.store.point.Load().next < f.store.point.Load().next {
		if err := n.restore(ctx); err != nil {
			return besideError(ctx, err)
		}
	}
	if !n.store.back.settle(ctx) {
		return besideError(ctx, ErrDisk)
	}
	if err := exclusive(func() error {
		began := time.Now()
		defer func() { swapping = time.Since(began) }()
		return f.swap(n.store)
	}); err != nil {
		return err
	}
	f.store.log.Info("a store was rebuilt beside itself and swapped", "tailPaused", time.Since(paused),
		"readersPaused", swapping)
	return nil
}

// besideError prefers why ctx ended.
func besideError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// beside makes an empty store beside the one of f, if there is room for it.
func (f *Follower) beside(ctx context.Context) (*handle, error) {
	var now size
	if err := f.store.use(f.handle, func(b backend) error { now = b.size(); return nil }); err != nil {
		return nil, err
	}
	next := newStore(f.store.of, f.store.at)
	next.beside = true
	next.log = next.log.With("beside", true)
	if disk := f.store.of.disk; disk != nil {
		if err := disk.room(now.disk); err != nil {
			return nil, err
		}
		next.spare = func() error { return disk.room(0) }
	}
	return newHandle(ctx, next, f.project), nil
}

// room returns ErrNoRoom if a store of that many bytes would leave less than spareBytes.
func (d *disk) room(bytes int64) error {
	usage, err := d.fs.GetDiskUsage(d.dir)
	if err != nil {
		return nil //nolint:nilerr // a file system that doesn't tell will say so when it is full
	}
	if need := uint64(bytes) + spareBytes; usage.AvailBytes < need {
		return fmt.Errorf("%w: %d MiB are needed, %d MiB are free", ErrNoRoom, need>>20,
			usage.AvailBytes>>20)
	}
	return nil
}

// comeClose restores the store beside until what it reads anew is little, and makes it durable.
func (h *handle) comeClose(ctx context.Context) error {
	if err := h.Open(); err != nil {
		return err
	}
	for {
		before := h.store.point.Load().next
		if err := h.restore(ctx); err != nil {
			return err
		}
		if !h.store.back.settle(ctx) {
			return ErrDisk
		}
		if h.store.point.Load().next-before < closeEnough {
			return nil
		}
	}
}

// Rebuilding returns how far a rebuild has come, if one is going on.
func (f *Follower) Rebuilding() (p RestoreProgress, going bool) {
	next := f.store.besides.Load()
	if next == nil {
		return p, false
	}
	if now := next.progress.Load(); now != nil {
		return *now, true
	}
	point := next.point.Load() // it is between two readings
	return RestoreProgress{
		Topic: next.at.Topic, Partition: next.at.Partition, Next: point.next, End: point.next,
	}, true
}

var errBackwards = errors.New("the new store is behind the old one")

// swap puts the new store in the place of f's.
func (f *Follower) swap(next *store) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.store
	s.mu.Lock()
	defer s.mu.Unlock()
	next.mu.Lock()
	defer next.mu.Unlock()
	switch {
	case s.ended:
		return ErrClosed
	case s.owner != f.handle || s.back == nil:
		return ErrTakenOver
	case next.point.Load().next < s.point.Load().next:
		return errBackwards // never: the tail waits
	}
	if damage := next.damage.Load(); damage != nil {
		return *damage
	}
	return s.replace(next)
}

// replace lets s go on with the backend of next. The caller holds the mu of both.
func (s *store) replace(next *store) error {
	if err := next.back.replace(s.back); err != nil {
		return fmt.Errorf("put the new store in the place of the old one: %w", err)
	}
	if err := s.back.close(); err != nil {
		s.log.Debug("close a store that is replaced", "error", err)
	}
	s.back, next.back = next.back, nil
	s.point.Store(next.point.Load())
	s.number.Store(s.of.nextNumber())
	s.damage.Store(nil)
	return nil
}

// discard drops the store beside, if it has not taken the place of the other.
func (s *store) discard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.back == nil {
		return
	}
	if err := s.back.drop(false); err != nil {
		s.log.Warn("remove a store that was not finished; it is removed at the next start", "error", err)
	}
	if err := s.back.close(); err != nil {
		s.log.Debug("close a store that is thrown away", "error", err)
	}
	s.back = nil
}

// working lets Close wait for what ends with any of the contexts and with Close; end must be called.
func (s *Stores) working(ctx, session context.Context) (_ context.Context, end func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, ErrClosed
	}
	ctx, cancel := context.WithCancelCause(ctx)
	release := context.AfterFunc(session, func() { cancel(context.Cause(session)) })
	ended := make(chan struct{})
	s.work.Go(func() {
		select {
		case <-s.stop:
			cancel(ErrClosed)
		case <-ended:
		}
	})
	s.work.Add(1)
	return ctx, func() {
		release()
		cancel(nil)
		close(ended)
		s.work.Done()
	}, nil
}
