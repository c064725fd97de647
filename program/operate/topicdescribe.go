package operate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"refold/codecs"
	"refold/inspect"
	"refold/logging"
	"refold/program/command"
)

// defaultLast is how many records of each partition describe looks at.
const defaultLast = 20

func (p *commands) newTopicDescribe() *cobra.Command {
	var output string
	var last int
	cmd := &cobra.Command{
		Use:   "describe TOPIC",
		Short: "Show the partitions, the configuration and the latest schemas of any topic",
		Long: `Show the partitions of any topic, the configuration that differs from Kafka's defaults,
and what the last records of each partition are: their formats, types and schemas.

How many records there are is known as a bound only: transaction markers, aborted records, and those that
compaction has removed take offsets, too.

--output json prints one object: topic, id, offsets, partitions (partition, leader, replicas, inSync, start,
end), config (name, value, source: topic or broker) and last (records, format, type, schemaId, schemaName,
undecodable).`,
		Example: `  processor topic describe account-events
  processor topic describe payments --last 0 --output json | jq .offsets`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != outputText && output != outputJSON {
				return fmt.Errorf("--output %q must be %s or %s", output, outputText, outputJSON)
			}
			if last < 0 || last > inspect.MaxTail {
				return fmt.Errorf("--last is %d; must be 0 to %d", last, inspect.MaxTail)
			}
			d, err := p.describeTopic(cmd, args[0], last)
			if err != nil {
				return err
			}
			if output == outputText {
				return showTopic(cmd.OutOrStdout(), d, last)
			}
			e := json.NewEncoder(cmd.OutOrStdout())
			e.SetIndent("", "  ")
			return e.Encode(d)
		},
	}
	cmd.Flags().StringVar(&output, "output", outputText, "text or json")
	cmd.Flags().IntVar(&last, "last", defaultLast, "look at so many of the last records of each partition")
	p.Options.AddFlags(cmd.Flags())
	return cmd
}

func (p *commands) describeTopic(cmd *cobra.Command, topic string, last int) (*inspect.Description, error) {
	loaded, err := p.Load(cmd, nil)
	if err != nil {
		return nil, err
	}
	registry, err := registryOf(loaded)
	if err != nil {
		return nil, err
	}
	defer registry.Close()
	logger := logging.New(cmd.ErrOrStderr(), loaded.Config.Log)
	d, err := inspect.Describe(cmd.Context(), loaded.Kafka(logger), registry, topic, last)
	return d, explainedTopic(err, loaded, topic)
}

func showTopic(w io.Writer, d *inspect.Description, last int) error {
	fmt.Fprintf(w, "topic    %s\nid       %s\nrecords  at most %s\n\n", d.Topic, cmp.Or(d.ID, "-"),
		command.Number(int(d.Offsets)))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PARTITION\tSTART\tEND\tLEADER\tREPLICAS\tIN SYNC")
	for _, p := range d.Partitions {
		fmt.Fprintf(table, "%d\t%d\t%d\t%d\t%s\t%s\n", p.Partition, p.Start, p.End, p.Leader,
			numbers(p.Replicas), numbers(p.InSync))
	}
	fmt.Fprintln(table)
	if len(d.Config) > 0 {
		fmt.Fprintln(table, "SETTING\tVALUE\tSET FOR THE")
	}
	for _, c := range d.Config {
		fmt.Fprintf(table, "%s\t%s\t%s\n", c.Name, command.Legible(c.Value), c.Source)
	}
	if len(d.Config) == 0 {
		fmt.Fprintln(table, "all settings are Kafka's defaults")
	}
	if last > 0 {
		fmt.Fprintf(table, "\nthe last records of each partition, %d at most:\n", last)
		fmt.Fprintln(table, "RECORDS\tFORMAT\tTYPE\tSCHEMA\t")
	}
	for _, k := range d.Last {
		schema := "-"
		switch {
		case k.SchemaGUID != "":
			schema = strings.TrimSpace(k.SchemaGUID + " " + command.Legible(k.SchemaName))
		case k.SchemaID != 0:
			schema = strings.TrimSpace(strconv.Itoa(k.SchemaID) + " " + command.Legible(k.SchemaName))
		}
		if k.SchemaIn == codecs.InHeader {
			schema += " (ID in a header)"
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", k.Records, k.Format,
			orDash(command.Legible(k.Type)), schema, command.Shortened(k.Undecodable, maxReason))
	}
	return table.Flush() //nolint:wrapcheck // standard output
}

// numbers returns broker IDs as a list.
func numbers(all []int32) string {
	texts := make([]string, len(all))
	for i, n := range all {
		texts[i] = strconv.Itoa(int(n))
	}
	return strings.Join(texts, ",")
}
