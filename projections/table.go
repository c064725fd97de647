package projections

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Table is a table of a projection, an index of documents, or a kind of entries: its rows are values of one
// struct. Make it with [NewTable].
type Table struct {
	Name string
	// Columns are in the order of the struct's fields.
	Columns []Column

	keys    []int // of Columns
	sums    bool  // some columns are
	goType  reflect.Type
	mistake error // told by Projection.Check
}

// TableOf is a table whose rows are a R.
type TableOf[R any] struct{ *Table }

// NewTable declares a table by a struct. Each exported field is a column and has a tag: `column:"name"`, or
// `column:"name,key"` if it is part of the primary key. Further options are subject and sum: see [Column].
// Fields tagged `column:"-"` are none. What is wrong with the struct is told when the program starts.
func NewTable[R any](name string) TableOf[R] {
	t := &Table{Name: name, goType: reflect.TypeFor[R]()}
	t.mistake = t.describe()
	return TableOf[R]{t}
}

func (t *Table) describe() error {
	if t.goType.Kind() != reflect.Struct {
		return fmt.Errorf("table %s: its rows are %v; they must be a struct", t.Name, t.goType)
	}
	errs := []error{checkName("a table", t.Name)}
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("table %s: "+format, append([]any{t.Name}, args...)...))
	}
	names := make(map[string]bool)
	for f := range fields(t.goType) {
		if f.Tag.Get("column") == "-" {
			continue
		}
		c, err := columnOf(f)
		if err != nil {
			wrong("field %s: %w", f.Name, err)
		}
		if names[c.Name] {
			wrong("two columns are called %q", c.Name)
		}
		names[c.Name] = true
		if c.Key {
			t.keys = append(t.keys, len(t.Columns))
		}
		t.sums = t.sums || c.Sum
		t.Columns = append(t.Columns, c)
	}
	if len(t.keys) == 0 {
		wrong(`no column is a key; tag one like this: column:"account_id,key"`)
	}
	return errors.Join(errs...)
}

// fields yields the exported fields of a struct.
func fields(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && !yield(f) {
				return
			}
		}
	}
}

// Keys returns the columns of the primary key, by their positions in Columns.
func (t *Table) Keys() []int { return t.keys }

// Sums reports whether the table has sum columns: its rows are merged, never put.
func (t *Table) Sums() bool { return t.sums }

// Subjects returns the columns that say whom a row is about.
func (t *Table) Subjects() (all []Column) {
	for _, c := range t.Columns {
		if c.Subject {
			all = append(all, c)
		}
	}
	return all
}

// GoType returns the type of the rows.
func (t *Table) GoType() reflect.Type { return t.goType }

// Values returns the values of a row's columns, in their order; the row is of the table's Go type. It panics
// if a value can't be stored.
func (t *Table) Values(row any) []any {
	v := reflect.ValueOf(row)
	all := make([]any, len(t.Columns))
	for i := range t.Columns {
		value, err := t.Columns[i].valueOf(v)
		if err != nil {
			panic(fmt.Sprintf("a row of %s: %v", t.Name, err))
		}
		all[i] = value
	}
	return all
}

// Put makes the row what is given, whatever it was. It panics if the table has sum columns, which several
// aggregates may add to: a row that is put would undo what the others have added.
func (t TableOf[R]) Put(row R) Change {
	if t.sums {
		panic(fmt.Sprintf("table %s has sum columns: its rows are merged, not put", t.Name))
	}
	return Change{Table: t.Table, Op: OpPut, Values: t.Values(row)}
}

// Merge changes the named columns of a row, and no others: a sum column is added to, any other one is set. A
// row that is not there is made, with zeros in the columns that are not named. It is for rows that draw on
// several aggregates. Any number may add to a sum column. All other columns of a row must be set by the
// events of one aggregate only, as nothing orders the events of two. It panics if a name is that of no
// column, or of a key.
func (t TableOf[R]) Merge(row R, columns ...string) Change {
	c := Change{Table: t.Table, Op: OpMerge, Values: t.Values(row), Columns: make([]int, len(columns))}
	for i, name := range columns {
		at := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
		if at < 0 || t.Columns[at].Key {
			panic(fmt.Sprintf("table %s has no column %q that can be merged", t.Name, name))
		}
		c.Columns[i] = at
	}
	slices.Sort(c.Columns)
	c.Columns = slices.Compact(c.Columns)
	return c
}

// Delete removes the row with the key of the one that is given, if it is there. It panics if the table has
// sum columns, as Put does.
func (t TableOf[R]) Delete(row R) Change {
	if t.sums {
		panic(fmt.Sprintf("table %s has sum columns: its rows are merged, not deleted", t.Name))
	}
	return Change{Table: t.Table, Op: OpDelete, Values: t.Values(row)}
}
