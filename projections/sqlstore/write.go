package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"refold/projections"
)

// ErrUnexpected says that a step of a write has not changed the row that it should.
var ErrUnexpected = errors.New("a statement has not changed the row that it should")

// outsideFor is how long the progress stays behind the rows in a build without progressInside, as that of a
// consumer that commits its offsets now and then.
const outsideFor = 200 * time.Millisecond

// Write writes a batch in one transaction: see [projections.OpenBuild].
func (o *open) Write(ctx context.Context, batch *projections.Batch) error {
	steps := o.steps(batch)
	if !progressInside {
		if err := o.store.database.Run(ctx, o.lock, o.changes(batch.Changes)); err != nil {
			return o.told(ctx, "writing to", o.store.poison(err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(outsideFor):
		}
		steps = o.steps(&projections.Batch{Advances: batch.Advances, States: batch.States})
	}
	err := o.store.database.Run(ctx, o.lock, steps)
	if errors.Is(err, ErrUnexpected) {
		err = o.refusal(ctx, batch)
	}
	return o.told(ctx, "writing to", o.store.poison(err))
}

// steps are the statements of a batch, those first that find out whether it may be written.
func (o *open) steps(batch *projections.Batch) []Step {
	steps := make([]Step, 0, len(batch.Advances)+4)
	for _, a := range batch.Advances {
		var at any
		if !a.Time.IsZero() {
			at = o.store.dialect.Value(projections.Time, canonical(a.Time))
		}
		steps = append(steps, Step{SQL: o.advance, One: true, Args: []any{
			a.To, a.End, at,
			o.project.Name, o.number, a.Topic, int64(a.Partition.Partition), a.Epoch, a.From,
			o.project.Name, o.number,
		}})
	}
	steps = append(steps, o.changes(batch.Changes)...)
	if len(batch.States) == 0 {
		return steps
	}
	states := Group{Table: o.states, Op: projections.OpPut, Rows: make([][]any, len(batch.States))}
	for i, s := range batch.States {
		states.Rows[i] = []any{s.Aggregate, s.Subject, s.Sequence, append([]byte{}, s.State...)}
	}
	return append(steps, o.store.database.Changes(o.name(o.states), []Group{states})...)
}

// canonical returns a time as stores keep it.
func canonical(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// changes are the statements of changes, which are sorted by table and key.
func (o *open) changes(changes []projections.Change) (steps []Step) {
	for len(changes) > 0 {
		t := changes[0].Table
		end := slices.IndexFunc(changes, func(c projections.Change) bool { return c.Table != t })
		if end < 0 {
			end = len(changes)
		}
		steps = append(steps, o.store.database.Changes(o.name(t), grouped(changes[:end]))...)
		changes = changes[end:]
	}
	return steps
}

// grouped returns the changes of one table in groups, each in the order of the changes.
func grouped(changes []projections.Change) (groups []Group) {
	for _, c := range changes {
		at := slices.IndexFunc(groups, func(g Group) bool {
			return g.Op == c.Op && slices.Equal(g.Columns, c.Columns)
		})
		if at < 0 {
			at = len(groups)
			groups = append(groups, Group{Table: c.Table, Op: c.Op, Columns: c.Columns})
		}
		row := c.Values
		if c.Op == projections.OpMerge {
			row, _ = c.Onto(nil) // it fails only where there is something to add to
		}
		groups[at].Rows = append(groups[at].Rows, row)
	}
	return groups
}

// poison returns an error about data as such.
func (s *Store) poison(err error) error {
	if err != nil && s.dialect.Refused(err) {
		return &projections.Poison{Reason: projections.PoisonRefused, Err: err}
	}
	return err
}

// refusal says why an advance was not taken.
func (o *open) refusal(ctx context.Context, batch *projections.Batch) error {
	held, err := o.held(ctx)
	if err != nil {
		return err
	}
	if held {
		return projections.ErrHeld
	}
	all, err := o.progress(ctx, o.store.DB())
	if err != nil {
		return err
	}
	for _, a := range batch.Advances {
		at := slices.IndexFunc(all, func(p projections.Progress) bool { return p.Partition == a.Partition })
		switch {
		case at < 0 || all[at].Epoch != a.Epoch:
			return projections.ErrFenced
		case all[at].Next != a.From:
			return projections.ErrMoved
		}
	}
	return projections.ErrHeld // until just now
}

// held reports whether the build stands still. The error may be ErrNoBuild.
func (o *open) held(ctx context.Context) (bool, error) {
	held, found := false, false
	err := o.store.query(ctx, o.store.DB(), func(row *sql.Rows) error {
		found = true
		return row.Scan(&held)
	}, `SELECT held_until IS NOT NULL AND held_until > `+o.store.dialect.Now+` FROM refold_builds
		WHERE projection = ? AND number = ? AND status <> 'dropped'`, o.project.Name, o.number)
	if err == nil && !found {
		err = projections.ErrNoBuild
	}
	return held, err
}
