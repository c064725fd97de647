package worker

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/lovoo/goka/storage"
	"github.com/prometheus/client_golang/prometheus"

	"refold/config"
	"refold/exactlyonce"
	"refold/installation"
	"refold/kafka"
	"refold/snapshots"
)

// openStores opens two sets of stores: a processor and a view may both hold a copy of the same
// partition of a table, and each follows it in its own way.
func (w *Worker) openStores() (err error) {
	metrics := snapshots.NewMetrics(w.metrics)
	if w.tables, err = openTables(w.in, metrics, w.kafka, w.logger); err != nil {
		return err
	}
	w.copies, err = openStores(w.in, metrics, w.kafka, w.logger,
		storeSet{"views", 2, w.config.Store.ViewCacheBytes, 0})
	return err
}

// OpenTables opens the stores of an installation's group tables as a worker does, without a worker.
func OpenTables(
	in *installation.Installation, metrics prometheus.Registerer, logger *slog.Logger,
) (*snapshots.Stores, error) {
	return openTables(in, snapshots.NewMetrics(metrics), in.Kafka(logger), logger)
}

func openTables(
	in *installation.Installation, metrics *snapshots.Metrics, settings kafka.Settings, logger *slog.Logger,
) (*snapshots.Stores, error) {
	s := in.Config.Store
	return openStores(in, metrics, settings, logger,
		storeSet{"tables", 1, s.CacheBytes, s.RowCacheBytes})
}

// storeSet is what sets of stores differ by.
type storeSet struct {
	name            string
	thirds          int // of the files that all stores together may have open
	cache, rowCache config.Bytes
}

func openStores(
	in *installation.Installation, metrics *snapshots.Metrics, settings kafka.Settings,
	logger *slog.Logger, set storeSet,
) (*snapshots.Stores, error) {
	s := in.Config.Store
	o := snapshots.Options{
		Name: set.name, Kafka: settings, CacheBytes: int64(set.cache), RowCacheBytes: int64(set.rowCache),
		MaxOpenFiles: s.OpenFiles * set.thirds / 3,
		Metrics:      metrics, Logger: logger.With("stores", set.name),
	}
	if s.Directory != "" {
		o.Dir = filepath.Join(s.Directory, in.Prefix()+set.name)
	}
	stores, err := snapshots.Open(o)
	if err != nil {
		return nil, fmt.Errorf("open the stores of %s: %w", set.name, err)
	}
	return stores, nil
}

// engineTables joins the engine and the stores, which don't know each other.
func (w *Worker) engineTables() exactlyonce.Tables {
	return exactlyonce.Tables{
		Staged: func(ctx context.Context, topic string, partition int32) (exactlyonce.StagedTable, error) {
			return w.tables.Staged(ctx, topic, partition)
		},
		Follower: followers(w.tables),
	}
}

// followers opens stores of tables that somebody else writes: joins and lookups.
func followers(
	stores *snapshots.Stores,
) func(context.Context, string, int32) (storage.Storage, error) {
	return func(ctx context.Context, topic string, partition int32) (storage.Storage, error) {
		return stores.Follower(ctx, topic, partition, snapshots.Projection{})
	}
}
