package project

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"refold/audittrail"
	"refold/installation/builds"
	"refold/installation/stores"
	"refold/logging"
	"refold/program/command"
)

// commands are those of a program.
type commands struct{ *command.Program }

// Command returns the command project, with those below it.
func Command(program *command.Program) *cobra.Command {
	p := &commands{program}
	cmd := p.newRun()
	cmd.AddCommand(p.newBuilds(), p.newRebuild(), p.newTakeOver(), p.newDrop(), p.newWait(), p.newRows())
	return cmd
}

// opened are the stores of an installation.
type opened struct {
	*command.Loaded
	stores *stores.Stores
	logger *slog.Logger
}

// open loads the configuration and opens the stores.
func (p *commands) open(cmd *cobra.Command) (*opened, error) {
	loaded, err := p.Load(cmd, nil)
	if err != nil {
		return nil, err
	}
	logger := logging.New(cmd.ErrOrStderr(), loaded.Config.Log)
	all, err := stores.Open(loaded.Installation, logger)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the option
	}
	return &opened{loaded, all, logger}, nil
}

// withStores does something with the stores.
func (p *commands) withStores(cmd *cobra.Command, do func(context.Context, *opened) error) error {
	o, err := p.open(cmd)
	if err != nil {
		return err
	}
	return errors.Join(do(cmd.Context(), o), o.stores.Close())
}

// stored is a projection with its store.
type stored struct{ builds.Stored }

// all returns the projections that have a store, of each the latest version that the program has.
func (o *opened) all() (all []stored) {
	for _, s := range builds.All(o.Installation, o.stores) {
		all = append(all, stored{s})
	}
	return all
}

// named returns a projection by its name.
func (o *opened) named(name string) (stored, error) {
	s, err := builds.Named(o.Installation, o.stores, name)
	return stored{s}, err //nolint:wrapcheck // it says what there is
}

// audited does something of which the audit trail has a record.
func (o *opened) audited(
	ctx context.Context, cmd *cobra.Command, what, on string, do func() error,
) error {
	return o.Audited(ctx, cmd.ErrOrStderr(), audittrail.Record{What: what, On: on}, do)
}
