package program

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"refold/processors"
	"refold/views/httpapi"
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
		Long: `List what every aggregate of a kind had at a time, such as an account's balance by its currency, and the
totals, by the HTTP API of a worker. The aggregate's definition says what is added up; where it says nothing,
the aggregates are counted.

They are ordered by their IDs, byte by byte; those that were not there yet are left out. Amounts are
whole numbers, such as minor units of a currency; totals have as many digits as they need. Each aggregate
is one request to the worker, which folds it from its history, and is printed when it is known: memory does
not grow with their number.
--format csv and json end with the totals too: a line whose first field is "total"; an object with
the member "total".

Exit codes: 0 whole, 1 anything else: what was printed is not all then.`,
		Example: `  processor report accounts --at 2026-01-31T23:59:59Z
  processor report accounts --at 2026-01-31T23:59:59Z --format csv > january.csv`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			aggregate, err := p.definitions.Called(args[0])
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
			c, err := newClient(o.server, requestTimeout)
			if err != nil {
				return err
			}
			r := &report{
				client: c, path: "/" + aggregate.Named().Plural, at: o.at, aggregate: aggregate, totals: totals{},
			}
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
	client    *client
	path      string
	at        moment
	aggregate processors.AggregateDefinition
	totals    totals
}

// reported is an aggregate in the list of all.
type reported struct {
	ID string `json:"id"`
}

// run goes through the aggregates that there are now, page by page. None that was there at any time is
// missing among them: rows of aggregates with events are never deleted.
func (r *report) run(ctx context.Context, sheet *sheet) error {
	for path := r.path; path != ""; {
		a, err := r.client.do(ctx, http.MethodGet, path, nil, nil)
		if err != nil {
			return err
		}
		if a.status != http.StatusOK {
			return a.problem()
		}
		var page struct {
			Items []reported `json:"items"`
			Next  string     `json:"next"`
		}
		if err := json.Unmarshal(a.raw, &page); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		for some := range slices.Chunk(page.Items, reportParallel) {
			if err := r.some(ctx, some, sheet); err != nil {
				return err
			}
		}
		path = page.Next
	}
	return sheet.end(r.totals)
}

// some asks for a few aggregates at a time, and prints them in their order.
func (r *report) some(ctx context.Context, some []reported, sheet *sheet) error {
	lines, errs := make([]*had, len(some)), make([]error, len(some))
	var group sync.WaitGroup
	for i := range some {
		group.Go(func() { lines[i], errs[i] = r.had(ctx, some[i].ID) })
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
	a, err := r.client.do(ctx, http.MethodGet, r.path+"/"+httpapi.Segment(id)+r.at.query(), nil, nil)
	switch {
	case err != nil:
		return nil, err
	case a.status == http.StatusNotFound:
		return nil, nil //nolint:nilnil // it was not there
	case a.status != http.StatusOK:
		return nil, fmt.Errorf("%s %s: %w", r.aggregate.Named().Name, legible(id), a.problem())
	}
	totals, err := r.aggregate.Totalled(a.State)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.aggregate.Named().Name, legible(id), err)
	}
	return &had{id, a.Sequence, totals}, nil
}
