package api_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"refold/projections"
	"refold/projections/memory"
	"refold/readmodels"
	"refold/readmodels/readmodelstest"
)

// all are the projections that the API reads.
var all = []projections.Projection{
	readmodels.AccountsCurrent, readmodels.AccountStatement, readmodels.OrdersByStatus,
	readmodels.CustomerOrders, readmodels.OrderSearch, readmodels.AccountCard,
}

// database is SQLite with the tables of read models, as a store makes them. It is an api.Database.
type database struct {
	db     *sql.DB
	builds []projections.Build
	rows   memory.Store // the same once more, for LiveRow
}

func (d *database) DB() *sql.DB              { return d.db }
func (*database) Dialect() string            { return "sqlite" }
func (*database) Rebind(query string) string { return query }
func (d *database) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var errAway = errors.New("the database is away")

func (d *database) Builds(ctx context.Context, projection string) (all []projections.Build, err error) {
	if err := d.db.PingContext(ctx); err != nil {
		return nil, errAway
	}
	for _, b := range d.builds {
		if b.Projection == projection {
			all = append(all, b)
		}
	}
	return all, nil
}

// empty returns a database in which no build is live.
func empty(t *testing.T) *database {
	t.Helper()
	name := filepath.Join(t.TempDir(), "readmodels.db")
	db, err := sql.Open("sqlite", "file:"+name+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &database{db: db}
}

// filled returns a database with the read models of a history.
func filled(t *testing.T, h readmodelstest.History) *database {
	t.Helper()
	d := empty(t)
	for i := range all {
		d.fill(t, &all[i], h)
	}
	return d
}

func (d *database) LiveRow(
	ctx context.Context, p *projections.Projection, t *projections.Table, key ...any,
) ([]any, error) {
	if err := d.db.PingContext(ctx); err != nil {
		return nil, errAway
	}
	return d.rows.LiveRow(ctx, p, t, key...)
}

func (d *database) LookLive(
	ctx context.Context, p *projections.Projection, look func(projections.View) error,
) error {
	if err := d.db.PingContext(ctx); err != nil {
		return errAway
	}
	return d.rows.LookLive(ctx, p, look)
}

func (d *database) fill(t *testing.T, p *projections.Projection, h readmodelstest.History) {
	t.Helper()
	const number = 7
	d.builds = append(d.builds,
		projections.Build{Projection: p.Name, Number: number - 1, Status: projections.Kept},
		projections.Build{Projection: p.Name, Number: number, Status: projections.Live})
	d.must(t, readmodelstest.Fill(t.Context(), &d.rows, p, h, 5))
	live, err := d.rows.Live(p)
	d.must(t, err)
	tx, err := d.db.BeginTx(t.Context(), nil)
	d.must(t, err)
	for _, table := range p.Tables {
		_, err := tx.ExecContext(t.Context(), create(table, number))
		d.must(t, err)
	}
	d.must(t, migrate(t, tx, p, number))
	for _, table := range p.Tables {
		d.must(t, live.Look(t.Context(), func(v projections.View) error {
			return v.Rows(t.Context(), table, func(values []any) error {
				return insert(t, tx, table, number, values)
			})
		}))
		_, err := tx.ExecContext(t.Context(),
			fmt.Sprintf("CREATE VIEW %s AS SELECT * FROM %[1]s__%d", table.Name, number))
		d.must(t, err)
	}
	d.must(t, tx.Commit())
}

func create(table *projections.Table, number int) string {
	types := map[projections.ColumnType]string{
		projections.Text: "TEXT", projections.Integer: "INTEGER", projections.Real: "REAL",
		projections.Boolean: "INTEGER", projections.Time: "TEXT", projections.JSON: "TEXT",
		projections.Bytes: "BLOB",
	}
	var columns, keys []string
	for _, c := range table.Columns {
		column := `"` + c.Name + `" ` + types[c.Type]
		if !c.Nullable {
			column += " NOT NULL"
		}
		if columns = append(columns, column); c.Key {
			keys = append(keys, c.Name)
		}
	}
	return fmt.Sprintf("CREATE TABLE %s__%d (%s, PRIMARY KEY (%s)) STRICT, WITHOUT ROWID", table.Name, number,
		strings.Join(columns, ", "), strings.Join(keys, ", "))
}

func migrate(t *testing.T, tx *sql.Tx, p *projections.Projection, number int) error {
	t.Helper()
	if p.Migrations == nil {
		return nil
	}
	files, err := fs.Glob(p.Migrations, "*.sql")
	if err != nil {
		return err
	}
	for _, file := range files {
		if strings.HasSuffix(file, ".postgres.sql") {
			continue
		}
		text, err := fs.ReadFile(p.Migrations, file)
		if err != nil {
			return err
		}
		script := string(text)
		for _, table := range p.Tables {
			script = strings.ReplaceAll(script, "{"+table.Name+"}", fmt.Sprintf("%s__%d", table.Name, number))
		}
		if _, err := tx.ExecContext(t.Context(), script); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

func insert(t *testing.T, tx *sql.Tx, table *projections.Table, number int, values []any) error {
	t.Helper()
	args := make([]any, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case time.Time:
			args[i] = v.UTC().Format("2006-01-02T15:04:05.000000Z")
		case json.RawMessage:
			args[i] = string(v)
		default:
			args[i] = v
		}
	}
	_, err := tx.ExecContext(t.Context(), fmt.Sprintf("INSERT INTO %s__%d VALUES (?%s)", table.Name, number,
		strings.Repeat(", ?", len(args)-1)), args...)
	return err
}
