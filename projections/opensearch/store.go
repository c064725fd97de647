package opensearch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"refold/projections"
)

// Store keeps builds in an OpenSearch. Make it with [New].
type Store struct{ client *client }

var _ projections.Store = (*Store)(nil)

// New returns a store. It connects when it is used first, so OpenSearch may be away until then. The error
// lists all options that are wrong.
func New(o Options) (*Store, error) {
	o, err := o.checked()
	if err != nil {
		return nil, fmt.Errorf("opensearch: %w", err)
	}
	return &Store{newClient(o)}, nil
}

// buildDocument is a build as the index of builds has it. That of a dropped one is kept, so that its number
// is not used again. Which build is live is not in it: the aliases say that.
type buildDocument struct {
	Projection string    `json:"projection"`
	Number     int       `json:"number"`
	Version    int       `json:"version"`
	Folds      string    `json:"folds"`
	FromTables bool      `json:"from_tables"`
	Tables     []string  `json:"tables"`
	Began      time.Time `json:"began"`
	WasLive    bool      `json:"was_live"`
	Dropped    bool      `json:"dropped"`
}

// build returns it as others know it.
func (d buildDocument) build(live int) projections.Build {
	b := projections.Build{
		Projection: d.Projection, Number: d.Number, Version: d.Version, Folds: d.Folds,
		Status: projections.Filling, FromTables: d.FromTables, Began: d.Began,
	}
	switch {
	case d.Number == live:
		b.Status = projections.Live
	case d.WasLive:
		b.Status = projections.Kept
	}
	return b
}

// documents returns what is known of a projection's builds, the oldest first, dropped ones among them.
func (s *Store) documents(ctx context.Context, projection string) ([]buildDocument, error) {
	hits, err := s.client.search(ctx, s.buildsIndex(), object{"term": object{"projection": projection}})
	if is(err, noIndex) {
		return nil, nil // nothing was ever begun
	}
	if err != nil {
		return nil, err
	}
	all := make([]buildDocument, len(hits))
	for i, hit := range hits {
		if err := json.Unmarshal(hit.Source, &all[i]); err != nil {
			return nil, fmt.Errorf("the build %s in OpenSearch: %w", hit.ID, err)
		}
	}
	slices.SortFunc(all, func(a, b buildDocument) int { return cmp.Compare(a.Number, b.Number) })
	return all, nil
}

// document returns a build, as it is now. The error may be projections.ErrNoBuild.
func (s *Store) document(ctx context.Context, projection string, number int) (d buildDocument, err error) {
	none := fmt.Errorf("build %d of %s: %w", number, projection, projections.ErrNoBuild)
	docs, err := s.client.get(ctx, s.buildsIndex(), []string{buildID(projection, number)})
	if is(err, noIndex) || err == nil && !docs[0].Found {
		return d, none
	}
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(docs[0].Source, &d); err != nil {
		return d, fmt.Errorf("the build %s in OpenSearch: %w", docs[0].ID, err)
	}
	if d.Dropped {
		return d, none
	}
	return d, nil
}

// Builds returns the builds of a projection, the oldest first.
func (s *Store) Builds(ctx context.Context, projection string) ([]projections.Build, error) {
	documents, err := s.documents(ctx, projection)
	if err != nil {
		return nil, err
	}
	live, err := s.live(ctx, documents)
	if err != nil {
		return nil, err
	}
	var all []projections.Build
	for _, d := range documents {
		if !d.Dropped {
			all = append(all, d.build(newest(live)))
		}
	}
	return all, nil
}

// maxTries is how often something is tried that somebody else is faster with.
const maxTries = 100

// Begin returns the build with the version and folds of b, or makes one: its document first, whose ID makes
// sure that one caller does it, and then its indices. Whoever finds the document makes those that are
// missing.
func (s *Store) Begin(
	ctx context.Context, p *projections.Projection, b projections.Build, anew bool,
) (projections.Build, error) {
	if err := canKeep(p); err != nil {
		return projections.Build{}, err
	}
	if err := s.makeIndex(ctx, s.buildsIndex(), buildsMapping(), 1); err != nil {
		return projections.Build{}, err
	}
	for range maxTries {
		documents, err := s.documents(ctx, p.Name)
		if err != nil {
			return projections.Build{}, err
		}
		d := buildDocument{
			Projection: p.Name, Number: 1, Version: b.Version, Folds: b.Folds, FromTables: b.FromTables,
			Began: time.Now().UTC().Truncate(time.Millisecond),
		}
		for _, other := range documents {
			d.Number = max(d.Number, other.Number+1)
		}
		for _, t := range p.Tables {
			d.Tables = append(d.Tables, t.Name)
		}
		for _, other := range slices.Backward(documents) {
			if !anew && !other.Dropped && other.Version == b.Version && other.Folds == b.Folds {
				return s.begun(ctx, p, other, documents)
			}
		}
		err = s.client.call(ctx, http.MethodPut,
			"/"+s.buildsIndex()+"/_create/"+buildID(p.Name, d.Number), d, nil)
		if err == nil {
			return s.begun(ctx, p, d, documents)
		}
		if !conflict(err) {
			return projections.Build{}, err
		}
	}
	return projections.Build{}, fmt.Errorf("beginning a build of %s: others were faster %d times", p.Name,
		maxTries)
}

// begun makes the indices of a build, and returns it.
func (s *Store) begun(
	ctx context.Context, p *projections.Projection, d buildDocument, documents []buildDocument,
) (projections.Build, error) {
	errs := []error{
		s.makeIndex(ctx, s.statesIndex(p.Name, d.Number), notSearched(), s.client.options.Shards),
		s.makeIndex(ctx, s.progressIndex(p.Name, d.Number), notSearched(), 1),
	}
	for _, t := range p.Tables {
		errs = append(errs, s.makeIndex(ctx, s.tableIndex(t.Name, d.Number), mappingOf(t),
			s.client.options.Shards))
	}
	if err := errors.Join(errs...); err != nil {
		return projections.Build{}, err
	}
	live, err := s.live(ctx, documents)
	return d.build(newest(live)), err
}

// makeIndex makes an index, if it is not there.
func (s *Store) makeIndex(ctx context.Context, index string, mapping object, shards int) error {
	err := s.client.call(ctx, http.MethodPut, "/"+index, object{
		"settings": s.client.options.settings(shards), "mappings": mapping,
		"aliases": object{forWriting(index): object{}},
	}, nil)
	if is(err, indexExists) {
		return nil
	}
	return err
}

// canKeep returns ErrCantMerge if a table's rows are merged.
func canKeep(p *projections.Projection) error {
	for _, t := range p.Tables {
		if t.Sums() {
			return fmt.Errorf("table %s has sum columns: %w, as it has no transactions", t.Name,
				projections.ErrCantMerge)
		}
	}
	return nil
}

// Open returns a handle on a build. The error may be projections.ErrNoBuild or projections.ErrCantMerge.
func (s *Store) Open(
	ctx context.Context, p *projections.Projection, number int,
) (projections.OpenBuild, error) {
	if err := canKeep(p); err != nil {
		return nil, err
	}
	d, err := s.document(ctx, p.Name, number)
	if err != nil {
		return nil, err
	}
	return &open{store: s, build: d}, nil
}

// errLive says that the build is the one that readers see.
var errLive = errors.New("the build is live")

// Drop removes a build with its indices. One that was cut short can be called again. It fails while a build
// of the projection takes over.
func (s *Store) Drop(ctx context.Context, p *projections.Projection, number int) error {
	none := fmt.Errorf("build %d of %s: %w", number, p.Name, projections.ErrNoBuild)
	documents, err := s.documents(ctx, p.Name)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(documents, func(d buildDocument) bool { return d.Number == number })
	if at < 0 {
		return none
	}
	d := documents[at]
	if !d.Dropped {
		err := s.alone(ctx, p.Name, func(ctx context.Context) error {
			live, err := s.live(ctx, documents)
			switch {
			case err != nil:
				return err
			case slices.Contains(live, number):
				return fmt.Errorf("build %d of %s: %w", number, p.Name, errLive)
			}
			return s.update(ctx, d, object{"dropped": true})
		})
		if err != nil {
			return err
		}
	}
	names := []string{s.progressIndex(p.Name, number), s.statesIndex(p.Name, number)}
	for _, t := range d.Tables {
		names = append(names, s.tableIndex(t, number))
	}
	err = s.client.call(ctx, http.MethodDelete,
		"/"+strings.Join(names, ",")+"?ignore_unavailable=true", nil, nil)
	if err == nil && d.Dropped { // what a drop before has left is gone now
		return none
	}
	return err
}

// update changes fields of a build's document.
func (s *Store) update(ctx context.Context, d buildDocument, fields object) error {
	return s.client.call(ctx, http.MethodPost,
		"/"+s.buildsIndex()+"/_update/"+buildID(d.Projection, d.Number), object{"doc": fields}, nil)
}

// LiveRow returns a row of the build that is live, as it is now: see projections.Store.
func (s *Store) LiveRow(
	ctx context.Context, _ *projections.Projection, t *projections.Table, key ...any,
) ([]any, error) {
	rows, err := s.client.get(ctx, s.alias(t.Name), []string{documentID(t.KeyOf(key...))})
	if is(err, noIndex) {
		return nil, fmt.Errorf("no build with the table %s is live: %w", t.Name, projections.ErrNoBuild)
	}
	if err != nil || !rows[0].Found {
		return nil, err
	}
	return decodeRow(t, rows[0].Source)
}

// Close ends idle connections.
func (s *Store) Close() error {
	s.client.http.CloseIdleConnections()
	return nil
}
