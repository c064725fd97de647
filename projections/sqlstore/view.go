package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"refold/projections"
)

// view is a look at a build, in a transaction of its own.
type view struct {
	*open
	on querier
}

// Look calls look with a view of one moment. The functions that read its rows must not read from it
// themselves: a connection does one thing at a time. A look that takes long keeps the database from removing
// what has been changed since.
func (o *open) Look(ctx context.Context, look func(projections.View) error) error {
	tx, err := o.store.database.Look(ctx)
	if err != nil {
		return o.told(ctx, "looking at", err)
	}
	defer tx.Rollback() //nolint:errcheck // it has only read
	if _, err := o.store.build(ctx, tx, o.project.Name, o.number); err != nil {
		return o.told(ctx, "looking at", err)
	}
	return look(&view{o, tx})
}

// OfOneMoment returns true.
func (*view) OfOneMoment() bool { return true }

// Progress returns that of all partitions.
func (v *view) Progress(ctx context.Context) ([]projections.Progress, error) {
	all, err := v.progress(ctx, v.on)
	return all, v.told(ctx, "reading the progress of", err)
}

// Rows calls each with every row of a table.
func (v *view) Rows(ctx context.Context, t *projections.Table, each func(values []any) error) error {
	return v.rows(ctx, t, each, "")
}

func (v *view) rows(
	ctx context.Context, t *projections.Table, each func([]any) error, where string, args ...any,
) error {
	var failed error // by each: that is the caller's own
	err := v.store.rows(ctx, v.on, t, v.name(t), func(values []any) error {
		failed = each(values)
		return failed
	}, where, args...)
	if failed != nil {
		return failed
	}
	return v.told(ctx, "reading", err)
}

// rows calls each with the rows of a table, or a view, that meet a condition.
func (s *Store) rows(
	ctx context.Context, on querier, t *projections.Table, name string, each func([]any) error,
	where string, args ...any,
) error {
	read := make([]any, len(t.Columns))
	into := make([]any, len(t.Columns))
	for i := range read {
		into[i] = &read[i]
	}
	return s.query(ctx, on, func(row *sql.Rows) error {
		if err := row.Scan(into...); err != nil {
			return err
		}
		values := make([]any, len(read))
		for i := range t.Columns {
			var err error
			if values[i], err = t.Columns[i].Read(read[i]); err != nil {
				return fmt.Errorf("table %s: %w", t.Name, err)
			}
		}
		return each(values)
		// Without the t, SQLite takes the name of a column that is not there for a text.
	}, "SELECT t."+strings.Join(Columns(t), ", t.")+" FROM "+Quoted(name)+" AS t"+where, args...)
}

// Row returns a row by its key.
func (v *view) Row(ctx context.Context, t *projections.Table, key ...any) ([]any, error) {
	row, err := v.store.row(ctx, v.on, t, v.name(t), key)
	return row, v.told(ctx, "reading a row of", err)
}

// row returns the row of a table, or a view, that has a key.
func (s *Store) row(
	ctx context.Context, on querier, t *projections.Table, name string, key []any,
) (row []any, err error) {
	if len(key) != len(t.Keys()) {
		return nil, fmt.Errorf("a key of the table %s has %d values; it must have %d",
			t.Name, len(key), len(t.Keys()))
	}
	for _, value := range key {
		if text, is := value.(string); is && !s.dialect.Holds(text) {
			return nil, nil
		}
	}
	err = s.rows(ctx, on, t, name, func(values []any) error {
		row = values
		return nil
	}, " WHERE t."+strings.Join(Keys(t), " = ? AND t.")+" = ?", key...)
	return row, err
}

// LiveRow returns a row as readers see it, by the view of the table's name. It is nil if there is no such
// row. Columns are read by their names, so t may be the table of another version than the live build's, as
// long as that has all its columns. The error may be projections.ErrNoBuild: no build is live.
func (s *Store) LiveRow(
	ctx context.Context, p *projections.Projection, t *projections.Table, key ...any,
) ([]any, error) {
	row, err := s.row(ctx, s.DB(), t, t.Name, key)
	if err != nil && s.dialect.Missing(err) {
		err = projections.ErrNoBuild
	}
	if err != nil {
		return nil, fmt.Errorf("reading a row of %s: %w", p.Name, err)
	}
	return row, nil
}

// LookLive calls look with a view of the live build, of one moment: see [projections.Store].
func (s *Store) LookLive(
	ctx context.Context, p *projections.Projection, look func(projections.View) error,
) error {
	tx, err := s.database.Look(ctx)
	if err != nil {
		return fmt.Errorf("looking at %s: %w", p.Name, err)
	}
	defer tx.Rollback() //nolint:errcheck // it has only read
	all, err := s.builds(ctx, tx, p.Name)
	if err != nil && !s.dialect.Missing(err) { // where nothing is, nothing was ever begun
		return fmt.Errorf("looking at %s: %w", p.Name, err)
	}
	live := slices.IndexFunc(all, func(b projections.Build) bool { return b.Status == projections.Live })
	if live < 0 {
		return fmt.Errorf("no build of %s is live: %w", p.Name, projections.ErrNoBuild)
	}
	return look(&view{s.newOpen(p, all[live].Number), tx})
}

// About calls each with every row of a table that is about a subject.
func (v *view) About(
	ctx context.Context, t *projections.Table, subject string, each func(values []any) error,
) error {
	if !v.store.dialect.Holds(subject) {
		return nil
	}
	var conditions []string
	var args []any
	for _, c := range t.Subjects() {
		conditions = append(conditions, "t."+Quoted(c.Name)+" = ?")
		args = append(args, subject)
	}
	if len(conditions) == 0 {
		return nil
	}
	return v.rows(ctx, t, each, " WHERE "+strings.Join(conditions, " OR "), args...)
}

// State returns the state of an aggregate, nil if it has none.
func (v *view) State(ctx context.Context, aggregate, subject string) (*projections.StoredState, error) {
	if !v.store.dialect.Holds(subject) {
		return nil, nil
	}
	row, err := v.store.row(ctx, v.on, v.states, v.name(v.states), []any{aggregate, subject})
	if err != nil || row == nil {
		return nil, v.told(ctx, "reading a state of", err)
	}
	return &projections.StoredState{
		Aggregate: aggregate, Subject: subject, Sequence: row[2].(int64), State: row[3].([]byte),
	}, nil
}
