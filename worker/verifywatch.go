package worker

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"

	"refold/exactlyonce"
	"refold/processors"
	"refold/snapshots"
	"refold/snapshots/rebuild/refold"
	"refold/snapshots/verify"
)

// watch verifies the partitions that a session has, slowly, if that is configured.
func (w *Worker) watch(ctx context.Context, a *processors.OpenAggregate, s exactlyonce.Session) {
	c := w.config
	if c.Verify.EventsPerSecond == 0 {
		return
	}
	topics := w.in.Topics(a.AggregateName)
	watch := verify.Watch{
		Group: topics.Group, Pause: c.Verify.Pause, Metrics: w.verify, Logger: w.logger,
		Options: func(partition int32) verify.Options {
			o := verify.Options{
				Fold: a.Fold, Kafka: w.kafka, Events: topics.Events, TableName: topics.Table,
				Partition: partition, EventsPerSecond: c.Verify.EventsPerSecond,
				CacheBytes: int64(c.Verify.CacheBytes), CPUShare: 1,
				Stores: []verify.Store{ownStore{w.tables, topics.Table, s}},
			}
			if c.Store.Directory != "" {
				o.Dir = filepath.Join(c.Store.Directory, c.Topics.Prefix+"verify", topics.Events,
					strconv.Itoa(int(partition)))
			}
			return o
		},
	}
	watch.Run(ctx, s.Partitions())
}

// ownStore is the store of a session's table.
type ownStore struct {
	stores  *snapshots.Stores
	table   string
	session exactlyonce.Session
}

// Name is how differences call it.
func (o ownStore) Name() string { return "own store" }

// Open returns the rows, once the transactions that are under way have got to the store: between two
// transactions there is none.
func (o ownStore) Open(ctx context.Context, partition int32, _ int64) (refold.RowIterator, error) {
	nothing := func(context.Context, exactlyonce.RowWriter) error { return nil }
	err := o.session.Between(ctx, partition, nothing)
	if err != nil {
		return nil, err
	}
	rows := verify.NewPagedRows(func(behind []byte) (snapshots.Page, error) {
		page, err := o.stores.Page(o.table, partition, behind, watchRows, watchBytes)
		if errors.Is(err, snapshots.ErrClosed) {
			err = verify.ErrElsewhere
		}
		return page, err
	})
	if _, err := rows.Start(); err != nil {
		return nil, err
	}
	return rows, nil
}

// The pages in which a worker reads its own store.
const (
	watchRows  = 1_000
	watchBytes = 1 << 20
)
