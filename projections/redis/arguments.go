package redis

import (
	"slices"
	"strconv"

	"refold/projections"
)

// arguments are those of a script, in the order in which it takes them.
type arguments []any

func (a *arguments) add(items ...any) { *a = append(*a, items...) }

// list adds texts, and how many they are.
func (a *arguments) list(items []string) {
	a.add(len(items))
	for _, item := range items {
		a.add(item)
	}
}

// partition names a partition. A topic's name has no slash.
func partition(p projections.Partition) string {
	return p.Topic + "/" + strconv.FormatInt(int64(p.Partition), 10)
}

// stateName names a state. The name of an aggregate has no slash.
func stateName(aggregate, subject string) string { return aggregate + "/" + subject }

func (a *arguments) advances(all []projections.Advance) {
	a.add(len(all))
	for _, step := range all {
		at := ""
		if !step.Time.IsZero() {
			at = projections.Bounded(step.Time).Format(progressTime)
		}
		a.add(partition(step.Partition), step.Epoch, step.From, step.To, step.End, at)
	}
}

func (a *arguments) states(all []projections.StoredState) {
	a.add(2 * len(all))
	for _, s := range all {
		a.add(stateName(s.Aggregate, s.Subject),
			strconv.FormatInt(s.Sequence, 10)+":"+string(s.State))
	}
}

// changed is a change of a row, or a row that is mended.
type changed struct {
	table *projections.Table
	op    projections.Op
	key   string
	// values are those of the row after a put, and of a row that a merge makes.
	values []any
	merge  projections.Change
}

// ofChanges returns the changes of a batch. The error is a *projections.Poison.
func ofChanges(changes []projections.Change) ([]changed, error) {
	all := make([]changed, len(changes))
	for i, c := range changes {
		all[i] = changed{table: c.Table, op: c.Op, key: c.Key(), values: c.Values, merge: c}
		if c.Op == projections.OpMerge {
			var err error
			if all[i].values, err = c.Onto(nil); err != nil {
				return nil, err //nolint:wrapcheck // it is poison, and says which column
			}
		}
	}
	return all, nil
}

// ofMended returns rows that are put as they should be, or deleted.
func ofMended(rows []projections.Mended) []changed {
	all := make([]changed, len(rows))
	for i, m := range rows {
		all[i] = changed{
			table: m.Table, op: projections.OpPut, key: m.Table.KeyOf(m.Key...), values: m.Values,
		}
		if m.Values == nil {
			all[i].op = projections.OpDelete
		}
	}
	return all
}

// changes adds the changes of rows, by table. The error is a *projections.Poison.
func (a *arguments) changes(all []changed) error {
	byTable := make(map[*projections.Table][]changed)
	var tables []*projections.Table
	for _, c := range all {
		if byTable[c.table] == nil {
			tables = append(tables, c.table)
		}
		byTable[c.table] = append(byTable[c.table], c)
	}
	a.add(len(tables))
	for _, t := range tables {
		subjects := t.Subjects()
		names := make([]string, len(subjects))
		for i, c := range subjects {
			names[i] = c.Name
		}
		a.add(t.Name)
		a.list(names)
		a.add(len(byTable[t]))
		for _, c := range byTable[t] {
			if err := a.change(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *arguments) change(c changed) error {
	switch c.op {
	case projections.OpPut:
		a.add("put", c.key)
		return a.fields(c.table, c.values)
	case projections.OpDelete:
		a.add("delete", c.key)
		return nil
	default:
		a.add("merge", c.key)
		if err := a.fields(c.table, c.values); err != nil {
			return err
		}
		return a.merged(c.merge)
	}
}

// fields adds names and values of all columns that are not null, by turns.
func (a *arguments) fields(t *projections.Table, values []any) error {
	var fields []string
	for i := range t.Columns {
		if values[i] == nil {
			continue
		}
		text, err := encode(&t.Columns[i], values[i])
		if err != nil {
			return err
		}
		fields = append(fields, t.Columns[i].Name, text)
	}
	a.list(fields)
	return nil
}

// merged adds what a merge does to a row that is there.
func (a *arguments) merged(c projections.Change) error {
	var set, null, sums []string
	for _, at := range slices.Sorted(slices.Values(c.Columns)) {
		column, value := &c.Table.Columns[at], c.Values[at]
		if value == nil {
			null = append(null, column.Name)
			continue
		}
		text, err := encode(column, value)
		if err != nil {
			return err
		}
		if column.Sum {
			sums = append(sums, column.Name, text)
		} else {
			set = append(set, column.Name, text)
		}
	}
	a.list(set)
	a.list(null)
	a.list(sums)
	return nil
}
