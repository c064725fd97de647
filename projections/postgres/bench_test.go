//go:build system

package postgres_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"refold/projections/postgres"
	"refold/projections/sqlstore/sqlstoretest"
)

// Rows per second of writes, by batches of several sizes.
func BenchmarkWrite(b *testing.B) {
	store := open(b, postgres.Options{})
	b.Cleanup(func() { _ = store.Close() })
	sqlstoretest.Bench(b, store)
}

// The same rows by COPY into a temporary table and from there, as upserts: the way that Write does not go.
func BenchmarkCopyThenInsert(b *testing.B) {
	ctx := context.Background()
	for _, size := range sqlstoretest.Sizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			connection, err := pgx.Connect(ctx, server.URL("postgres"))
			must(b, err)
			defer connection.Close(ctx) //nolint:errcheck // of a benchmark
			_, err = connection.Exec(ctx, bare(", PRIMARY KEY (account_id, sequence)")+
				";CREATE TEMPORARY TABLE passing (LIKE bare) ON COMMIT DELETE ROWS")
			must(b, err)
			n := 0
			for b.Loop() {
				must(b, pgx.BeginFunc(ctx, connection, func(tx pgx.Tx) error {
					_, err := tx.CopyFrom(ctx, pgx.Identifier{"passing"}, lineColumns, lines(size, &n))
					if err != nil {
						return err
					}
					_, err = tx.Exec(ctx, `INSERT INTO bare SELECT * FROM passing
						ON CONFLICT (account_id, sequence) DO UPDATE SET at = excluded.at,
						amount = excluded.amount, balance = excluded.balance, reason = excluded.reason`)
					return err
				}))
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// bare makes the table again.
func bare(key string) string {
	return `DROP TABLE IF EXISTS bare; CREATE TABLE bare (account_id text NOT NULL, sequence bigint NOT NULL,
		at timestamptz NOT NULL, amount bigint NOT NULL, balance bigint NOT NULL,
		reason text NOT NULL` + key + `)`
}

var lineColumns = []string{"account_id", "sequence", "at", "amount", "balance", "reason"}

// lines are the next lines, n being how many there were before.
func lines(size int, n *int) pgx.CopyFromSource {
	return pgx.CopyFromSlice(size, func(int) ([]any, error) {
		l := sqlstoretest.LineOf(*n)
		*n++
		return []any{l.AccountID, l.Sequence, l.At, l.Amount, l.Balance, l.Reason}, nil
	})
}

// The same rows by COPY, one transaction for each batch, without progress: the limit by which Write is
// measured.
func BenchmarkCopy(b *testing.B) {
	ctx := context.Background()
	for _, key := range []string{"", ", PRIMARY KEY (account_id, sequence)"} {
		for _, size := range sqlstoretest.Sizes {
			b.Run(fmt.Sprintf("key=%v/%d", key != "", size), func(b *testing.B) {
				connection, err := pgx.Connect(ctx, server.URL("postgres"))
				must(b, err)
				defer connection.Close(ctx) //nolint:errcheck // of a benchmark
				_, err = connection.Exec(ctx, bare(key))
				must(b, err)
				n := 0
				for b.Loop() {
					_, err := connection.CopyFrom(ctx, pgx.Identifier{"bare"}, lineColumns, lines(size, &n))
					must(b, err)
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}
