package schemas

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"refold/codecs"
	"refold/codecs/compat"
	"refold/program/command"
)

func (p commands) newRegister() *cobra.Command {
	var set bool
	cmd := &cobra.Command{
		Use:   "register",
		Short: "Register the schemas that are missing; a step of deployment",
		Long: `Register the schemas that are missing; a step of deployment. Nothing is registered if a type is
not compatible with an earlier version, as "schemas check" has it, or if a version can't be read.

With --set-compatibility the registry is told to check later versions at the same levels, subject by subject,
so that it refuses what other programs register, too.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := p.Load(cmd, nil)
			if err != nil {
				return err //nolint:wrapcheck // it lists the mistakes
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return register(ctx, cmd.OutOrStdout(), loaded, set)
		},
	}
	p.Options.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&set, "set-compatibility", false, "make the registry check later versions, too")
	return cmd
}

func register(ctx context.Context, w io.Writer, loaded *command.Loaded, set bool) error {
	o, err := open(loaded, "", codecs.Register)
	if err != nil {
		return err
	}
	defer o.registry.Close()
	r, err := compare(ctx, o.types, o.history, loaded.Compatibility)
	if err != nil {
		return err
	}
	if !r.Compatible {
		r.print(w)
		return command.ExitError{Code: command.ExitFailed}
	}
	if set { // or the registry refuses what has another level from now on
		if err := o.setLevelsOfKnown(ctx, r, loaded.Compatibility); err != nil {
			return err
		}
	}
	if err := o.opened.Prepare(ctx); err != nil {
		return err //nolint:wrapcheck // it names the schemas
	}
	if err := o.opened.CheckVersions(ctx); err != nil {
		return err //nolint:wrapcheck // it names the versions
	}
	fmt.Fprintf(w, "%d schemas are in the registry\n", o.opened.SchemaCount())
	if set {
		return setLevels(ctx, w, o, loaded.Compatibility)
	}
	return nil
}

// setLevelsOfKnown makes the registry check the subjects that it has at their levels.
func (o *opened) setLevelsOfKnown(ctx context.Context, r *report, level levels) error {
	for _, t := range r.Types {
		if len(t.Versions) == 0 {
			continue
		}
		if err := o.registry.SetCompatibility(ctx, t.Subject, string(level(t.Subject))); err != nil {
			return err //nolint:wrapcheck // it names the subject
		}
	}
	return nil
}

// setLevels makes the registry check the subjects of the program at their
// levels.
func setLevels(ctx context.Context, w io.Writer, o *opened, level levels) error {
	n := map[compat.Level]int{}
	for _, t := range o.types.Types {
		wanted := level(t.Subject)
		if err := o.registry.SetCompatibility(ctx, t.Subject, string(wanted)); err != nil {
			return err //nolint:wrapcheck // it names the subject
		}
		n[wanted]++
	}
	for _, l := range compat.Levels() {
		if n[l] > 0 {
			fmt.Fprintf(w, "%d subjects are checked at %s by the registry\n", n[l], l)
		}
	}
	return nil
}
