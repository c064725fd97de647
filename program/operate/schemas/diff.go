package schemas

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"refold/codecs"
	"refold/codecs/compat"
	"refold/codecs/released"
	"refold/installation/schemadiff"
	"refold/processors"
	"refold/program/command"
)

// difference is what diff prints. Its JSON members are stable.
type difference struct {
	Subject string `json:"subject"`
	// From and To are numbers of versions; 0 is the program's schema.
	From    int             `json:"from"`
	To      int             `json:"to"`
	Changes []compat.Change `json:"changes"`
	// Breaks are those of both directions, whatever the level.
	Breaks     []compat.Finding `json:"breaks"`
	Level      compat.Level     `json:"level"`
	Compatible bool             `json:"compatible"` // at the level
}

func (p commands) newDiff() *cobra.Command {
	var json bool
	var against string
	cmd := &cobra.Command{
		Use:   "diff SUBJECT [FROM [TO]]",
		Short: "Compare two versions of a schema field by field, each change with its verdict",
		Long: `Compare two versions of a schema field by field. FROM is the latest version unless it is given,
TO the program's own schema. Each change is marked: compatible, or a break backward (the newer one does not
read what the older one wrote), forward (the older one does not read what the newer one writes), or both.

Exit code 1: the two are not compatible at the subject's level (registry.compatibility).

--json prints one object: subject, from, to (0 is the program), level, compatible, changes (path, what, was,
is, backward, forward: whether it is compatible), and breaks, as "schemas check" has them.`,
		Example: `  processor schemas diff refold.accounts.MoneyDeposited
  processor schemas diff refold.accounts.MoneyDeposited 1 3 --against schemas/released`,
		Args: cobra.RangeArgs(1, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.with(cmd, against, func(ctx context.Context, loaded *command.Loaded, o *opened) error {
				d, err := o.diff(ctx, args, loaded.Compatibility)
				if err != nil {
					return err
				}
				if json {
					err = printJSON(cmd.OutOrStdout(), d)
				} else {
					d.print(cmd.OutOrStdout())
				}
				if err == nil && !d.Compatible {
					err = command.ExitError{Code: command.ExitFailed}
				}
				return err
			})
		},
	}
	p.Options.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&json, "json", false, "print a JSON object")
	cmd.Flags().StringVar(&against, "against", "", "folder of released schemas, instead of a registry")
	return cmd
}

func (o *opened) diff(ctx context.Context, args []string, level levels) (*difference, error) {
	subject := args[0]
	versions, err := o.history.versions(ctx, subject)
	switch {
	case err != nil:
		return nil, err //nolint:wrapcheck // it names the subject
	case len(versions) == 0:
		return nil, fmt.Errorf("there is no subject %s in the %s; \"schemas list\" shows what there is",
			subject, o.history.name())
	}
	d := &difference{
		Subject: subject, From: versions[len(versions)-1].number, Level: level(subject), Compatible: true,
	}
	for i, into := range []*int{&d.From, &d.To} {
		if len(args) < i+2 {
			continue
		}
		if *into, err = strconv.Atoi(args[i+1]); err != nil || *into < 1 {
			return nil, fmt.Errorf("%q is no version; it must be a number from 1 on", args[i+1])
		}
	}
	older, err := o.schemaOf(subject, d.From, versions)
	if err != nil {
		return nil, err
	}
	newer, err := o.schemaOf(subject, d.To, versions)
	if err != nil {
		return nil, err
	}
	if d.Changes, err = schemadiff.Changes(older, newer); err != nil {
		return nil, err
	}
	if d.Breaks, err = schemadiff.Breaks(older, newer); err != nil {
		return nil, err
	}
	for _, b := range d.Breaks {
		d.Compatible = d.Compatible && !d.Level.Checks(b.Direction)
	}
	return d, nil
}

// schemaOf returns a version's schema, or the program's for version 0.
func (o *opened) schemaOf(subject string, number int, versions []version) (*codecs.Schema, error) {
	if number == 0 {
		if own := o.types.Of(subject); own != nil {
			return own.Schema, nil
		}
		return nil, fmt.Errorf("the program has no type %s; give two versions to compare", subject)
	}
	at := slices.IndexFunc(versions, func(v version) bool { return v.number == number })
	switch {
	case at < 0:
		return nil, fmt.Errorf("%s has no version %d; it has %d to %d", subject, number,
			versions[0].number, versions[len(versions)-1].number)
	case versions[at].err != nil:
		return nil, fmt.Errorf("version %d of %s: %w", number, subject, versions[at].err)
	}
	return versions[at].schema, nil
}

func sameText(v version, own *processors.CatalogType) bool {
	return released.Same(v.text, own.Schema.Text)
}

func (d *difference) print(w io.Writer) {
	to := "the program"
	if d.To > 0 {
		to = "version " + strconv.Itoa(d.To)
	}
	fmt.Fprintf(w, "%s, from version %d to %s:\n", d.Subject, d.From, to)
	printChanges(w, d.Changes)
	for _, b := range d.Breaks {
		fmt.Fprintf(w, "%s (%s): %s\n  %s\n  instead: %s\n", b.Path, b.Direction, b.Reason, b.Rule, b.Remedy)
	}
	verdict := "compatible"
	if !d.Compatible {
		verdict = "not compatible"
	}
	fmt.Fprintf(w, "%d changes: %s at %s\n", len(d.Changes), verdict, d.Level)
}

// printChanges prints each change with its verdict.
func printChanges(w io.Writer, changes []compat.Change) {
	for _, c := range changes {
		verdict := "compatible"
		switch {
		case !c.Backward && !c.Forward:
			verdict = "breaks backward and forward"
		case !c.Backward:
			verdict = "breaks backward"
		case !c.Forward:
			verdict = "breaks forward"
		}
		fmt.Fprintf(w, "  %s: %s: %s (%s)\n", c.Path, c.What, command.Legible(between(c)), verdict)
	}
}

// between says what a change was and is.
func between(c compat.Change) string {
	switch {
	case c.Was == "":
		return c.Is
	case c.Is == "":
		return c.Was + ", no more"
	}
	return c.Was + " -> " + c.Is
}
