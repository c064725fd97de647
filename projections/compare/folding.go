package compare

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/fold"
	"refold/processors"
	"refold/projections"
)

// never is an offset that no event has.
const never int64 = math.MaxInt64

// folding folds the events of a partition, and changes rows as they say.
type folding struct {
	run       *run
	source    *projections.OpenSource
	partition projections.Partition
	rows      *rows // nil: only states are folded
	find      projections.Find
	states    map[string]any
	room      *int  // for so many further states
	rest      int64 // the first event of an aggregate for which there was no room; -1: there was none
	touching  int64 // events from here on have come while rows were read
	counts    bool  // poison is counted
	tell      func(next int64)
}

// folding begins to fold a partition.
func (r *run) folding(p projections.Partition, into *rows, room *int) (*folding, error) {
	source := r.sources[p.Topic]
	if source == nil {
		return nil, fmt.Errorf("the build has progress in %s, which is no topic of the projection's "+
			"aggregates", p.Topic)
	}
	return &folding{
		run: r, source: source, partition: p, rows: into, room: room, find: r.lookups.findOf(source),
		states: make(map[string]any), touching: never, rest: -1, tell: func(int64) {},
	}, nil
}

// read folds the events from an offset to another one.
func (f *folding) read(ctx context.Context, from, to int64) (err error) {
	for end := to; from < to && err == nil; from, end = end, to {
		if f.rows != nil {
			if end, err = f.run.lookups.cover(ctx, f.partition, from, to); err != nil {
				return err
			}
		}
		err = f.run.read(ctx, f.partition, from, end,
			func(r *kgo.Record) error { return f.take(ctx, r) }, f.tell)
	}
	if err != nil {
		return fmt.Errorf("fold %s/%d: %w", f.partition.Topic, f.partition.Partition, err)
	}
	return nil
}

// take folds an event.
func (f *folding) take(ctx context.Context, record *kgo.Record) error {
	key := string(record.Key)
	state, known := f.states[key]
	if !known && *f.room == 0 {
		if f.rest < 0 {
			f.rest = record.Offset
		}
		return nil
	}
	event, err := decode(ctx, f.source, record)
	if err != nil {
		return f.poison(err)
	}
	next, changes, err := f.source.Apply(state, key, event, f.find)
	if fold.CodeOf(err) == string(processors.FoldRepeated) {
		return nil
	}
	if next != nil {
		f.states[key] = next
		if !known {
			*f.room--
		}
	}
	if err != nil || f.rows == nil {
		return f.poison(err)
	}
	if f.source.OfState != nil {
		if changes, err = f.source.OfState(key, next); err != nil {
			return f.poison(err)
		}
	}
	if f.run.letters.refused(record) {
		return f.poison(errRefused)
	}
	return f.poison(f.change(changes, record.Offset >= f.touching))
}

// errRefused is the poison of an event whose rows the store has refused.
var errRefused = &projections.Poison{
	Reason: projections.PoisonRefused, Err: errors.New("there is a dead letter of it"),
}

func (f *folding) change(changes []projections.Change, touches bool) error {
	if err := f.run.Projection.Mine(changes); err != nil {
		return err //nolint:wrapcheck // it is poison
	}
	return f.rows.changeAll(changes, touches)
}

// poison counts an error about an event. It returns any other one.
func (f *folding) poison(err error) error {
	if err == nil || fold.CodeOf(err) == "" {
		return err
	}
	if f.counts {
		f.run.outcome.Poison++
	}
	return nil
}

// The pauses before an event is tried again whose schema the registry did not give; they double.
const (
	leastBackoff = 50 * time.Millisecond
	mostBackoff  = 2 * time.Second
)
