package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync/atomic"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"refold/codecs"
	"refold/config"
	"refold/exactlyonce"
	"refold/inventory"
	"refold/kafka"
	"refold/processors"
	"refold/refolds"
	"refold/snapshots"
	"refold/snapshots/verify"
	"refold/tracing/otlp"
	"refold/views"
	"refold/views/httpapi"
)

// Worker is the whole program of a pod: processors, views and the HTTP API. NewWorker opens what
// is local, Run does the rest. Tests start the same type.
type Worker struct {
	config  config.Config
	kafka   kafka.Settings
	logger  *slog.Logger
	metrics *prometheus.Registry

	registry   *codecs.Registry
	aggregates []*aggregate
	results    *codecs.Set
	inputs     []*codecs.Set     // of the processes
	tables     *snapshots.Stores // of the processors
	copies     *snapshots.Stores // of the views
	views      *views.Views
	processors []*supervised
	refolds    *refolds.Topic
	inventory  *inventory.Keeper
	desk       *refolds.Desk
	keepers    map[string]*keeper // by group
	server     *httpapi.Server
	listener   net.Listener // Run hands it to the server
	address    string
	verify     *verify.Metrics
	tracing    *otlp.Provider // nil: off
	ran        atomic.Bool
	unprepared atomic.Pointer[error] // why Run can't begin yet; nil once it has
	lost       atomic.Pointer[error] // which topics are lost
	partitions atomic.Int32          // of the topics of aggregates and processes; 0 until prepared
}

// NewWorker wires a worker together. It opens the local stores and the HTTP port; it doesn't need
// Kafka or the registry yet.
func NewWorker(c config.Config, logger *slog.Logger) (_ *Worker, err error) {
	if err := checkSettings(c); err != nil {
		return nil, err
	}
	w := &Worker{
		config: c, kafka: kafkaSettings(c, logger), logger: logger,
		metrics: prometheus.NewRegistry(),
	}
	w.notPrepared(errors.New("not started"))
	w.verify = verify.NewMetrics(w.metrics)
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	w.metrics.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, open := range []func() error{
		w.openTracing, w.openInventory, w.openCodecs, w.openStores, w.openRefolds, w.openProcessors,
		w.openViews, w.openServer,
	} {
		if err := open(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *Worker) openCodecs() error {
	settings, err := registrySettings(w.config)
	if err != nil {
		return err
	}
	settings.Metrics, settings.Logger = codecs.NewMetrics(w.metrics), w.logger
	if w.registry, err = codecs.NewRegistry(settings); err != nil {
		return err
	}
	if w.aggregates, err = openAggregates(w.registry, w.config); err != nil {
		return err
	}
	if w.inputs, err = openProcesses(w.registry); err != nil {
		return err
	}
	w.results, err = processors.NewResultSet(w.registry)
	return err
}

// openStores opens two sets of stores: a processor and a view may both hold a copy of the same
// partition of a table, and each follows it in its own way.
func (w *Worker) openStores() (err error) {
	s := w.config.Store
	metrics := snapshots.NewMetrics(w.metrics)
	open := func(
		name string, topics, files int, cache, rowCache config.Bytes,
	) (*snapshots.Stores, error) {
		o := snapshots.Options{
			Name: name, Kafka: w.kafka, CacheBytes: int64(cache), RowCacheBytes: int64(rowCache),
			Stores:       topics*w.config.Topics.Partitions + 1, // one is being rebuilt beside, see Rebuild
			MaxOpenFiles: s.OpenFiles * files / 3,
			Metrics:      metrics, Logger: w.logger.With("stores", name),
		}
		if rowCache == 0 {
			o.RowCacheBytes = -1
		}
		if s.Directory != "" {
			o.Dir = filepath.Join(s.Directory, w.config.Topics.Prefix+name)
		}
		return snapshots.Open(o)
	}
	if w.tables, err = open("tables", len(w.aggregates), 1, s.CacheBytes, s.RowCacheBytes); err != nil {
		return err
	}
	w.copies, err = open("views", viewTopics(len(w.aggregates)), 2, s.ViewCacheBytes, 0)
	return err
}

// viewTopics is how many topics views follow: of each aggregate its table, commands, events and results;
// and the dead letters.
func viewTopics(aggregates int) int { return 4*aggregates + 1 }

func (w *Worker) openProcessors() error {
	options := processors.GraphOptions{
		TopicPrefix: w.config.Topics.Prefix, Results: w.results, Framed: true,
		RecordBytes: int(w.config.Topics.RecordBytes), Version: programVersion(),
		Partitions: w.partitions.Load,
		Tracer:     w.tracer(), Metrics: processors.NewMetrics(w.metrics), Logger: w.logger,
	}
	for _, a := range w.aggregates {
		o := w.guarded(options, a.topics(w.config.Topics).Group)
		o.RecentSize = a.recentSize
		graph, err := a.graph(o)
		if err != nil {
			return err
		}
		w.supervise(graph, o.Guard, a)
	}
	for i, p := range processes {
		o := w.guarded(options, w.config.Topics.Prefix+p.name)
		graph, err := p.graph(w.inputs[i], targets(w.aggregates, w.config.Topics), o)
		if err != nil {
			return err
		}
		w.supervise(graph, o.Guard, nil)
	}
	return nil
}

// guarded are the options of the graph of a group, which has a guard of its own.
func (w *Worker) guarded(o processors.GraphOptions, group string) processors.GraphOptions {
	p := w.config.Processor
	o.Guard = processors.NewGuard(group, processors.GuardLimits{
		Share: p.PoisonShare, Window: p.PoisonWindow, Least: p.PoisonLeast,
	}, o.Metrics, w.logger)
	return o
}

// supervise adds a processor that runs the graph exactly once; a is its aggregate, nil if it has none.
func (w *Worker) supervise(graph *goka.GroupGraph, guard *processors.Guard, a *aggregate) {
	group := string(graph.Group())
	engine := engineConfig(w.config)
	engine.Kafka, engine.Tables = w.kafka, w.engineTables()
	engine.Metrics = exactlyonce.NewMetrics(
		prometheus.WrapRegistererWith(prometheus.Labels{"group": group}, w.metrics))
	engine.Logger, engine.Tracer = w.logger, w.tracer()
	engine.Copartitioned = copartitioned(w.config.Topics)
	fitting := w.newFitting(graph, a)
	engine.Fit, engine.MakeNoTopics = fitting.check, true
	if id := w.config.Processor.TransactionalID; id != "" {
		engine.TransactionalID = id + "-" + group
	}
	if k := w.keepers[group]; k != nil {
		k.attend(&engine)
	}
	w.processors = append(w.processors, newSupervised(engine, graph, guard, fitting, w.config))
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

func (w *Worker) openViews() (err error) {
	descriptions := make([]views.Description, 0, len(w.aggregates))
	for _, a := range w.aggregates {
		d := a.description(w.config.Topics, w.results)
		d.Refolded = w.refolded(d.Topics.Group)
		descriptions = append(descriptions, d)
	}
	w.views, err = views.Open(views.Options{
		Kafka: w.kafka, Stores: w.copies,
		Limits: viewLimits(w.config.HTTP, w.config.Views, w.config.Processor),
		Off:    !w.config.Views.Enabled, NoHistory: !w.config.Views.History,
		TraceRetention: traceRetention(w.config.Views),
		DeadLetters:    processors.DeadLetters(w.config.Topics.Prefix),
		Metrics:        views.NewMetrics(w.metrics), Logger: w.logger, Aggregates: descriptions,
	})
	return err
}

func (w *Worker) openServer() (err error) {
	checks := []httpapi.Check{
		{Name: "topics-and-schemas", Ready: w.preparedCheck},
		{Name: "lost-topics", Ready: w.topicsCheck},
		{Name: "refolds", Ready: w.refolds.Ready},
	}
	if w.config.Views.Enabled {
		checks = append(checks, httpapi.Check{Name: "views", Ready: w.views.Ready})
	}
	for _, p := range w.processors {
		checks = append(checks, httpapi.Check{Name: p.name + "-processor", Ready: p.Ready})
	}
	resources := make([]httpapi.Resource, 0, len(w.aggregates))
	for _, a := range w.aggregates {
		resources = append(resources, a.show(w.views))
	}
	live, err := w.openLive()
	if err != nil {
		return err
	}
	w.server, err = httpapi.NewServer(httpapi.Options{
		Resources: resources, Commands: w.views, Traces: w.views, Live: live, Readiness: checks,
		Refolds: w.desk, Views: w.views, Stores: w.tables,
		Limits: httpLimits(w.config.HTTP, w.config.Topics, len(w.aggregates)), Version: programVersion(),
		Gatherer: w.metrics, Registerer: w.metrics, Tracer: w.tracer(), Logger: w.logger,
	})
	if err != nil {
		return err
	}
	w.listener, err = net.Listen("tcp", w.config.HTTP.Address) //nolint:noctx // returns at once
	if err != nil {
		return fmt.Errorf("http.address: %w (choose another with --http.address)", err)
	}
	w.address = w.listener.Addr().String()
	return nil
}

// Address returns where the HTTP API listens, or did before Run ended.
func (w *Worker) Address() string { return w.address }

// errRanBefore says that a Worker was used twice.
var errRanBefore = errors.New("the worker has run before; make another one with NewWorker")

// Run works until ctx ends. Then it finishes what is in hand, leaves the group, and returns nil.
// It returns an error only for what trying again can't mend. It runs only once.
func (w *Worker) Run(ctx context.Context) (err error) {
	if w.ran.Swap(true) {
		return errRanBefore
	}
	defer func() { err = errors.Join(err, w.close()) }()
	w.logger.Info("starting", "version", programVersion(), "http", w.Address(),
		"brokers", w.config.Kafka.Brokers, "registry", w.config.Registry.URLs)
	group, ctx := errgroup.WithContext(ctx)
	listener := w.listener
	w.listener = nil // Serve closes it
	group.Go(func() error { return w.server.Serve(ctx, listener) })
	group.Go(func() error {
		if !w.prepare(ctx) {
			return nil
		}
		group.Go(func() error { w.watchTopics(ctx); return nil })
		if w.config.Views.Enabled {
			group.Go(func() error { return w.views.Run(ctx) })
		}
		for _, p := range w.processors {
			group.Go(func() error { p.Run(ctx); return nil })
		}
		return nil
	})
	return group.Wait()
}

// close releases what NewWorker opened. It may be called at any stage.
func (w *Worker) close() error {
	var errs []error
	if w.listener != nil {
		errs = append(errs, w.listener.Close())
	}
	for _, stores := range []*snapshots.Stores{w.tables, w.copies} {
		if stores != nil {
			errs = append(errs, stores.Close())
		}
	}
	if w.refolds != nil {
		w.refolds.Close()
	}
	if w.registry != nil {
		w.registry.Close()
	}
	w.closeTracing()
	return errors.Join(errs...)
}
