package program

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"refold/client"
	"refold/client/wire"
	"refold/program/command"
)

type whyOptions struct {
	server   string
	sequence int64
	json     bool
}

func (p *program) newWhy() *cobra.Command {
	var o whyOptions
	cmd := &cobra.Command{
		Use:   "why AGGREGATE ID [FIELD]...",
		Short: "Say which event last set a field of an aggregate, and who sent its command",
		Long: `Say which event last set a field of an aggregate, what the field was before, which command the
event came from, and who sent that, by the HTTP API of a worker.

A field is named by its path, as in what diff shows: balance, 'charges[0].refundable'. Without a field, all
fields of the state are explained, each as a whole. An item of a list is known by its place in the list.
--sequence explains the state after that event. --json prints the answer as JSON.

Exit codes: 0 shown, 5 there is no such aggregate or no such field, 1 anything else.`,
		Example: `  processor why account alice balance
  processor why account alice balance 'charges[0].refundable' --sequence 7`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("sequence") && o.sequence < 1 {
				return errors.New("--sequence can't be less than 1")
			}
			aggregate, err := p.collection(args[0])
			if err != nil {
				return err
			}
			c, err := newClient(o.server)
			if err != nil {
				return err
			}
			w := client.Why{Fields: args[2:], Sequence: o.sequence}
			return o.show(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), c, aggregate, args[1], w)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.server, "server", "http://localhost:8080", "a worker's HTTP API")
	flags.Int64Var(&o.sequence, "sequence", 0, "explain the state after the event of this sequence")
	flags.BoolVar(&o.json, "json", false, "print the answer as JSON")
	return cmd
}

func (o *whyOptions) show(
	ctx context.Context, out, log io.Writer, c *client.Client, aggregate, id string, w client.Why,
) error {
	reasons, err := c.Why(ctx, aggregate, id, w)
	if client.HasCode(err, wire.CodeNoField) {
		if p, is := errors.AsType[*client.Problem](err); is {
			fmt.Fprintln(log, command.Legible(p.Detail))
			for _, mistake := range p.Errors {
				fmt.Fprintf(log, "  instead of %s: %s\n", command.Legible(mistake.Found),
					command.Legible(mistake.Allowed))
			}
			return command.ExitError{Code: command.ExitNotFound}
		}
	}
	switch {
	case err != nil:
		return missing(log, err)
	case o.json:
		fmt.Fprintln(out, string(reasons.Raw))
		return nil
	}
	fmt.Fprintf(out, "%s at sequence %d\n", command.Legible(id), reasons.Sequence)
	for i := range reasons.Fields {
		if _, err := io.WriteString(out, describeReason(&reasons.Fields[i])); err != nil {
			return err
		}
	}
	return nil
}

// describeReason says why a field is what it is: a line for the field, one for the event, one for its origin.
func describeReason(r *wire.Reason) string {
	field, value := command.Legible(r.Field), command.Legible(string(r.Value))
	e := r.Event
	if e == nil {
		return fmt.Sprintf("  %s: %s\n    not set by any event from %d on; --sequence %d looks further "+
			"back\n", field, value, r.From, r.From-1)
	}
	text := fmt.Sprintf("  %s: %s -> %s\n", field, command.Legible(string(orNull(r.Before))), value)
	text += fmt.Sprintf("    by event %d, %s, %s  %s\n", e.Sequence,
		e.Time.UTC().Format("2006-01-02T15:04:05.000"), command.Legible(e.Type), fieldsOf(e.Data))
	if e.CausationID != "" {
		text += "    of command " + command.Legible(e.CausationID)
		if r.CommandType != "" {
			text += ", " + command.Legible(r.CommandType)
		}
		if r.Source != "" {
			text += ", sent by " + command.Legible(r.Source)
		}
		text += "\n"
	}
	if e.CorrelationID != "" {
		text += "    trace " + command.Legible(e.CorrelationID) + "\n"
	}
	return text
}
