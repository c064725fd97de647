package project

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"refold/audittrail"
	"refold/installation/stores"
	"refold/logging"
	"refold/program/command"
	"refold/projections"
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
type stored struct {
	projections.Projection

	in    string // the store's name
	store projections.Store
}

// all returns the projections that have a store, of each the latest version that the program has.
func (o *opened) all() (all []stored) {
	at := make(map[string]int)
	for _, p := range o.Projections() {
		name, store := o.stores.Of(&p)
		if store == nil {
			continue
		}
		i, known := at[p.Name]
		if !known {
			i = len(all)
			at[p.Name] = i
			all = append(all, stored{p, name, store})
		}
		if p.Version > all[i].Version {
			all[i].Projection = p
		}
	}
	return all
}

// named returns a projection by its name.
func (o *opened) named(name string) (stored, error) {
	var names []string
	for _, s := range o.all() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return stored{}, fmt.Errorf("no projection %q has a store; there is %s", name, strings.Join(names, ", "))
}

// build returns a build by its number; 0: the live one.
func (s *stored) build(ctx context.Context, number int) (projections.Build, error) {
	builds, err := s.store.Builds(ctx, s.Name)
	if err != nil {
		return projections.Build{}, err //nolint:wrapcheck // it says what was asked
	}
	i := slices.IndexFunc(builds, func(b projections.Build) bool {
		return b.Number == number || number == 0 && b.Status == projections.Live
	})
	if i < 0 {
		asked := s.Name
		if number > 0 {
			asked = projections.Build{Projection: s.Name, Number: number}.Name()
		}
		return projections.Build{}, fmt.Errorf("%s: %w; project builds shows those that there are", asked,
			projections.ErrNoBuild)
	}
	return builds[i], nil
}

// audited does something of which the audit trail has a record.
func (o *opened) audited(
	ctx context.Context, cmd *cobra.Command, what, on string, do func() error,
) error {
	return o.Audited(ctx, cmd.ErrOrStderr(), audittrail.Record{What: what, On: on}, do)
}
