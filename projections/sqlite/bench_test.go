package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"refold/projections/sqlite"
	"refold/projections/sqlstore/sqlstoretest"
)

// Rows per second of writes, by batches of several sizes.
func BenchmarkWrite(b *testing.B) {
	store := open(b, filepath.Join(b.TempDir(), "projections.db"), sqlite.Options{})
	b.Cleanup(func() { _ = store.Close() })
	sqlstoretest.Bench(b, store)
}

// The same rows by a prepared INSERT of one row, without progress: the limit by which Write is measured.
func BenchmarkBareInserts(b *testing.B) {
	for _, size := range sqlstoretest.Sizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			db, err := sqlite.Connect(filepath.Join(b.TempDir(), "bare.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close() //nolint:errcheck // of a benchmark
			ctx := context.Background()
			if _, err := db.ExecContext(ctx, `CREATE TABLE bare (
				account_id TEXT NOT NULL, sequence INTEGER NOT NULL, at TEXT NOT NULL, 
				amount INTEGER NOT NULL, balance INTEGER NOT NULL, reason TEXT NOT NULL,
				PRIMARY KEY (account_id, sequence)) STRICT`); err != nil {
				b.Fatal(err)
			}
			insert, err := db.PrepareContext(ctx, "INSERT INTO bare VALUES (?, ?, ?, ?, ?, ?)")
			if err != nil {
				b.Fatal(err)
			}
			n := 0
			for b.Loop() {
				tx, err := db.BeginTx(ctx, nil)
				if err != nil {
					b.Fatal(err)
				}
				statement := tx.StmtContext(ctx, insert)
				for range size {
					l := sqlstoretest.LineOf(n)
					n++
					at := l.At.Format("2006-01-02T15:04:05.000000Z")
					_, err := statement.ExecContext(ctx,
						l.AccountID, l.Sequence, at, l.Amount, l.Balance, l.Reason)
					if err != nil {
						b.Fatal(err)
					}
				}
				if err := tx.Commit(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
