package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"refold/projections/sqlstore"
)

// database is a file with its connections.
type database struct {
	writes, reads *sql.DB
	parameters    int

	turn     chan struct{} // who has sent to it may write, and use prepared
	prepared map[string]*sql.Stmt
}

// maxPrepared is more statements than the projections of a program have.
const maxPrepared = 1000

// Dialect returns SQLite's.
func (*database) Dialect() *sqlstore.Dialect { return &dialect }

// Queries returns the connections that read.
func (d *database) Queries() *sql.DB { return d.reads }

// Begin begins a transaction. It locks out all others that write, so it needs no further locks.
func (d *database) Begin(ctx context.Context, _ ...string) (*sql.Tx, error) {
	return d.writes.BeginTx(ctx, nil)
}

// Look begins a transaction that reads.
func (d *database) Look(ctx context.Context) (*sql.Tx, error) {
	return d.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
}

// Run executes steps in one transaction.
func (d *database) Run(ctx context.Context, _ string, steps []sqlstore.Step) error {
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	statements, err := d.prepare(ctx, steps)
	if err != nil {
		return err
	}
	tx, err := d.writes.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	for i, step := range steps {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// The driver starts a goroutine for each statement that can be cancelled; these are short.
		short := context.WithoutCancel(ctx)
		result, err := tx.StmtContext(short, statements[i]).ExecContext(short, step.Args...)
		if err != nil {
			return err
		}
		if !step.One {
			continue
		}
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, sqlstore.ErrUnexpected)
		}
	}
	return tx.Commit()
}

// prepare returns the prepared statements of steps. It needs the one connection that writes, so it must come
// before the transaction.
func (d *database) prepare(ctx context.Context, steps []sqlstore.Step) ([]*sql.Stmt, error) {
	if len(d.prepared) > maxPrepared {
		d.forget()
	}
	all := make([]*sql.Stmt, len(steps))
	for i, step := range steps {
		statement := d.prepared[step.SQL]
		if statement == nil {
			var err error
			if statement, err = d.writes.PrepareContext(ctx, step.SQL); err != nil {
				return nil, err
			}
			d.prepared[step.SQL] = statement
		}
		all[i] = statement
	}
	return all, nil
}

// forget closes all prepared statements.
func (d *database) forget() {
	for _, statement := range d.prepared {
		_ = statement.Close() // it has only been used by transactions that have ended
	}
	clear(d.prepared)
}

// Show makes a view.
func (*database) Show(ctx context.Context, tx *sql.Tx, view, table string) error {
	for _, statement := range []string{
		"DROP VIEW IF EXISTS " + sqlstore.Quoted(view),
		"CREATE VIEW " + sqlstore.Quoted(view) + " AS SELECT * FROM " + sqlstore.Quoted(table),
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the file.
func (d *database) Close() error {
	d.turn <- struct{}{}
	defer func() { <-d.turn }()
	d.forget()
	var errs []error
	for _, db := range []*sql.DB{d.reads, d.writes} { // the last one to close empties the log
		errs = append(errs, db.Close())
	}
	return errors.Join(errs...)
}
