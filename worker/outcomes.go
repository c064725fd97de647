package worker

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"refold/exactlyonce"
	"refold/outcomes"
	"refold/processors"
	"refold/snapshots/standby"
)

// openOutcomes makes the index of outcomes of each aggregate that remembers some and writes results, from
// which the index is read.
func (w *Worker) openOutcomes() error {
	memory := outcomes.NewMemory(int64(w.config.Store.RememberBytes))
	metrics := outcomes.NewMetrics(w.metrics, memory)
	w.outcomes = make(map[string]*outcomes.Index)
	for _, a := range w.opened.Aggregates {
		settings := w.in.Aggregate(a.Name)
		if settings.Remember <= 0 || !settings.Results {
			continue
		}
		index, err := outcomes.New(outcomes.Options{
			Kafka: w.kafka, Topic: w.in.Topics(a.AggregateName).Results, Remember: settings.Remember,
			Memory: memory, Read: processors.Messages{Results: w.opened.Results}.Result,
			Metrics: metrics, Logger: w.logger,
		})
		if err != nil {
			return err //nolint:wrapcheck // it says what it was doing
		}
		w.outcomes[a.Name] = index
	}
	return nil
}

// remembered returns the index of an aggregate; nil if it has none.
func (w *Worker) remembered(aggregate string) processors.Outcomes {
	if index := w.outcomes[aggregate]; index != nil {
		return index
	}
	return nil
}

func (w *Worker) closeOutcomes() {
	for _, index := range w.outcomes {
		index.Close()
	}
}

// remember joins the engine of an aggregate and its index of outcomes, which don't know each other: the
// index is prepared with each session, and its layers are those of the table's rows.
func (w *Worker) remember(engine *exactlyonce.Config, a *processors.OpenAggregate) {
	if a == nil || w.outcomes[a.Name] == nil {
		return
	}
	index := w.outcomes[a.Name]
	prepare, committed, staged := engine.Prepare, engine.Committed, engine.Tables.Staged
	engine.Prepare = func(ctx context.Context, partitions []int32) error {
		group, ctx := errgroup.WithContext(ctx) // commands wait for both
		group.Go(func() error { return index.Prepare(ctx, partitions) })
		if prepare != nil {
			group.Go(func() error { return prepare(ctx, partitions) })
		}
		return group.Wait() //nolint:wrapcheck // each says what it was doing
	}
	engine.Committed = func(c exactlyonce.Commit) {
		index.Committed(c.Outputs)
		if committed != nil {
			committed(c)
		}
	}
	engine.Tables.Staged = func(
		ctx context.Context, topic string, partition int32,
	) (exactlyonce.StagedTable, error) {
		table, err := staged(ctx, topic, partition)
		if err != nil {
			return nil, err
		}
		return rememberedTable{table, index, partition}, nil
	}
}

// rememberedTable is a table's partition with the outcomes beside its rows.
type rememberedTable struct {
	exactlyonce.StagedTable

	index     *outcomes.Index
	partition int32
}

// Seal closes the layer of both. Every decision writes a row: where there is none, there is no outcome.
func (t rememberedTable) Seal() map[string][]byte {
	rows := t.StagedTable.Seal()
	if len(rows) > 0 {
		t.index.Seal(t.partition)
	}
	return rows
}

// Commit commits the oldest layer of both.
func (t rememberedTable) Commit(next int64) error {
	if err := t.StagedTable.Commit(next); err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	t.index.Commit(t.partition)
	return nil
}

// Discard forgets what is uncommitted of both.
func (t rememberedTable) Discard() {
	t.StagedTable.Discard()
	t.index.Discard(t.partition)
}

// remembering returns the copy that a standby has of a topic, from which it learns outcomes if the topic is
// that of the results. Without a read side there is no copy: then outcomes are read at a take-over.
func (w *Worker) remembering(
	ctx context.Context, a *processors.OpenAggregate, topic string, partition int32, followed standby.Copy,
) standby.Copy {
	index := w.outcomes[a.Name]
	if index == nil || topic != w.in.Topics(a.AggregateName).Results {
		return followed
	}
	return rememberedCopy{followed, ctx, index, partition}
}

// remembers returns where a copy of a topic ends, which is also known to be the end of the outcomes if the
// topic is that of the results. Outcomes are in memory only: a worker that was started again is not warm
// before it has read them, though its stores are.
func (w *Worker) remembers(
	a *processors.OpenAggregate, topic string, next func(partition int32) (int64, error),
) func(partition int32) (int64, error) {
	index := w.outcomes[a.Name]
	if index == nil || topic != w.in.Topics(a.AggregateName).Results {
		return next
	}
	return func(partition int32) (int64, error) {
		end, err := next(partition)
		return min(end, index.Next(partition)), err
	}
}

// rememberedCopy is a standby's copy of a partition of the results, with the outcomes beside it.
type rememberedCopy struct {
	standby.Copy

	ctx       context.Context //nolint:containedctx // ends when the partition is let go
	index     *outcomes.Index
	partition int32
}

// Open restores the copy first, so that the outcomes end no earlier than what is applied next begins.
func (c rememberedCopy) Open() error {
	if err := c.Copy.Open(); err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	return c.index.Prepare(c.ctx, []int32{c.partition}) //nolint:wrapcheck // the same
}

func (c rememberedCopy) Apply(records ...*kgo.Record) error {
	if err := c.index.Follow(c.ctx, c.partition, records...); err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	return c.Copy.Apply(records...) //nolint:wrapcheck // the same
}
