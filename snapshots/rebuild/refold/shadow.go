package refold

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/fold"
	"refold/kafka"
)

// Shadow is the fold of a partition's events up to an offset, in a store of its own beside the table. Build
// makes it; the caller closes it. It is for one goroutine.
type Shadow struct {
	o      Options
	client *kgo.Client
	db     *store
	states *states
	spill  *spill // nil: all is in memory, or has been so far
	pace   *pace
	meter  *meter

	spilling bool  // events of aggregates that are not in memory go to the spill
	next     int64 // all events below it are folded, or wait in the spill
	events   int64
	failed   error // why take ended the reading
}

// Build folds a partition of an events topic from offset zero to the end that it has when the last
// event is read. The error is an *[EventError] if an event can't be folded, [ErrTruncated] if the topic
// does not hold its first events any more, or a fault; then nothing is left behind.
func Build(ctx context.Context, o Options) (_ *Shadow, err error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("refold: %w", err)
	}
	o.complete()
	opts, err := o.Kafka.Options()
	if err != nil {
		return nil, fmt.Errorf("refold: %w", err)
	}
	s := &Shadow{
		o: o, pace: newPace(o.EventsPerSecond, o.CPUShare), meter: newMeter(&o), next: o.From,
	}
	if s.client, err = kgo.NewClient(opts...); err != nil {
		return nil, fmt.Errorf("refold: %w", err)
	}
	if s.db, err = openStore(vfs.Default, o.Dir, o.CacheBytes/2); err != nil {
		s.client.Close()
		return nil, fmt.Errorf("refold: %w", err)
	}
	s.states = newStates(o.Fold, s.db, o.CacheBytes/2)
	if _, err := s.CatchUp(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close ends the shadow and removes its directory.
func (s *Shadow) Close() error {
	s.client.Close()
	err := s.db.Close()
	if s.spill != nil {
		err = errors.Join(err, s.spill.close())
	}
	if s.o.Dir != "" {
		err = errors.Join(err, os.RemoveAll(s.o.Dir))
	}
	if err != nil {
		return fmt.Errorf("removing the shadow: %w", err)
	}
	return nil
}

// Next is the offset up to which the shadow is the fold: of all events below it, and no others.
func (s *Shadow) Next() int64 { return s.next }

// Events is how many events were folded.
func (s *Shadow) Events() int64 { return s.events }

// Keys is how many aggregates have events.
func (s *Shadow) Keys() int64 { return s.states.keys }

// State returns an aggregate's state, nil if it has no event. The shadow owns it; it is valid until the next
// call.
func (s *Shadow) State(key string) (any, error) {
	state, err := s.states.get(key)
	return state, s.failure(err)
}

// CatchUp folds the events that have come since, to the present end of the partition, and returns how many
// there were. After an error it may be called again.
func (s *Shadow) CatchUp(ctx context.Context) (int64, error) { return s.catchUp(ctx, s.pace) }

func (s *Shadow) catchUp(ctx context.Context, p *pace) (int64, error) {
	before := s.events
	if s.spill != nil && s.spill.draining {
		if err := s.drain(ctx, p); err != nil {
			return 0, err
		}
	}
	for {
		from := s.next
		s.failed = nil
		_, err := kafka.ReadPartitionBy(ctx, s.client,
			kafka.Range{Topic: s.o.EventsTopic, Partition: s.o.Partition, From: from},
			func(records []*kgo.Record, at kafka.Progress) error {
				s.failed = s.take(ctx, p, records, at)
				return s.failed
			})
		switch {
		case err == nil:
			if err := s.drain(ctx, p); err != nil {
				return s.events - before, err
			}
			return s.events - before, s.failure(s.states.settle())
		case errors.Is(err, kafka.ErrOffsetOutOfRange):
			return s.events - before, fmt.Errorf("%w: %s/%d does not hold offset %d: %w",
				ErrTruncated, s.o.EventsTopic, s.o.Partition, from, err)
		case s.failed != nil, ctx.Err() != nil, errors.Is(err, kafka.ErrTopicMissing), s.next == from:
			return s.events - before, fmt.Errorf("refold: %w", err)
		}
		// The reader has given a fault up. A fold at a slow pace reads seldom, so it tries again as long as
		// it makes progress.
	}
}

// take folds some records.
func (s *Shadow) take(ctx context.Context, p *pace, records []*kgo.Record, at kafka.Progress) error {
	defer p.pause() // waiting for the next ones is no work
	s.meter.End, s.meter.Held, s.meter.Fault = at.End, at.Held, at.Fault
	for len(records) > 0 {
		n := min(len(records), p.stride())
		if err := p.wait(ctx, n); err != nil {
			return err
		}
		for _, event := range records[:n] {
			if err := s.fold(ctx, event); err != nil {
				return err
			}
		}
		records = records[n:]
		if err := s.makeRoom(ctx, p); err != nil {
			return err
		}
		s.tick()
	}
	s.next = at.Next
	s.tick()
	return nil
}

// tick reports the progress if it is time to. An event that waits in the spill counts half.
func (s *Shadow) tick() {
	s.meter.Events, s.meter.Next = s.events, s.next
	if s.spill != nil {
		s.meter.Events -= s.spill.waiting / 2
		s.meter.Next -= s.spill.waiting / 2
	}
	s.meter.tick()
}

// drain folds the events that wait in the spill, one aggregate after the other.
func (s *Shadow) drain(ctx context.Context, p *pace) error {
	if !s.spilling {
		return nil
	}
	defer p.pause()
	n := 0
	err := s.spill.drain(func(event *kgo.Record) error {
		if n%p.stride() == 0 {
			if err := p.wait(ctx, p.stride()); err != nil {
				return err
			}
			s.tick()
		}
		n++
		return s.apply(ctx, event)
	})
	s.spilling = err != nil
	s.tick()
	return err
}

// The pauses before an event is tried again whose schema the registry did not give; they double.
const (
	leastBackoff = 50 * time.Millisecond
	mostBackoff  = 2 * time.Second
)

// fold folds one event, and retries faults.
func (s *Shadow) fold(ctx context.Context, event *kgo.Record) error {
	if s.o.Observe != nil {
		if err := s.o.Observe(event); err != nil {
			return err
		}
	}
	var err error
	if s.spilling && !s.states.has(event.Key) {
		err = s.spill.put(event)
	} else {
		err = s.apply(ctx, event)
	}
	if err != nil {
		return err
	}
	s.events++
	s.next = event.Offset + 1
	return nil
}

// worthSpilling is how many offsets must be left for the rest to be spilled: looking up a few is cheaper.
const worthSpilling = 50_000

// makeRoom begins to spill when states don't fit in memory any more, and folds what was spilled when that
// is enough.
func (s *Shadow) makeRoom(ctx context.Context, p *pace) (err error) {
	switch {
	case s.spilling:
		if s.spill.full() {
			return s.drain(ctx, p)
		}
		return nil
	case !s.states.full, s.o.Dir == "", s.meter.End-s.next < worthSpilling:
		return nil
	}
	if s.spill == nil {
		s.spill, err = newSpill(s.o.Dir, s.states.limit, s.o.Fold.Headers())
	}
	s.spilling = err == nil
	return err
}

// apply folds an event into its aggregate's state, which may still have to be read.
func (s *Shadow) apply(ctx context.Context, event *kgo.Record) error {
	data, err := s.decode(ctx, event)
	if err != nil {
		return err
	}
	return s.failure(s.states.add(event.Key, waitingEvent{data, event.Offset, len(event.Value)}))
}

// decode decodes an event, and retries faults.
func (s *Shadow) decode(ctx context.Context, event *kgo.Record) (any, error) {
	for backoff := leastBackoff; ; backoff = min(2*backoff, mostBackoff) {
		data, err := s.o.Fold.Decode(event)
		if err == nil {
			return data, nil
		}
		if code := fold.CodeOf(err); code != "" {
			return nil, s.eventError(string(event.Key), event.Offset, code, err)
		}
		s.meter.Fault = err
		s.meter.tick()
		if err := sleep(ctx, backoff); err != nil {
			return nil, err
		}
		s.meter.Fault = nil
	}
}

// failure returns an error as an *EventError if it is about an event.
func (s *Shadow) failure(err error) error {
	if event, is := errors.AsType[*applyError](err); is {
		return s.eventError(event.key, event.offset, fold.CodeOf(err), event.error)
	}
	return err
}

func (s *Shadow) eventError(key string, offset int64, code string, err error) error {
	return &EventError{
		Topic: s.o.EventsTopic, Partition: s.o.Partition, Offset: offset, Key: key, Code: code, Err: err,
	}
}
