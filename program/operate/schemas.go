package operate

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"refold/codecs"
	"refold/installation"
	"refold/program/command"
)

func (p *commands) newSchemas() *cobra.Command {
	schemas := &cobra.Command{
		Use:   "schemas",
		Short: "Check or register the schemas: workers in production only look them up",
		Args:  cobra.NoArgs, RunE: command.ShowHelp,
	}
	schemas.AddCommand(
		p.newSchemasCommand("check",
			"Report whether the registry has every schema, and each version can be read", codecs.LookUp),
		p.newSchemasCommand("register", "Register the schemas that are missing; a step of deployment",
			codecs.Register),
	)
	return schemas
}

func (p *commands) newSchemasCommand(name, short string, mode codecs.Mode) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := p.Load(cmd, nil)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
			defer cancel()
			return prepareSchemas(ctx, cmd.OutOrStdout(), loaded.Installation, mode)
		},
	}
	p.Options.AddFlags(cmd.Flags())
	return cmd
}

// prepareSchemas asks for every schema's ID, registering those that are missing if mode says so.
func prepareSchemas(
	ctx context.Context, w io.Writer, in *installation.Installation, mode codecs.Mode,
) error {
	registry, opened, err := in.Open(func(s *codecs.RegistrySettings) { s.Mode = mode })
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	defer registry.Close()
	if err := opened.Prepare(ctx); err != nil {
		return err //nolint:wrapcheck // it names the schemas
	}
	if err := opened.CheckVersions(ctx); err != nil {
		return err //nolint:wrapcheck // it names the versions
	}
	fmt.Fprintf(w, "%d schemas are in the registry\n", opened.SchemaCount())
	return nil
}
