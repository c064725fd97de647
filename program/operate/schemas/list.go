package schemas

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"refold/program/command"
)

// listed is a version of a subject as list prints it. Its JSON members are stable.
type listed struct {
	Subject string `json:"subject"`
	Version int    `json:"version"` // 0: there is none
	ID      int    `json:"id"`
	// Type is the kind: command, event, row or result; empty if the program has no such type.
	Type      string `json:"type,omitempty"`
	Aggregate string `json:"aggregate,omitempty"`
	InProgram bool   `json:"inProgram"`
	// Current reports whether the version is the program's own schema.
	Current bool   `json:"current"`
	Error   string `json:"error,omitempty"` // why the schema can't be used
}

func (p commands) newList() *cobra.Command {
	var json, all bool
	var against string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the versions of schemas, and which of them the program has",
		Long: `List each version of the subjects of the program's aggregates: its ID in the registry, what it
is a type of, and whether the program has that type. "current" is the version that the program writes. A type
of the program without a version is listed with a dash.

--json prints one object: schemas, each with subject, version, id, type, aggregate, inProgram, current and
error.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd, against, func(ctx context.Context, _ *command.Loaded, o *opened) error {
				schemas, err := o.list(ctx, all)
				if err != nil {
					return err
				}
				if json {
					return printJSON(cmd.OutOrStdout(), struct {
						Schemas []listed `json:"schemas"`
					}{schemas})
				}
				return printListed(cmd.OutOrStdout(), schemas)
			})
		},
	}
	p.Options.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&json, "json", false, "print a JSON object")
	cmd.Flags().BoolVar(&all, "all", false, "subjects of other programs, too")
	cmd.Flags().StringVar(&against, "against", "", "folder of released schemas, instead of a registry")
	return cmd
}

// list returns the versions by subject, then the types that have none.
func (o *opened) list(ctx context.Context, all bool) ([]listed, error) {
	subjects, err := o.history.subjects(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it was doing
	}
	schemas, has := []listed{}, map[string]bool{}
	for _, subject := range subjects {
		own := o.types.Of(subject)
		aggregate := o.types.AggregateOf(subject)
		if own == nil && aggregate == "" && !all {
			continue
		}
		has[subject] = true
		versions, err := o.history.versions(ctx, subject)
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the subject
		}
		for _, v := range versions {
			l := listed{
				Subject: subject, Version: v.number, ID: v.id, Aggregate: aggregate, InProgram: own != nil,
			}
			if own != nil {
				l.Type, l.Aggregate = string(own.Kind), own.Aggregate
				l.Current = sameText(v, own)
			}
			if v.err != nil {
				l.Error = v.err.Error()
			}
			schemas = append(schemas, l)
		}
	}
	for _, t := range o.types.Types {
		if !has[t.Subject] {
			schemas = append(schemas, listed{
				Subject: t.Subject, Type: string(t.Kind), Aggregate: t.Aggregate, InProgram: true,
			})
		}
	}
	return schemas, nil
}

func printListed(w io.Writer, schemas []listed) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SUBJECT\tVERSION\tID\tTYPE\tIN PROGRAM")
	for _, l := range schemas {
		number, id, kind, program := "-", "-", l.Type, "no"
		if l.Version > 0 {
			number = fmt.Sprint(l.Version)
		}
		if l.ID > 0 {
			id = fmt.Sprint(l.ID)
		}
		switch {
		case l.Error != "":
			program = command.Legible(l.Error)
		case l.Current:
			program = "current"
		case l.InProgram:
			program = "yes"
		}
		if kind == "" {
			kind = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", l.Subject, number, id, kind, program)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the schemas: %w", err)
	}
	return nil
}
