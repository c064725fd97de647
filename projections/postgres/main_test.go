//go:build system

package postgres_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"refold/projections"
	"refold/projections/postgres"
	"refold/projections/postgres/postgrestest"
	"refold/projections/sqlstore"
	"refold/projections/sqlstore/sqlstoretest"
	"refold/projections/storetest"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// server runs while the tests do.
var server *postgrestest.Server

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	var err error
	// No test depends on what a power failure leaves.
	if server, err = postgrestest.Start(context.Background(), "fsync=off"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer server.Close() //nolint:errcheck // of a test
	return m.Run()
}

func open(tb testing.TB, o postgres.Options) *sqlstore.Store {
	tb.Helper()
	store, err := postgres.Open(server.URL("postgres"), o)
	if err != nil {
		tb.Fatal(err)
	}
	return store
}

// opened is open, and closes the store when the test ends.
func opened(t *testing.T, o postgres.Options) *sqlstore.Store {
	t.Helper()
	store := open(t, o)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// store returns a function that opens stores.
func store(o postgres.Options) func(*testing.T) projections.Store {
	return func(t *testing.T) projections.Store {
		t.Helper()
		return open(t, o)
	}
}

func TestStore(t *testing.T) {
	storetest.Run(t, store(postgres.Options{}))
}

// Batches in several statements do what those in one do.
func TestStoreInPieces(t *testing.T) {
	storetest.Run(t, store(postgres.Options{RowsPerStatement: 7}))
}

func TestSQL(t *testing.T) {
	sqlstoretest.Run(t, func(t *testing.T) *sqlstore.Store {
		t.Helper()
		return open(t, postgres.Options{})
	})
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// begin makes a build, opens it and claims a partition.
func begin(
	tb testing.TB, store *sqlstore.Store, p *projections.Projection,
) (projections.OpenBuild, projections.Progress) {
	tb.Helper()
	made, err := store.Begin(tb.Context(), p, projections.Build{Version: p.Version}, true)
	must(tb, err)
	build, err := store.Open(tb.Context(), p, made.Number)
	must(tb, err)
	claimed, err := build.Claim(tb.Context(), []projections.Partition{{Topic: "events"}})
	must(tb, err)
	return build, claimed[0]
}

// batch moves a partition by one, with changes.
func batch(at projections.Progress, changes ...projections.Change) *projections.Batch {
	return &projections.Batch{Changes: changes, Advances: []projections.Advance{{
		Partition: at.Partition, Epoch: at.Epoch, From: at.Next, To: at.Next + 1,
	}}}
}

// query returns a single value.
func query[T any](tb testing.TB, store *sqlstore.Store, text string, args ...any) (value T) {
	tb.Helper()
	must(tb, store.DB().QueryRowContext(tb.Context(), text, args...).Scan(&value))
	return value
}
