package memory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"refold/projections"
)

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
	table, key string
	values     []any
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
		rows[i] = row{table: c.Table.Name, key: c.Key()}
		if c.Op == projections.OpDelete {
			continue
		}
		values, err := c.Onto(b.rows[c.Table.Name][rows[i].key])
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
			row{m.Table.Name, m.Table.KeyOf(m.Key...), m.Values}.put(b)
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
		v.rows = make(map[string]map[string][]any, len(b.rows))
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
