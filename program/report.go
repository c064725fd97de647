package program

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"refold/client"
	"refold/program/command"
)

type reportOptions struct {
	server, format string
	at             moment
}

func (p *program) newReport() *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "report accounts --at TIME",
		Short: "List every account's balance at a time, and the totals by currency",
		Long: `List every account's balance at a time, and the totals by currency, by the HTTP API of a
worker.

Accounts are ordered by their IDs, byte by byte; those that were not there yet are left out. Amounts
are whole numbers of minor units, totals have as many digits as they need. Each account is one
request to the worker, which folds it from its history, and is printed when it is known: memory does
not grow with their number.
--format csv and json end with the totals too: a line whose first field is "total"; an object with
the member "total".

Exit codes: 0 whole, 1 anything else: what was printed is not all then.`,
		Example: `  processor report accounts --at 2026-01-31T23:59:59Z
  processor report accounts --at 2026-01-31T23:59:59Z --format csv > january.csv`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			aggregate, err := p.collection(args[0])
			if err != nil {
				return err
			}
			if aggregate != reported {
				return fmt.Errorf("there is no report of %s; there is one of %s", args[0], reported)
			}
			if err := o.at.check(false); err != nil {
				return err
			}
			if o.at.at == "" {
				return errors.New("--at must not be empty")
			}
			sheet, err := newSheet(o.format, cmd.OutOrStdout())
			if err != nil {
				return err
			}
			c, err := newClient(o.server)
			if err != nil {
				return err
			}
			r := &report{client: c, at: o.at.asked(), totals: map[string]*big.Int{}}
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

// reported is the aggregate whose states have balances.
const reported = "accounts"

// reportParallel is how many accounts are asked for at a time: a worker answers in about a
// millisecond, and has other things to do.
const reportParallel = 4

// report makes a balance sheet.
type report struct {
	client *client.Client
	at     client.Get
	totals map[string]*big.Int // by currency
}

// balance is a line of the sheet.
type balance struct {
	ID       string `json:"id"`
	Sequence int64  `json:"sequence"`
	Currency string `json:"currency"`
	Balance  int64  `json:"balance"`
	Status   string `json:"status"`
}

// run goes through the accounts that there are now. No account that was there at any
// time is missing among them: rows of accounts with events are never deleted.
func (r *report) run(ctx context.Context, sheet *sheet) error {
	var ids []string
	for row, err := range r.client.List(ctx, reported, "") {
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

// some asks for a few accounts at a time, and prints them in their order.
func (r *report) some(ctx context.Context, ids []string, sheet *sheet) error {
	lines, errs := make([]*balance, len(ids)), make([]error, len(ids))
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() { lines[i], errs[i] = r.balance(ctx, ids[i]) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, line := range lines {
		if line == nil {
			continue
		}
		r.add(line)
		if err := sheet.line(line); err != nil {
			return err
		}
	}
	return nil
}

func (r *report) add(line *balance) {
	if r.totals[line.Currency] == nil {
		r.totals[line.Currency] = new(big.Int)
	}
	r.totals[line.Currency].Add(r.totals[line.Currency], big.NewInt(line.Balance))
}

// balance asks for one account as it was; nil if it was not there.
func (r *report) balance(ctx context.Context, id string) (*balance, error) {
	row, err := r.client.Get(ctx, reported, id, r.at)
	switch {
	case client.IsNotFound(err):
		return nil, nil //nolint:nilnil // it was not there
	case err != nil:
		return nil, fmt.Errorf("account %s: %w", command.Legible(id), hinted(err))
	}
	line, err := client.State[balance](row)
	if err != nil {
		return nil, err
	}
	line.ID, line.Sequence = id, row.Sequence
	return &line, nil
}

// sheet prints a report in one of the formats.
type sheet struct {
	line func(*balance) error
	end  func(totals map[string]*big.Int) error
}

func newSheet(format string, out io.Writer) (*sheet, error) {
	switch format {
	case "table":
		const columns = "%-36s  %8v  %-8s  %24v  %s\n"
		fmt.Fprintf(out, columns, "ID", "SEQ", "CURRENCY", "BALANCE", "STATUS")
		return &sheet{
			line: func(b *balance) error {
				_, err := fmt.Fprintf(out, columns,
					command.Legible(b.ID), b.Sequence, command.Legible(b.Currency), b.Balance, command.Legible(b.Status))
				return err
			},
			end: eachTotal(func(currency string, total *big.Int) error {
				_, err := fmt.Fprintf(out, "%-36s  %8v  %-8s  %24v\n", "total", "", command.Legible(currency), total)
				return err
			}),
		}, nil
	case "csv":
		w := csv.NewWriter(out)
		row := func(fields ...string) error {
			err := w.Write(fields)
			w.Flush()
			return errors.Join(err, w.Error())
		}
		if err := row("kind", "id", "sequence", "currency", "balance", "status"); err != nil {
			return nil, err
		}
		return &sheet{
			line: func(b *balance) error {
				return row("account", b.ID, fmt.Sprint(b.Sequence), b.Currency, fmt.Sprint(b.Balance),
					b.Status)
			},
			end: eachTotal(func(currency string, total *big.Int) error {
				return row("total", "", "", currency, total.String(), "")
			}),
		}, nil
	case "json":
		e := json.NewEncoder(out)
		return &sheet{
			line: func(b *balance) error { return e.Encode(b) },
			end: eachTotal(func(currency string, total *big.Int) error {
				return e.Encode(map[string]any{"currency": currency, "total": total})
			}),
		}, nil
	}
	return nil, fmt.Errorf("--format %q is none of table, csv, json", format)
}

// eachTotal gives totals in the order of their currencies.
func eachTotal(give func(string, *big.Int) error) func(map[string]*big.Int) error {
	return func(totals map[string]*big.Int) error {
		for _, currency := range slices.Sorted(maps.Keys(totals)) {
			if err := give(currency, totals[currency]); err != nil {
				return err
			}
		}
		return nil
	}
}
