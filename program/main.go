package program

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"refold/config"
	"refold/installation"
	"refold/load"
	"refold/processors"
	"refold/program/command"
	"refold/worker"
)

// Program is what a program is made of. Definitions are required.
type Program struct {
	// Name is what the program is called on the command line; "processor" if empty.
	Name string
	// Version is the program's; what Go noted of the source, if it is empty.
	Version string
	// Definitions are the aggregates, processes, projections and reactions.
	Definitions []processors.Definition
	// Extensions add routes and metrics to the worker.
	Extensions []worker.Extension
	// Traffic is what load and dev send; [load.Default] if it is nil.
	Traffic load.Source
	// Flags adds the program's own flags to the commands that start a worker, run and dev; may be nil. They
	// are parsed when extensions are called.
	Flags func(*pflag.FlagSet)
	// Commands are the program's own, beside ours; may be nil.
	Commands []*cobra.Command
}

// Main runs the program of the definitions, with the arguments of the process, and ends the process.
func Main(definitions ...processors.Definition) { Program{Definitions: definitions}.Main() }

// Main runs the program with the arguments of the process, and ends the process. SIGINT and SIGTERM stop
// it in an orderly way, a second one at once.
func (p Program) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // so that a second signal ends the process at once
	}()
	os.Exit(p.Run(ctx, os.Args[1:]))
}

// Run is the program without the process: it returns the exit code, and writes to the standard streams.
func (p Program) Run(ctx context.Context, args []string) int {
	root, err := newRoot(p, os.Environ())
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: the program is defined wrongly: %v\n", p.name(), err)
		return command.ExitFailed
	}
	root.SetArgs(args)
	err = root.ExecuteContext(ctx)
	var exit command.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.Code
	default:
		fmt.Fprintf(root.ErrOrStderr(), "%s: %v\n", root.Name(), err)
		return command.ExitFailed
	}
}

// Installation returns the program's definitions with a configuration: the defaults, changed by settings,
// such as "kafka.brokers". It is for tests, and for tools that start a worker of their own.
func (p Program) Installation(settings map[string]string) (*installation.Installation, error) {
	definitions, err := processors.Define(p.Definitions...)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the definition
	}
	loaded, err := installation.Options(definitions).Load(config.LoadOptions{
		Defaults: settings, Check: installation.KafkaMistakes,
	})
	if err != nil {
		return nil, err //nolint:wrapcheck // it lists the mistakes
	}
	return &installation.Installation{
		Config: loaded.Config, Definitions: definitions, Version: cmp.Or(p.Version, sourceVersion()),
	}, nil
}
