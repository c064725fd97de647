//go:build faulty

package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"refold/projections"
	"refold/projections/sqlite"
)

type total struct {
	Name   string `column:"name,key"`
	Amount int64  `column:"amount,sum"`
}

// The twin of the promise that a batch counts once (G12): with FAULTY=projections the progress is not in the
// transaction of the rows, and a batch that comes again is refused when its sums have been added to.
// `make simulate-proof` runs it.
func TestWriteFaulty(t *testing.T) {
	if os.Getenv("FAULTY") != "projections" {
		t.Fatal("FAULTY must be projections")
	}
	totals := projections.NewTable[total]("totals")
	project := &projections.Projection{Name: "totals", Version: 1, Tables: projections.Tables{totals.Table}}
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "a.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close() //nolint:errcheck // of a test
	made, err := store.Begin(t.Context(), project, projections.Build{Projection: "totals", Version: 1}, false)
	if err != nil {
		t.Fatal(err)
	}
	build, err := store.Open(t.Context(), project, made.Number)
	if err != nil {
		t.Fatal(err)
	}
	partition := projections.Partition{Topic: "events"}
	claimed, err := build.Claim(t.Context(), []projections.Partition{partition})
	if err != nil {
		t.Fatal(err)
	}
	batch := &projections.Batch{
		Advances: []projections.Advance{{
			Partition: partition, Epoch: claimed[0].Epoch, From: claimed[0].Next, To: 1, End: 1,
		}},
		Changes: []projections.Change{totals.Merge(total{"a", 5}, "amount")},
	}
	if err := build.Write(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if err := build.Write(t.Context(), batch); !errors.Is(err, projections.ErrMoved) {
		t.Fatalf("the batch came again: %v; want %v", err, projections.ErrMoved)
	}
	err = build.Look(t.Context(), func(v projections.View) error {
		row, err := v.Row(t.Context(), totals.Table, "a")
		if err == nil && row[1] != int64(10) {
			t.Errorf("the sum is %v; want it doubled, 10", row[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
