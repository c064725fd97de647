package audit

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// ReadModel is all that the audit knows of a projection: its tables, and what events do to their rows.
type ReadModel struct {
	// Name and Version are the projection's. Builds of other versions are not compared.
	Name    string
	Version int
	Tables  []Table
	// Reads are the names of the kinds whose events make the rows.
	Reads []string
	// Fold changes the rows as an event does that has led its aggregate from one state to another, neither
	// of which it may change. Every event comes once, those of an aggregate in their order. It is written for
	// the audit, once more, as [Kind].Fold is.
	Fold func(rows *ModelRows, e Event, before, after map[string]any)
}

// Table is a table of a read model.
type Table struct {
	Name string
	// Key are the columns of the primary key, in its order.
	Key []string
	// Empty has all other columns, as they are in a row in which they were never set. A value is a string,
	// an int64, a float64, a bool, or a [time.Time]; nil, if it is null; and a []any or a map[string]any, of
	// what encoding/json makes, if it is JSON.
	Empty map[string]any
}

// Definition is what an installation consists of: a [Kind], or a [ReadModel].
type Definition interface{ audited() }

func (Kind) audited()      {}
func (ReadModel) audited() {}

// apart returns definitions by their types.
func apart(all []Definition) (kinds []Kind, models []ReadModel) {
	for _, one := range all {
		switch d := one.(type) {
		case Kind:
			kinds = append(kinds, d)
		case ReadModel:
			models = append(models, d)
		}
	}
	return kinds, models
}

// named returns the read models with these names; all, if no name is given.
func named(models []ReadModel, names []string) ([]ReadModel, error) {
	if len(names) == 0 {
		return models, nil
	}
	var found []ReadModel
	for _, name := range names {
		at := slices.IndexFunc(models, func(m ReadModel) bool { return m.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("--projections %s: there is no such read model", name)
		}
		found = append(found, models[at])
	}
	return found, nil
}

// checkReadModels checks that read models can be folded with these kinds.
func checkReadModels(models []ReadModel, kinds []Kind, databases []string) error {
	if len(databases) > 0 && len(models) == 0 {
		return errors.New("a database is given, and no read model is among the definitions")
	}
	names := make(map[string]bool)
	for _, m := range models {
		switch {
		case m.Name == "" || m.Version < 1 || len(m.Tables) == 0 || m.Fold == nil:
			return fmt.Errorf("the read model %q lacks a name, a version, a table or a fold", m.Name)
		case names[m.Name]:
			return fmt.Errorf("there are two read models %q", m.Name)
		}
		names[m.Name] = true
		for _, read := range m.Reads {
			if !slices.ContainsFunc(kinds, func(k Kind) bool { return k.Name == read }) {
				return fmt.Errorf("the read model %q reads %q, and there is no such kind", m.Name, read)
			}
		}
	}
	return nil
}

// ModelRows are the rows of a read model, as its events make them. It holds all of them, some 1 KB each.
type ModelRows struct {
	tables map[string]*foldedTable
	// unsure: the event was set aside by the projection, so that its changes may be missing.
	unsure bool
}

type foldedTable struct {
	Table
	rows map[string]*foldedRow // by key
}

type foldedRow struct {
	values map[string]any
	unsure bool
	seen   bool // in the store
}

func newModelRows(model *ReadModel) *ModelRows {
	r := &ModelRows{tables: make(map[string]*foldedTable)}
	for _, t := range model.Tables {
		r.tables[t.Name] = &foldedTable{Table: t, rows: make(map[string]*foldedRow)}
	}
	return r
}

// Row returns a row by the values of its key, to be changed. If there was none, it is made, with nothing set.
// A table that the read model does not have is a panic, as is any mistake in Fold.
func (r *ModelRows) Row(table string, key ...any) map[string]any {
	t := r.table(table, key)
	name := keyText(key)
	row := t.rows[name]
	if row == nil {
		row = &foldedRow{values: make(map[string]any, len(t.Key)+len(t.Empty))}
		for i, column := range t.Key {
			row.values[column] = key[i] //nolint:gosec // table has compared the lengths
		}
		maps.Copy(row.values, t.Empty)
		t.rows[name] = row
	}
	row.unsure = row.unsure || r.unsure
	return row.values
}

// Add adds a number to a column of a row.
func (r *ModelRows) Add(table, column string, number int64, key ...any) {
	row := r.Row(table, key...)
	row[column] = whole(row, column) + number
}

// Delete removes a row, if it is there.
func (r *ModelRows) Delete(table string, key ...any) {
	t := r.table(table, key)
	if r.unsure {
		r.Row(table, key...) // it may be there or not
		return
	}
	delete(t.rows, keyText(key))
}

func (r *ModelRows) table(name string, key []any) *foldedTable {
	t := r.tables[name]
	if t == nil || len(key) != len(t.Key) {
		panic(fmt.Sprintf("there is no table %q with a key of %d columns", name, len(key)))
	}
	return t
}

// keyText names a row within its table.
func keyText(key []any) string {
	parts := make([]string, len(key))
	for i, value := range key {
		parts[i] = url.PathEscape(cell(value, value))
	}
	return strings.Join(parts, "/")
}
