package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"refold/processors"
	"refold/snapshots/rebuild"
)

// Past says which events and rows there are before a rebuild.
type Past struct {
	Aggregate *processors.OpenAggregate
	// Prefix is that of the aggregate's topics, which have so many partitions.
	Prefix     string
	Partitions int
	// Keys have Events or a few more between them, each one at least. The rows of Wrong of them are not what
	// the events fold into.
	Keys, Events, Wrong int
}

// WrittenPast is what was written.
type WrittenPast struct {
	Events               int
	EventBytes, RowBytes int64 // of keys and values, all together
	Took                 time.Duration

	subject *past
}

// WritePast writes the events, the rows, and the group's offsets: with rows and without offsets, workers
// don't start.
func (b *Bench) WritePast(ctx context.Context, o Past) (*WrittenPast, error) {
	begin := time.Now()
	subject, err := newAggregate(o.Aggregate, o.Prefix, o.Keys)
	if err != nil {
		return nil, err
	}
	p := newPast(subject, subject.topics.Table, o.Wrong)
	events, err := b.write(ctx, "events", p.eventRecords(o.Events))
	if err != nil {
		return nil, err
	}
	rows, err := b.write(ctx, "rows", p.rowRecords())
	if err != nil {
		return nil, err
	}
	p.rows, p.lies = nil, nil // the rows are not needed any more
	var offsets kadm.Offsets
	for partition := range o.Partitions {
		offsets.AddOffset(p.topics.Commands, int32(partition), 0, -1)
	}
	if err := kadm.NewClient(b.client).CommitAllOffsets(ctx, p.topics.Group, offsets); err != nil {
		return nil, fmt.Errorf("commit the offsets of %s: %w", p.topics.Group, err)
	}
	return &WrittenPast{
		Events: events.records, EventBytes: events.bytes, RowBytes: rows.bytes,
		Took: time.Since(begin), subject: p,
	}, nil
}

// Rebuild says which rebuilds are measured.
type Rebuild struct {
	Past *WrittenPast
	// Requests asks the worker, whose command line is Worker.
	Requests *rebuild.Requests
	Worker   []string
}

// Spent is what a part of a rebuild took.
type Spent struct{ Wall, CPU time.Duration }

// Rebuilt is what a rebuild came to.
type Rebuilt struct {
	Progress rebuild.PartitionProgress
	Stages   map[rebuild.Stage]Spent
	Worker   Usage
}

// Rebuild measures a rebuild while nothing else goes on.
func (b *Bench) Rebuild(ctx context.Context, r Rebuild) (done Rebuilt, err error) {
	worker, err := b.Start(ctx, r.Worker)
	if err != nil {
		return done, err
	}
	done.Progress, done.Stages, err = r.once(ctx, worker)
	used, stopErr := worker.Stop()
	done.Worker = used
	return done, errors.Join(err, stopErr)
}

// once asks for a rebuild, waits until it is done, and returns what each of its stages took: the worker
// refolds one partition after the other, so at any time there is one stage that it is at.
func (r *Rebuild) once(
	ctx context.Context, worker *Process,
) (rebuild.PartitionProgress, map[rebuild.Stage]Spent, error) {
	asked, err := r.Requests.Ask(ctx, r.Past.subject.Plural, false, "bench")
	if err != nil {
		return rebuild.PartitionProgress{}, nil, err //nolint:wrapcheck // it says what was asked for
	}
	took := make(map[rebuild.Stage]Spent)
	stage, at, cpu := rebuild.Waiting, time.Now(), processorTime(worker.pid())
	for {
		var now rebuild.PartitionProgress
		changed := r.Requests.Topic.Look(func(s *rebuild.State) {
			if one, known := s.Rebuild(asked.ID); known {
				now = one.Totals()
			}
		})
		if now.Stage != stage && now.Stage != "" {
			t, c := time.Now(), processorTime(worker.pid())
			s := took[stage]
			took[stage] = Spent{s.Wall + t.Sub(at), s.CPU + c - cpu}
			stage, at, cpu = now.Stage, t, c
		}
		switch {
		case now.Stage == rebuild.Done:
			return now, took, nil
		case now.Stage.Final():
			return now, nil, fmt.Errorf("the rebuild is %s: %s", now.Stage, now.Reason)
		}
		select {
		case <-changed:
		case <-worker.ended:
			return now, nil, fmt.Errorf("the worker ended: %w", worker.err)
		case <-ctx.Done():
			return now, nil, fmt.Errorf("the rebuild was %s: %w", stage, ctx.Err())
		}
	}
}
