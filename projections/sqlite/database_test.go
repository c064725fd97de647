package sqlite

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"refold/projections/sqlstore"
)

func TestPreparedStatementsAreLimited(t *testing.T) {
	d, err := newDatabase(filepath.Join(t.TempDir(), "a.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // of a test
	const perRun = 50
	for run := range maxPrepared * 5 / 2 / perRun {
		steps := make([]sqlstore.Step, perRun)
		for i := range steps {
			steps[i].SQL = fmt.Sprint("SELECT ", run*perRun+i)
		}
		if err := d.Run(t.Context(), "", steps); err != nil {
			t.Fatal(err)
		}
		if len(d.prepared) > maxPrepared+perRun {
			t.Fatalf("%d statements are prepared; at most %d should be", len(d.prepared), maxPrepared+perRun)
		}
	}
	if err := d.Run(t.Context(), "", []sqlstore.Step{{SQL: "CREATE TABLE a (b)"}}); err != nil {
		t.Fatal(err)
	}
	// A step that must change one row and changes another number of them undoes all others.
	err = d.Run(t.Context(), "", []sqlstore.Step{
		{SQL: "INSERT INTO a VALUES (?), (?)", Args: []any{1, 2}},
		{SQL: "UPDATE a SET b = b + 1", One: true},
	})
	if !errors.Is(err, sqlstore.ErrUnexpected) {
		t.Errorf("the error is %v; it must be %v", err, sqlstore.ErrUnexpected)
	}
	var count int
	err = d.reads.QueryRowContext(t.Context(), "SELECT count(*) FROM a").Scan(&count)
	if err != nil || count != 0 {
		t.Errorf("there are %d rows (%v); there must be none", count, err)
	}
}

func TestSortsBesideTheFile(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "it's here")
	d, err := newDatabase(filepath.Join(folder, "a.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // of a test
	var where string
	err = d.writes.QueryRowContext(t.Context(), "PRAGMA temp_store_directory").Scan(&where)
	if err != nil || where != folder {
		t.Errorf("it sorts in %q (%v), not in %q", where, err, folder)
	}
}
