package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"refold/projections"
)

var _ projections.Store = (*Store)(nil)

// Store keeps projections in a database. Packages postgres and sqlite open one.
type Store struct {
	database Database
	dialect  *Dialect

	mu    sync.Mutex
	ready bool // the tables about builds are there
}

// New returns a store in a database. It does not connect yet: what all builds need is made with the first of
// them.
func New(database Database) *Store { return &Store{database: database, dialect: database.Dialect()} }

// readied makes what all builds need, unless this store has done so.
func (s *Store) readied(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready {
		return nil
	}
	if err := s.setUp(ctx); err != nil {
		return fmt.Errorf("making the tables about builds: %w", err)
	}
	s.ready = true
	return nil
}

// DB is the database, for queries. Tables that readers use are views with their names. Do not write with it.
func (s *Store) DB() *sql.DB { return s.database.Queries() }

// Dialect returns the name of the database's dialect: postgres or sqlite.
func (s *Store) Dialect() string { return s.dialect.Name }

// Rebind returns a query as the database takes it: each ? outside of quotes and comments is a parameter, ??
// is an operator's question mark.
func (s *Store) Rebind(query string) string { return s.dialect.Rebind(query) }

// Close ends all connections.
func (s *Store) Close() error { return s.database.Close() }

// query calls each for every row of a query, whose parameters are ?.
func (s *Store) query(
	ctx context.Context, on querier, each func(*sql.Rows) error, query string, args ...any,
) error {
	rows, err := on.QueryContext(ctx, s.dialect.Rebind(query), args...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err has it
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// execute executes a statement, whose parameters are ?.
func (s *Store) execute(ctx context.Context, on querier, statement string, args ...any) error {
	_, err := on.ExecContext(ctx, s.dialect.Rebind(statement), args...)
	return err
}

// inTransaction calls do in a transaction that writes, has locks, and is committed unless do fails.
func (s *Store) inTransaction(ctx context.Context, do func(tx *sql.Tx) error, locks ...string) error {
	tx, err := s.database.Begin(ctx, locks...)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Builds returns the builds of a projection, the oldest first.
func (s *Store) Builds(ctx context.Context, projection string) ([]projections.Build, error) {
	if err := s.readied(ctx); err != nil {
		return nil, err
	}
	all, err := s.builds(ctx, s.database.Queries(), projection)
	if err != nil {
		if s.dialect.Missing(err) { // a backup was restored that did not have them; the next call makes them
			s.mu.Lock()
			s.ready = false
			s.mu.Unlock()
		}
		return nil, fmt.Errorf("the builds of %s: %w", projection, err)
	}
	return all, nil
}

func (s *Store) builds(ctx context.Context, on querier, projection string) ([]projections.Build, error) {
	all := []projections.Build{}
	err := s.query(ctx, on, func(row *sql.Rows) error {
		b := projections.Build{Projection: projection}
		var began any
		err := row.Scan(&b.Number, &b.Version, &b.Folds, &b.Status, &b.FromTables, &began)
		if err == nil {
			b.Began, err = timeOf(began)
		}
		all = append(all, b)
		return err
	}, `SELECT number, version, folds, status, from_tables, began FROM refold_builds
		WHERE projection = ? AND status <> 'dropped' ORDER BY number`, projection)
	return all, err
}

var aTime = projections.Column{Name: "time", Type: projections.Time, Nullable: true}

// timeOf returns a time that was read; the zero time for null.
func timeOf(v any) (time.Time, error) {
	v, err := aTime.Read(v)
	t, _ := v.(time.Time)
	return t, err
}

// Begin returns a build with the version and folds of b, or makes one: see [projections.Store].
func (s *Store) Begin(
	ctx context.Context, p *projections.Projection, b projections.Build, anew bool,
) (made projections.Build, err error) {
	if err := errors.Join(checkNames(p), s.readied(ctx)); err != nil {
		return made, err
	}
	err = s.inTransaction(ctx, func(tx *sql.Tx) error {
		all, err := s.builds(ctx, tx, p.Name)
		if err != nil {
			return err
		}
		for _, other := range slices.Backward(all) {
			if !anew && other.Version == b.Version && other.Folds == b.Folds {
				made = other
				return nil
			}
		}
		made, err = s.make(ctx, tx, p, b)
		return err
	}, lockOf(p.Name))
	if err != nil {
		return projections.Build{}, fmt.Errorf("beginning a build of %s: %w", p.Name, err)
	}
	return made, nil
}

// make makes a build with its tables.
func (s *Store) make(
	ctx context.Context, tx querier, p *projections.Projection, b projections.Build,
) (made projections.Build, err error) {
	number := 1
	if err := s.query(ctx, tx, func(row *sql.Rows) error { return row.Scan(&number) },
		`SELECT coalesce(max(number), 0) + 1 FROM refold_builds WHERE projection = ?`, p.Name); err != nil {
		return made, err
	}
	if err := s.execute(ctx, tx, `INSERT INTO refold_builds
		(projection, number, version, folds, status, from_tables, began)
		VALUES (?, ?, ?, ?, ?, ?, `+s.dialect.Now+`)`, p.Name, number, b.Version, b.Folds,
		string(projections.Filling), b.FromTables); err != nil {
		return made, err
	}
	if err := s.createTables(ctx, tx, p, number); err != nil {
		return made, err
	}
	if _, err := s.migrate(ctx, tx, p, number, false); err != nil {
		return made, err
	}
	all, err := s.builds(ctx, tx, p.Name)
	if err != nil {
		return made, err
	}
	return all[len(all)-1], nil
}

// build returns one of a projection's builds. The error may be projections.ErrNoBuild.
func (s *Store) build(
	ctx context.Context, on querier, projection string, number int,
) (projections.Build, error) {
	all, err := s.builds(ctx, on, projection)
	if err != nil {
		return projections.Build{}, err
	}
	at := slices.IndexFunc(all, func(b projections.Build) bool { return b.Number == number })
	if at < 0 {
		return projections.Build{}, projections.ErrNoBuild
	}
	return all[at], nil
}

// Open returns a handle on a build, and runs migrations in it that are due. The error may be
// projections.ErrNoBuild. It says so if the tables are not declared as they were when the build was made.
func (s *Store) Open(
	ctx context.Context, p *projections.Projection, number int,
) (projections.OpenBuild, error) {
	if err := s.readied(ctx); err != nil {
		return nil, err
	}
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		b, err := s.build(ctx, tx, p.Name, number)
		if err != nil {
			return err
		}
		if err := s.fits(ctx, tx, p, number); err != nil {
			return err
		}
		ran, err := s.migrate(ctx, tx, p, number, b.Status != projections.Filling)
		if err == nil && ran && b.Status == projections.Live {
			err = s.show(ctx, tx, p, number) // there may be more columns
		}
		return err
	}, lockOf(p.Name))
	if err != nil {
		return nil, fmt.Errorf("opening build %d of %s: %w", number, p.Name, err)
	}
	return s.newOpen(p, number), nil
}

var errLive = errors.New("the build is live; let another one take over first")

// Drop removes a build with its tables, and all that migrations have named after these. It refuses the live
// one. The error may be projections.ErrNoBuild.
func (s *Store) Drop(ctx context.Context, p *projections.Projection, number int) error {
	if err := s.readied(ctx); err != nil {
		return err
	}
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		b, err := s.build(ctx, tx, p.Name, number)
		if err != nil {
			return err
		}
		if b.Status == projections.Live {
			return errLive
		}
		return s.drop(ctx, tx, p, number)
	}, lockOf(p.Name), lockOfBuild(p.Name, number))
	if err != nil {
		return fmt.Errorf("dropping build %d of %s: %w", number, p.Name, err)
	}
	return nil
}

func (s *Store) drop(ctx context.Context, tx querier, p *projections.Projection, number int) error {
	names, err := s.tables(ctx, tx, p.Name, number)
	if err != nil {
		return err
	}
	var statements []string
	for _, name := range append(names, statesTable(p).Name) {
		err := s.query(ctx, tx, func(row *sql.Rows) error {
			var statement string
			err := row.Scan(&statement)
			statements = append(statements, statement)
			return err
		}, s.dialect.Belongings, physical(name, number), physical(name, number)+"_")
		if err != nil {
			return err
		}
	}
	if err := executeAll(ctx, tx, statements); err != nil {
		return err
	}
	for _, statement := range []string{
		`DELETE FROM refold_progress WHERE projection = ? AND number = ?`,
		`DELETE FROM refold_migrations WHERE projection = ? AND number = ?`,
		`UPDATE refold_builds SET status = 'dropped' WHERE projection = ? AND number = ?`,
	} {
		if err := s.execute(ctx, tx, statement, p.Name, number); err != nil {
			return err
		}
	}
	return nil
}
