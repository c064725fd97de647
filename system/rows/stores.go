package rows

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // reads Postgres
	goredis "github.com/redis/go-redis/v9"
	_ "modernc.org/sqlite" // reads SQLite
)

// The drivers of databases.
const (
	Postgres = "pgx"
	SQLite   = "sqlite"
)

// OfDatabase reads tables of a database, by the names of their views.
func OfDatabase(ctx context.Context, driver, source string, tables ...string) (_ Tables, err error) {
	database, err := sql.Open(driver, source)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	all := make(Tables)
	for _, table := range tables {
		rows, err := database.QueryContext(ctx, "SELECT * FROM "+table) //nolint:gosec // our own names
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", table, err)
		}
		if err := all.read(table, rows); err != nil {
			return nil, fmt.Errorf("reading %s: %w", table, err)
		}
	}
	return all, nil
}

// read takes the rows of a table.
func (t Tables) read(table string, rows *sql.Rows) error {
	defer rows.Close() //nolint:errcheck // rows.Err has it
	columns, err := rows.Columns()
	if err != nil {
		return err //nolint:wrapcheck // the caller says of which table
	}
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err //nolint:wrapcheck // the caller says of which table
		}
		row := make(Row, len(columns))
		for i, column := range columns {
			row[column] = values[i]
		}
		if err := t.add(table, row); err != nil {
			return err
		}
	}
	return rows.Err() //nolint:wrapcheck // the caller says of which table
}

// scanned is how many keys a step of a scan looks at.
const scanned = 1_000

// OfRedis reads the table of a projection of the same name, of the build that is live. The prefix is that of
// all keys, within the hash tag.
func OfRedis(ctx context.Context, client *goredis.Client, prefix, table string) (Tables, error) {
	tag := "{" + prefix + table + "}:"
	live, err := client.Get(ctx, tag+".live").Result()
	if err != nil {
		return nil, fmt.Errorf("asking Redis which build of %s is live: %w", table, err)
	}
	rows := tag + live + ":" + table + ":"
	all := make(Tables)
	seen := make(map[string]bool) // a scan may show a key twice
	each := client.Scan(ctx, 0, rows+"*", scanned).Iterator()
	for each.Next(ctx) {
		if seen[each.Val()] {
			continue
		}
		seen[each.Val()] = true
		fields, err := client.HGetAll(ctx, each.Val()).Result()
		if err != nil {
			return nil, fmt.Errorf("reading %s in Redis: %w", each.Val(), err)
		}
		row := make(Row, len(fields))
		for column, value := range fields {
			row[column] = value
		}
		if key := strings.TrimPrefix(each.Val(), rows); key != keyOf(table, row) {
			return nil, fmt.Errorf("the row %s in Redis is that of %s", each.Val(), keyOf(table, row))
		}
		if err := all.add(table, row); err != nil {
			return nil, err
		}
	}
	if err := each.Err(); err != nil {
		return nil, fmt.Errorf("reading %s in Redis: %w", table, err)
	}
	return all, nil
}
