package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"refold/codecs"
	"refold/config"
	"refold/processors"
	"refold/processors/accounts"
)

func (p *program) newSchemas() *cobra.Command {
	schemas := &cobra.Command{
		Use:   "schemas",
		Short: "Check or register the schemas: workers in production only look them up",
		Args:  cobra.NoArgs, RunE: showHelp,
	}
	schemas.AddCommand(
		p.newSchemasCommand("check", "Tell whether the registry has every schema", codecs.LookUp),
		p.newSchemasCommand("register", "Register the schemas that are missing; a step of deployment",
			codecs.Register),
	)
	return schemas
}

func (p *program) newSchemasCommand(name, short string, mode codecs.Mode) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := p.load(cmd, nil)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
			defer cancel()
			return prepareSchemas(ctx, cmd.OutOrStdout(), loaded.Config.Registry, mode)
		},
	}
	config.AddFlags(cmd.Flags())
	return cmd
}

// prepareSchemas asks for every schema's ID, registering those that are missing if mode says so.
func prepareSchemas(ctx context.Context, w io.Writer, c config.Registry, mode codecs.Mode) error {
	settings, err := registrySettings(c)
	if err != nil {
		return err
	}
	settings.Mode = mode
	registry, err := codecs.NewRegistry(settings)
	if err != nil {
		return err
	}
	defer registry.Close()
	accountCodecs, err := accounts.NewCodecs(registry)
	if err != nil {
		return err
	}
	results, err := processors.NewResultSet(registry)
	if err != nil {
		return err
	}
	if err := errors.Join(accountCodecs.Prepare(ctx), results.Prepare(ctx)); err != nil {
		return err
	}
	count := len(results.Types())
	for _, set := range []*codecs.Set{
		accountCodecs.Commands, accountCodecs.Events, accountCodecs.Rows,
	} {
		count += len(set.Types())
	}
	fmt.Fprintf(w, "%d schemas are in the registry\n", count)
	return nil
}
