package program

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/spf13/cobra"

	"refold/client"
	"refold/processors"
	"refold/program/command"
)

type reportOptions struct {
	server, format string
	at             moment
}

func (p *program) newReport() *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "report AGGREGATE --at TIME",
		Short: "List what every aggregate of a kind had at a time, such as its balance, and the totals",
		Long: `List what every aggregate of a kind had at a time, such as an account's balance in its
currency, and the totals, by the HTTP API of a worker. The aggregate's definition says what is added
up. If it names nothing, the aggregates are counted.

Aggregates are ordered by their IDs, byte by byte. Those that did not exist yet are left out. Amounts are
whole numbers, such as minor units of a currency. Totals have as many digits as they need. For each
aggregate the command sends one request to the worker, which folds it from its history, and prints the
answer at once: memory does not grow with the number of aggregates.
The formats csv and json also end with the totals: a line whose first field is "total", or an object with
the member "total".

Exit codes: 0 the report is complete, 1 anything else: the report is then incomplete.`,
		Example: `  processor report accounts --at 2026-01-31T23:59:59Z
  processor report accounts --at 2026-01-31T23:59:59Z --format csv > january.csv`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			aggregate, err := p.Definitions.Called(args[0])
			if err != nil {
				return err //nolint:wrapcheck // it says what there is
			}
			if err := o.at.check(false); err != nil {
				return err
			}
			if o.at.at == "" {
				return errors.New("--at must not be empty")
			}
			sheet, err := newSheet(o.format, aggregate.Named().Name, cmd.OutOrStdout())
			if err != nil {
				return err
			}
			c, err := newClient(o.server)
			if err != nil {
				return err
			}
			r := &report{client: c, at: o.at.asked(), aggregate: aggregate, totals: totals{}}
			return r.run(cmd.Context(), sheet)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.server, "server", "http://localhost:8080", "a worker's HTTP API")
	flags.StringVar(&o.at.at, "at", "", "the time, 2026-01-31T23:59:59Z")
	flags.StringVar(&o.format, "format", "table", "table, csv or json (an object a line)")
	cobra.CheckErr(cmd.MarkFlagRequired("at"))
	return cmd
}

// reportParallel is how many aggregates are asked for at a time: a worker answers in about a
// millisecond, and has other things to do.
const reportParallel = 4

// report makes a sheet of what the aggregates of a kind had.
type report struct {
	client    *client.Client
	at        client.Get
	aggregate processors.AggregateDefinition
	totals    totals
}

// run goes through the aggregates that there are now. None that was there at any time is missing among them:
// rows of aggregates with events are never deleted.
func (r *report) run(ctx context.Context, sheet *sheet) error {
	var ids []string
	for row, err := range r.client.List(ctx, r.aggregate.Named().Plural, "") {
		if err != nil {
			return hinted(err)
		}
		if ids = append(ids, row.ID); len(ids) == reportParallel {
			if err := r.some(ctx, ids, sheet); err != nil {
				return err
			}
			ids = ids[:0]
		}
	}
	if err := r.some(ctx, ids, sheet); err != nil {
		return err
	}
	return sheet.end(r.totals)
}

// some asks for a few aggregates at a time, and prints them in their order.
func (r *report) some(ctx context.Context, ids []string, sheet *sheet) error {
	lines, errs := make([]*had, len(ids)), make([]error, len(ids))
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() { lines[i], errs[i] = r.had(ctx, ids[i]) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, line := range lines {
		if line == nil {
			continue
		}
		r.totals.add(line.totals)
		if err := sheet.line(line); err != nil {
			return err
		}
	}
	return nil
}

// had asks for one aggregate as it was; nil if it was not there.
func (r *report) had(ctx context.Context, id string) (*had, error) {
	named := r.aggregate.Named()
	row, err := r.client.Get(ctx, named.Plural, id, r.at)
	switch {
	case client.IsNotFound(err):
		return nil, nil //nolint:nilnil // it was not there
	case err != nil:
		return nil, fmt.Errorf("%s %s: %w", named.Name, command.Legible(id), hinted(err))
	}
	state, err := client.State[json.RawMessage](row)
	if err != nil {
		return nil, err
	}
	totals, err := r.aggregate.Totalled(state)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", named.Name, command.Legible(id), err)
	}
	return &had{id, row.Sequence, totals}, nil
}
