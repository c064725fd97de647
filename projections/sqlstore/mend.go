package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"refold/projections"
)

// Mend writes rows if the progress of all partitions is still what is given: see [projections.OpenBuild].
func (o *open) Mend(ctx context.Context, at []projections.Progress, rows []projections.Mended) error {
	var changes projections.Changes
	for _, m := range rows {
		if err := changes.Add(mending(m)); err != nil {
			return fmt.Errorf("mending: %w", err)
		}
	}
	return o.inTransaction(ctx, "mending", func(tx *sql.Tx) error {
		now, err := o.progress(ctx, tx)
		if err != nil {
			return err
		}
		if !same(at, now) {
			return projections.ErrMoved
		}
		for _, step := range o.changes(changes.Sorted()) {
			if _, err := tx.ExecContext(ctx, step.SQL, step.Args...); err != nil {
				return o.store.poison(err)
			}
		}
		return nil
	}, o.lock)
}

// mending is the change that makes a row as it should be.
func mending(m projections.Mended) projections.Change {
	if m.Values != nil {
		return projections.Change{Table: m.Table, Op: projections.OpPut, Values: m.Values}
	}
	c := projections.Change{
		Table: m.Table, Op: projections.OpDelete, Values: make([]any, len(m.Table.Columns)),
	}
	for i, column := range m.Table.Keys() {
		c.Values[column] = m.Key[i]
	}
	return c
}

// same reports whether two lists have the same partitions at the same offsets.
func same(a, b []projections.Progress) bool {
	next := make(map[projections.Partition]int64, len(b))
	for _, p := range b {
		next[p.Partition] = p.Next
	}
	for _, p := range a {
		if n, has := next[p.Partition]; !has || n != p.Next {
			return false
		}
	}
	return len(a) == len(b)
}
