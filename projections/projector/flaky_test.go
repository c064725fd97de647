package projector

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"refold/projections"
	"refold/projections/memory"
)

// errAway is a fault of a store.
var errAway = errors.New("the store is away")

// flaky is a store in memory that fails on purpose, counts, and can be set back as by a restored backup.
type flaky struct {
	mu    sync.Mutex
	inner *memory.Store
	// before and after are asked at each write, whether it fails before or after it has happened.
	before, after func(*projections.Batch) error
	states        func() // is called once, before states are read; nil: nothing is
	away          error  // of all calls
	claims        error  // of all claims
	rows          int    // the most rows of a batch; 0: any
	writes        int    // that have succeeded
	fenced, moved int    // that have failed for that
}

func newFlaky() *flaky { return &flaky{inner: &memory.Store{}} }

// set changes what fails.
func (s *flaky) set(change func(*flaky)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *flaky) store() (*memory.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inner, s.away
}

func (s *flaky) counted() (writes, fenced, moved int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes, s.fenced, s.moved
}

func (s *flaky) BatchRows() int { return s.rows }

func (s *flaky) Builds(ctx context.Context, name string) ([]projections.Build, error) {
	inner, err := s.store()
	if err != nil {
		return nil, err
	}
	return inner.Builds(ctx, name)
}

func (s *flaky) Begin(
	ctx context.Context, p *projections.Projection, b projections.Build, anew bool,
) (projections.Build, error) {
	inner, err := s.store()
	if err != nil {
		return b, err
	}
	return inner.Begin(ctx, p, b, anew)
}

func (s *flaky) Open(
	_ context.Context, p *projections.Projection, number int,
) (projections.OpenBuild, error) {
	_, err := s.store()
	return &flakyBuild{flaky: s, p: p, number: number}, err
}

func (s *flaky) Drop(ctx context.Context, p *projections.Projection, number int) error {
	inner, err := s.store()
	if err != nil {
		return err
	}
	return inner.Drop(ctx, p, number)
}

func (s *flaky) LiveRow(
	ctx context.Context, p *projections.Projection, t *projections.Table, key ...any,
) ([]any, error) {
	inner, err := s.store()
	if err != nil {
		return nil, err
	}
	return inner.LiveRow(ctx, p, t, key...)
}

func (s *flaky) LookLive(
	ctx context.Context, p *projections.Projection, look func(projections.View) error,
) error {
	inner, err := s.store()
	if err != nil {
		return err
	}
	return inner.LookLive(ctx, p, look)
}

func (*flaky) Close() error { return nil }

// flakyBuild finds the build at each call, so that another store may be behind it.
type flakyBuild struct {
	*flaky
	p      *projections.Projection
	number int
	// finished says that Finish was called. A build that takes over without is not what readers expect.
	finished atomic.Bool
}

var errUnfinished = errors.New("the build is not finished")

func (b *flakyBuild) Finish(context.Context) error {
	b.finished.Store(true)
	return nil
}

func (b *flakyBuild) open() (projections.OpenBuild, error) {
	inner, err := b.store()
	if err != nil {
		return nil, err
	}
	return inner.Open(context.Background(), b.p, b.number)
}

func (b *flakyBuild) Claim(
	ctx context.Context, partitions []projections.Partition,
) ([]projections.Progress, error) {
	open, err := b.open()
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	err = b.claims
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return open.Claim(ctx, partitions)
}

func (b *flakyBuild) States(
	ctx context.Context, aggregate string, subjects []string,
) ([]projections.StoredState, error) {
	b.mu.Lock()
	if b.states != nil {
		b.states()
		b.states = nil
	}
	b.mu.Unlock()
	open, err := b.open()
	if err != nil {
		return nil, err
	}
	return open.States(ctx, aggregate, subjects)
}

func (b *flakyBuild) Write(ctx context.Context, batch *projections.Batch) error {
	open, err := b.open()
	if err != nil {
		return err
	}
	b.mu.Lock()
	before, after := b.before, b.after
	b.mu.Unlock()
	if before != nil {
		if err := before(batch); err != nil {
			return err
		}
	}
	if refuses(batch) {
		return &projections.Poison{Reason: projections.PoisonRefused, Err: errors.New("a seventeen")}
	}
	err = open.Write(ctx, batch)
	b.set(func(s *flaky) {
		switch {
		case err == nil:
			s.writes++
		case errors.Is(err, projections.ErrFenced):
			s.fenced++
		case errors.Is(err, projections.ErrMoved):
			s.moved++
		}
	})
	if err == nil && after != nil {
		return after(batch)
	}
	return err
}

// refuses reports whether a batch has a row that the store refuses.
func refuses(batch *projections.Batch) bool {
	return slices.ContainsFunc(batch.Changes, func(c projections.Change) bool {
		return c.Table == lines.Table && c.Values[2] == int64(refused)
	})
}

func (b *flakyBuild) TakeOver(ctx context.Context, hold time.Duration) error {
	if !b.finished.Load() {
		return errUnfinished
	}
	open, err := b.open()
	if err != nil {
		return err
	}
	return open.TakeOver(ctx, hold)
}

func (b *flakyBuild) Look(ctx context.Context, look func(projections.View) error) error {
	open, err := b.open()
	if err != nil {
		return err
	}
	return open.Look(ctx, look)
}

func (b *flakyBuild) Mend(
	ctx context.Context, at []projections.Progress, rows []projections.Mended,
) error {
	open, err := b.open()
	if err != nil {
		return err
	}
	return open.Mend(ctx, at, rows)
}

// backup returns a store that has what build 1 has now, all of it, by the aggregates that there are.
func (s *flaky) backup(p projections.Projection, subjects []string) (*memory.Store, error) {
	ctx, copied := context.Background(), &memory.Store{}
	builds, err := s.Builds(ctx, p.Name)
	if err != nil {
		return nil, err
	}
	if _, err := copied.Begin(ctx, &p, builds[0], true); err != nil {
		return nil, err
	}
	from, err := s.Open(ctx, &p, builds[0].Number)
	if err != nil {
		return nil, err
	}
	to, err := copied.Open(ctx, &p, 1)
	if err != nil {
		return nil, err
	}
	return copied, from.Look(ctx, func(v projections.View) error {
		batch, err := batchOf(ctx, p, v, subjects)
		if err != nil {
			return err
		}
		for i, a := range batch.Advances {
			for epoch := int64(0); epoch < a.Epoch; epoch++ {
				if _, err := to.Claim(ctx, []projections.Partition{a.Partition}); err != nil {
					return err
				}
			}
			batch.Advances[i].From = -1
		}
		return to.Write(ctx, batch)
	})
}

// batchOf is one batch with all that a view shows.
func batchOf(
	ctx context.Context, p projections.Projection, v projections.View, subjects []string,
) (*projections.Batch, error) {
	batch := &projections.Batch{}
	progress, err := v.Progress(ctx)
	if err != nil {
		return nil, err
	}
	for _, at := range progress {
		batch.Advances = append(batch.Advances, projections.Advance{
			Partition: at.Partition, Epoch: at.Epoch, To: at.Next, End: at.End, Time: at.Time,
		})
	}
	for _, id := range subjects {
		state, err := v.State(ctx, "counter", id)
		if err != nil {
			return nil, err
		}
		if state != nil {
			batch.States = append(batch.States, *state)
		}
	}
	for _, t := range p.Tables {
		err := v.Rows(ctx, t, func(values []any) error {
			batch.Changes = append(batch.Changes, projections.Change{
				Table: t, Op: projections.OpPut, Values: slices.Clone(values),
			})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return batch, nil
}
