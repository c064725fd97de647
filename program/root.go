package program

import (
	"cmp"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"refold/installation"
	"refold/load"
	"refold/logging"
	"refold/processors"
	"refold/program/command"
	"refold/program/operate"
	"refold/worker"
)

// program is what all commands share.
type program struct {
	*command.Program
	extensions []worker.Extension
	traffic    load.Source
	flags      func(*pflag.FlagSet) // the program's own
}

const defaultName = "processor"

func (p Program) name() string { return cmp.Or(p.Name, defaultName) }

// newRoot returns the command tree. environ is what os.Environ returns.
func newRoot(of Program, environ []string) (*cobra.Command, error) {
	definitions, err := processors.Define(of.Definitions...)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the definition
	}
	p := &program{
		Program: &command.Program{
			Environ: environ, Definitions: definitions, Options: installation.Options(definitions),
			Version: cmp.Or(of.Version, sourceVersion()),
		},
		extensions: of.Extensions, flags: of.Flags, traffic: of.Traffic,
	}
	if p.traffic == nil {
		p.traffic = load.Default{}
	}
	root := &cobra.Command{
		Use:   of.name(),
		Short: "A stream-processing worker for event-sourced services on Kafka",
		Long: `processor consumes commands, decides, emits events and folds them into tables, exactly once.

Begin with "processor dev": it needs no cluster and no registry.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(p.newDev(), p.newRun(), p.newSend(), p.newGet(), p.newHistory(), p.newDiff(), p.newWhy(),
		p.newReport(), p.newTrace(), newTail(), p.newLoad(), newViews(), newOwners(), p.newConfig(),
		p.newBench(), p.newVersion())
	root.AddCommand(operate.Commands(p.Program)...)
	root.AddCommand(of.Commands...)
	rename(root, of.name())
	return root, nil
}

// rename puts the program's name in the place of ours, in the texts of all commands.
func rename(cmd *cobra.Command, name string) {
	if name == defaultName {
		return
	}
	in := strings.NewReplacer(defaultName+" ", name+" ")
	cmd.Short, cmd.Long, cmd.Example = in.Replace(cmd.Short), in.Replace(cmd.Long), in.Replace(cmd.Example)
	for _, below := range cmd.Commands() {
		rename(below, name)
	}
}

func (p *program) newRun() *cobra.Command {
	var profile string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run a worker: processors, views and the HTTP API",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := p.Load(cmd, nil)
			if err != nil {
				return err
			}
			stop, err := startProfile(profile)
			if err != nil {
				return err
			}
			defer stop()
			logger := logging.New(cmd.ErrOrStderr(), loaded.Config.Log)
			worker.LimitMemory(loaded.Config.Processor)
			worker, err := worker.New(loaded.Installation, logger, p.extensions...)
			if err != nil {
				return err
			}
			err = worker.Run(cmd.Context())
			logger.Info("stopped", slog.Bool("clean", err == nil))
			return err
		},
	}
	p.workerFlags(cmd.Flags())
	cmd.Flags().StringVar(&profile, "cpuprofile", "", "write a CPU profile to this file")
	return cmd
}

// workerFlags adds the flags of a command that starts a worker.
func (p *program) workerFlags(flags *pflag.FlagSet) {
	p.Options.AddFlags(flags)
	if p.flags != nil {
		p.flags(flags)
	}
}

func (p *program) newConfig() *cobra.Command {
	var check, reference bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the effective configuration, and where each value comes from",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if reference {
				return p.Options.WriteReference(cmd.OutOrStdout())
			}
			loaded, err := p.Load(cmd, nil)
			if err != nil {
				return err
			}
			if err := loaded.Check(); err != nil || check {
				return err
			}
			return loaded.From.WriteYAML(cmd.OutOrStdout())
		},
	}
	p.Options.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&check, "check", false, "only tell what is wrong")
	cmd.Flags().BoolVar(&reference, "reference", false, "describe all options, as Markdown")
	return cmd
}
