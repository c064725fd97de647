package rows

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"

	"github.com/jackc/pgx/v5/pgconn"
	goredis "github.com/redis/go-redis/v9"
)

// undefinedTable is Postgres' code for a table, or a view, that is not there.
const undefinedTable = "42P01"

// Accounts looks at the tables of accounts and customers in a Postgres, each time at all accounts, and at the
// statement of one of them. All that a look sees is of one moment.
func Accounts(database *sql.DB) Look {
	return func(ctx context.Context, s *Seen) error {
		tx, err := database.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
		if err != nil {
			return err //nolint:wrapcheck // it is only shown
		}
		defer tx.Rollback() //nolint:errcheck // it has only read
		err = accounts(ctx, tx, s)
		if failed, is := errors.AsType[*pgconn.PgError](err); is && failed.Code == undefinedTable {
			s.Breach("a reader is told: %v", failed)
		}
		return err
	}
}

func accounts(ctx context.Context, tx *sql.Tx, s *Seen) error {
	ids, err := sequences(ctx, tx, s, "SELECT account_id, sequence FROM accounts_current")
	if err != nil {
		return err
	}
	s.NotBelow("the number of accounts", int64(len(ids)))
	if len(ids) > 0 {
		if err := statement(ctx, tx, s, ids[rand.IntN(len(ids))]); err != nil {
			return err
		}
	}
	var customers, orders int64
	err = tx.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(orders), 0)::bigint FROM customers`).
		Scan(&customers, &orders)
	if err != nil {
		return fmt.Errorf("reading customers: %w", err)
	}
	s.NotBelow("the number of customers", customers)
	s.NotBelow("the sum of their orders", orders)
	return eachRow(ctx, tx, `SELECT account_id, orders FROM customers c
		WHERE orders <> placed + shipped + delivered + cancelled + declined
			OR orders <> (SELECT count(*) FROM customer_orders o WHERE o.account_id = c.account_id)`,
		func(id string, orders int64) { s.Breach("customer %s has other orders than %d", id, orders) })
}

// sequences looks at a table that has a row for each aggregate, and returns their IDs.
func sequences(ctx context.Context, tx *sql.Tx, s *Seen, query string) (ids []string, err error) {
	err = eachRow(ctx, tx, query, func(id string, sequence int64) {
		ids = append(ids, id)
		s.NotBelow("the sequence of "+id, sequence)
	})
	return ids, err
}

// statement looks at the statement of an account: each balance is the one before it, and the amount. The
// months have the same bookings.
func statement(ctx context.Context, tx *sql.Tx, s *Seen, id string) error {
	rows, err := tx.QueryContext(ctx,
		`SELECT sequence, amount, balance FROM account_statement WHERE account_id = $1 ORDER BY sequence`, id)
	if err != nil {
		return fmt.Errorf("reading a statement: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err has it
	var lines, sequence, amount, balance, before int64
	for rows.Next() {
		before = balance
		if err := rows.Scan(&sequence, &amount, &balance); err != nil {
			return fmt.Errorf("reading a statement: %w", err)
		}
		lines++
		if before+amount != balance {
			s.Breach("the statement of %s has a hole before line %d: %d and %d make %d", id, sequence, before,
				amount, balance)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading a statement: %w", err)
	}
	s.NotBelow("the lines of "+id, lines)
	var bookings, turnover int64
	err = tx.QueryRowContext(ctx, `SELECT coalesce(sum(bookings), 0)::bigint,
		coalesce(sum(credits - debits), 0)::bigint FROM account_months WHERE account_id = $1`, id).
		Scan(&bookings, &turnover)
	if err == nil && (bookings != lines || turnover != balance) {
		s.Breach("the months of %s have %d bookings that make %d; the statement has %d, and a balance of %d",
			id, bookings, turnover, lines, balance)
	}
	return err
}

// someOrders is how many orders a look at SQLite reads.
const someOrders = 100

// Orders looks at the orders in a SQLite: how many there are, the sum of their sequences, and some of them.
func Orders(database *sql.DB) Look {
	return func(ctx context.Context, s *Seen) error {
		tx, err := database.BeginTx(ctx, nil)
		if err != nil {
			return err //nolint:wrapcheck // it is only shown
		}
		defer tx.Rollback() //nolint:errcheck // it has only read
		var orders, events int64
		err = tx.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(sequence), 0) FROM orders_by_status`).
			Scan(&orders, &events)
		if err != nil {
			return fmt.Errorf("reading orders: %w", err)
		}
		s.NotBelow("the number of orders", orders)
		s.NotBelow("the number of their events", events)
		_, err = sequences(ctx, tx, s, fmt.Sprintf(
			`SELECT order_id, sequence FROM orders_by_status ORDER BY order_id LIMIT %d OFFSET %d`,
			someOrders, rand.Int64N(orders+1)))
		return err
	}
}

// eachRow calls each for the rows of a query of two columns.
func eachRow(ctx context.Context, tx *sql.Tx, query string, each func(string, int64)) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err has it
	for rows.Next() {
		var id string
		var n int64
		if err := rows.Scan(&id, &n); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
		each(id, n)
	}
	return rows.Err() //nolint:wrapcheck // it is only shown
}

// Cards looks at the cards of some accounts in a Redis, as programs in other languages do: by the number of
// the build that is live.
func Cards(client *goredis.Client, prefix string, accounts []string) Look {
	tag := "{" + prefix + "account_card}:"
	return func(ctx context.Context, s *Seen) error {
		live, err := client.Get(ctx, tag+".live").Result()
		if errors.Is(err, goredis.Nil) {
			s.Breach("no build of the cards is live")
		}
		if err != nil {
			return fmt.Errorf("asking which build is live: %w", err)
		}
		answers := make([]*goredis.StringCmd, len(accounts))
		_, err = client.Pipelined(ctx, func(all goredis.Pipeliner) error {
			for i, id := range accounts {
				answers[i] = all.HGet(ctx, tag+live+":account_card:"+id, "sequence")
			}
			return nil
		})
		if err != nil && !errors.Is(err, goredis.Nil) {
			return fmt.Errorf("reading cards: %w", err)
		}
		for i, answer := range answers {
			sequence, err := answer.Int64()
			if err != nil && !errors.Is(err, goredis.Nil) {
				return fmt.Errorf("reading a card: %w", err)
			}
			s.NotBelow("the sequence of "+accounts[i], sequence)
		}
		return nil
	}
}

// someDocuments is how many documents a look at OpenSearch reads.
const someDocuments = 200

// Search searches an OpenSearch for orders: how many there are, the sum of their sequences, and some of them.
func Search(url, prefix string) Look {
	query := object{
		"size": someDocuments, "track_total_hits": true, "_source": []string{"order_id", "sequence"},
		"aggs": object{"events": object{"sum": object{"field": "sequence"}}},
	}
	return func(ctx context.Context, s *Seen) error {
		var page struct {
			Hits struct {
				Total struct{ Value int64 }
				Hits  []struct {
					Source struct {
						ID       string `json:"order_id"`
						Sequence int64  `json:"sequence"`
					} `json:"_source"`
				} `json:"hits"`
			} `json:"hits"`
			Aggregations struct{ Events struct{ Value json.Number } }
		}
		err := ask(ctx, url+"/"+prefix+"order_search/_search", query, &page)
		if failed, is := errors.AsType[*statusError](err); is && failed.status == http.StatusNotFound {
			s.Breach("a reader is told: %v", failed)
		}
		if err != nil {
			return err
		}
		events, err := page.Aggregations.Events.Value.Float64()
		if err != nil {
			return fmt.Errorf("the sum of the sequences: %w", err)
		}
		s.NotBelow("the number of orders", page.Hits.Total.Value)
		s.NotBelow("the number of their events", int64(events))
		for _, hit := range page.Hits.Hits {
			s.NotBelow("the sequence of "+hit.Source.ID, hit.Source.Sequence)
		}
		return nil
	}
}
