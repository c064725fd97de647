package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"refold/codecs"
	"refold/config"
	"refold/console/frame"
	"refold/exactlyonce"
	"refold/installation"
	"refold/installation/stores"
	"refold/inventory"
	"refold/kafka"
	"refold/outcomes"
	"refold/owners"
	"refold/processors"
	"refold/projections/projector"
	"refold/snapshots"
	"refold/snapshots/rebuild"
	"refold/snapshots/standby"
	"refold/snapshots/verify"
	"refold/tracing/otlp"
	"refold/views"
	"refold/views/httpapi"
)

// Worker is the whole program of a pod: processors, views and the HTTP API. New opens what is local, Run
// does the rest.
type Worker struct {
	in      *installation.Installation
	config  config.Config // of the installation
	kafka   kafka.Settings
	logger  *slog.Logger
	metrics *prometheus.Registry

	registry     *codecs.Registry
	opened       *processors.Opened
	tables       *snapshots.Stores // of the processors
	copies       *snapshots.Stores // of the views
	views        *views.Views
	standbys     *standby.Standbys
	processors   []*supervised
	rebuilds     *rebuild.Topic
	inventory    *inventory.Catalog
	requests     *rebuild.Requests
	coordinators map[string]*coordinator // by group
	readStores   *stores.Stores
	projector    *projector.Projector  // nil: it fills no read models
	unprojected  atomic.Pointer[error] // why it has ended
	reactions    *Reactions            // nil: it runs none
	server       *httpapi.Server
	console      *frame.Site    // nil: off
	figures      *figures       // of the console; nil: off
	letters      *deadLetterBox // of the console; nil: off
	verifying    *verifications // of the console; nil without it
	trail        *auditTrail
	listener     net.Listener // Run hands it to the server
	address      string
	directory    *owners.Directory          // nil: everything is here
	outcomes     map[string]*outcomes.Index // by aggregate
	groups       map[string]string          // by aggregate
	verify       *verify.Metrics
	tracing      *otlp.Provider // nil: off
	ran          atomic.Bool
	unprepared   atomic.Pointer[error] // why Run can't begin yet; nil once it has
	lost         atomic.Pointer[error] // which topics are lost
	partitions   atomic.Int32          // of the topics of aggregates and processes; 0 until prepared
	extensions   []Extension
	host         *Host // of the extensions
}

// New wires a worker together. It opens the local stores and the HTTP port; it doesn't need Kafka or the
// registry yet. Extensions add what is the program's own.
func New(
	in *installation.Installation, logger *slog.Logger, extensions ...Extension,
) (_ *Worker, err error) {
	if err := in.Check(); err != nil {
		return nil, err //nolint:wrapcheck // it names the setting
	}
	w := &Worker{
		in: in, config: in.Config, kafka: in.Kafka(logger), logger: logger,
		metrics: prometheus.NewRegistry(), extensions: extensions,
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
		w.openTracing, w.openInventory, w.openCodecs, w.openStores, w.openRebuilds, w.openViews,
		w.openStandbys, w.openOutcomes, w.openProcessors, w.openProjections, w.openReactions,
		w.openServer,
	} {
		if err := open(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// viewTopics is how many topics views follow: of each aggregate its table, commands, events and results;
// and the dead letters.
func viewTopics(aggregates int) int { return 4*aggregates + 1 }

func (w *Worker) openProcessors() error {
	options := processors.GraphOptions{
		TopicPrefix: w.in.Prefix(),
		RecordBytes: int(w.config.Topics.RecordBytes), Version: w.in.Version,
		Partitions: w.partitions.Load,
		Tracer:     w.tracer(), Metrics: processors.NewMetrics(w.metrics), Logger: w.logger,
	}
	for _, a := range w.opened.Aggregates {
		o := w.guarded(options, w.in.Topics(a.AggregateName).Group)
		settings := w.in.Aggregate(a.Name)
		if o.RecentSize = settings.RecentCommands; settings.Results {
			o.Results = w.opened.Results
		}
		o.Outcomes = w.remembered(a.Name)
		graph, err := a.Graph(o)
		if err != nil {
			return err
		}
		w.supervise(graph, o.Guard, a, exactlyonce.StartOldest)
	}
	for _, p := range w.opened.Processes {
		o := w.guarded(options, w.in.Prefix()+p.Name)
		graph, err := p.Graph(w.opened.Targets(w.in.Prefix()), o)
		if err != nil {
			return err
		}
		start := exactlyonce.StartOldest
		if p.FromNewest {
			start = exactlyonce.StartNewest
		}
		w.supervise(graph, o.Guard, nil, start)
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
func (w *Worker) supervise(
	graph *goka.GroupGraph, guard *processors.Guard, a *processors.OpenAggregate, start exactlyonce.Start,
) {
	group := string(graph.Group())
	engine := engineConfig(w.config)
	engine.Kafka, engine.Tables = w.kafka, w.engineTables()
	engine.Metrics = exactlyonce.NewMetrics(
		prometheus.WrapRegistererWith(prometheus.Labels{"group": group}, w.metrics))
	engine.Logger, engine.Tracer = w.logger, w.tracer()
	engine.Copartitioned, engine.Start = w.in.Copartitioned(), start
	fitting := w.newFitting(graph, a)
	engine.Fit, engine.MakeNoTopics = fitting.check, true
	if id := w.config.Processor.TransactionalID; id != "" {
		engine.TransactionalID = id + "-" + group
	}
	if a != nil {
		engine.Follower = w.follower(a, fitting)
	}
	if k := w.coordinators[group]; k != nil {
		k.attend(&engine)
	}
	w.remember(&engine, a)
	w.processors = append(w.processors, newSupervised(engine, graph, guard, fitting, w.config))
}

func (w *Worker) openViews() (err error) {
	descriptions := make([]views.Description, 0, len(w.opened.Aggregates))
	for _, a := range w.opened.Aggregates {
		topics, kept := w.in.Topics(a.AggregateName), w.in.Aggregate(a.Name)
		descriptions = append(descriptions, views.Description{
			Name: a.Name, Plural: a.Plural, Topics: topics,
			Commands: a.Commands, Results: w.opened.Results, Events: a.Events, Row: a.Row, Fold: a.Fold,
			Refolded:  w.refolded(topics.Group),
			NoResults: !kept.Results, NoHistory: !kept.History, NoTraces: !kept.Traces,
			ResultsRetention: cmp.Or(kept.ResultsRetention, w.config.Topics.ResultsRetention),
		})
	}
	w.views, err = views.Open(views.Options{
		Kafka: w.kafka, Stores: w.copies, Placement: placement(w.config.Views), Tables: w.tables,
		Partitions: w.partitions.Load,
		Limits:     viewLimits(w.config.HTTP, w.config.Views, w.config.Processor),
		Off:        !w.config.Views.Enabled, NoHistory: !w.config.Views.History,
		TraceRetention: traceRetention(w.config.Views),
		DeadLetters:    processors.DeadLetters(w.in.Prefix()),
		Metrics:        views.NewMetrics(w.metrics), Logger: w.logger, Aggregates: descriptions,
	})
	return err
}

func (w *Worker) openServer() (err error) {
	checks := []httpapi.Check{
		{Name: "topics-and-schemas", Ready: w.preparedCheck},
		{Name: "schema-registry", Ready: w.registry.Contradiction},
		{Name: "lost-topics", Ready: w.topicsCheck},
		{Name: "rebuilds", Ready: w.rebuilds.Ready},
	}
	if w.config.Views.Enabled {
		checks = append(checks, httpapi.Check{Name: "views", Ready: w.views.Ready})
	}
	for _, p := range w.processors {
		checks = append(checks, httpapi.Check{Name: p.name + "-processor", Ready: p.Ready})
	}
	checks = append(append(checks, w.projectionChecks()...), w.reactionChecks()...)
	resources := make([]httpapi.Resource, 0, len(w.opened.Aggregates))
	for _, a := range w.opened.Aggregates {
		resources = append(resources, w.resource(a))
	}
	live, err := w.openLive()
	if err != nil {
		return err
	}
	if err := w.extend(); err != nil {
		return err
	}
	w.listener, err = net.Listen("tcp", w.config.HTTP.Address) //nolint:noctx // returns at once
	if err != nil {
		return fmt.Errorf("http.address: %w (choose another with --http.address)", err)
	}
	w.address = w.listener.Addr().String()
	if err := w.openDirectory(); err != nil {
		return err
	}
	options := httpapi.Options{
		Resources: resources, Routes: w.host.routes, Endpoints: w.host.endpoints,
		Commands: w.views, Traces: w.views, Live: live, Readiness: checks,
		Rebuilds: w.requests, Views: w.views, Stores: w.tables,
		Limits: httpLimits(w.config.HTTP, w.config.Topics, len(w.opened.Aggregates)), Version: w.in.Version,
		Gatherer: w.metrics, Registerer: w.metrics, Tracer: w.tracer(), Logger: w.logger,
	}
	if w.directory != nil {
		options.Placement, options.Instance = placed{w}, w.directory.Self().Instance
		owners := httpapi.Check{Name: "owners", Ready: w.directory.Ready}
		options.Readiness = append(options.Readiness, owners)
	}
	if w.trail, err = w.openTrail(); err != nil {
		return err
	}
	options.Trail = w.trail
	if err := w.openConsole(&options); err != nil {
		return err
	}
	w.server, err = httpapi.NewServer(options)
	return err
}

// now is the clock that commands of extensions are stamped with.
func (*Worker) now() time.Time { return time.Now() }

// Address returns where the HTTP API listens, or did before Run ended.
func (w *Worker) Address() string { return w.address }

// errRanBefore says that a Worker was used twice.
var errRanBefore = errors.New("the worker has run before; make another one with New")

// Run works until ctx ends. Then it finishes what is in hand, leaves the group, and returns nil.
// It returns an error only for what trying again can't mend. It runs only once.
func (w *Worker) Run(ctx context.Context) (err error) {
	if w.ran.Swap(true) {
		return errRanBefore
	}
	defer func() { err = errors.Join(err, w.close()) }()
	w.logger.Info("starting", "version", w.in.Version, "http", w.Address(),
		"brokers", w.config.Kafka.Brokers, "registry", w.config.Registry.URLs)
	group, ctx := errgroup.WithContext(ctx)
	if w.console != nil {
		defer context.AfterFunc(ctx, w.console.Stop)()
	}
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
		if w.directory != nil {
			group.Go(func() error { w.directory.Run(ctx); return nil })
		}
		for _, p := range w.processors {
			group.Go(func() error { p.Run(ctx); return nil })
		}
		if w.projector != nil {
			group.Go(func() error { w.project(ctx); return nil })
		}
		if w.reactions != nil {
			group.Go(func() error { return w.reactions.Run(ctx) })
		}
		for _, b := range w.host.background {
			group.Go(func() error { w.keep(ctx, b); return nil })
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
	if w.verifying != nil {
		w.verifying.close()
	}
	if w.figures != nil {
		w.figures.close()
	}
	if w.standbys != nil {
		w.standbys.Close()
	}
	w.letters.close()
	w.trail.close()
	w.closeOutcomes()
	for _, stores := range []*snapshots.Stores{w.tables, w.copies} {
		if stores != nil {
			errs = append(errs, stores.Close())
		}
	}
	if w.readStores != nil {
		errs = append(errs, w.readStores.Close())
	}
	if w.rebuilds != nil {
		w.rebuilds.Close()
	}
	if w.registry != nil {
		w.registry.Close()
	}
	w.closeTracing()
	return errors.Join(errs...)
}
