package project

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"refold/codecs"
	"refold/installation/builds"
	"refold/installation/stores"
	"refold/processors"
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
}

// open loads the configuration and opens the stores.
func (p *commands) open(cmd *cobra.Command) (*opened, error) {
	loaded, err := p.Load(cmd, nil)
	if err != nil {
		return nil, err
	}
	all, err := stores.Open(loaded.Installation)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the option
	}
	return &opened{loaded, all}, nil
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

// prepared opens the aggregates, and learns their schemas. The caller closes the registry.
func (o *opened) prepared(ctx context.Context) (*codecs.Registry, []*processors.OpenAggregate, error) {
	registry, all, err := o.Open(nil)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // it says what is wrong
	}
	if err := all.Prepare(ctx); err != nil {
		registry.Close()
		return nil, nil, err //nolint:wrapcheck // it names the schemas
	}
	return registry, all.Aggregates, nil
}
