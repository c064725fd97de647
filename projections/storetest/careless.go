package storetest

import (
	"context"

	"refold/projections"
)

// Careless returns a store that writes a batch in two steps: first the rows, then states and progress, as a
// projector does that keeps its offsets elsewhere. Between is called between the two. An error of it is the
// crash of the process: the second step is not done. It may be nil.
//
// It shows what goes wrong without the one step: rows that events add to are doubled. Use it in tests only.
func Careless(store projections.Store, between func() error) projections.Store {
	if between == nil {
		between = func() error { return nil }
	}
	return &careless{store, between}
}

type careless struct {
	projections.Store
	between func() error
}

// Open returns a handle that writes in two steps.
func (c *careless) Open(
	ctx context.Context, p *projections.Projection, number int,
) (projections.OpenBuild, error) {
	build, err := c.Store.Open(ctx, p, number)
	if err != nil {
		return nil, err
	}
	return &carelessBuild{build, c.between}, nil
}

type carelessBuild struct {
	projections.OpenBuild
	between func() error
}

// Write writes the rows, and then the rest.
func (c *carelessBuild) Write(ctx context.Context, batch *projections.Batch) error {
	rows := projections.Batch{Changes: batch.Changes}
	for _, a := range batch.Advances {
		a.To = a.From
		rows.Advances = append(rows.Advances, a)
	}
	if err := c.OpenBuild.Write(ctx, &rows); err != nil {
		return err
	}
	if err := c.between(); err != nil {
		return err
	}
	rest := projections.Batch{Advances: batch.Advances, States: batch.States}
	return c.OpenBuild.Write(ctx, &rest)
}
