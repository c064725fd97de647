package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"refold/client/wire"
)

// requestTimeout limits a request to the API beside what it asks to wait.
const requestTimeout = 30 * time.Second

type sendOptions struct {
	server, id string
	expect     int64
	wait       time.Duration
	json       bool
}

const sendExample = `  processor send account alice DepositMoney '{"amount": 500, "currency": "EUR"}'`

func newSend() *cobra.Command {
	var o sendOptions
	cmd := &cobra.Command{
		Use:   "send AGGREGATE ID TYPE JSON",
		Short: "Send a command to an aggregate",
		Long: `Send a command to an aggregate, by the HTTP API of a worker.

Exit codes: 0 accepted (or, without --wait, sent), 3 rejected, 4 no outcome within --wait,
1 anything else.`,
		Example: `  processor send account alice OpenAccount '{"owner": "Alice", "currency": "EUR"}' --wait 5s
  processor send account alice DepositMoney '{"amount": 500, "currency": "EUR"}' --id salary-november`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 4 {
				return fmt.Errorf("send takes AGGREGATE ID TYPE JSON, not %d arguments; for example:\n%s",
					len(args), sendExample)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.send(cmd.Context(), cmd.OutOrStdout(), args,
				cmd.Flags().Changed("expect"))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.server, "server", "http://localhost:8080", "a worker's HTTP API")
	flags.StringVar(&o.id, "id", "", "the command's ID; sent twice, it counts once (default: a new one)")
	flags.Int64Var(&o.expect, "expect", 0, "the sequence that the aggregate must be at")
	flags.DurationVar(&o.wait, "wait", 0, "how long to wait for the outcome, in whole seconds")
	flags.BoolVar(&o.json, "json", false, "print the answer as JSON")
	return cmd
}

func (o *sendOptions) send(
	ctx context.Context, w io.Writer, args []string, expects bool,
) error {
	called, id, commandType, data := args[0], args[1], args[2], args[3]
	path, err := collection(called)
	if err != nil {
		return err
	}
	if !json.Valid([]byte(data)) {
		return fmt.Errorf("the fourth argument is no JSON: %s", data)
	}
	if o.wait < 0 || expects && o.expect < 0 {
		return errors.New("--wait and --expect can't be less than 0")
	}
	body, err := json.Marshal(map[string]any{
		"type": commandType, "data": json.RawMessage(data),
	})
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	c, err := newClient(o.server, requestTimeout+o.wait)
	if err != nil {
		return err
	}
	header := map[string]string{"Idempotency-Key": o.id}
	if expects {
		header["If-Match"] = strconv.Quote(strconv.FormatInt(o.expect, 10))
	}
	if o.wait > 0 {
		header["Prefer"] = "wait=" + strconv.Itoa(int((o.wait+time.Second-1)/time.Second))
	}
	a, err := c.do(ctx, http.MethodPost, path+"/"+wire.Segment(id)+"/commands", body, header)
	if err != nil {
		return err
	}
	if o.json {
		fmt.Fprintln(w, string(a.raw))
	}
	return o.tell(w, a)
}

// tell says how the command fared, in words and by the exit code.
func (o *sendOptions) tell(w io.Writer, a *answer) error {
	say := func(format string, args ...any) {
		if !o.json {
			fmt.Fprintf(w, format+"\n", args...)
		}
	}
	switch {
	case a.status == http.StatusOK:
		say("accepted: %s %s", a.Type, span(a))
		say("command   %s", a.ID)
		return nil
	case a.status == http.StatusAccepted:
		say("sent; no outcome yet")
		say("command   %s", a.ID)
		if o.wait > 0 {
			return exitError{exitPending}
		}
		return nil
	case a.Command != nil: // 422 and 412: decided, with a code
		say("rejected: %s: %s", a.Code, a.Detail)
		say("command   %s", a.Command.ID)
		return exitError{exitRejected}
	default:
		return a.problem()
	}
}

// span says which events came of a command.
func span(a *answer) string {
	switch {
	case a.LastSequence < a.FirstSequence:
		return "(nothing to do)"
	case a.LastSequence == a.FirstSequence:
		return fmt.Sprintf("(event %d)", a.FirstSequence)
	default:
		return fmt.Sprintf("(events %d to %d)", a.FirstSequence, a.LastSequence)
	}
}
