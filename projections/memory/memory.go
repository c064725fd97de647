package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"refold/projections"
)

var _ projections.Store = (*Store)(nil)

// Store keeps builds in memory. Its zero value is empty.
type Store struct {
	mu     sync.Mutex
	builds map[string][]*build // by projection
	made   map[string]int      // how many builds a projection has had
}

// build is a build with all that it has. The store's mutex guards it.
type build struct {
	projections.Build
	tables    projections.Tables
	progress  map[projections.Partition]projections.Progress
	states    map[name]projections.StoredState
	rows      map[string]map[string][]any // by table and key
	heldUntil time.Time
	dropped   bool
}

// name is that of an aggregate.
type name struct{ aggregate, subject string }

// Builds returns the builds of a projection, the oldest first.
func (s *Store) Builds(_ context.Context, projection string) ([]projections.Build, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]projections.Build, 0, len(s.builds[projection]))
	for _, b := range s.builds[projection] {
		all = append(all, b.Build)
	}
	return all, nil
}

// Begin returns a build with the version and folds of b, or makes one: see projections.Store.
func (s *Store) Begin(
	_ context.Context, p *projections.Projection, b projections.Build, anew bool,
) (projections.Build, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range slices.Backward(s.builds[p.Name]) {
		if !anew && other.Version == b.Version && other.Folds == b.Folds {
			return other.Build, nil
		}
	}
	if s.builds == nil {
		s.builds, s.made = make(map[string][]*build), make(map[string]int)
	}
	s.made[p.Name]++
	b.Projection, b.Number, b.Status, b.Began = p.Name, s.made[p.Name], projections.Filling, time.Now()
	made := &build{
		Build: b, tables: p.Tables, progress: make(map[projections.Partition]projections.Progress),
		states: make(map[name]projections.StoredState), rows: make(map[string]map[string][]any),
	}
	for _, t := range p.Tables {
		made.rows[t.Name] = make(map[string][]any)
	}
	s.builds[p.Name] = append(s.builds[p.Name], made)
	return b, nil
}

// Open returns a handle on a build.
func (s *Store) Open(
	_ context.Context, p *projections.Projection, number int,
) (projections.OpenBuild, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.numbered(p.Name, number)
	if b == nil {
		return nil, fmt.Errorf("build %d of %s: %w", number, p.Name, projections.ErrNoBuild)
	}
	return &open{s, b}, nil
}

func (s *Store) numbered(projection string, number int) *build {
	for _, b := range s.builds[projection] {
		if b.Number == number {
			return b
		}
	}
	return nil
}

// Live returns the build that readers see. The error wraps projections.ErrNoBuild if there is none.
func (s *Store) Live(p *projections.Projection) (projections.OpenBuild, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.live(p.Name)
	if err != nil {
		return nil, err
	}
	return &open{s, b}, nil
}

func (s *Store) live(projection string) (*build, error) {
	for _, b := range s.builds[projection] {
		if b.Status == projections.Live {
			return b, nil
		}
	}
	return nil, fmt.Errorf("no build of %s is live: %w", projection, projections.ErrNoBuild)
}

// LiveRow returns a row of the build that readers see: see projections.Store.
func (s *Store) LiveRow(
	_ context.Context, p *projections.Projection, t *projections.Table, key ...any,
) ([]any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.live(p.Name)
	if err != nil {
		return nil, err
	}
	row := b.rows[t.Name][t.KeyOf(key...)]
	if row == nil {
		return nil, nil
	}
	return b.named(t, row)
}

// LookLive shows the build that readers see: see projections.Store.
func (s *Store) LookLive(
	ctx context.Context, p *projections.Projection, look func(projections.View) error,
) error {
	live, err := s.Live(p)
	if err != nil {
		return err
	}
	return live.Look(ctx, look) //nolint:wrapcheck // it is our own
}

// named returns the columns of t of a row of the build's own table of that name.
func (b *build) named(t *projections.Table, row []any) ([]any, error) {
	own := b.tables[slices.IndexFunc(b.tables, func(o *projections.Table) bool { return o.Name == t.Name })]
	values := make([]any, len(t.Columns))
	for i, c := range t.Columns {
		at := slices.IndexFunc(own.Columns, func(o projections.Column) bool { return o.Name == c.Name })
		if at < 0 {
			return nil, fmt.Errorf("the live build's table %s has no column %s", t.Name, c.Name)
		}
		values[i] = row[at]
	}
	return values, nil
}

// errLive says that the build is the one that readers see.
var errLive = errors.New("the build is live")

// Drop removes a build.
func (s *Store) Drop(_ context.Context, p *projections.Projection, number int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.numbered(p.Name, number)
	switch {
	case b == nil:
		return projections.ErrNoBuild
	case b.Status == projections.Live:
		return errLive
	}
	b.dropped = true
	s.builds[p.Name] = slices.DeleteFunc(s.builds[p.Name], func(o *build) bool { return o == b })
	return nil
}

// Close does nothing.
func (*Store) Close() error { return nil }
