package redis

import (
	"context"
	"fmt"

	"refold/projections"
)

// MaxLiveRows is how many rows [Store.LiveRows] reads at once.
const MaxLiveRows = 1_000

// LiveRows returns rows of the build that is live, by the values of their key columns: nil for those that are
// not there. All are of one build and of one moment, in one round trip. The error wraps
// projections.ErrNoBuild if no build is live: the projection is being filled for the first time, or Redis has
// lost its data.
func (s *Store) LiveRows(
	ctx context.Context, p *projections.Projection, t *projections.Table, keys ...[]any,
) ([][]any, error) {
	if len(keys) > MaxLiveRows {
		return nil, fmt.Errorf("%d rows of %s are asked for; at most %d can be", len(keys), t.Name,
			MaxLiveRows)
	}
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = t.KeyOf(key...)
	}
	return s.read(ctx, p.Name, "", t, names)
}

// LiveRow returns a row of the build that is live, nil if it is not there: see [Store.LiveRows].
func (s *Store) LiveRow(
	ctx context.Context, p *projections.Projection, t *projections.Table, key ...any,
) ([]any, error) {
	rows, err := s.LiveRows(ctx, p, t, key)
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// LookLive shows the build that is live: see projections.Store.
func (s *Store) LookLive(
	ctx context.Context, p *projections.Projection, look func(projections.View) error,
) error {
	builds, err := s.Builds(ctx, p.Name)
	if err != nil {
		return err
	}
	for _, b := range builds {
		if b.Status == projections.Live {
			return look(&view{&open{store: s, projection: p, build: b}})
		}
	}
	return fmt.Errorf("no build of %s is live: %w", p.Name, projections.ErrNoBuild)
}

// read returns rows of a build, "" being the live one: see read.lua.
func (s *Store) read(
	ctx context.Context, projection, number string, t *projections.Table, keys []string,
) ([][]any, error) {
	a := arguments{number, t.Name}
	a.columns(t)
	a.list(keys)
	answer, err := s.run(ctx, readScript, projection, a)
	if err != nil {
		return nil, fmt.Errorf("reading rows of %s: %w", t.Name, err)
	}
	if len(answer) != 1 {
		return nil, fmt.Errorf("read in Redis: the answer has %d items", len(answer))
	}
	rows, err := decodeRows(t, answer[0])
	if err == nil && len(rows) != len(keys) {
		err = fmt.Errorf("read in Redis: the answer has %d rows of %d", len(rows), len(keys))
	}
	return rows, err
}

// columns adds the names of a table's columns.
func (a *arguments) columns(t *projections.Table) {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	a.list(names)
}
