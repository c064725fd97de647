package main

import (
	"log/slog"

	"github.com/spf13/cobra"

	"refold/config"
)

// program is what all commands share.
type program struct {
	environ []string
}

// newRoot returns the command tree. environ is what os.Environ returns.
func newRoot(environ []string) *cobra.Command {
	p := &program{environ: environ}
	root := &cobra.Command{
		Use:   "processor",
		Short: "A stream-processing worker for event-sourced services on Kafka",
		Long: `processor consumes commands, decides, emits events and folds them into tables, exactly once.

Begin with "processor dev": it needs nothing but itself.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(p.newDev(), p.newRun(), newSend(), newGet(), newHistory(), newDiff(), newReport(),
		p.newTrace(), newTail(), p.newLoad(), p.newDeadLetters(), p.newRebuild(), p.newVerify(), p.newReset(),
		newViews(), p.newTopics(), p.newTransactions(), p.newSchemas(), p.newConfig(), p.newBench(),
		newVersion())
	return root
}

// showHelp is what a command does that only has commands below it. Without it, cobra would take a
// misspelt one for a wish for help, and exit with 0.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// load reads the configuration of a command whose flags are config's.
func (p *program) load(cmd *cobra.Command, defaults map[string]string) (*config.Loaded, error) {
	loaded, err := config.Load(config.LoadOptions{
		Flags: cmd.Flags(), Environ: p.environ, Defaults: defaults, Check: kafkaMistakes,
	})
	if err == nil {
		err = names(loaded.Config.Topics).Check()
	}
	return loaded, err
}

func (p *program) newRun() *cobra.Command {
	var profile string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run a worker: processors, views and the HTTP API",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := p.load(cmd, nil)
			if err != nil {
				return err
			}
			stop, err := startProfile(profile)
			if err != nil {
				return err
			}
			defer stop()
			logger := newLogger(cmd.ErrOrStderr(), loaded.Config.Log)
			limitMemory(loaded.Config.Processor)
			worker, err := NewWorker(loaded.Config, logger)
			if err != nil {
				return err
			}
			err = worker.Run(cmd.Context())
			logger.Info("stopped", slog.Bool("clean", err == nil))
			return err
		},
	}
	config.AddFlags(cmd.Flags())
	cmd.Flags().StringVar(&profile, "cpuprofile", "", "write a CPU profile to this file")
	return cmd
}

func (p *program) newConfig() *cobra.Command {
	var check, reference bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the effective configuration, and where each value comes from",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if reference {
				return config.WriteReference(cmd.OutOrStdout())
			}
			loaded, err := p.load(cmd, nil)
			if err != nil {
				return err
			}
			if err := checkSettings(loaded.Config); err != nil || check {
				return err
			}
			return loaded.WriteYAML(cmd.OutOrStdout())
		},
	}
	config.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&check, "check", false, "only tell what is wrong")
	cmd.Flags().BoolVar(&reference, "reference", false, "describe all options, as Markdown")
	return cmd
}
