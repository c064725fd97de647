package projector

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/eventsourcing"
	"refold/fold"
	"refold/kafka"
	"refold/projections"
)

// readAtOnce is how many records are read ahead in one go: a rebalance waits for that.
const readAtOnce = 20_000

// eventLogs are the events topics, wherever their partitions are taken.
type eventLogs interface {
	// ends returns the last stable offsets of topics.
	ends(ctx context.Context, topics []string) (map[projections.Partition]int64, error)
	// read gives take the records of a partition from an offset on, and with each call the next offset. It
	// returns the one behind the last call that succeeded.
	read(
		ctx context.Context, p projections.Partition, from int64, take func([]*kgo.Record, int64) error,
	) (int64, error)
}

func (s *shared) read(
	ctx context.Context, p projections.Partition, from int64, take func([]*kgo.Record, int64) error,
) (int64, error) {
	return kafka.ReadPartitionBy(ctx, s.client, //nolint:wrapcheck // it says which partition
		kafka.Range{Topic: p.Topic, Partition: p.Partition, From: from},
		func(records []*kgo.Record, at kafka.Progress) error { return take(records, at.Next) })
}

// ahead is the part of a partition that the build has not taken.
type ahead struct {
	projections.Partition
	next, end int64
}

// reading is how far a log was read for a state, and the state that it has come to; nil: no event has come.
type reading struct {
	next  int64
	state any
	found bool
}

// errEnough ends a reading.
var errEnough = errors.New("enough was read")

// readOn reads the events that lead to a state from the log, and reports whether that is settled. The state
// is a fold of its aggregate's events alone, so it is the same one whoever folds it, and when.
func (b *batcher) readOn(
	ctx context.Context, p *partition, ref eventsourcing.EventRef, log ahead,
) (settled bool, err error) {
	w := p.waiting
	r := w.reads[ref]
	if r == nil {
		if r, err = b.beginReading(ctx, p, ref, log); err != nil {
			return false, err
		}
		w.reads[ref] = r
	}
	n := 0
	r.next, err = b.logs.read(ctx, log.Partition, r.next, func(records []*kgo.Record, next int64) error {
		if err := b.foldAllAhead(p, ref, r, records, log.end); err != nil {
			return err
		}
		if next >= log.end && !r.found {
			w.never[ref] = true
		}
		if n += len(records); n >= readAtOnce || r.found || w.never[ref] {
			return errEnough
		}
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, errEnough):
		return false, fmt.Errorf("read on in %s/%d: %w", log.Topic, log.Partition.Partition, err)
	case err == nil && !r.found: // it was read to its end
		w.never[ref] = true
	}
	return r.found || w.never[ref], nil
}

// beginReading begins where the build is. If that is behind the event, the store does not have its state yet
// though it has a later one, or it is not kept: then the log is read from its start.
func (b *batcher) beginReading(
	ctx context.Context, p *partition, ref eventsourcing.EventRef, log ahead,
) (*reading, error) {
	of := b.sources[b.sources[p.source].LooksUp]
	stored, err := b.build.States(ctx, of.Name, []string{ref.Subject})
	switch {
	case err != nil:
		return nil, fmt.Errorf("read states: %w", err)
	case len(stored) == 0:
		return &reading{next: log.next}, nil
	case stored[0].Sequence >= ref.Sequence:
		return &reading{next: kafka.FromStart}, nil
	}
	state, err := of.DecodeState(stored[0].State)
	if err != nil {
		return nil, fmt.Errorf("the stored state of %s %q: %w", of.Name, ref.Subject, err)
	}
	return &reading{next: log.next, state: state}, nil
}

// foldAllAhead folds the records of the aggregate that is referred to, up to an offset or to the state that
// is looked for. An error is a fault.
func (b *batcher) foldAllAhead(
	p *partition, ref eventsourcing.EventRef, r *reading, records []*kgo.Record, end int64,
) error {
	for _, record := range records {
		if record.Offset >= end || r.found {
			break
		}
		if string(record.Key) != ref.Subject {
			continue
		}
		if err := b.foldAhead(p, ref, r, record); err != nil {
			return err
		}
	}
	return nil
}

func (b *batcher) foldAhead(p *partition, ref eventsourcing.EventRef, r *reading, record *kgo.Record) error {
	of := b.sources[b.sources[p.source].LooksUp]
	event, err := of.Decode(record)
	if err != nil {
		return unlessPoison(err)
	}
	state, _, err := of.Apply(r.state, ref.Subject, event, nothing(of.Name))
	if state == nil {
		return unlessPoison(err) // such as one that the state has already
	}
	r.state = state
	if of.Sequence(state) == ref.Sequence {
		r.found, err = of.Keeps(event)
		p.waiting.never[ref] = !r.found
		return unlessPoison(err)
	}
	return nil
}

// nothing finds no states: the rows of an event that is read ahead are not looked at.
func nothing(aggregate string) projections.Find {
	return func(ref eventsourcing.EventRef) (any, error) {
		return nil, projections.NotFound(aggregate, ref, 0)
	}
}

// unlessPoison returns an error that is a fault.
func unlessPoison(err error) error {
	if fold.CodeOf(err) != "" {
		return nil
	}
	return err
}
