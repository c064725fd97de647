package rows

import (
	"fmt"
	"maps"

	"refold/audit"
)

// Fold returns the rows that all events of accounts and orders make, of all read models that come with the
// program. Events of one aggregate are in their order. The error says that they are not without a gap.
func Fold(accounts, orders []audit.Event) (Tables, error) {
	f := folding{tables: make(Tables), accounts: make(aggregates), orders: make(aggregates)}
	for _, e := range accounts {
		if err := f.account(e); err != nil {
			return nil, fmt.Errorf("event %d of account %s: %w", e.Sequence, e.Key, err)
		}
	}
	for _, e := range orders {
		if err := f.order(e); err != nil {
			return nil, fmt.Errorf("event %d of order %s: %w", e.Sequence, e.Key, err)
		}
	}
	return f.tables, nil
}

// folding is a fold on its way.
type folding struct {
	tables           Tables
	accounts, orders aggregates
}

// aggregates are those of one kind, by their IDs.
type aggregates map[string]*aggregate

type aggregate struct {
	state    map[string]any
	sequence int64
}

// next folds an event in, and returns the state before and after it.
func (a aggregates) next(kind audit.Kind, e audit.Event) (before, after map[string]any, err error) {
	one := a[e.Key]
	if one == nil {
		one = &aggregate{state: maps.Clone(kind.Initial)}
		a[e.Key] = one
	}
	if e.Sequence != one.sequence+1 {
		return nil, nil, fmt.Errorf("it follows on event %d", one.sequence)
	}
	one.sequence++
	before = maps.Clone(one.state)
	one.state, err = kind.Fold(one.state, e)
	return before, one.state, err
}

// row returns a row by its key, as it is; without one, a new one with zeros in other columns.
func (f *folding) row(table string, key Row, zeros ...string) Row {
	row := f.tables[table][keyOf(table, key)]
	if row == nil {
		row = key
		for _, column := range zeros {
			row[column] = int64(0)
		}
		f.tables.put(table, row)
	}
	return row
}

// add adds to a sum.
func (r Row) add(column string, n int64) {
	sum, _ := r[column].(int64)
	r[column] = sum + n
}

// texts returns a field of the records of a list, each text once.
func texts(list any, field string) []string {
	all := []string{}
	seen := make(map[string]bool)
	items, _ := list.([]any)
	for _, item := range items {
		fields, _ := item.(map[string]any)
		text, _ := fields[field].(string)
		if !seen[text] {
			all = append(all, text)
		}
		seen[text] = true
	}
	return all
}

func length(list any) int64 {
	items, _ := list.([]any)
	return int64(len(items))
}
