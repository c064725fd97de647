package project

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"refold/projections/projector"
	"refold/snapshots/rebuild"
	"refold/worker"
)

func (p *commands) newRun() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "project [NAME…]",
		Short: "Fill read models without a worker, and look after their builds",
		Long: `Fill read models without a worker: the projections of these names, or all that have a store.
Any number of processes share the partitions, workers among them.

It serves /livez, /readyz and /metrics at http.address. Set projections.run to false in the workers to leave
the work to these processes.`,
		Example: `  processor project --projections.postgres.url-file /run/secrets/postgres
  processor project account_statement`,
		RunE: func(cmd *cobra.Command, names []string) error { return p.run(cmd, names) },
	}
	p.Options.AddFlags(cmd.Flags())
	return cmd
}

func (p *commands) run(cmd *cobra.Command, names []string) (err error) {
	o, err := p.open(cmd)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.stores.Close()) }()
	logger := o.logger
	registry, aggregates, err := o.prepared(cmd.Context())
	if err != nil {
		return err
	}
	defer registry.Close()
	rebuilds, err := rebuild.Open(rebuild.TopicOptions{
		Kafka: o.Kafka(nil), Name: rebuild.TopicName(o.Prefix()), StallAfter: o.Config.Processor.StallAfter,
		Logger: logger,
	})
	if err != nil {
		return err //nolint:wrapcheck // it names the topic
	}
	defer rebuilds.Close()
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	all, err := worker.NewProjector(worker.ProjectorOptions{
		Installation: o.Installation, Aggregates: aggregates, Stores: o.stores, Rebuilds: rebuilds,
		Only: names, Share: 1, Metrics: metrics, Logger: logger,
	})
	if err != nil {
		return err //nolint:wrapcheck // it says what is missing
	}
	logger.Info("starting", "version", o.Version, "http", o.Config.HTTP.Address)
	return serve(cmd.Context(), all, metrics, o.Config.HTTP.Address)
}

// headerTimeout is how long a probe may take to say what it wants.
const headerTimeout = 5 * time.Second

// serve runs the projector, and answers probes meanwhile.
func serve(
	ctx context.Context, all *projector.Projector, metrics *prometheus.Registry, address string,
) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("http.address: %w (choose another with --http.address)", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := all.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("http.address: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		err := all.Run(ctx)
		return errors.Join(err, server.Close())
	})
	return group.Wait() //nolint:wrapcheck // it says what ended
}
