package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"refold/codecs"
	"refold/config"
	"refold/processors"
)

func (p *program) newSchemas() *cobra.Command {
	schemas := &cobra.Command{
		Use:   "schemas",
		Short: "Check or register the schemas: workers in production only look them up",
		Args:  cobra.NoArgs, RunE: showHelp,
	}
	schemas.AddCommand(
		p.newSchemasCommand("check",
			"Tell whether the registry has every schema, and each version can be read", codecs.LookUp),
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
			count, err := prepareSchemas(ctx, loaded.Config, mode)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d schemas are in the registry\n", count)
			return nil
		},
	}
	config.AddFlags(cmd.Flags())
	return cmd
}

// prepareSchemas asks for every schema's ID, registering those that are missing if mode says so, and returns
// how many schemas there are.
func prepareSchemas(ctx context.Context, c config.Config, mode codecs.Mode) (count int, err error) {
	settings, err := registrySettings(c)
	if err != nil {
		return 0, err
	}
	settings.Mode = mode
	registry, err := codecs.NewRegistry(settings)
	if err != nil {
		return 0, err
	}
	defer registry.Close()
	aggregates, err := openAggregates(registry, c)
	if err != nil {
		return 0, err
	}
	results, err := processors.NewResultSet(registry)
	if err != nil {
		return 0, err
	}
	errs := []error{results.Prepare(ctx)}
	count = len(results.Types())
	for _, a := range aggregates {
		errs = append(errs, a.prepare(ctx))
		for _, set := range a.sets() {
			count += len(set.Types())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	return count, checkVersions(ctx, registry, aggregates, results)
}

// checkVersions compares all versions of commands, results and inputs of processes with those of this
// program. aggregate.prepare compares those of rows and events.
func checkVersions(
	ctx context.Context, registry *codecs.Registry, aggregates []*aggregate, results *codecs.Set,
) error {
	inputs, err := openProcesses(registry)
	if err != nil {
		return err
	}
	errs := []error{results.CheckVersions(ctx)}
	for _, a := range aggregates {
		errs = append(errs, a.commands.CheckVersions(ctx))
	}
	for _, set := range inputs {
		errs = append(errs, set.CheckVersions(ctx))
	}
	return errors.Join(errs...)
}
