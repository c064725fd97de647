package opensearch

import (
	"context"
	"fmt"
	"slices"

	"refold/projections"
)

// Look shows the build. Each call of the view sees what was written before it.
func (o *open) Look(ctx context.Context, look func(projections.View) error) error {
	if _, err := o.store.document(ctx, o.build.Projection, o.build.Number); err != nil {
		return err
	}
	return look(&view{o})
}

// LookLive shows the build that is live: see projections.Store.
func (s *Store) LookLive(
	ctx context.Context, p *projections.Projection, look func(projections.View) error,
) error {
	documents, err := s.documents(ctx, p.Name)
	if err != nil {
		return err
	}
	live, err := s.live(ctx, documents)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(documents, func(d buildDocument) bool { return d.Number == newest(live) })
	if at < 0 {
		return fmt.Errorf("no build of %s is live: %w", p.Name, projections.ErrNoBuild)
	}
	return look(&view{&open{store: s, build: documents[at]}})
}

// view reads a build as it is at each call.
type view struct{ *open }

// OfOneMoment returns false.
func (*view) OfOneMoment() bool { return false }

// Progress returns that of all partitions.
func (v *view) Progress(ctx context.Context) ([]projections.Progress, error) {
	read, err := v.store.progress(ctx, v.build.Projection, v.build.Number)
	if err != nil {
		return nil, err
	}
	all := make([]projections.Progress, len(read))
	for i, p := range read {
		all[i] = p.public()
	}
	return all, nil
}

// Rows calls each with every row of a table, as of the moment of the call.
func (v *view) Rows(ctx context.Context, t *projections.Table, each func(values []any) error) error {
	return v.rows(ctx, t, object{"match_all": object{}}, each)
}

// About calls each with every row of a table that is about a subject. IDs of more than 8,191 characters are
// not found.
func (v *view) About(
	ctx context.Context, t *projections.Table, subject string, each func(values []any) error,
) error {
	var either []object
	for _, c := range t.Subjects() {
		either = append(either, object{"term": object{c.Name + ".keyword": subject}})
	}
	if len(either) == 0 {
		return nil
	}
	return v.rows(ctx, t, object{"bool": object{"should": either}}, each)
}

func (v *view) rows(
	ctx context.Context, t *projections.Table, query object, each func(values []any) error,
) error {
	err := v.store.client.scroll(ctx, v.store.tableIndex(t.Name, v.build.Number), query, func(d found) error {
		values, err := decodeRow(t, d.Source)
		if err != nil {
			return err
		}
		return each(values)
	})
	return noBuild(err)
}

// Row returns a row by its key, as it is now.
func (v *view) Row(ctx context.Context, t *projections.Table, key ...any) ([]any, error) {
	docs, err := v.store.client.get(ctx, v.store.tableIndex(t.Name, v.build.Number),
		[]string{documentID(t.KeyOf(key...))})
	if err != nil || !docs[0].Found {
		return nil, noBuild(err)
	}
	return decodeRow(t, docs[0].Source)
}

// State returns the state of an aggregate, as it is now.
func (v *view) State(ctx context.Context, aggregate, subject string) (*projections.StoredState, error) {
	all, err := v.States(ctx, aggregate, []string{subject})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}
