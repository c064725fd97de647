package project

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"refold/projections"
)

// shownBuild is a build as it is printed.
type shownBuild struct {
	Projection string             `json:"projection"`
	Store      string             `json:"store"`
	Build      int                `json:"build"`
	Version    int                `json:"version"`
	Folds      string             `json:"folds"`
	Status     projections.Status `json:"status"`
	Began      time.Time          `json:"began"`
	// Members is how many consumers fill it, Partitions how many partitions have been claimed, Behind how
	// many offsets all of them lack together. Without Kafka, Members is 0, and Behind is as far as was known
	// when the store was written to.
	Members    int   `json:"members"`
	Partitions int   `json:"partitions"`
	Behind     int64 `json:"behind"`
	// Time is that of the latest event that was taken.
	Time time.Time `json:"time,omitzero"`

	progress []projections.Progress
}

func (p *commands) newBuilds() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "builds [NAME…]",
		Short: "Show the builds of projections: which is live, how far each has come, and who fills it",
		Long: `Show the builds of projections: which is live, how far each has come, and who fills it.

MEMBERS is how many consumers fill a build; PARTITIONS how many partitions any has begun; BEHIND how many
offsets these lack now.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			return p.withStores(cmd, func(ctx context.Context, o *opened) error {
				all, err := o.builds(ctx, names)
				if err != nil {
					return err
				}
				if err := o.ask(ctx, all); err != nil {
					fmt.Fprintf(cmd.ErrOrStderr(), "Kafka does not say who fills them, and how far they are "+
						"behind by now: %v\n", err)
				}
				if asJSON {
					return writeLines(cmd.OutOrStdout(), all)
				}
				return showBuilds(cmd.OutOrStdout(), all)
			})
		},
	}
	p.Options.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON for each")
	return cmd
}

// builds returns the builds of the projections with these names; of all, if there are none.
func (o *opened) builds(ctx context.Context, names []string) (all []shownBuild, err error) {
	chosen := o.all()
	if len(names) > 0 {
		chosen = chosen[:0]
		for _, name := range names {
			s, err := o.named(name)
			if err != nil {
				return nil, err
			}
			chosen = append(chosen, s)
		}
	}
	for i := range chosen {
		builds, err := chosen[i].Store.Builds(ctx, chosen[i].Name)
		if err != nil {
			return nil, err //nolint:wrapcheck // it says what was asked
		}
		for _, b := range builds {
			shown, err := chosen[i].shown(ctx, b)
			if err != nil {
				return nil, err
			}
			all = append(all, shown)
		}
	}
	return all, nil
}

// shown returns how far a build has come.
func (s *stored) shown(ctx context.Context, b projections.Build) (shownBuild, error) {
	at, err := s.Shown(ctx, b)
	return shownBuild{
		Projection: s.Name, Store: s.In, Build: b.Number, Version: b.Version, Folds: b.Folds,
		Status: b.Status, Began: b.Began, Partitions: at.Partitions, Behind: at.Behind, Time: at.Time,
		progress: at.Progress,
	}, err //nolint:wrapcheck // it says which build
}

func showBuilds(out io.Writer, all []shownBuild) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PROJECTION\tSTORE\tBUILD\tVERSION\tFOLDS\tSTATUS\tMEMBERS\tPARTITIONS\tBEHIND\t"+
		"LATEST EVENT")
	for _, b := range all {
		latest := "-"
		if !b.Time.IsZero() {
			latest = b.Time.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\t%d\t%d\t%d\t%s\n", b.Projection, b.Store, b.Build,
			b.Version, b.Folds, b.Status, b.Members, b.Partitions, b.Behind, latest)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the builds: %w", err)
	}
	return nil
}

// writeLines prints a line of JSON for each.
func writeLines[T any](out io.Writer, all []T) error {
	encoder := json.NewEncoder(out)
	for _, one := range all {
		if err := encoder.Encode(one); err != nil {
			return fmt.Errorf("print a line: %w", err)
		}
	}
	return nil
}

func (p *commands) newRebuild() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rebuild NAME",
		Short: "Fill a projection's tables anew, beside those that readers see",
		Long: `Fill a projection's tables anew, beside those that readers see.

The new build is filled by whoever runs the projection, and takes over when it is level. The one before is
kept: "processor project take-over" goes back to it. A new version of a projection needs no rebuild: its build
begins by itself.

It is filled from all events, or from the aggregates' tables if projections.from-tables names the projection,
for this command and for whoever runs it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withStores(cmd, func(ctx context.Context, o *opened) error {
				s, err := o.named(args[0])
				if err != nil {
					return err
				}
				fromTables := slices.Contains(o.Config.Projections.FromTables, s.Name)
				var b projections.Build
				err = o.audited(ctx, cmd, "project/rebuild", s.Name, func() (err error) {
					b, err = s.Begin(ctx, fromTables)
					return err
				})
				if err == nil {
					source := map[bool]string{true: "tables", false: "all events"}[fromTables]
					fmt.Fprintf(cmd.OutOrStdout(), "build %d of %s begins, from %s; processor project "+
						"builds %s shows how far it is\n", b.Number, s.Name, source, s.Name)
				}
				return err
			})
		},
	}
	p.Options.AddFlags(cmd.Flags())
	return cmd
}

func (p *commands) newTakeOver() *cobra.Command {
	const short = "Make a build the one that readers see"
	var fewer bool
	cmd := p.ofBuild("take-over", short, short+`.

It must have taken all that the live one has, which stands still for a moment; so nobody sees less than
before. The build that was live is kept: go back in the same way. New builds of projections that
projections.by-hand names wait for this.

After topics were restored from a backup, the live build may have taken events that they don't have, and no
other can ever be level with it: --fewer-events sets it back, and readers then see less than before. Drop it
afterwards.`,
		func(ctx context.Context, cmd *cobra.Command, s *stored, b projections.Build) error {
			err := s.TakeOver(ctx, b.Number, fewer)
			if errors.Is(err, projections.ErrBehind) {
				return fmt.Errorf("%w; project builds shows both. If topics were restored, see "+
					"--fewer-events", err)
			}
			if err != nil {
				return err //nolint:wrapcheck // it says which build
			}
			fmt.Fprintf(cmd.OutOrStdout(), "build %d of %s is live\n", b.Number, s.Name)
			return nil
		})
	cmd.Flags().BoolVar(&fewer, "fewer-events", false,
		"take over although the live build has taken more: topics were restored, and have fewer events")
	return cmd
}

func (p *commands) newDrop() *cobra.Command {
	const short = "Remove a build with all its rows"
	return p.ofBuild("drop", short, short+`. The live one can't be dropped.`, func(
		ctx context.Context, cmd *cobra.Command, s *stored, b projections.Build,
	) error {
		if err := s.Drop(ctx, b.Number); err != nil {
			return err //nolint:wrapcheck // it says which build
		}
		fmt.Fprintf(cmd.OutOrStdout(), "build %d of %s is gone\n", b.Number, s.Name)
		return nil
	})
}

// ofBuild returns a command about one build.
func (p *commands) ofBuild(
	use, short, long string, do func(context.Context, *cobra.Command, *stored, projections.Build) error,
) *cobra.Command {
	cmd := &cobra.Command{
		Use: use + " NAME BUILD", Short: short, Long: long, Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withStores(cmd, func(ctx context.Context, o *opened) error {
				s, err := o.named(args[0])
				if err != nil {
					return err
				}
				number, err := strconv.Atoi(args[1])
				if err != nil || number < 1 {
					return fmt.Errorf("the build is %q; it must be a number, as project builds shows it",
						args[1])
				}
				b, err := s.Build(ctx, number)
				if err != nil {
					return err
				}
				return o.audited(ctx, cmd, "project/"+use, b.Name(), func() error {
					return do(ctx, cmd, &s, b)
				})
			})
		},
	}
	p.Options.AddFlags(cmd.Flags())
	return cmd
}
