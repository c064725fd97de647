package program

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"refold/client"
	"refold/client/wire"
	"refold/program/command"
)

type tailOptions struct {
	client.Listen
	server string
	kinds  []string
	json   bool
}

func newTail() *cobra.Command {
	var o tailOptions
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Show commands, events, results and dead letters as they happen",
		Long: `Show commands, events, results and dead letters as they happen, by the HTTP API of a worker,
one per line, until you interrupt it. If the connection is lost, tail connects again and shows the
messages that came meanwhile. If it has missed any nevertheless, it says so.

You can give a filter several times, or several values separated by commas. The values of one filter are
alternatives. A message must match all filters.

--json prints each message as the worker sends it: one object per line. Its member kind is the kind of
message (command, event, result, dead-letter, missed).`,
		Example: `  processor tail --aggregate account --kind event,result
  processor tail --correlation-id salary-november --json | jq .data`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(o.server)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), c)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.server, "server", "http://localhost:8080", "a worker's HTTP API")
	for _, f := range []struct {
		values     *[]string
		flag, help string
	}{
		{&o.Aggregates, "aggregate", "of these aggregates, such as account"},
		{&o.IDs, "id", "of the aggregates with these IDs, such as alice"},
		{&o.Types, "type", "of these types, such as MoneyDeposited; a result's is Result"},
		{&o.kinds, "kind", "of these kinds: command, event, result, dead-letter"},
		{&o.CorrelationIDs, "correlation-id", "of these chains: the ID of the command that began it"},
	} {
		flags.StringSliceVar(f.values, f.flag, nil, f.help)
	}
	flags.BoolVar(&o.json, "json", false, "print messages as JSON, one a line")
	return cmd
}

// run shows messages until ctx ends, or the worker refuses.
func (o *tailOptions) run(ctx context.Context, out, log io.Writer, c *client.Client) error {
	o.Lost = func(server string, err error, pause time.Duration) {
		fmt.Fprintf(log, "the connection to %s is lost (%s); trying again in %v\n", server, err, pause)
	}
	for _, kind := range o.kinds {
		o.Kinds = append(o.Kinds, wire.Kind(kind))
	}
	for item, err := range c.Listen(ctx, o.Listen) {
		if err == nil && o.json {
			_, err = fmt.Fprintf(out, "%s\n", item.Raw)
		} else if err == nil {
			err = showItem(out, item)
		}
		if err != nil {
			return hinted(err)
		}
	}
	return nil
}

// showItem prints an item in a line that people read.
func showItem(w io.Writer, item *client.Item) error {
	if item.Missed != nil {
		_, err := fmt.Fprintf(w, "missed: up to %d records, %s\n", item.Missed.Records, item.Missed.Why())
		return err
	}
	shown := item.Message
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %-7s  %s  %s", shown.Time.Local().Format("15:04:05.000"), shown.Kind,
		command.Legible(strings.TrimSpace(shown.Aggregate+" "+shown.Subject)), command.Legible(what(shown)))
	if shown.Aside != nil {
		fmt.Fprintf(&b, "  from %s/%d/%d: %s: %s", shown.Aside.Topic, shown.Aside.Partition,
			shown.Aside.Offset, command.Legible(shown.Aside.Reason),
			command.Shortened(shown.Aside.Message, maxDetail))
	}
	switch {
	case shown.Undecodable != "":
		fmt.Fprintf(&b, "  (%s)", command.Shortened(shown.Undecodable, maxDetail))
	case shown.Kind != wire.KindResult:
		fmt.Fprintf(&b, "  %s", command.Legible(string(shown.Data)))
	}
	if shown.ReadAs != nil {
		fmt.Fprintf(&b, "  read as %s", readAs(shown.ReadAs))
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}

// maxDetail is how many characters of what is wrong are shown.
const maxDetail = 120

// what says what a message is: its type and ID, or the outcome of which command.
func what(m *wire.Message) string {
	if m.Kind != wire.KindResult {
		return strings.TrimSpace(m.Type + " " + m.ID)
	}
	var result struct {
		CommandType, Code, Message  string
		FirstSequence, LastSequence int64
	}
	_ = json.Unmarshal(m.Data, &result) // what can't be decoded is said elsewhere
	text := fmt.Sprintf("%s %s %s", result.CommandType, m.CausationID, m.Outcome)
	switch {
	case result.Code != "":
		text += ": " + result.Code + ": " + result.Message
	case result.LastSequence > result.FirstSequence:
		text += fmt.Sprintf(": events %d to %d", result.FirstSequence, result.LastSequence)
	case result.LastSequence == result.FirstSequence && m.Outcome != "":
		text += fmt.Sprintf(": event %d", result.FirstSequence)
	}
	if m.Repeated {
		text += " (again)"
	}
	return text
}
