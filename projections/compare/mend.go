package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"refold/kafka"
	"refold/projections"
)

const (
	// mendRows is how many rows are written at once: a store holds its projector up while it writes them.
	mendRows = 500
	// mendAttempts is how often it is tried again without a row that was written, each time at once.
	mendAttempts = 100
	// heldPause is the pause while another build takes over.
	heldPause = 50 * time.Millisecond
)

// Mend writes the rows that Run has found to differ, while the projector goes on, and returns how many were
// written. It folds the events anew for these rows alone, up to the build's progress, and writes at exactly
// there, which a store refuses if the projector has written meanwhile: then it folds what has come, and tries
// again. A row that is right by now is not written. Differences of states are passed over.
//
// All states are in memory, at most Options.States of them: otherwise the error is ErrTooMany. It is
// ErrTooBusy if the projector was faster each time; what was told to mended is written. Sample is not looked
// at. With a store whose views are not of one moment, a row may be written in the moment in which the
// projector writes it too; run a verification afterwards, as after any repair.
func Mend(ctx context.Context, o Options, found []Difference, mended func(Difference) error) (int, error) {
	o.Report = mended
	r, err := open(o)
	if err == nil {
		defer r.client.Close()
		err = r.mend(ctx, found)
	}
	if err != nil {
		err = fmt.Errorf("mend the build %s: %w", o.Build.Name(), err)
	}
	if r == nil {
		return 0, err
	}
	return int(r.outcome.Differences), err
}

func (r *run) mend(ctx context.Context, found []Difference) error {
	keys := make(map[*projections.Table]map[string][]any)
	for _, d := range found {
		if t := d.row.Table; t != nil {
			if keys[t] == nil {
				keys[t] = make(map[string][]any)
			}
			keys[t][d.Key] = d.row.Key
		}
	}
	if len(keys) == 0 {
		return nil
	}
	m := &mending{run: r, rows: only(keys), room: r.States, at: make(map[projections.Partition]*following)}
	for attempt := 0; attempt < mendAttempts; attempt++ {
		done, wrote, err := m.attempt(ctx)
		if done || err != nil {
			return err
		}
		if wrote {
			attempt = 0
		}
	}
	return ErrTooBusy
}

// mending is a fold of some rows that follows the build.
type mending struct {
	run  *run
	rows *rows
	room int
	at   map[projections.Partition]*following
}

// following is a fold that goes on from next.
type following struct {
	*folding

	next int64
}

// attempt catches up with the build, and writes what differs. done reports whether nothing is left.
func (m *mending) attempt(ctx context.Context) (done, wrote bool, err error) {
	now, err := m.run.look(ctx, m.rows)
	if err != nil || !now.still() {
		return false, false, err
	}
	if err := m.catchUp(ctx, now.after); err != nil {
		return false, false, err
	}
	var wrong []Difference
	_ = m.rows.sorted(m.run.Projection.Tables, func(t *projections.Table, key string, c *cell) error {
		if d := difference(t, key, c); d != nil {
			wrong = append(wrong, *d)
		}
		return nil
	})
	for some := range slices.Chunk(wrong, mendRows) {
		write := make([]projections.Mended, len(some))
		for i, d := range some {
			write[i] = d.row
		}
		err := m.run.Open.Mend(ctx, now.after, write)
		switch {
		case errors.Is(err, projections.ErrHeld):
			kafka.Sleep(ctx, heldPause)
			return false, wrote, ctx.Err()
		case errors.Is(err, projections.ErrMoved):
			return false, wrote, nil
		case err != nil:
			return false, wrote, fmt.Errorf("write rows: %w", err)
		}
		wrote = true
		for _, d := range some {
			if err := m.run.report(d); err != nil {
				return false, wrote, err
			}
		}
	}
	return true, wrote, nil
}

// catchUp folds all partitions up to a progress.
func (m *mending) catchUp(ctx context.Context, to []projections.Progress) error {
	if err := m.run.letters.read(ctx); err != nil {
		return err
	}
	var planned []stretch
	for _, p := range to {
		from := int64(0)
		if f := m.at[p.Partition]; f != nil {
			from = f.next
		}
		planned = append(planned, stretch{p.Partition, from, max(p.Next, 0)})
	}
	m.run.lookups.plan(planned)
	for _, p := range to {
		f := m.at[p.Partition]
		if f == nil {
			begun, err := m.run.folding(p.Partition, m.rows, &m.room)
			if err != nil {
				return err
			}
			f = &following{folding: begun}
			m.at[p.Partition] = f
		}
		if max(p.Next, 0) < f.next {
			return fmt.Errorf("the build has gone back in %s/%d, from %d to %d", p.Topic,
				p.Partition.Partition, f.next, p.Next)
		}
		if err := f.read(ctx, f.next, p.Next); err != nil {
			return err
		}
		if f.rest >= 0 {
			return fmt.Errorf("%w: there are more than States, %d, allows", ErrTooMany, m.run.States)
		}
		f.next = max(p.Next, 0)
	}
	return nil
}
