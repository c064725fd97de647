package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"refold/client"
	"refold/program/command"
)

type diffOptions struct {
	server, from, to string
	json             bool
}

func (p *program) newDiff() *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use:   "diff AGGREGATE ID --from MOMENT [--to MOMENT]",
		Short: "Show what changed in an aggregate between two moments, and by which events",
		Long: `Show what changed in an aggregate between two moments, field by field, and by which events, by
the HTTP API of a worker.

A moment is a sequence or a time, as for get: 3, or 2026-01-31T23:59:59Z. --from 0, or a time when the
aggregate did not exist, means before its first event. Without --to, the later moment is now. A list or a
record in the state counts as one field.
--json prints one JSON object, with all events between the two moments.

Exit codes: 0 shown, 5 there was no such aggregate at the later moment, 1 anything else.`,
		Example: `  processor diff account alice --from 3 --to 7
  processor diff account alice --from 2026-01-01T00:00:00Z --json | jq .fields`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			aggregate, err := p.collection(args[0])
			if err != nil {
				return err
			}
			c, err := newClient(o.server)
			if err != nil {
				return err
			}
			d := &difference{client: c, aggregate: aggregate, id: args[1]}
			return d.show(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.server, "server", "http://localhost:8080", "a worker's HTTP API")
	flags.StringVar(&o.from, "from", "", "a sequence or a time")
	flags.StringVar(&o.to, "to", "", "a sequence or a time; empty: now")
	flags.BoolVar(&o.json, "json", false, "print a JSON object")
	cobra.CheckErr(cmd.MarkFlagRequired("from"))
	return cmd
}

// readMoment reads a sequence or a time.
func readMoment(flag, text string) (m moment, err error) {
	if sequence, err := strconv.ParseInt(text, 10, 64); err == nil {
		if sequence < 0 {
			return m, fmt.Errorf("--%s can't be less than 0", flag)
		}
		return moment{sequence: sequence}, nil
	}
	m.at = text
	if m.check(false) != nil {
		return m, fmt.Errorf("--%s %q is neither a sequence nor a time such as 2026-01-31T23:59:59Z",
			flag, text)
	}
	return m, nil
}

// difference compares two states of one aggregate.
type difference struct {
	client        *client.Client
	aggregate, id string
}

// changedField is a field of a state, null where the state has none.
type changedField struct {
	Field string          `json:"field"`
	From  json.RawMessage `json:"from"`
	To    json.RawMessage `json:"to"`
}

func (d *difference) show(ctx context.Context, o diffOptions, out, log io.Writer) error {
	from, err := readMoment("from", o.from)
	if err != nil {
		return err
	}
	to, err := readMoment("to", o.to)
	if o.to == "" {
		to, err = moment{}, nil
	} else if err == nil && to == (moment{}) {
		err = errors.New("--to can't be less than 1")
	}
	if err != nil {
		return err
	}
	later, err := d.client.Get(ctx, d.aggregate, d.id, to.asked())
	if err != nil {
		return missing(log, err)
	}
	earlier := &client.Row{} // before the first event
	if from != (moment{}) {
		row, err := d.client.Get(ctx, d.aggregate, d.id, from.asked())
		switch {
		case err == nil:
			earlier = row
		case !client.IsNotFound(err): // else it was not there
			return hinted(err)
		}
	}
	if earlier.Sequence > later.Sequence {
		return fmt.Errorf("--from is sequence %d, which is after --to, sequence %d",
			earlier.Sequence, later.Sequence)
	}
	fields, err := changedFields(earlier.State, later.State)
	if err != nil {
		return err
	}
	if !o.json {
		return d.print(ctx, out, earlier.Sequence, later.Sequence, fields)
	}
	events := []json.RawMessage{}
	err = d.events(ctx, earlier.Sequence, later.Sequence, func(e *client.Event) error {
		events = append(events, e.Raw)
		return nil
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(map[string]any{
		"id": d.id, "from": earlier.Sequence, "to": later.Sequence, "fields": fields, "events": events,
	})
}

func (d *difference) print(ctx context.Context, out io.Writer, from, to int64, fields []changedField) error {
	fmt.Fprintf(out, "%s from sequence %d to %d\n", command.Legible(d.id), from, to)
	for _, f := range fields {
		fmt.Fprintf(out, "  %s: %s -> %s\n",
			command.Legible(f.Field), command.Legible(string(f.From)), command.Legible(string(f.To)))
	}
	h := &history{out: out}
	return d.events(ctx, from, to, h.print)
}

// events gives the events behind one sequence up to another one.
func (d *difference) events(ctx context.Context, from, to int64, take func(*client.Event) error) error {
	if from == to {
		return nil
	}
	for event, err := range d.client.History(ctx, d.aggregate, d.id, client.Events{After: from}) {
		if err != nil {
			return hinted(err)
		}
		if event.Sequence > to {
			return nil
		}
		if err := take(event); err != nil {
			return err
		}
		if from = event.Sequence; from == to {
			return nil
		}
	}
	return fmt.Errorf("the worker's history ends at sequence %d so far, the state is at %d; try again",
		from, to)
}

// changedFields compares states; an empty one is that of an aggregate without events.
func changedFields(from, to json.RawMessage) ([]changedField, error) {
	var before, after map[string]json.RawMessage
	for state, fields := range map[*json.RawMessage]*map[string]json.RawMessage{&from: &before, &to: &after} {
		if len(*state) == 0 {
			continue
		}
		if err := json.Unmarshal(*state, fields); err != nil {
			return nil, fmt.Errorf("read a state: %w", err)
		}
	}
	names := maps.Clone(before)
	if names == nil {
		names = map[string]json.RawMessage{}
	}
	maps.Copy(names, after)
	changes := []changedField{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !bytes.Equal(before[name], after[name]) {
			changes = append(changes, changedField{name, orNull(before[name]), orNull(after[name])})
		}
	}
	return changes, nil
}

func orNull(value json.RawMessage) json.RawMessage {
	if value == nil {
		return json.RawMessage("null")
	}
	return value
}
