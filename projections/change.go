package projections

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Op is what a [Change] does to its row.
type Op int

// The operations: see [TableOf].
const (
	OpPut Op = iota
	OpMerge
	OpDelete
)

// Change is one change of one row. Make it with [TableOf].
type Change struct {
	Table *Table
	Op    Op
	// Values are those of all columns, in their order. A merge counts those of its Columns and of the key, a
	// delete those of the key.
	Values []any
	// Columns are the ones that a merge sets or adds to, by their positions, ascending.
	Columns []int
	// Sequence is that of the aggregate whose event or state has made the change; [Folding] sets it. It
	// orders the changes of a row that one aggregate makes.
	Sequence int64
}

// Key names the row within its table: the values of its key columns, separated by slashes, texts escaped as
// in the path of a URL.
func (c Change) Key() string { return c.Table.Key(c.Values) }

// Key names a row within the table by its values: see [Change.Key].
func (t *Table) Key(values []any) string {
	if len(t.keys) == 1 {
		return keyPart(values[t.keys[0]])
	}
	var b strings.Builder
	for i, at := range t.keys {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(keyPart(values[at]))
	}
	return b.String()
}

// KeyOf names a row within the table by the values of its key columns, each a string or an int64: see
// [Change.Key].
func (t *Table) KeyOf(key ...any) string {
	parts := make([]string, len(key))
	for i, v := range key {
		parts[i] = keyPart(v)
	}
	return strings.Join(parts, "/")
}

func keyPart(v any) string {
	if n, is := v.(int64); is {
		return strconv.FormatInt(n, 10)
	}
	return url.PathEscape(v.(string))
}

// Changes are the changes of a batch, one for each row. The zero value is none.
type Changes struct {
	rows map[*Table]map[string]*Change
	size int
	undo []undone // of the changes that are being added
}

// undone is a row as it was before a change was added.
type undone struct {
	rows   map[string]*Change
	key    string
	change *Change // nil: there was none
	before Change  // what it was
}

// Add lets a change follow on those that were added before. The error is a *[Poison]: a sum would be more
// than an int64 holds; nothing has changed then.
func (all *Changes) Add(c Change) error {
	all.undo = all.undo[:0]
	return all.add(c)
}

// AddAll adds the changes of one event, with the sequence that it has in its aggregate: all, or with an error
// none. The error is that of Add.
func (all *Changes) AddAll(sequence int64, changes []Change) error {
	all.undo = all.undo[:0]
	for _, c := range changes {
		c.Sequence = sequence
		if err := all.add(c); err != nil {
			all.takeBack()
			return err
		}
	}
	return nil
}

// takeBack undoes what was added, the last change first.
func (all *Changes) takeBack() {
	for _, u := range slices.Backward(all.undo) {
		if u.change == nil {
			delete(u.rows, u.key)
			all.size--
			continue
		}
		*u.change = u.before
	}
}

func (all *Changes) add(c Change) error {
	if all.rows == nil {
		all.rows = make(map[*Table]map[string]*Change)
	}
	rows := all.rows[c.Table]
	if rows == nil {
		rows = make(map[string]*Change)
		all.rows[c.Table] = rows
	}
	key := c.Key()
	before := rows[key]
	if before == nil {
		all.undo = append(all.undo, undone{rows: rows, key: key})
		rows[key] = &c
		all.size++
		return nil
	}
	both, err := before.then(c)
	if err != nil {
		return err
	}
	all.undo = append(all.undo, undone{change: before, before: *before})
	*before = both
	return nil
}

// Len returns how many rows change.
func (all *Changes) Len() int { return all.size }

// Sorted returns the changes by table and key. A store that takes its locks in this order meets no other
// member of the group that takes the same ones in another.
func (all *Changes) Sorted() []Change {
	tables := slices.SortedFunc(maps.Keys(all.rows), func(a, b *Table) int {
		return strings.Compare(a.Name, b.Name)
	})
	changes := make([]Change, 0, all.size)
	for _, t := range tables {
		rows := all.rows[t]
		for _, key := range slices.Sorted(maps.Keys(rows)) {
			changes = append(changes, *rows[key])
		}
	}
	return changes
}

// then returns one change that does what c and next do, one after the other.
func (c Change) then(next Change) (_ Change, err error) {
	if next.Op != OpMerge {
		return next, nil
	}
	c.Sequence = next.Sequence
	switch c.Op {
	case OpPut:
		c.Values, err = next.Onto(c.Values)
	case OpDelete:
		c.Op = OpPut
		c.Values, err = next.Onto(nil)
	case OpMerge:
		c.Values, err = next.onto(c.Values, func(at int) bool { return slices.Contains(c.Columns, at) })
		c.Columns = union(c.Columns, next.Columns)
	}
	return c, err
}

// Onto returns the values of a row after a put or a merge; row are those before, nil if there was no row. The
// error is a *[Poison]: a sum would be more than an int64 holds.
func (c Change) Onto(row []any) ([]any, error) {
	if c.Op == OpPut {
		return c.Values, nil
	}
	if row != nil {
		return c.onto(row, func(int) bool { return true })
	}
	row = slices.Clone(c.Values)
	for i := range row {
		if !c.Table.Columns[i].Key && !slices.Contains(c.Columns, i) {
			row[i] = c.Table.Columns[i].Zero()
		}
	}
	return row, nil
}

// onto returns a copy of values with c merged into it. Sums are added to the columns of values that count,
// and replace others.
func (c Change) onto(values []any, counts func(column int) bool) ([]any, error) {
	values = slices.Clone(values)
	for _, at := range c.Columns {
		value := c.Values[at]
		if c.Table.Columns[at].Sum && counts(at) {
			sum, ok := add(values[at].(int64), value.(int64))
			if !ok {
				return nil, poison(PoisonSum, "%d and %d in column %s of %s are more than an int64 holds",
					values[at], value, c.Table.Columns[at].Name, c.Table.Name)
			}
			value = sum
		}
		values[at] = value
	}
	return values, nil
}

// add returns a + b, and whether it is that.
func add(a, b int64) (int64, bool) {
	sum := a + b
	return sum, (sum > a) == (b > 0)
}

// union joins two ascending lists.
func union(a, b []int) []int {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
