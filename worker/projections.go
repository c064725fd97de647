package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"refold/installation"
	"refold/installation/stores"
	"refold/processors"
	"refold/projections/projector"
	"refold/snapshots/rebuild"
	"refold/views/httpapi"
)

// openProjections opens the stores of read models, and makes the projector that fills them.
func (w *Worker) openProjections() (err error) {
	if w.readStores, err = stores.Open(w.in, w.logger); err != nil {
		return err //nolint:wrapcheck // it names the option
	}
	if !w.config.Projections.Run {
		return nil
	}
	w.projector, err = NewProjector(ProjectorOptions{
		Installation: w.in, Aggregates: w.opened.Aggregates, Stores: w.readStores, Rebuilds: w.rebuilds,
		Share: w.config.Projections.Share, Metrics: w.metrics, Logger: w.logger,
	})
	if errors.Is(err, ErrNoProjections) {
		return nil
	}
	return err
}

// project runs the projector until ctx ends. What can't be kept in a store is no reason to stop handling
// commands: readiness tells of it.
func (w *Worker) project(ctx context.Context) {
	if err := w.projector.Run(ctx); err != nil {
		w.logger.Error("read models are not filled", "error", err)
		w.unprojected.Store(&err)
	}
}

// projectionsCheck reports whether the read models are filled.
func (w *Worker) projectionsCheck() error {
	if err := w.unprojected.Load(); err != nil {
		return *err
	}
	return w.projector.Ready() //nolint:wrapcheck // it says which projection
}

func (w *Worker) projectionChecks() []httpapi.Check {
	if w.projector == nil {
		return nil
	}
	return []httpapi.Check{{Name: "projections", Ready: w.projectionsCheck}}
}

// ProjectorOptions are what [NewProjector] makes a projector of.
type ProjectorOptions struct {
	Installation *installation.Installation
	Aggregates   []*processors.OpenAggregate
	Stores       *stores.Stores
	// Rebuilds knows by which folds the rows of tables were made. Nil: no build is filled from tables.
	Rebuilds *rebuild.Topic
	// Only are the names of the projections that it runs; none: all that have a store.
	Only []string
	// Share is how much of the time builds work. At 1, the process does nothing else: batches are larger, and
	// a build has several members.
	Share   float64
	Metrics prometheus.Registerer
	Logger  *slog.Logger
}

// mostMembers limits how many members of a build's group a process has that does nothing else: each holds a
// batch and the states of its partitions in memory, and one of them at a time writes to SQLite.
const mostMembers = 4

// batchFactor is how many times larger the batches are of a process that does nothing else: an aggregate with
// several events in a batch has its state, and the rows that are added to, written once.
const batchFactor = 10

// ErrNoProjections says that there is nothing to run: the program has no projections, or no store is given
// for any of them.
var ErrNoProjections = errors.New("there is no projection with a store; " +
	"set projections.sqlite.path or projections.postgres.url")

// NewProjector returns a projector of an installation, as a worker runs it, for a program that runs it alone.
// The error may be ErrNoProjections.
func NewProjector(o ProjectorOptions) (*projector.Projector, error) {
	projected, err := o.projected()
	if err != nil {
		return nil, err
	}
	if len(projected) == 0 {
		return nil, ErrNoProjections
	}
	c := o.Installation.Config
	p := c.Projections
	options := projector.Options{
		Kafka: o.Installation.Kafka(o.Logger), Prefix: o.Installation.Prefix(), Projections: projected,
		BatchRecords: p.BatchRecords, BatchBytes: int(p.BatchBytes), States: p.States, Share: o.Share,
		Backoff: c.Processor.BackoffMin, BackoffMost: c.Processor.BackoffMax,
		StallAfter: p.StallAfter, StoreTimeout: p.StoreTimeout, OnPoison: projector.OnPoison(p.Poison),
		ReadyLag: p.ReadyLag, Keep: p.Keep,
		Version: o.Installation.Version, Metrics: o.Metrics, Logger: o.Logger,
	}
	if p.Keep == 0 {
		options.Keep = -1 // none
	}
	if o.Share == 1 {
		options.Members = min(runtime.GOMAXPROCS(0), mostMembers)
		options.BatchRecords *= batchFactor
		options.BatchBytes = min(batchFactor*options.BatchBytes, projector.MostBatchBytes)
	}
	if o.Rebuilds != nil {
		options.RowsFold = o.rowsFold
	}
	return projector.New(options) //nolint:wrapcheck // it names the option
}

// projected are the projections that have a store.
func (o *ProjectorOptions) projected() (all []projector.Projected, err error) {
	c, named := o.Installation.Config.Projections, make(map[string]bool)
	for _, p := range o.Installation.Projections() {
		named[p.Name] = true
		_, store := o.Stores.Of(&p)
		if store == nil || len(o.Only) > 0 && !slices.Contains(o.Only, p.Name) {
			continue
		}
		sources, err := p.Open(o.Aggregates)
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the projection
		}
		all = append(all, projector.Projected{
			Projection: p, Sources: sources, Store: store,
			FromTables: o.Rebuilds != nil && slices.Contains(c.FromTables, p.Name),
			ByHand:     slices.Contains(c.ByHand, p.Name),
		})
	}
	return all, errors.Join(unknown(named, "projections.only", c.Only),
		unknown(named, "projections.stores", c.Stored()),
		unknown(named, "projections.from-tables", c.FromTables),
		unknown(named, "projections.by-hand", c.ByHand), unknown(named, "the arguments", o.Only))
}

// unknown returns an error for names of no projection.
func unknown(named map[string]bool, where string, names []string) error {
	for _, name := range names {
		if !named[name] {
			return fmt.Errorf("%s has %q, but the program has no projection of that name", where, name)
		}
	}
	return nil
}

// rowsFold returns the fold version of the rows in a partition of an aggregate's table.
func (o *ProjectorOptions) rowsFold(
	_ context.Context, a processors.AggregateName, partition int32,
) (version int, _ error) {
	known := false
	o.Rebuilds.Look(func(s *rebuild.State) {
		version, known = s.FoldVersion(o.Installation.Topics(a).Group, partition)
	})
	if !known {
		return 0, fmt.Errorf("no worker has recorded yet by which fold the rows in partition %d of %s were "+
			"made", partition, a.Plural)
	}
	return version, nil
}

// Stores returns the stores of read models that the configuration gives.
func (h *Host) Stores() *stores.Stores { return h.worker.readStores }
