package project

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"refold/program/command"
	"refold/projections/compare"
	"refold/projections/projector"
)

// Verification is what verify is asked about a projection.
type Verification struct {
	Name string
	// Build is the number of the build; 0: the live one.
	Build int
	// Sample is the share of rows, EventsPerSecond limits the fold; 0: no limit.
	Sample          float64
	EventsPerSecond int
	// Mend writes the rows that differ.
	Mend bool
}

// Verify compares a build with a fold of its events. Its error has the exit code of the command verify.
func Verify(program *command.Program, cmd *cobra.Command, v Verification) error {
	p := &commands{program}
	return p.withStores(cmd, func(ctx context.Context, o *opened) error {
		s, err := o.named(v.Name)
		if err != nil {
			return err
		}
		b, err := s.Build(ctx, v.Build)
		if err != nil {
			return err
		}
		registry, aggregates, err := o.Prepared(ctx)
		if err != nil {
			return err
		}
		defer registry.Close()
		options := compare.Options{
			Projection: &s.Projection, Build: b, Kafka: o.Kafka(nil), TopicPrefix: o.Prefix(),
			Group: projector.Group(o.Prefix(), b), Sample: v.Sample, EventsPerSecond: v.EventsPerSecond,
		}
		if options.Sources, err = s.Projection.Open(aggregates); err != nil {
			return err //nolint:wrapcheck // it names the projection
		}
		if options.Open, err = s.Store.Open(ctx, &s.Projection, b.Number); err != nil {
			return err //nolint:wrapcheck // it says which build
		}
		if !v.Mend {
			return v.run(ctx, cmd, options)
		}
		return o.audited(ctx, cmd, "verify/mend", b.Name(), func() error { return v.run(ctx, cmd, options) })
	})
}

// run verifies, prints each difference as a line of JSON, and mends them if that is asked for.
func (v *Verification) run(ctx context.Context, cmd *cobra.Command, o compare.Options) error {
	var found []compare.Difference
	out, log := json.NewEncoder(cmd.OutOrStdout()), cmd.ErrOrStderr()
	o.Report = func(d compare.Difference) error {
		found = append(found, d)
		return out.Encode(d)
	}
	report, err := compare.Run(ctx, o)
	if err != nil {
		return err //nolint:wrapcheck // it says which build
	}
	fmt.Fprintf(log, "%s: %d events, %d rows, %d states, %d events set aside, %d rows that did not hold "+
		"still: ", report.Build, report.Events, report.Rows, report.States, report.Poison, report.Restless)
	if report.Differences == 0 {
		fmt.Fprintln(log, "all equal")
		return nil
	}
	fmt.Fprintf(log, "%d differences\n", report.Differences)
	if !v.Mend {
		return command.ExitError{Code: command.ExitDiffers}
	}
	mended, err := compare.Mend(ctx, o, found, func(compare.Difference) error { return nil })
	fmt.Fprintf(log, "%s: %d rows mended\n", report.Build, mended)
	if left := len(found) - mended; err == nil && left > 0 {
		err = errors.New("some differences are of states, which take a rebuild, or right by now; verify")
	}
	return err
}
