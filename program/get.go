package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"refold/client"
	"refold/program/command"
)

type getOptions struct {
	server, command string
	atLeast         int64
	moment          moment
	wait            time.Duration
	json            bool
}

func (p *program) newGet() *cobra.Command {
	var o getOptions
	cmd := &cobra.Command{
		Use:   "get [AGGREGATE ID] [--command ID]",
		Short: "Show an aggregate, or the outcome of a command",
		Long: `Show an aggregate, or the outcome of a command, by the HTTP API of a worker.

--sequence and --at show a state of the past: the state after the event of that sequence, or before the
first event that is later than that time.

A command's ID is unique only among the commands to one aggregate. If several aggregates have a command
of that ID, name the one that you mean. Otherwise all of them are listed.

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
			c, err := newClient(o.server)
			if err != nil {
				return err
			}
			if o.command != "" {
				return o.getCommand(cmd.Context(), cmd.OutOrStdout(), p, c, args)
			}
			return o.getAggregate(cmd.Context(), cmd.OutOrStdout(), p, c, args[0], args[1])
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
	ctx context.Context, w io.Writer, p *program, c *client.Client, called, id string,
) error {
	aggregate, err := p.collection(called)
	if err != nil {
		return err
	}
	g := o.moment.asked()
	g.AtLeast, g.Wait = o.atLeast, o.wait
	row, err := c.Get(ctx, aggregate, id, g)
	switch {
	case err != nil:
		return o.missing(w, err)
	case o.json:
		fmt.Fprintln(w, string(row.Raw))
		return nil
	}
	var state bytes.Buffer
	if err := json.Indent(&state, row.State, "", "  "); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	when := ""
	if row.Time != nil {
		when = ", " + row.Time.Format(time.RFC3339Nano)
	}
	fmt.Fprintf(w, "%s at sequence %d%s\n%s\n", row.ID, row.Sequence, when, state.String())
	return nil
}

// getCommand shows a command by its ID, to the aggregate of args if there are any.
func (o *getOptions) getCommand(
	ctx context.Context, w io.Writer, p *program, c *client.Client, args []string,
) error {
	if len(args) == 0 {
		return o.findCommand(ctx, w, c)
	}
	aggregate, err := p.collection(args[0])
	if err != nil {
		return err
	}
	command, err := c.Command(ctx, aggregate, args[1], o.command, 0)
	switch {
	case err != nil:
		return o.missing(w, err)
	case o.json:
		fmt.Fprintln(w, string(command.Raw))
	default:
		tellCommand(w, &command.Command)
	}
	return nil
}

// findCommand shows the commands of one ID. If there are several, the error says how to ask for one of them.
func (o *getOptions) findCommand(ctx context.Context, w io.Writer, c *client.Client) error {
	found, err := c.CommandsOf(ctx, o.command, 0)
	if err != nil {
		return o.missing(w, err)
	}
	if o.json {
		fmt.Fprintln(w, string(found.Raw))
	} else {
		for _, command := range found.Commands {
			tellCommand(w, command)
		}
		if found.More {
			fmt.Fprintln(w, "and more")
		}
	}
	if len(found.Commands) == 1 && !found.More {
		return nil
	}
	return fmt.Errorf("several commands have the ID %q; name the aggregate, too: processor get AGGREGATE ID "+
		"--command %[1]s", o.command)
}

// missing says that there is no such thing, or what else is wrong.
func (o *getOptions) missing(w io.Writer, err error) error {
	if p, is := errors.AsType[*client.Problem](err); is && o.json && client.IsNotFound(err) {
		fmt.Fprintln(w, string(p.Raw))
		return command.ExitError{Code: command.ExitNotFound}
	}
	return missing(w, err)
}
