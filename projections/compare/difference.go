package compare

import (
	"bytes"
	"encoding/json"
	"reflect"

	"refold/projections"
)

// Kind is a kind of difference.
type Kind string

// The kinds of differences of a row, and of the stored state of an aggregate.
const (
	// Missing: events make the row, and the store lacks it.
	Missing Kind = "missing"
	// Extra: the store has the row, and no event makes it.
	Extra Kind = "extra"
	// Differs: some columns are other than the events make them.
	Differs Kind = "differs"
	// StateMissing: the aggregate has events, and the store has no state.
	StateMissing Kind = "state-missing"
	// StateBehind: the state lacks events that the build has passed.
	StateBehind Kind = "state-behind"
	// StateAhead: the state has a sequence that the events don't come to.
	StateAhead Kind = "state-ahead"
	// StateDiffers: the state is another one than that of its sequence.
	StateDiffers Kind = "state-differs"
)

// Difference is a row, or a state, that is not as the events make it. It is printed as a line of JSON. Mend
// writes rows; a state that is wrong takes a new build.
type Difference struct {
	What Kind `json:"what"`
	// Table and Key name a row: see projections.Change.Key.
	Table string `json:"table,omitempty"`
	Key   string `json:"key,omitempty"`
	// Columns are those that differ, or all of a row that is missing or extra.
	Columns []Column `json:"columns,omitempty"`
	// Aggregate and Subject name a state, Sequence is the stored one's, and Events what the events come to.
	Aggregate string `json:"aggregate,omitempty"`
	Subject   string `json:"subject,omitempty"`
	Sequence  int64  `json:"sequence,omitempty"`
	Events    int64  `json:"events,omitempty"`

	row projections.Mended
}

// Column is a column of a row that differs. Stored is the value in the store, Right the one that the events
// make; nil if there is no row, or if the column is null.
type Column struct {
	Name   string `json:"name"`
	Stored any    `json:"stored"`
	Right  any    `json:"right"`
}

// difference returns how a row differs, nil if it doesn't.
func difference(t *projections.Table, key string, c *cell) *Difference {
	d := &Difference{
		Table: t.Name, Key: key, What: Differs, row: projections.Mended{Table: t, Values: c.right},
	}
	switch {
	case c.stored == nil && c.right == nil:
		return nil
	case c.stored == nil:
		d.What = Missing
	case c.right == nil:
		d.What = Extra
	}
	for i := range t.Columns {
		column := Column{Name: t.Columns[i].Name, Stored: shown(c.stored, i), Right: shown(c.right, i)}
		if d.What != Differs || !same(&t.Columns[i], c.stored[i], c.right[i]) {
			d.Columns = append(d.Columns, column)
		}
	}
	if len(d.Columns) == 0 {
		return nil
	}
	d.row.Key = keyOf(t, c)
	return d
}

// same reports whether two values of a column say the same. In JSON, nothing, null, and an empty list or
// object do: a state that was stored has an empty list where one that was folded just now may have none.
func same(column *projections.Column, a, b any) bool {
	if column.Equal(a, b) {
		return true
	}
	x, is := a.(json.RawMessage)
	y, both := b.(json.RawMessage)
	return is && both && json.Valid(x) && json.Valid(y) && reflect.DeepEqual(full(x), full(y))
}

// full returns what a JSON text says, without what is empty.
func full(text json.RawMessage) any {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var v any
	_ = decoder.Decode(&v) // it is valid
	return withoutEmpty(v)
}

func withoutEmpty(v any) any {
	switch v := v.(type) {
	case []any:
		if len(v) == 0 {
			return nil
		}
		for i := range v {
			v[i] = withoutEmpty(v[i])
		}
	case map[string]any:
		for name := range v {
			if v[name] = withoutEmpty(v[name]); v[name] == nil {
				delete(v, name)
			}
		}
		if len(v) == 0 {
			return nil
		}
	}
	return v
}

// shown returns a value of a row as JSON can have it: a stored text need not be the JSON that its column
// says.
func shown(row []any, i int) any {
	if row == nil {
		return nil
	}
	if text, is := row[i].(json.RawMessage); is && !json.Valid(text) {
		return string(text)
	}
	return row[i]
}

// keyOf returns the values of the key columns.
func keyOf(t *projections.Table, c *cell) []any {
	row := c.right
	if row == nil {
		row = c.stored
	}
	key := make([]any, len(t.Keys()))
	for i, at := range t.Keys() {
		key[i] = row[at]
	}
	return key
}

// sameRow reports whether two rows say the same.
func sameRow(t *projections.Table, a, b []any) bool {
	return difference(t, "", &cell{stored: a, right: b}) == nil
}
