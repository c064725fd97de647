package views

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/snapshots"
)

// fed is the copy of one partition of a topic that this process owns: it is restored from Kafka, and then
// fed by the process's commits.
type fed struct {
	live      *live
	partition int32
	ctx       context.Context //nolint:containedctx // ends with the ownership
	cancel    context.CancelFunc
	done      chan struct{}
	broken    chan error // of one: the copy takes nothing in any more

	mu   sync.Mutex
	copy follower // nil: records wait
	// Records that were committed while the copy was being restored, up to a limit. Beyond it they are
	// dropped, and the copy is restored once more.
	waiting []*kgo.Record
	bytes   int
	limit   int
	dropped bool
}

func newFed(l *live, partition int32, limit int) *fed {
	f := &fed{
		live: l, partition: partition, limit: limit,
		done: make(chan struct{}), broken: make(chan error, 1),
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

// run keeps the copy until the ownership ends. One that fails is opened anew: Kafka has what it lacks.
func (f *fed) run() {
	defer close(f.done)
	l, faults := f.live, kafka.NewFaultLog(f.live.logger)
	const what = "a copy failed, it will be opened anew"
	for pause := l.limits.RestartPauseMin; ; pause = min(2*pause, l.limits.RestartPauseMax) {
		start := time.Now()
		err := f.keep()
		if f.ctx.Err() != nil {
			return
		}
		if time.Since(start) > l.limits.RestartPauseMax {
			pause = l.limits.RestartPauseMin
		}
		l.metrics.restarted(l.topic)
		faults.Failed(slog.LevelWarn, what, err, "topic", l.topic, "partition", f.partition, "in", pause)
		if !kafka.Sleep(f.ctx, pause) {
			return
		}
	}
}

// keep restores the copy, lets commits feed it and readers read it, until it fails or the ownership ends.
//
// Nothing is missed between the restore and the first commit that is fed. Records are kept waiting from
// before the end of the topic is asked for, at the latest since forget. One that was committed before
// that is below this end, and is restored. One that was committed after it is waiting, and is passed over
// if it was restored, too: commits come in the order of their offsets, and nobody else writes to the
// partition.
func (f *fed) keep() error {
	f.forget()
	part, err := f.live.open(f.ctx, f.live.topic, f.partition, f.live.project)
	if err != nil {
		return err
	}
	if err := part.Open(); err != nil {
		return err //nolint:wrapcheck // it says which store
	}
	defer func() { _ = part.Close() }() // never fails
	if err := f.take(part); err != nil {
		return err
	}
	defer f.drop()
	f.live.attach(f.partition, part)
	defer f.live.detach(f.partition)
	f.live.waiters.changedAll()
	select {
	case err = <-f.broken:
		return err
	case <-part.Damaged():
		return fmt.Errorf("%s/%d: %w", f.live.topic, f.partition, snapshots.ErrDamaged)
	case <-f.ctx.Done():
		return nil
	}
}

// forget lets records wait again if some were dropped.
func (f *fed) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case why := <-f.broken: // it has been opened anew since
		f.live.logger.Debug("a copy is opened anew already", "topic", f.live.topic, "error", why)
	default:
	}
	if f.dropped {
		f.waiting, f.bytes, f.dropped = nil, 0, false
	}
}

// take gives the copy what has been waiting, and from then on what is committed.
func (f *fed) take(part follower) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dropped {
		return fmt.Errorf("more than %d bytes were committed to %s/%d while its copy was being restored",
			f.limit, f.live.topic, f.partition)
	}
	if err := part.Apply(f.waiting...); err != nil {
		return err //nolint:wrapcheck // it says which store
	}
	f.waiting, f.bytes, f.copy = nil, 0, part
	return nil
}

// drop takes the copy away from commits.
func (f *fed) drop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.copy = nil
}

// feed takes in records that were committed, in the order of their offsets.
func (f *fed) feed(records []*kgo.Record) {
	f.mu.Lock()
	part := f.copy
	if part == nil {
		f.wait(records)
	} else if err := part.Apply(records...); err != nil {
		f.copy = nil
		f.wait(records)
		f.fail(err)
	}
	f.mu.Unlock()
	if part != nil {
		f.told(records)
	}
}

// fail has the copy opened anew.
func (f *fed) fail(why error) {
	select {
	case f.broken <- why:
	default: // it is about to be
	}
}

// wait keeps records until the copy is restored. Their memory is their producer's.
func (f *fed) wait(records []*kgo.Record) {
	for _, r := range records {
		if f.dropped {
			return
		}
		if f.bytes += kafka.RecordBytes(len(r.Key), r.Value, r.Headers); f.bytes > f.limit {
			f.waiting, f.dropped = nil, true
			return
		}
		f.waiting = append(f.waiting, cloneRecord(r))
	}
}

// told wakes the readers that wait for what the records change.
func (f *fed) told(records []*kgo.Record) {
	l := f.live
	l.metrics.applied(l.topic, time.Since(records[0].Timestamp))
	if l.waiters.waiting() == 0 {
		return
	}
	for _, r := range records {
		if waited, is := l.changed(r); is {
			l.waiters.changed(waited)
		}
	}
}

// cloneRecord copies what copies are made of.
func cloneRecord(r *kgo.Record) *kgo.Record {
	own := &kgo.Record{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp,
		Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value), Headers: slices.Clone(r.Headers),
	}
	for i := range own.Headers {
		own.Headers[i].Value = bytes.Clone(own.Headers[i].Value)
	}
	return own
}
