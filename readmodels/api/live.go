package api

import (
	"context"
	"fmt"

	"refold/projections"
)

// LiveIn reads live builds in a store by what all stores can: a look at the builds, then at the row. A store that
// has a shorter way should be given instead.
func LiveIn(store projections.Store) Live { return inStore{store} }

type inStore struct{ store projections.Store }

// LiveRow returns a row by its key.
func (s inStore) LiveRow(
	ctx context.Context, p *projections.Projection, t *projections.Table, key ...any,
) (row []any, err error) {
	builds, err := s.store.Builds(ctx, p.Name)
	if err != nil {
		return nil, fmt.Errorf("asking for the builds of %s: %w", p.Name, err)
	}
	for _, b := range builds {
		if b.Status != projections.Live {
			continue
		}
		open, err := s.store.Open(ctx, p, b.Number)
		if err != nil {
			return nil, fmt.Errorf("opening %s: %w", b.Name(), err)
		}
		err = open.Look(ctx, func(v projections.View) (err error) {
			row, err = v.Row(ctx, t, key...)
			return err //nolint:wrapcheck // the store's own
		})
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", b.Name(), err)
		}
		return row, nil
	}
	return nil, fmt.Errorf("no build of %s is live: %w", p.Name, projections.ErrNoBuild)
}
