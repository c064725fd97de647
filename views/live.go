package views

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/snapshots"
)

// follower is what readers and maintenance ask of a partition's local copy.
type follower interface {
	Get(key string) ([]byte, error)
	IteratorWithRange(start, limit []byte) (storage.Iterator, error)
	GetOffset(byDefault int64) (int64, error)
	Apply(records ...*kgo.Record) error
	Write(fn func(snapshots.Writer) error) error
	Rebuild(ctx context.Context, exclusive func(swap func() error) error) error
	Rebuilding() (p snapshots.RestoreProgress, going bool)
}

// copied is a local copy in the hands of whoever opens it. snapshots.Follower is one.
type copied interface {
	follower
	storage.Storage
	Damaged() <-chan struct{}
}

// live is a topic's local copy: one follower per partition, kept by a Goka view, or by what this process
// commits. It outlives the Goka view, which is made anew when it fails.
type live struct {
	name    string // "accounts-table": the topic's, without the installation's prefix
	topic   string
	kafka   kafka.Settings
	client  *atomic.Pointer[kgo.Client] // Views.client
	metrics *Metrics
	logger  *slog.Logger
	limits  Limits
	waiters *waiters
	off     bool // there is no copy, nor will there be one
	project snapshots.Projection
	open    func(ctx context.Context, topic string, partition int32,
		project snapshots.Projection) (copied, error)
	// changed says which key of the waiters a record changes.
	changed func(r *kgo.Record) (waitKey, bool)
	// forgets are the ways in which the copy drops what is too old; none, if nothing ever is.
	forgets []forgetting
	// holding says which partitions there are, and whether they may be read; nil: the copy is of all of
	// them.
	holding *holding

	// mu guards what follows. Readers hold it (shared) for as long as they read: a follower is
	// not closed under a reader.
	mu       sync.RWMutex
	count    int                // of the topic's partitions
	parts    []follower         // by partition; nil where none is open
	followed map[int32]follower // by partition, those of other owners; not read
	restored bool               // all followers are open, and restored thereby
	session  *session           // nil between sessions
	stalled  error              // what stands still, by the last look
	behind   map[int]int64      // offsets behind the topic's end, by partition
}

// run keeps the copy up to date until ctx ends. A session that fails is followed by another one,
// after a while that doubles from one failure to the next, up to a limit.
func (l *live) run(ctx context.Context) {
	pause, faults := l.limits.RestartPauseMin, kafka.NewFaultLog(l.logger)
	for {
		start := time.Now()
		err := l.runSession(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(start) > l.limits.RestartPauseMax {
			pause = l.limits.RestartPauseMin
		}
		l.metrics.restarted(l.topic)
		faults.Failed(slog.LevelError, "view failed, it will be restarted", err,
			"topic", l.topic, "in", pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		pause = min(2*pause, l.limits.RestartPauseMax)
	}
}

// attach takes over a follower that Goka has opened. With the last one, readers are let in, and
// waiting readers are woken: the restore may have brought what they wait for.
//
// That a Goka view calls itself running says less: it may after the first partition, when the
// others haven't told their state yet.
func (l *live) attach(partition int32, f follower) {
	l.mu.Lock()
	for len(l.parts) < l.count || int(partition) >= len(l.parts) {
		l.parts = append(l.parts, nil)
	}
	l.parts[partition] = f
	l.restored = l.holding == nil && len(l.parts) == l.count && !slices.Contains(l.parts, nil)
	complete := l.restored
	l.mu.Unlock()
	if complete {
		l.waiters.changedAll()
	}
}

// setCount notes how many partitions the topic has.
func (l *live) setCount(partitions int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count = partitions
}

// detach gives the follower back before it is closed, and waits until no reader uses it.
func (l *live) detach(partition int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if int(partition) < len(l.parts) {
		l.parts[partition] = nil
	}
	l.restored = false
}

// setSession notes the running session, or that there is none.
func (l *live) setSession(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.session = s
	l.parts = nil
	l.restored = false
}

// read calls fn with the followers of all partitions that are here, nil for the others; or returns
// ErrNotReady if one of them is not open, and ErrNotHere if it is not certain that they are this
// process's. A reader may be the first to find that the files of a store are damaged; that mends itself,
// so it is told to come again.
func (l *live) read(fn func(parts []follower) error) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if err := l.whole(); err != nil {
		return err
	}
	err := l.undamaged(fn(l.parts))
	if err == nil && l.holding != nil {
		err = l.holding.holds()
	}
	return err
}

// readAt calls fn with the follower of a key's partition, or returns ErrNotReady if it is not open, and
// ErrNotHere if it is not certain that the partition is this process's.
//
// That is asked again after the reading. A process that is stopped in between, long enough for another
// one to take the partition over and write to it, would otherwise answer with what was true before the
// question.
func (l *live) readAt(key string, fn func(partition int32, part follower) error) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.holding == nil {
		if err := l.whole(); err != nil {
			return err
		}
		partition := kafka.Partition([]byte(key), int32(len(l.parts)))
		return l.undamaged(fn(partition, l.parts[partition]))
	}
	if l.off {
		return ErrOff
	}
	if l.count == 0 {
		return fmt.Errorf("%w: %s has no partition here", ErrNotHere, l.topic)
	}
	partition := kafka.Partition([]byte(key), int32(l.count))
	if err := l.holding.has(partition); err != nil {
		return err
	}
	if int(partition) >= len(l.parts) || l.parts[partition] == nil {
		return notReady(fmt.Sprintf("%s/%d: being restored", l.topic, partition))
	}
	err := l.undamaged(fn(partition, l.parts[partition]))
	if err == nil {
		err = l.holding.has(partition)
	}
	return err
}

// whole returns nil if all partitions that should be here can be read. The caller holds mu.
func (l *live) whole() error {
	switch {
	case l.off:
		return ErrOff
	case l.holding == nil && !l.restored:
		return notReady(l.topic + ": being restored")
	case l.holding == nil:
		return nil
	}
	if err := l.holding.holds(); err != nil {
		return err
	}
	for _, p := range l.holding.partitions() {
		if int(p) >= len(l.parts) || l.parts[p] == nil {
			return notReady(fmt.Sprintf("%s/%d: being restored", l.topic, p))
		}
	}
	return nil
}

// undamaged makes an error about a store's files one that passes.
func (l *live) undamaged(err error) error {
	if errors.Is(err, snapshots.ErrDamaged) || errors.Is(err, snapshots.ErrClosed) {
		return fmt.Errorf("%w: %s: a damaged store is rebuilt: %w", ErrNotReady, l.topic, err)
	}
	return err
}

// get returns the value at a key of the table, nil if there is none, and where the table stands: the value
// is at least as new.
func (l *live) get(key string) (value []byte, at Position, err error) {
	err = l.readAt(key, func(partition int32, part follower) error {
		if at, err = position(partition, part); err != nil {
			return err
		}
		if value, err = part.Get(key); err != nil {
			return fmt.Errorf("read %q of %s: %w", key, l.topic, err)
		}
		return nil
	})
	return value, at, err
}

// update puts a record of the live tail into its follower and wakes the readers that wait for it. It is a
// goka.UpdateCallback.
func (l *live) update(ctx goka.UpdateContext, _ storage.Storage, key string, value []byte) error {
	record := &kgo.Record{
		Topic: l.topic, Partition: ctx.Partition(), Offset: ctx.Offset(),
		// As a restore has it: the two clients read different times from an invalid timestamp.
		Timestamp: kafka.ReadTime(ctx.Timestamp()), Key: []byte(key), Value: value,
	}
	for name, header := range ctx.Headers() {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: header})
	}
	l.mu.RLock()
	part := l.parts[record.Partition]
	l.mu.RUnlock()
	if part == nil {
		return errors.New("the follower has been closed already")
	}
	if err := part.Apply(record); err != nil {
		return fmt.Errorf("apply offset %d of %s/%d: %w",
			record.Offset, l.topic, record.Partition, err)
	}
	l.metrics.applied(l.topic, time.Since(record.Timestamp))
	if waited, is := l.changed(record); is {
		l.waiters.changed(waited)
	}
	return nil
}

// ready returns nil if the copy is complete and follows its topic.
func (l *live) ready() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	switch {
	case l.off:
		return ErrOff
	case l.holding != nil:
		if err := l.whole(); err != nil {
			return err
		}
		return l.stalled
	case l.session == nil:
		return notReady(l.topic + ": not running")
	case !l.restored:
		return notReady(l.topic + ": being restored")
	case !l.session.running():
		return notReady(l.topic + ": connecting to the broker")
	}
	return l.stalled
}
