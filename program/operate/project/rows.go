package project

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"refold/projections"
)

// aboutRow is a row that is about a subject.
type aboutRow struct {
	Projection string         `json:"projection"`
	Build      int            `json:"build"`
	Table      string         `json:"table"`
	Row        map[string]any `json:"row"`
}

func (p *commands) newRows() *cobra.Command {
	var subject string
	cmd := &cobra.Command{
		Use:   "rows --subject ID",
		Short: "Find the rows that are about somebody or something, in all builds of all projections",
		Long: `Find the rows that are about somebody or something, in all builds of all projections.

They are printed as lines of JSON. Builds of another version than the program's are not looked at; standard
error names them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withStores(cmd, func(ctx context.Context, o *opened) error {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				for _, s := range o.all() {
					if err := s.about(ctx, subject, cmd.ErrOrStderr(), encoder); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	p.Options.AddFlags(cmd.Flags())
	cmd.Flags().StringVar(&subject, "subject", "", "whom the rows are about (required)")
	_ = cmd.MarkFlagRequired("subject") // it is there
	return cmd
}

func (s *stored) about(ctx context.Context, subject string, log io.Writer, out *json.Encoder) error {
	builds, err := s.Store.Builds(ctx, s.Name)
	if err != nil {
		return err //nolint:wrapcheck // it says what was asked
	}
	for _, b := range builds {
		if b.Version != s.Version {
			fmt.Fprintf(log, "%s is of version %d, which this program does not have\n", b.Name(), b.Version)
			continue
		}
		open, err := s.Store.Open(ctx, &s.Projection, b.Number)
		if err != nil {
			return err //nolint:wrapcheck // it says which build
		}
		err = open.Look(ctx, func(v projections.View) error {
			for _, t := range s.Tables {
				if len(t.Subjects()) == 0 {
					continue
				}
				if err := v.About(ctx, t, subject, func(values []any) error {
					return out.Encode(aboutRow{s.Name, b.Number, t.Name, named(t, values)})
				}); err != nil {
					return err //nolint:wrapcheck // it says which table
				}
			}
			return nil
		})
		if err != nil {
			return err //nolint:wrapcheck // it says which build
		}
	}
	return nil
}

// named returns a row by the names of its columns.
func named(t *projections.Table, values []any) map[string]any {
	row := make(map[string]any, len(values))
	for i, v := range values {
		row[t.Columns[i].Name] = v
	}
	return row
}
