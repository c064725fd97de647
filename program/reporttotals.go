package program

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strconv"

	"refold/processors"
	"refold/program/command"
)

// had is what an aggregate had at a time.
type had struct {
	id       string
	sequence int64
	totals   []processors.Total
}

// totals are the sums by name.
type totals map[string]*big.Int

func (t totals) add(some []processors.Total) {
	for _, one := range some {
		if t[one.Name] == nil {
			t[one.Name] = new(big.Int)
		}
		t[one.Name].Add(t[one.Name], big.NewInt(one.Amount))
	}
}

// sheet prints a report in one of the formats: a line for each total of each aggregate, one without for an
// aggregate that has none, and in the end the sums.
type sheet struct {
	write func(id string, sequence int64, name, amount string) error
	total func(name string, sum *big.Int) error
}

// line prints an aggregate.
func (s *sheet) line(h *had) error {
	if len(h.totals) == 0 {
		return s.write(h.id, h.sequence, "", "")
	}
	for _, t := range h.totals {
		if err := s.write(h.id, h.sequence, t.Name, strconv.FormatInt(t.Amount, 10)); err != nil {
			return err
		}
	}
	return nil
}

// end prints the sums, in the order of their names.
func (s *sheet) end(t totals) error {
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if err := s.total(name, t[name]); err != nil {
			return err
		}
	}
	return nil
}

// newSheet begins a sheet of aggregates that are called kind, in a format.
func newSheet(format, kind string, out io.Writer) (*sheet, error) {
	switch format {
	case "table":
		return newTableSheet(out), nil
	case "csv":
		return newCSVSheet(kind, out)
	case "json":
		return newJSONSheet(out), nil
	}
	return nil, fmt.Errorf("--format %q is none of table, csv, json", format)
}

func newTableSheet(out io.Writer) *sheet {
	row := func(id, sequence, name, amount any) error {
		_, err := fmt.Fprintf(out, "%-36s  %8v  %-8s  %24v\n", id, sequence, name, amount)
		return err //nolint:wrapcheck // standard output is gone
	}
	_ = row("ID", "SEQ", "NAME", "AMOUNT") // the next line fails, too
	return &sheet{
		write: func(id string, sequence int64, name, amount string) error {
			return row(command.Legible(id), sequence, command.Legible(name), amount)
		},
		total: func(name string, sum *big.Int) error { return row("total", "", command.Legible(name), sum) },
	}
}

func newCSVSheet(kind string, out io.Writer) (*sheet, error) {
	w := csv.NewWriter(out)
	row := func(fields ...string) error {
		err := w.Write(fields)
		w.Flush()
		return errors.Join(err, w.Error())
	}
	return &sheet{
		write: func(id string, sequence int64, name, amount string) error {
			return row(kind, id, strconv.FormatInt(sequence, 10), name, amount)
		},
		total: func(name string, sum *big.Int) error { return row("total", "", "", name, sum.String()) },
	}, row("kind", "id", "sequence", "name", "amount")
}

func newJSONSheet(out io.Writer) *sheet {
	e := json.NewEncoder(out)
	return &sheet{
		write: func(id string, sequence int64, name, amount string) error {
			return e.Encode(struct {
				ID       string      `json:"id"`
				Sequence int64       `json:"sequence"`
				Name     string      `json:"name,omitempty"`
				Amount   json.Number `json:"amount,omitempty"`
			}{id, sequence, name, json.Number(amount)})
		},
		total: func(name string, sum *big.Int) error {
			return e.Encode(map[string]any{"name": name, "total": sum})
		},
	}
}
