package memory

import (
	"context"
	"slices"

	"refold/projections"
)

// view is a copy of a build.
type view struct {
	progress []projections.Progress
	states   map[name]projections.StoredState
	rows     map[string]map[string][]any // by table and key
}

// OfOneMoment returns true.
func (*view) OfOneMoment() bool { return true }

// Progress returns that of all partitions.
func (v *view) Progress(context.Context) ([]projections.Progress, error) { return v.progress, nil }

// Rows calls each with every row of a table.
func (v *view) Rows(_ context.Context, t *projections.Table, each func(values []any) error) error {
	for _, values := range v.rows[t.Name] {
		if err := each(slices.Clone(values)); err != nil {
			return err
		}
	}
	return nil
}

// Row returns a row by its key.
func (v *view) Row(_ context.Context, t *projections.Table, key ...any) ([]any, error) {
	return slices.Clone(v.rows[t.Name][t.KeyOf(key...)]), nil
}

// About calls each with every row of a table that is about a subject.
func (v *view) About(
	ctx context.Context, t *projections.Table, subject string, each func(values []any) error,
) error {
	return v.Rows(ctx, t, func(values []any) error {
		for i, c := range t.Columns {
			if c.Subject && values[i] == subject {
				return each(values)
			}
		}
		return nil
	})
}

// State returns the state of an aggregate.
func (v *view) State(_ context.Context, aggregate, subject string) (*projections.StoredState, error) {
	if s, has := v.states[name{aggregate, subject}]; has {
		return &s, nil
	}
	return nil, nil //nolint:nilnil // it has none
}
