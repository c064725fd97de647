package compare

import (
	"context"
	"fmt"
	"slices"

	"refold/projections"
)

// moment is when rows were read: the progress before and after.
type moment struct {
	before, after []projections.Progress
	whole         bool // both are the same, and the rows are of that moment
}

// began returns the progress of a partition before the rows were read, reached that after it.
func (m moment) began(p projections.Partition) int64   { return offsetOf(m.before, p) }
func (m moment) reached(p projections.Partition) int64 { return offsetOf(m.after, p) }

func offsetOf(all []projections.Progress, p projections.Partition) int64 {
	for _, one := range all {
		if one.Partition == p {
			return max(one.Next, 0)
		}
	}
	return 0
}

// still reports whether the build stood still while rows were read.
func (m moment) still() bool {
	return len(m.before) == len(m.after) && !slices.ContainsFunc(m.after, func(p projections.Progress) bool {
		return m.began(p.Partition) != max(p.Next, 0)
	})
}

// look reads what the store has of rows.
func (r *run) look(ctx context.Context, these *rows) (m moment, err error) {
	err = r.Open.Look(ctx, func(v projections.View) error {
		these.forget() // a store may call this again
		m = moment{whole: v.OfOneMoment()}
		var err error
		if m.before, err = v.Progress(ctx); err != nil {
			return err //nolint:wrapcheck // of the store
		}
		if err := readRows(ctx, v, r.Projection.Tables, these); err != nil {
			return err
		}
		if m.after = m.before; !m.whole {
			m.after, err = v.Progress(ctx)
		}
		return err //nolint:wrapcheck // of the store
	})
	if err != nil {
		return m, fmt.Errorf("read what the store has: %w", err)
	}
	for _, p := range m.after {
		if r.Build.FromTables && p.Next < 0 {
			return m, ErrFilling
		}
	}
	return m, nil
}

func readRows(ctx context.Context, v projections.View, tables projections.Tables, these *rows) error {
	if these.keys == nil {
		for _, t := range tables {
			err := v.Rows(ctx, t, func(values []any) error {
				if c := these.at(t, t.Key(values)); c != nil {
					c.stored = slices.Clone(values)
				}
				return nil
			})
			if err != nil {
				return err //nolint:wrapcheck // of the store
			}
		}
		return nil
	}
	return these.sorted(tables, func(t *projections.Table, key string, c *cell) (err error) {
		c.stored, err = v.Row(ctx, t, these.keys[t][key]...)
		return err
	})
}
