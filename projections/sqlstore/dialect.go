package sqlstore

import (
	"context"
	"database/sql"

	"refold/projections"
)

// Dialect is how the SQL of a database differs from that of others.
type Dialect struct {
	// Name is the one in the names of migrations: postgres, sqlite.
	Name string
	// Types are those of columns, for CREATE TABLE. End follows the columns.
	Types map[projections.ColumnType]string
	End   string
	// Now is the time by the database's clock, Later the time in ? seconds; both as the type of time columns.
	Now, Later string
	// Belongings is a query for the DROP statements of the table ? and of all tables and views whose names
	// begin with ?.
	Belongings string
	// Setup are statements that are run when the store is opened. Each can be run again.
	Setup []string
	// Rebind returns a query whose ? are as the database has them.
	Rebind func(query string) string
	// Value returns a value of a column as an argument.
	Value func(t projections.ColumnType, v any) any
	// In returns a condition that a column is one of some texts, with its arguments.
	In func(column string, texts []string) (string, []any)
	// Holds reports whether the database can hold a text at all.
	Holds func(text string) bool
	// Refused reports whether an error is about the data that was written, Missing whether there is no such
	// table or view, Busy whether somebody else held a lock for too long.
	Refused, Missing, Busy func(error) bool
}

// Database is a database: its dialect, its connections, and its fastest way to write many rows.
type Database interface {
	Dialect() *Dialect
	// Queries is where single statements that read go.
	Queries() *sql.DB
	// Begin begins a transaction that writes and may take long. Until its end no other one has any of the
	// locks. They are taken in the given order.
	Begin(ctx context.Context, locks ...string) (*sql.Tx, error)
	// Look begins a transaction that reads, all as of one moment, and may take long.
	Look(ctx context.Context) (*sql.Tx, error)
	// Run executes steps in one transaction, while nobody has the lock. It returns ErrUnexpected, and nothing
	// is written, if a step has not changed as many rows as it should.
	Run(ctx context.Context, lock string, steps []Step) error
	// Changes returns the steps that make the changes of groups of one table, which has the name.
	Changes(name string, groups []Group) []Step
	// Show makes a view of all columns of a table, in place of one that may be there.
	Show(ctx context.Context, tx *sql.Tx, view, table string) error
	Close() error
}

// Step is a statement of a write.
type Step struct {
	SQL  string
	Args []any
	// One says that it must change one row.
	One bool
}

// Group is some changes of a table that one statement can make.
type Group struct {
	Table *projections.Table
	Op    projections.Op
	// Columns are those that a merge sets or adds to.
	Columns []int
	// Rows have the values of all columns as they are where there was no row before. They are in the order of
	// their keys.
	Rows [][]any
}

// Set returns the columns that change in a row that is there.
func (g *Group) Set() []int {
	if g.Op == projections.OpMerge {
		return g.Columns
	}
	var set []int
	for i, c := range g.Table.Columns {
		if !c.Key {
			set = append(set, i)
		}
	}
	return set
}

// querier is a database, or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}
