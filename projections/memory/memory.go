package memory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"refold/projections"
)

// Store keeps builds in memory. Its zero value is empty.
type Store struct {
	mu     sync.Mutex
	builds map[string][]*build // by projection
}

// build is a build with all that it has. The store's mutex guards it.
type build struct {
	projections.Build
	progress  map[projections.Partition]projections.Progress
	states    map[name]projections.StoredState
	rows      map[*projections.Table]map[string][]any
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
	all := s.builds[p.Name]
	number := 1
	for _, other := range slices.Backward(all) {
		if !anew && other.Version == b.Version && other.Folds == b.Folds {
			return other.Build, nil
		}
		number = max(number, other.Number+1)
	}
	b.Projection, b.Number, b.Status, b.Began = p.Name, number, projections.Filling, time.Now()
	made := &build{
		Build: b, progress: make(map[projections.Partition]projections.Progress),
		states: make(map[name]projections.StoredState), rows: make(map[*projections.Table]map[string][]any),
	}
	for _, t := range p.Tables {
		made.rows[t] = make(map[string][]any)
	}
	if s.builds == nil {
		s.builds = make(map[string][]*build)
	}
	s.builds[p.Name] = append(all, made)
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
	for _, b := range s.builds[p.Name] {
		if b.Status == projections.Live {
			return &open{s, b}, nil
		}
	}
	return nil, fmt.Errorf("no build of %s is live: %w", p.Name, projections.ErrNoBuild)
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

// open is a handle on a build.
type open struct {
	store *Store
	build *build
}

// locked calls do with the store locked, unless the build was dropped.
func (o *open) locked(do func(*build) error) error {
	o.store.mu.Lock()
	defer o.store.mu.Unlock()
	if o.build.dropped {
		return projections.ErrNoBuild
	}
	return do(o.build)
}

// Claim raises the epochs of partitions.
func (o *open) Claim(
	_ context.Context, partitions []projections.Partition,
) (all []projections.Progress, err error) {
	err = o.locked(func(b *build) error {
		for _, p := range partitions {
			progress, known := b.progress[p]
			if !known {
				progress = projections.Progress{Partition: p, Next: -1}
			}
			progress.Epoch++
			b.progress[p] = progress
			all = append(all, progress)
		}
		return nil
	})
	return all, err
}

// States returns the states of some aggregates.
func (o *open) States(
	_ context.Context, aggregate string, subjects []string,
) (all []projections.StoredState, err error) {
	err = o.locked(func(b *build) error {
		for _, subject := range subjects {
			if state, has := b.states[name{aggregate, subject}]; has {
				all = append(all, state)
			}
		}
		return nil
	})
	return all, err
}

// Write writes a batch.
func (o *open) Write(_ context.Context, batch *projections.Batch) error {
	return o.locked(func(b *build) error {
		if time.Now().Before(b.heldUntil) {
			return projections.ErrHeld
		}
		for _, a := range batch.Advances {
			switch p := b.progress[a.Partition]; {
			case p.Epoch != a.Epoch:
				return projections.ErrFenced
			case p.Next != a.From:
				return projections.ErrMoved
			}
		}
		rows, err := b.changed(batch.Changes)
		if err != nil {
			return err
		}
		for _, r := range rows {
			r.put(b)
		}
		for _, s := range batch.States {
			b.states[name{s.Aggregate, s.Subject}] = s
		}
		for _, a := range batch.Advances {
			b.advance(a)
		}
		return nil
	})
}

func (b *build) advance(a projections.Advance) {
	p := b.progress[a.Partition]
	p.Next, p.End = a.To, a.End
	if !a.Time.IsZero() {
		p.Time = a.Time
	}
	b.progress[a.Partition] = p
}

// row is a row as it will be; nil values: it is deleted.
type row struct {
	table  *projections.Table
	key    string
	values []any
}

func (r row) put(b *build) {
	if r.values == nil {
		delete(b.rows[r.table], r.key)
		return
	}
	b.rows[r.table][r.key] = r.values
}

// changed returns the rows that changes make.
func (b *build) changed(changes []projections.Change) ([]row, error) {
	rows := make([]row, len(changes))
	for i, c := range changes {
		rows[i] = row{table: c.Table, key: c.Key()}
		if c.Op == projections.OpDelete {
			continue
		}
		values, err := c.Onto(b.rows[c.Table][rows[i].key])
		if err != nil {
			return nil, err //nolint:wrapcheck // it is poison, and says which column
		}
		rows[i].values = values
	}
	return rows, nil
}

// TakeOver makes the build live.
func (o *open) TakeOver(ctx context.Context, hold time.Duration) error {
	deadline := time.Now().Add(hold)
	for {
		err := o.tryTakeOver(deadline)
		if !errors.Is(err, projections.ErrBehind) || !time.Now().Before(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // of the caller
		case <-time.After(time.Millisecond):
		}
	}
}

func (o *open) tryTakeOver(hold time.Time) error {
	return o.locked(func(b *build) error {
		var live *build
		for _, other := range o.store.builds[b.Projection] {
			if other.Status == projections.Live {
				live = other
			}
		}
		if live == b {
			return nil
		}
		if live != nil && !b.level(live) {
			live.heldUntil = hold
			return projections.ErrBehind
		}
		if live != nil {
			live.Status, live.heldUntil = projections.Kept, time.Time{}
		}
		b.Status = projections.Live
		return nil
	})
}

// level reports whether the build has taken all that another has.
func (b *build) level(other *build) bool {
	for partition, p := range other.progress {
		if b.progress[partition].Next < p.Next {
			return false
		}
	}
	return true
}

// Mend writes rows, unless the build has gone on meanwhile.
func (o *open) Mend(_ context.Context, at []projections.Progress, rows []projections.Mended) error {
	return o.locked(func(b *build) error {
		if len(at) != len(b.progress) {
			return projections.ErrMoved
		}
		for _, p := range at {
			if b.progress[p.Partition].Next != p.Next {
				return projections.ErrMoved
			}
		}
		for _, m := range rows {
			row{m.Table, m.Table.KeyOf(m.Key...), m.Values}.put(b)
		}
		return nil
	})
}

// Look shows the build as it is now.
func (o *open) Look(_ context.Context, look func(projections.View) error) error {
	v := &view{}
	err := o.locked(func(b *build) error {
		v.progress = slices.Collect(maps.Values(b.progress))
		v.states = maps.Clone(b.states)
		v.rows = make(map[*projections.Table]map[string][]any, len(b.rows))
		for t, rows := range b.rows {
			v.rows[t] = maps.Clone(rows)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return look(v)
}
