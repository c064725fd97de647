package program

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"refold/client"
	"refold/client/wire"
	"refold/program/command"
)

type sendOptions struct {
	server, id string
	expect     int64
	wait       time.Duration
	json       bool

	schema, unchecked bool
}

const sendExample = `  processor send account alice DepositMoney '{"amount": 500, "currency": "EUR"}'`

func (p *program) newSend() *cobra.Command {
	var o sendOptions
	cmd := &cobra.Command{
		Use:   "send AGGREGATE ID TYPE JSON",
		Short: "Send a command to an aggregate",
		Long: `Send a command to an aggregate, by the HTTP API of a worker.

The data is checked before it is sent, by the types of this program and the rules of their schemas, and all
mistakes are shown. With --unchecked only the worker checks it, which may know other types.

"send AGGREGATE TYPE --schema" sends nothing. It prints what the command takes, as a JSON object: aggregate,
type, schema (Avro) and example (data to send).

Exit codes: 0 accepted (or, without --wait, sent), 3 rejected, 4 no outcome within --wait,
1 anything else.`,
		Example: `  processor send account alice OpenAccount '{"owner": "Alice", "currency": "EUR"}' --wait 5s
  processor send account alice DepositMoney '{"amount": 500, "currency": "EUR"}' --id salary-november
  processor send account DepositMoney --schema | jq .example`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case o.schema && len(args) != 2:
				return fmt.Errorf("send --schema takes AGGREGATE TYPE, not %d arguments; for example:\n"+
					"  processor send account DepositMoney --schema", len(args))
			case !o.schema && len(args) != 4:
				return fmt.Errorf("send takes AGGREGATE ID TYPE JSON, not %d arguments; for example:\n%s",
					len(args), sendExample)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.schema {
				return p.showCommand(cmd.OutOrStdout(), args[0], args[1])
			}
			return o.send(cmd.Context(), cmd.OutOrStdout(), p, args,
				cmd.Flags().Changed("expect"))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.server, "server", "http://localhost:8080", "a worker's HTTP API")
	flags.StringVar(&o.id, "id", "", "the command's ID; sent twice, it counts once (default: a new one)")
	flags.Int64Var(&o.expect, "expect", 0, "the sequence that the aggregate must be at")
	flags.DurationVar(&o.wait, "wait", 0, "how long to wait for the outcome, in whole seconds")
	flags.BoolVar(&o.json, "json", false, "print the answer as JSON")
	flags.BoolVar(&o.schema, "schema", false, "print the command's schema with an example, and send nothing")
	flags.BoolVar(&o.unchecked, "unchecked", false, "leave the check of the data to the worker")
	return cmd
}

func (o *sendOptions) send(
	ctx context.Context, w io.Writer, p *program, args []string, expects bool,
) error {
	called, id, commandType, data := args[0], args[1], args[2], args[3]
	aggregate, err := p.collection(called)
	if err != nil {
		return err
	}
	if o.wait < 0 || expects && o.expect < 0 {
		return errors.New("--wait and --expect can't be less than 0")
	}
	if o.unchecked && !json.Valid([]byte(data)) {
		return fmt.Errorf("the fourth argument is no JSON: %s", data)
	}
	if !o.unchecked {
		if err := p.checkCommand(called, commandType, data); err != nil {
			return err
		}
	}
	c, err := newClient(o.server)
	if err != nil {
		return err
	}
	command := client.Send{Type: commandType, Data: json.RawMessage(data), ID: o.id, Wait: o.wait}
	if expects {
		command.Expect = &o.expect
	}
	sent, err := c.Send(ctx, aggregate, id, command)
	if p, is := errors.AsType[*client.Problem](err); is && o.json {
		fmt.Fprintln(w, string(p.Raw))
	}
	if err != nil {
		return hinted(err)
	}
	if o.json {
		fmt.Fprintln(w, string(sent.Raw))
	}
	return o.tell(w, sent)
}

// tell says how the command fared, in words and by the exit code.
func (o *sendOptions) tell(w io.Writer, c *client.Command) error {
	say := func(format string, args ...any) {
		if !o.json {
			fmt.Fprintf(w, format+"\n", args...)
		}
	}
	var exit error
	switch c.Status {
	case wire.StatusAccepted:
		say("accepted: %s %s", c.Type, span(c.FirstSequence, c.LastSequence))
	case wire.StatusRejected:
		say("rejected: %s: %s", c.Code, c.Message)
		exit = command.ExitError{Code: command.ExitRejected}
	default:
		say("sent; no outcome yet")
		if o.wait > 0 {
			exit = command.ExitError{Code: command.ExitPending}
		}
	}
	say("command   %s", c.ID)
	return exit
}
