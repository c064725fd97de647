package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"refold/projections"
)

// maxSubjects is how many states are asked for at once.
const maxSubjects = 1000

// open is a handle on a build.
type open struct {
	store   *Store
	project *projections.Projection
	number  int
	states  *projections.Table
	lock    string
	advance string // the statement
}

func (s *Store) newOpen(p *projections.Projection, number int) *open {
	return &open{
		store: s, project: p, number: number, states: statesTable(p), lock: lockOfBuild(p.Name, number),
		// The build is looked at under its lock, so that no writer overlooks a hold.
		advance: s.dialect.Rebind(`UPDATE refold_progress
			SET next = ?, end_offset = ?, time = coalesce(?, time)
			WHERE projection = ? AND number = ? AND topic = ? AND part = ? AND epoch = ? AND next = ?
			AND EXISTS (SELECT 1 FROM refold_builds b
				WHERE b.projection = ? AND b.number = ? AND b.status <> 'dropped'
				AND (b.held_until IS NULL OR b.held_until <= ` + s.dialect.Now + `))`),
	}
}

// told returns an error with what was being done, and as ErrNoBuild if the build is not there any more.
func (o *open) told(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if o.store.dialect.Missing(err) {
		if _, now := o.store.build(ctx, o.store.DB(), o.project.Name, o.number); now != nil {
			err = now
		}
	}
	return fmt.Errorf("%s build %d of %s: %w", doing, o.number, o.project.Name, err)
}

// inTransaction is Store.inTransaction for a build that is there.
func (o *open) inTransaction(
	ctx context.Context, doing string, do func(*sql.Tx) error, locks ...string,
) error {
	return o.told(ctx, doing, o.store.inTransaction(ctx, func(tx *sql.Tx) error {
		if _, err := o.store.build(ctx, tx, o.project.Name, o.number); err != nil {
			return err
		}
		return do(tx)
	}, locks...))
}

// Claim raises the epochs of partitions, and returns their progress in the same order.
func (o *open) Claim(
	ctx context.Context, partitions []projections.Partition,
) ([]projections.Progress, error) {
	all := make([]projections.Progress, len(partitions))
	order := make([]int, len(partitions)) // the same for all, as rows are locked in it
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return partitions[a].Compare(partitions[b]) })
	err := o.inTransaction(ctx, "claiming partitions of", func(tx *sql.Tx) error {
		for _, i := range order {
			var err error
			if all[i], err = o.claim(ctx, tx, partitions[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (o *open) claim(
	ctx context.Context, tx querier, partition projections.Partition,
) (p projections.Progress, err error) {
	err = o.store.query(ctx, tx, func(row *sql.Rows) (err error) {
		p, err = progressOf(row)
		return err
	}, `INSERT INTO refold_progress (projection, number, topic, part, epoch, next, end_offset)
		VALUES (?, ?, ?, ?, 1, -1, 0)
		ON CONFLICT (projection, number, topic, part) DO UPDATE SET epoch = refold_progress.epoch + 1
		RETURNING topic, part, epoch, next, end_offset, time`,
		o.project.Name, o.number, partition.Topic, int64(partition.Partition))
	return p, err
}

// progress returns that of all partitions, in order.
func (o *open) progress(ctx context.Context, on querier) (all []projections.Progress, err error) {
	err = o.store.query(ctx, on, func(row *sql.Rows) error {
		p, err := progressOf(row)
		all = append(all, p)
		return err
	}, `SELECT topic, part, epoch, next, end_offset, time FROM refold_progress
		WHERE projection = ? AND number = ? ORDER BY topic, part`, o.project.Name, o.number)
	return all, err
}

func progressOf(row *sql.Rows) (p projections.Progress, err error) {
	var at any
	if err := row.Scan(&p.Topic, &p.Partition.Partition, &p.Epoch, &p.Next, &p.End, &at); err != nil {
		return p, err
	}
	p.Time, err = timeOf(at)
	return p, err
}

// States returns the states of some aggregates.
func (o *open) States(
	ctx context.Context, aggregate string, subjects []string,
) (all []projections.StoredState, err error) {
	subjects = slices.DeleteFunc(slices.Clone(subjects), func(s string) bool {
		return !o.store.dialect.Holds(s)
	})
	for some := range slices.Chunk(subjects, maxSubjects) {
		in, args := o.store.dialect.In("subject", some)
		err = o.store.query(ctx, o.store.DB(), func(row *sql.Rows) error {
			s := projections.StoredState{Aggregate: aggregate}
			err := row.Scan(&s.Subject, &s.Sequence, &s.State)
			all = append(all, s)
			return err
		}, `SELECT subject, sequence, state FROM `+Quoted(o.name(o.states))+` WHERE aggregate = ? AND `+in,
			append([]any{aggregate}, args...)...)
		if err != nil {
			return nil, o.told(ctx, "reading states of", err)
		}
	}
	return all, nil
}

// name returns the name of the build's own table.
func (o *open) name(t *projections.Table) string { return physical(t.Name, o.number) }
