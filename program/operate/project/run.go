package project

import (
	"errors"

	"github.com/spf13/cobra"

	"refold/program/command"
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
	registry, aggregates, err := o.Prepared(cmd.Context())
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
	metrics := command.NewMetrics()
	all, err := worker.NewProjector(worker.ProjectorOptions{
		Installation: o.Installation, Aggregates: aggregates, Stores: o.stores, Rebuilds: rebuilds,
		Only: names, Share: 1, Metrics: metrics, Logger: logger,
	})
	if err != nil {
		return err //nolint:wrapcheck // it says what is missing
	}
	logger.Info("starting", "version", o.Version, "http", o.Config.HTTP.Address)
	return command.Serve(cmd.Context(), all, metrics, o.Config.HTTP.Address)
}
