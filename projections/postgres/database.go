package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"refold/projections/sqlstore"
)

// database is a pool of connections.
type database struct {
	pool    *pgxpool.Pool
	queries *sql.DB // by the same pool

	writeTimeout, lockTimeout time.Duration
	rowsPerStatement          int
}

// attempts is how often a batch is tried that Postgres ends for the sake of another one.
const attempts = 4

// Dialect returns Postgres'.
func (*database) Dialect() *sqlstore.Dialect { return &dialect }

// Queries returns the pool.
func (d *database) Queries() *sql.DB { return d.queries }

// Begin begins a transaction with advisory locks. Its statements may take as long as ctx.
func (d *database) Begin(ctx context.Context, locks ...string) (*sql.Tx, error) {
	// At this level, each statement sees what was committed before the locks were there.
	tx, err := d.begin(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return nil, err
	}
	for _, lock := range locks {
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", number(lock)); err != nil {
			_ = tx.Rollback() // the error is the other one
			return nil, err
		}
	}
	return tx, nil
}

// Look begins a transaction that reads.
func (d *database) Look(ctx context.Context) (*sql.Tx, error) {
	return d.begin(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
}

func (d *database) begin(ctx context.Context, o *sql.TxOptions) (*sql.Tx, error) {
	tx, err := d.queries.BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	statement := "SET LOCAL statement_timeout = 0"
	if o.ReadOnly {
		statement += "; SET LOCAL idle_in_transaction_session_timeout = 0" // it locks nobody out
	}
	if _, err := tx.ExecContext(ctx, statement); err != nil {
		_ = tx.Rollback() // the error is the other one
		return nil, err
	}
	return tx, nil
}

// number is what an advisory lock is called in the database. Two locks with the same number only wait for
// each other.
func number(lock string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("refold: " + lock)) // a hash takes everything
	return int64(h.Sum64())
}

// Run executes steps in one transaction.
func (d *database) Run(ctx context.Context, lock string, steps []sqlstore.Step) error {
	ctx, cancel := context.WithTimeout(ctx, d.writeTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := d.run(ctx, lock, steps)
		if attempt == attempts || !has(err, deadlockDetected, serializationFailure) {
			return err
		}
	}
}

// run executes steps. All go out at once, with a single Sync at the end, and so are one transaction. A
// process that is stopped in the middle holds no locks: the server ends the transaction without it.
func (d *database) run(ctx context.Context, lock string, steps []sqlstore.Step) error {
	var batch pgx.Batch
	batch.Queue("SELECT pg_advisory_xact_lock_shared($1)", number(lock))
	for _, step := range steps {
		batch.Queue(sent(step), step.Args...)
	}
	results := d.pool.SendBatch(ctx, &batch)
	defer results.Close() //nolint:errcheck // below, unless there was an error
	if _, err := results.Exec(); err != nil {
		return err
	}
	for _, step := range steps {
		if _, err := results.Exec(); step.One && has(err, divisionByZero) {
			return sqlstore.ErrUnexpected
		} else if err != nil {
			return err
		}
	}
	return results.Close() // with the error of the commit
}

// sent returns the statement of a step. One that must change a row fails unless it does, which undoes the
// others.
func sent(step sqlstore.Step) string {
	if !step.One {
		return step.SQL
	}
	return "WITH changed AS (" + step.SQL + " RETURNING 1) SELECT 1 / count(*) FROM changed"
}

// Show makes a view. It is replaced if its columns allow that, as one that is dropped loses what others have
// made of it.
func (d *database) Show(ctx context.Context, tx *sql.Tx, view, table string) error {
	create := "VIEW " + sqlstore.Quoted(view) + " AS SELECT * FROM " + sqlstore.Quoted(table)
	// All that read the view from now on wait for us; we must not wait long for those before.
	limit := fmt.Sprintf("SET LOCAL lock_timeout = %d", max(1, d.lockTimeout.Milliseconds()))
	for _, statement := range []string{limit, "SAVEPOINT refold_view"} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "CREATE OR REPLACE "+create)
	if !has(err, invalidTableDefinition) {
		return err
	}
	for _, statement := range []string{
		"ROLLBACK TO SAVEPOINT refold_view", "DROP VIEW " + sqlstore.Quoted(view), "CREATE " + create,
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// Close closes all connections, and waits for those that are in use.
func (d *database) Close() error {
	err := d.queries.Close()
	d.pool.Close()
	return err
}
