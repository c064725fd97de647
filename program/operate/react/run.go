package react

import (
	"github.com/spf13/cobra"

	"refold/inventory"
	"refold/logging"
	"refold/program/command"
	"refold/worker"
)

// commands are those of a program.
type commands struct{ *command.Program }

// Command returns the command react, with those below it.
func Command(program *command.Program) *cobra.Command {
	p := &commands{program}
	cmd := p.newRun()
	cmd.AddCommand(p.newList())
	return cmd
}

func (p *commands) newRun() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "react [NAME…]",
		Short: "Run reactions without a worker, and show how far they are",
		Long: `Run reactions without a worker: those of these names, or all of the program. Any number of
processes share the partitions, workers among them.

It serves /livez, /readyz and /metrics at http.address. Set reactions.run to false in the workers to leave the
work to these processes: a receiver that is away then makes no worker unready.`,
		Example: "  processor react\n  processor react receipts",
		RunE:    func(cmd *cobra.Command, names []string) error { return p.run(cmd, names) },
	}
	p.Options.AddFlags(cmd.Flags())
	return cmd
}

func (p *commands) run(cmd *cobra.Command, names []string) error {
	loaded, err := p.Load(cmd, nil)
	if err != nil {
		return err
	}
	if err := loaded.Check(); err != nil {
		return err //nolint:wrapcheck // it names the setting
	}
	logger := logging.New(cmd.ErrOrStderr(), loaded.Config.Log)
	registry, aggregates, err := loaded.Prepared(cmd.Context())
	if err != nil {
		return err
	}
	defer registry.Close()
	topics := loaded.Inventory(inventory.Options{By: loaded.WorkerName(), Logger: logger})
	metrics := command.NewMetrics()
	all, err := worker.NewReactions(worker.ReactionsOptions{
		Installation: loaded.Installation, Aggregates: aggregates, Inventory: topics,
		Only: names, Metrics: metrics, Logger: logger,
	})
	if err != nil {
		return err //nolint:wrapcheck // it says what is missing
	}
	logger.Info("starting", "version", loaded.Version, "http", loaded.Config.HTTP.Address)
	return command.Serve(cmd.Context(), all, metrics, loaded.Config.HTTP.Address)
}
