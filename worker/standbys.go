package worker

import (
	"context"

	"refold/exactlyonce"
	"refold/processors"
	"refold/snapshots"
	"refold/snapshots/standby"
)

// openStandbys makes what follows partitions of other workers.
func (w *Worker) openStandbys() (err error) {
	w.standbys, err = standby.New(standby.Options{
		Kafka: w.kafka, FetchBytes: int(w.config.Views.FetchBytes),
		Metrics: standby.NewMetrics(w.metrics), Logger: w.logger,
	})
	return err //nolint:wrapcheck // it says what it was doing
}

// follower joins the engine of an aggregate and the local stores of partitions that other workers own,
// which don't know each other: the table, and the read side of what this worker would own.
func (w *Worker) follower(a *processors.OpenAggregate, fitting *fitting) exactlyonce.Follower {
	table := w.in.Topics(a.AggregateName).Table
	topics := []standby.Topic{{
		Name: table, Next: next(w.tables, table),
		Open: func(ctx context.Context, partition int32) (standby.Copy, error) {
			return w.tables.Follower(ctx, table, partition, snapshots.Projection{})
		},
	}}
	for _, c := range w.views.Copies(a.Name) {
		topics = append(topics, standby.Topic{
			Name: c.Topic, Next: w.remembers(a, c.Topic, next(w.copies, c.Topic)),
			Open: func(ctx context.Context, partition int32) (standby.Copy, error) {
				followed, err := c.Open(ctx, partition)
				return w.remembering(ctx, a, c.Topic, partition, followed), err
			},
		})
	}
	group := w.standbys.Group(standby.GroupOptions{
		Name: w.in.Topics(a.AggregateName).Group, Topics: topics, Partitions: w.partitions.Load,
		Fit: fitting.check,
	})
	return follower{group, func() { w.views.End(a.Name) }}
}

// follower ends the read side of the session before, which may never have run, before it opens its stores.
type follower struct {
	exactlyonce.Follower

	end func()
}

func (f follower) Follow(partitions []int32) {
	f.end()
	f.Follower.Follow(partitions)
}

// next returns where the local stores of a topic end.
func next(stores *snapshots.Stores, topic string) func(partition int32) (int64, error) {
	return func(partition int32) (int64, error) { return stores.Next(topic, partition) }
}
