package snapshots

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A store is rebuilt beside the one that is read, in a directory of its own, and takes its place in the
// end. Directories, so that a process that dies at any point finds one that is whole:
//
//	0       the store
//	0.next  the one that is being made; thrown away by whoever opens the store next
//	0.old   the one before, from when it makes way until the new one is in its place
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
const (
	besideSuffix = ".next"
	asideSuffix  = ".old"
)

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
// any error the store is the one that it was; should the swap itself fail, it is ErrClosed and Damaged tells,
// so that it is opened anew, from the directory that is whole.
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
	if !n.store.settle(ctx) {
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
	return f.store.removeAside()
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
	next.dir += besideSuffix
	next.log = next.log.With("beside", true)
	if disk := f.store.of.disk; disk != nil {
		if err := disk.fs.RemoveAll(next.dir); err != nil {
			return nil, fmt.Errorf("remove what a rebuild before has left: %w", err)
		}
		if err := disk.room(f.store.dir, now.disk); err != nil {
			return nil, err
		}
		next.spare = func() error { return disk.room(f.store.dir, 0) }
	}
	return newHandle(ctx, next, f.project), nil
}

// room returns ErrNoRoom if a store of that many bytes would leave less than spareBytes.
func (d *disk) room(dir string, bytes int64) error {
	usage, err := d.fs.GetDiskUsage(dir)
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
		if !h.store.settle(ctx) {
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
	return s.replace(f.handle, next)
}

// replace lets s go on with the backend of next. The caller holds the mu of both.
func (s *store) replace(h *handle, next *store) error {
	point := next.point.Load()
	if s.of.disk == nil {
		_ = s.back.close() // of memory
		s.back, next.back = next.back, nil
	} else if err := s.replaceFiles(h, next); err != nil {
		return err
	}
	s.point.Store(point)
	s.number.Store(s.of.nextNumber())
	s.damage.Store(nil)
	s.fault.Store(nil)
	return nil
}

// replaceFiles moves directories, which no database must have open, and opens the new one.
func (s *store) replaceFiles(h *handle, next *store) error {
	err := next.back.close()
	next.back = nil
	if err != nil {
		return fmt.Errorf("close the new store: %w", err)
	}
	if err := s.back.close(); err != nil {
		s.log.Debug("close a store that is replaced", "error", err)
	}
	s.back = nil
	want := next.point.Load().next
	if err = s.rename(s.dir, s.dir+asideSuffix); err == nil {
		if err = s.rename(next.dir, s.dir); err == nil {
			err = s.openDatabase()
		}
	}
	if err == nil && s.point.Load().next < want {
		err = errors.Join(errBackwards, s.back.close())
		s.back = nil
	}
	if err != nil {
		h.spoil() // it is opened anew, from what is whole
		return fmt.Errorf("put the new store in the place of the old one: %w", err)
	}
	return nil
}

// rename moves a directory beside itself, durably.
func (s *store) rename(from, to string) error {
	fileSystem := s.of.disk.fs
	if err := fileSystem.Rename(from, to); err != nil {
		return err //nolint:wrapcheck // the caller says what was being done
	}
	above, err := fileSystem.OpenDir(fileSystem.PathDir(s.dir))
	if err != nil {
		return err //nolint:wrapcheck // the caller says what was being done
	}
	return errors.Join(above.Sync(), above.Close())
}

// removeAside removes the files of the store before, which nobody uses any more.
func (s *store) removeAside() error {
	if s.of.disk == nil {
		return nil
	}
	if err := s.of.disk.fs.RemoveAll(s.dir + asideSuffix); err != nil {
		s.log.Warn("the files of the store before can't be removed; they are when it is opened next",
			"error", err)
	}
	return nil
}

// discard closes the store beside and removes its files, if they are still its own.
func (s *store) discard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.back != nil {
		if err := s.back.close(); err != nil {
			s.log.Debug("close a store that is thrown away", "error", err)
		}
		s.back = nil
	}
	if s.of.disk == nil {
		return
	}
	if err := s.of.disk.fs.RemoveAll(s.dir); err != nil {
		s.log.Warn("remove a store that was not finished", "error", err)
	}
}

// tidy puts in order what a process that died during a rebuild has left. The caller holds mu.
func (s *store) tidy() error {
	select {
	case s.rebuilding <- struct{}{}:
		defer func() { <-s.rebuilding }()
	default:
		return nil // one is going on, and puts it in order itself
	}
	fileSystem := s.of.disk.fs
	_, missing := fileSystem.Stat(s.dir)
	_, none := fileSystem.Stat(s.dir + asideSuffix)
	if missing != nil && none == nil {
		if err := s.rename(s.dir+asideSuffix, s.dir); err != nil {
			return fmt.Errorf("take back the store that was being replaced: %w", err)
		}
	}
	return errors.Join(fileSystem.RemoveAll(s.dir+besideSuffix), fileSystem.RemoveAll(s.dir+asideSuffix))
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
