package program

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"refold/client/wire"
	"refold/program/command"
)

func newOwners() *cobra.Command {
	var server string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "owners",
		Short: "Show which pod answers for which partition, as a worker knows it",
		Long: `Show which pod answers for which partition, as a worker knows it.

Any worker takes any request, and forwards it to the owner of the partition. A partition without an owner is
on its way from one worker to another: requests about it are answered with 503. docs/runbooks/owners.md says
what to do if that does not pass.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(server)
			if err != nil {
				return err
			}
			owners, err := c.Owners(cmd.Context())
			if err != nil {
				return hinted(err)
			}
			if asJSON {
				fmt.Fprintln(cmd.OutOrStdout(), string(owners.Raw))
				return nil
			}
			return showOwners(cmd.OutOrStdout(), &owners.Owners)
		},
	}
	cmd.Flags().StringVar(&server, "server", "http://localhost:8080", "a worker's HTTP API")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the answer as JSON")
	return cmd
}

func showOwners(out io.Writer, owners *wire.Owners) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "AGGREGATE\tPARTITION\tPOD\tADDRESS\tSINCE\tSTATE")
	for _, a := range owners.Aggregates {
		for _, p := range a.Partitions {
			pod, address, since, state := "-", "-", "-", "nobody is known"
			if p.Instance != "" {
				pod, address, state = command.Legible(p.Instance), command.Legible(p.Address), "elsewhere"
			}
			if p.Here {
				state = "here"
			}
			if !p.Since.IsZero() {
				since = p.Since.UTC().Format(time.RFC3339)
			}
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", a.Aggregate, p.Partition, pod, address, since, state)
		}
	}
	return w.Flush()
}
