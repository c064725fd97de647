package main

import (
	"bytes"
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

type getOptions struct {
	server, command string
	atLeast         int64
	moment          moment
	wait            time.Duration
	json            bool
}

func newGet() *cobra.Command {
	var o getOptions
	cmd := &cobra.Command{
		Use:   "get [AGGREGATE ID] [--command ID]",
		Short: "Show an aggregate, or what became of a command",
		Long: `Show an aggregate, or what became of a command, by the HTTP API of a worker.

--sequence and --at show a state of the past: after the event of that sequence; or before the first
event that is later than that time.

A command's ID is unique among the commands to one aggregate. Where several aggregates have a command
of that ID, name the one that you mean; without, all of them are listed.

Exit codes: 0 found, 5 there is no such aggregate or command, 1 anything else, such as several commands
of one ID.`,
		Example: `  processor get account alice --at-least 3
  processor get account alice --at 2026-01-31T23:59:59Z
  processor get --command salary-november
  processor get account alice --command salary-november`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 || len(args) == 0 && o.command == "" {
				return errors.New("name an aggregate (account alice), a --command, or both")
			}
			if err := o.moment.check(cmd.Flags().Changed("sequence")); err != nil {
				return err
			}
			if o.command != "" && o.moment != (moment{}) {
				return errors.New("--sequence and --at are of aggregates, not of a --command")
			}
			if o.wait < 0 || o.atLeast < 0 {
				return errors.New("--wait and --at-least can't be less than 0")
			}
			c, err := newClient(o.server, requestTimeout+o.wait)
			if err != nil {
				return err
			}
			if o.command != "" {
				return o.getCommand(cmd.Context(), cmd.OutOrStdout(), c, args)
			}
			return o.getAggregate(cmd.Context(), cmd.OutOrStdout(), c, args[0], args[1])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.server, "server", "http://localhost:8080", "a worker's HTTP API")
	flags.StringVar(&o.command, "command", "", "show the command of this ID")
	flags.Int64Var(&o.atLeast, "at-least", 0, "show the aggregate at this sequence or a later one")
	flags.DurationVar(&o.wait, "wait", 5*time.Second, "how long to wait for --at-least")
	flags.BoolVar(&o.json, "json", false, "print the answer as JSON")
	flags.Int64Var(&o.moment.sequence, "sequence", 0, "show the aggregate as it was at this sequence")
	flags.StringVar(&o.moment.at, "at", "", "show it as it was at this time, 2026-01-31T23:59:59Z")
	cmd.MarkFlagsMutuallyExclusive("sequence", "at", "at-least")
	return cmd
}

func (o *getOptions) getAggregate(
	ctx context.Context, w io.Writer, c *client, called, id string,
) error {
	path, err := collection(called)
	if err != nil {
		return err
	}
	path += "/" + wire.Segment(id)
	path += o.moment.query()
	header := map[string]string{}
	if o.atLeast > 0 {
		path += "?atLeast=" + strconv.FormatInt(o.atLeast, 10)
		header["Prefer"] = "wait=" + strconv.Itoa(int((o.wait+time.Second-1)/time.Second))
	}
	a, err := c.do(ctx, http.MethodGet, path, nil, header)
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return o.missing(w, a)
	}
	if o.json {
		fmt.Fprintln(w, string(a.raw))
		return nil
	}
	var state bytes.Buffer
	if err := json.Indent(&state, a.State, "", "  "); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	when := ""
	if a.Time != "" {
		when = ", " + a.Time
	}
	fmt.Fprintf(w, "%s at sequence %d%s\n%s\n", a.ID, a.Sequence, when, state.String())
	return nil
}

// getCommand shows a command by its ID, to the aggregate of args if there are any.
func (o *getOptions) getCommand(ctx context.Context, w io.Writer, c *client, args []string) error {
	path := "/commands/" + wire.Segment(o.command)
	if len(args) > 0 {
		of, err := collection(args[0])
		if err != nil {
			return err
		}
		path = of + "/" + wire.Segment(args[1]) + path
	}
	a, err := c.do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return err
	}
	switch {
	case a.status == http.StatusMultipleChoices:
		return o.choices(w, a)
	case a.status != http.StatusOK:
		return o.missing(w, a)
	case o.json:
		fmt.Fprintln(w, string(a.raw))
	default:
		a.tell(w)
	}
	return nil
}

// choices shows the commands of one ID; the error says how to ask for one of them.
func (o *getOptions) choices(w io.Writer, a *answer) error {
	var several struct {
		Commands []answer `json:"commands"`
		More     bool     `json:"more"`
	}
	if err := json.Unmarshal(a.raw, &several); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if o.json {
		fmt.Fprintln(w, string(a.raw))
	} else {
		for i := range several.Commands {
			several.Commands[i].tell(w)
		}
		if several.More {
			fmt.Fprintln(w, "and more")
		}
	}
	return fmt.Errorf("several commands have the ID %q; name the aggregate, too: processor get AGGREGATE ID "+
		"--command %[1]s", o.command)
}

// tell says in a line how a command fared.
func (a *answer) tell(w io.Writer) {
	fmt.Fprintf(w, "%v: %s to %s %s", a.Status, a.Type, legible(a.Aggregate), legible(a.Subject))
	switch a.Status {
	case "accepted":
		fmt.Fprint(w, " ", span(a))
	case "rejected":
		fmt.Fprintf(w, ": %s: %s", a.Code, a.Message)
	}
	fmt.Fprintln(w)
}

// missing says that there is no such thing, or what else is wrong.
func (o *getOptions) missing(w io.Writer, a *answer) error {
	if a.status != http.StatusNotFound {
		return a.problem()
	}
	if o.json {
		fmt.Fprintln(w, string(a.raw))
	} else {
		fmt.Fprintln(w, a.Detail)
	}
	return exitError{exitNotFound}
}
