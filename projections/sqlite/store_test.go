package sqlite_test

import (
	"context"
	"errors"
	"flag"
	"path/filepath"
	"testing"
	"time"

	"refold/projections"
	"refold/projections/sqlite"
	"refold/projections/sqlstore"
	"refold/projections/sqlstore/sqlstoretest"
	"refold/projections/storetest"
)

func open(tb testing.TB, path string, o sqlite.Options) *sqlstore.Store {
	tb.Helper()
	store, err := sqlite.Open(path, o)
	if err != nil {
		tb.Fatal(err)
	}
	return store
}

func closed(t *testing.T, store *sqlstore.Store) {
	t.Helper()
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}

func TestStore(t *testing.T) {
	// The driver is C that became Go: under the race detector each step takes long.
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		if err := checks.Value.Set("4"); err != nil {
			t.Fatal(err)
		}
	}
	storetest.Run(t, func(t *testing.T) projections.Store {
		t.Helper()
		path := filepath.Join(t.TempDir(), "a folder that is not there", "what? #1%.db")
		return open(t, path, sqlite.Options{})
	})
}

func TestSQL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "projections.db")
	sqlstoretest.Run(t, func(t *testing.T) *sqlstore.Store {
		t.Helper()
		return open(t, path, sqlite.Options{})
	})
}

// A backup of before the first build is restored while a process runs: what all builds need is made again.
func TestDatabaseIsEmptied(t *testing.T) {
	path := filepath.Join(t.TempDir(), "projections.db")
	store := open(t, path, sqlite.Options{})
	defer closed(t, store)
	if _, err := store.Builds(t.Context(), "days"); err != nil {
		t.Fatal(err)
	}
	other, err := sqlite.Connect(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() //nolint:errcheck // of a test
	for _, table := range []string{"refold_builds", "refold_progress", "refold_migrations"} {
		if _, err := other.ExecContext(t.Context(), "DROP TABLE "+table); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Builds(t.Context(), "days"); err == nil {
		t.Error("no error says that the tables are gone")
	}
	if all, err := store.Builds(t.Context(), "days"); err != nil || len(all) > 0 {
		t.Errorf("the builds are %v, and the error is %v", all, err)
	}
}

type row struct {
	ID   string    `column:"id,key"`
	Text string    `column:"text"`
	At   time.Time `column:"at"`
	Done bool      `column:"done"`
}

var rows = projections.NewTable[row]("rows")

func projection() *projections.Projection {
	return &projections.Projection{Name: "rows", Version: 1, Tables: projections.Tables{rows.Table}}
}

// live returns a build that readers see.
func live(t *testing.T, store *sqlstore.Store) projections.OpenBuild {
	t.Helper()
	made, err := store.Begin(t.Context(), projection(), projections.Build{Version: 1}, false)
	if err != nil {
		t.Fatal(err)
	}
	build, err := store.Open(t.Context(), projection(), made.Number)
	if err != nil {
		t.Fatal(err)
	}
	if err := build.TakeOver(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	return build
}

// write writes changes to a topic of their own.
func write(
	ctx context.Context, build projections.OpenBuild, topic string, changes ...projections.Change,
) error {
	claimed, err := build.Claim(ctx, []projections.Partition{{Topic: topic}})
	if err != nil {
		return err
	}
	return build.Write(ctx, &projections.Batch{Changes: changes, Advances: []projections.Advance{{
		Partition: claimed[0].Partition, Epoch: claimed[0].Epoch,
		From: claimed[0].Next, To: claimed[0].Next + 1,
	}}})
}

func TestTimesSortAsTexts(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "a.db"), sqlite.Options{})
	defer closed(t, store)
	build := live(t, store)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("CET", 3600))
	var changes []projections.Change
	for id, nanoseconds := range map[string]int{"a": 0, "b": 1000, "c": 100_000, "d": 999_999_000} {
		later := at.Add(time.Duration(nanoseconds))
		changes = append(changes, rows.Put(row{ID: id, At: later, Done: id == "d"}))
	}
	if err := write(t.Context(), build, "events", changes...); err != nil {
		t.Fatal(err)
	}
	var ids, first string
	if err := store.DB().QueryRowContext(t.Context(), `SELECT group_concat(id, ''), min(at) FROM
		(SELECT id, at FROM rows ORDER BY at)`).Scan(&ids, &first); err != nil {
		t.Fatal(err)
	}
	if ids != "abcd" || first != "2026-03-01T11:00:00.000000Z" {
		t.Errorf("by time the rows are %s, from %s; they must be abcd, from 2026-03-01T11:00:00.000000Z",
			ids, first)
	}
	err := store.DB().QueryRowContext(t.Context(), `SELECT id FROM rows WHERE done`).Scan(&ids)
	if err != nil || ids != "d" {
		t.Errorf("done is %s (%v); it must be d", ids, err)
	}
}

func TestQueriesDoNotWrite(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "a.db"), sqlite.Options{})
	defer closed(t, store)
	if _, err := store.DB().ExecContext(t.Context(), "DELETE FROM refold_builds"); err == nil {
		t.Error("a statement that writes was executed among queries")
	}
}

// Given a process that holds the database, when another one writes, then it waits for as long as it may, and
// nothing is written.
func TestBusyIsAFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	other := open(t, path, sqlite.Options{})
	defer closed(t, other)
	store := open(t, path, sqlite.Options{BusyTimeout: time.Millisecond})
	defer closed(t, store)
	build := live(t, store)

	holder, err := other.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"PRAGMA query_only = 0", "BEGIN IMMEDIATE"} {
		if _, err := holder.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	err = write(t.Context(), build, "events", rows.Put(row{ID: "a"}))
	if _, poison := errors.AsType[*projections.Poison](err); err == nil || poison {
		t.Errorf("the error is %v; it must be a fault", err)
	}
	if _, err := holder.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := holder.Close(); err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), build, "events", rows.Put(row{ID: "a"})); err != nil {
		t.Error(err)
	}
}

func TestBatchesOfAnySize(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "a.db"), sqlite.Options{Parameters: 1000})
	defer closed(t, store)
	build := live(t, store)
	all := make([]projections.Change, 0, 3000)
	for i := range cap(all) {
		all = append(all, rows.Put(row{ID: time.Unix(int64(i), 0).UTC().Format(time.RFC3339), Text: "text"}))
	}
	for n := 1; n <= len(all); n = n*2 + 1 {
		if err := write(t.Context(), build, "events", all[:n]...); err != nil {
			t.Fatal(err)
		}
	}
	if err := write(t.Context(), build, "events", all...); err != nil {
		t.Fatal(err)
	}
	var count int
	if err := store.DB().QueryRowContext(t.Context(), "SELECT count(*) FROM rows").Scan(&count); err != nil ||
		count != len(all) {
		t.Errorf("there are %d rows (%v); there must be %d", count, err, len(all))
	}
}
