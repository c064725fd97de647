package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"refold/projections"
)

const (
	// takeOverInterval is how often a build that takes over looks whether it is level.
	takeOverInterval = 20 * time.Millisecond
	// releaseWithin bounds the time in which a hold is given up. It lapses by itself otherwise.
	releaseWithin = 5 * time.Second
)

// TakeOver makes the build the one that readers see: see [projections.OpenBuild].
func (o *open) TakeOver(ctx context.Context, hold time.Duration) error {
	if err := o.Finish(ctx); err != nil {
		return err
	}
	deadline := time.Now().Add(hold)
	holding := 0 // the number of the build that is held
	defer func() {
		if holding != 0 {
			o.release(ctx, holding)
		}
	}()
	for {
		var err error
		if holding, err = o.tryTakeOver(ctx, hold, holding); err == nil {
			return nil
		}
		again := errors.Is(err, projections.ErrBehind) || o.store.dialect.Busy(err)
		if !again || !time.Now().Before(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(takeOverInterval):
		}
	}
}

// Finish runs the migrations that wait until the build is filled. In a large one they take long, and keep
// others from writing to it; in SQLite, to all builds.
func (o *open) Finish(ctx context.Context) error {
	return o.inTransaction(ctx, "finishing", func(tx *sql.Tx) error {
		_, err := o.store.migrate(ctx, tx, o.project, o.number, true)
		return err
	}, lockOf(o.project.Name))
}

// tryTakeOver takes over if the build is level. Otherwise it returns ErrBehind, and holds the live build. It
// takes and returns the number of the build that is held, 0 if none is.
func (o *open) tryTakeOver(ctx context.Context, hold time.Duration, holding int) (int, error) {
	live, err := o.live(ctx, o.store.DB())
	if err != nil {
		return holding, o.told(ctx, "taking over by", err)
	}
	locks := []string{lockOf(o.project.Name)}
	if live != 0 {
		locks = append(locks, lockOfBuild(o.project.Name, live)) // waits for a batch that is being written
	}
	level := false
	err = o.inTransaction(ctx, "taking over by", func(tx *sql.Tx) error {
		now, err := o.live(ctx, tx)
		if err != nil || now != live { // another one has just taken over: try again
			return err
		}
		if level, err = o.level(ctx, tx, live); err != nil {
			return err
		}
		if level {
			return o.replace(ctx, tx, live)
		}
		if holding == live {
			return nil
		}
		holding = live
		return o.store.execute(ctx, tx, `UPDATE refold_builds SET held_until = `+o.store.dialect.Later+`
			WHERE projection = ? AND number = ?`, hold.Seconds(), o.project.Name, live)
	}, locks...)
	switch {
	case err != nil:
		return holding, err
	case level:
		return 0, nil // replace has ended the hold
	default:
		return holding, o.told(ctx, "taking over by", projections.ErrBehind)
	}
}

// live returns the number of the build that readers see, 0 if there is none.
func (o *open) live(ctx context.Context, on querier) (int, error) {
	all, err := o.store.builds(ctx, on, o.project.Name)
	if err != nil {
		return 0, err
	}
	at := slices.IndexFunc(all, func(b projections.Build) bool { return b.Status == projections.Live })
	if at < 0 {
		return 0, nil
	}
	return all[at].Number, nil
}

// level reports whether the build has taken all that another has.
func (o *open) level(ctx context.Context, tx querier, other int) (level bool, err error) {
	err = o.store.query(ctx, tx, func(row *sql.Rows) error { return row.Scan(&level) },
		`SELECT count(*) = 0 FROM refold_progress o LEFT JOIN refold_progress p
			ON p.projection = o.projection AND p.number = ? AND p.topic = o.topic AND p.part = o.part
		WHERE o.projection = ? AND o.number = ? AND o.next > coalesce(p.next, 0)`,
		o.number, o.project.Name, other)
	return level, err
}

// replace makes the build the live one in place of another, which is kept; 0: of none.
func (o *open) replace(ctx context.Context, tx *sql.Tx, other int) error {
	if other == o.number {
		return nil
	}
	if other != 0 {
		if err := o.hide(ctx, tx, other); err != nil {
			return err
		}
		if err := o.setStatus(ctx, tx, other, projections.Kept); err != nil {
			return err
		}
	}
	if err := o.store.show(ctx, tx, o.project, o.number); err != nil {
		return err
	}
	return o.setStatus(ctx, tx, o.number, projections.Live)
}

func (o *open) setStatus(ctx context.Context, tx querier, number int, status projections.Status) error {
	return o.store.execute(ctx, tx,
		`UPDATE refold_builds SET status = ?, held_until = NULL WHERE projection = ? AND number = ?`,
		string(status), o.project.Name, number)
}

// show makes the views of a build.
func (s *Store) show(ctx context.Context, tx *sql.Tx, p *projections.Projection, number int) error {
	for _, t := range p.Tables {
		if err := s.database.Show(ctx, tx, t.Name, physical(t.Name, number)); err != nil {
			return err
		}
	}
	return nil
}

// hide removes the views of a build's tables that this one does not have.
func (o *open) hide(ctx context.Context, tx querier, other int) error {
	names, err := o.store.tables(ctx, tx, o.project.Name, other)
	if err != nil {
		return err
	}
	for _, name := range names {
		if o.project.Table(name) == nil {
			if err := executeAll(ctx, tx, []string{`DROP VIEW IF EXISTS ` + Quoted(name)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// release gives up a hold, also if ctx has ended.
func (o *open) release(ctx context.Context, held int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer cancel()
	_ = o.store.inTransaction(ctx, func(tx *sql.Tx) error { // what fails lapses
		return o.store.execute(ctx, tx, `UPDATE refold_builds SET held_until = NULL
			WHERE projection = ? AND number = ?`, o.project.Name, held)
	})
}
