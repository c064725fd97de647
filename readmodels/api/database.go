package api

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"refold/projections"
	"refold/readmodels"
)

// querier is a database, or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

const postgres = "postgres"

// atOnce calls read with a transaction that reads all as of one moment.
func atOnce(ctx context.Context, d Database, read func(querier) error) error {
	options := &sql.TxOptions{ReadOnly: true}
	if d.Dialect() == postgres { // SQLite has no other isolation
		options.Isolation = sql.LevelRepeatableRead
	}
	tx, err := d.DB().BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("beginning to read: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	return read(tx)
}

// read returns rows of a table's view. What follows in the query may have ? for args.
func read[R any](
	ctx context.Context, d Database, on querier, t projections.TableOf[R], rest string, args ...any,
) (all []R, err error) {
	query := d.Rebind("SELECT " + columnsOf(t.Table) + " FROM " + t.Name + " " + rest)
	err = eachRow(ctx, on, t.Table, query, args, func(values []any) error {
		row, err := t.Row(values)
		all = append(all, row)
		return err
	})
	return all, err
}

// eachRow calls each with the values of all columns of a table, for each row of a query that selects them.
func eachRow(
	ctx context.Context, on querier, t *projections.Table, query string, args []any, each func([]any) error,
) error {
	rows, err := on.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("reading %s: %w", t.Name, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says what is wrong
	scanned, into := make([]any, len(t.Columns)), make([]any, len(t.Columns))
	for i := range scanned {
		into[i] = &scanned[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("reading %s: %w", t.Name, err)
		}
		values := make([]any, len(scanned))
		for i := range scanned {
			if values[i], err = t.Columns[i].Read(scanned[i]); err != nil {
				return fmt.Errorf("reading %s: %w", t.Name, err)
			}
		}
		if err := each(values); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading %s: %w", t.Name, err)
	}
	return nil
}

// columnsOf lists the columns of a table for a SELECT.
func columnsOf(t *projections.Table) string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = `"` + c.Name + `"`
	}
	return strings.Join(names, ", ")
}

// conditions are those of a query, with their arguments.
type conditions struct {
	texts []string
	args  []any
}

func (c *conditions) add(text string, args ...any) {
	c.texts, c.args = append(c.texts, text), append(c.args, args...)
}

// equal adds that a column is a text, unless that is empty.
func (c *conditions) equal(column, text string) {
	if text != "" {
		c.add(column+" = ?", text)
	}
}

// where returns the conditions with what follows, and the arguments of both.
func (c *conditions) where(rest string, args ...any) (string, []any) {
	if len(c.texts) > 0 {
		rest = "WHERE " + strings.Join(c.texts, " AND ") + " " + rest
	}
	return rest, append(c.args, args...)
}

// inDatabase searches in the database.
type inDatabase struct{ Database }

// SearchOrders finds orders by full text.
func (d inDatabase) SearchOrders(ctx context.Context, q Question) ([]readmodels.OrderDocument, error) {
	var c conditions
	if d.Dialect() == postgres {
		c.add("to_tsvector('simple', terms) @@ to_tsquery('simple', ?)", tsquery(q.Words))
	} else {
		live, err := d.live(ctx, readmodels.OrderSearch.Name)
		if err != nil {
			return nil, err
		}
		// The tables of the migration have no views: they are asked for by the build's number.
		table := fmt.Sprintf("%s__%d", readmodels.OrderDocuments.Name, live.Number)
		c.add("order_id IN (SELECT n.order_id FROM "+table+"_words w JOIN "+table+"_numbers n "+
			"ON n.number = w.rowid WHERE w.terms MATCH ?)", fts5Query(q.Words))
	}
	c.equal("account_id", q.Account)
	c.equal("status", q.Status)
	if q.After != "" {
		c.add("order_id > ?", q.After)
	}
	where, args := c.where("ORDER BY order_id LIMIT ?", q.Limit)
	return read(ctx, d, d.DB(), readmodels.OrderDocuments, where, args...)
}

// live returns the build of a projection that readers see.
func (d inDatabase) live(ctx context.Context, projection string) (projections.Build, error) {
	builds, err := d.Builds(ctx, projection)
	if err != nil {
		return projections.Build{}, fmt.Errorf("asking for the builds of %s: %w", projection, err)
	}
	for _, b := range builds {
		if b.Status == projections.Live {
			return b, nil
		}
	}
	return projections.Build{}, fmt.Errorf("no build of %s is live: %w", projection, projections.ErrNoBuild)
}

// tsquery is the question of Postgres for texts that have all words, or words that begin so. Words are
// letters and digits only.
func tsquery(words []string) string {
	return "'" + strings.Join(words, "':* & '") + "':*"
}

// fts5Query is that of SQLite.
func fts5Query(words []string) string { return `"` + strings.Join(words, `"* "`) + `"*` }
