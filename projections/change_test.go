package projections_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"refold/projections"
	"refold/projections/memory"
)

// score has a sum and other columns.
type score struct {
	ID    string  `column:"id,key"`
	Sum   int64   `column:"sum,sum"`
	Count int64   `column:"count,sum"`
	Name  string  `column:"name"`
	Note  *string `column:"note"`
}

var scores = projections.NewTable[score]("scores")

// build returns an empty build in memory of a projection with some tables.
func build(tb fataler, p *projections.Projection) projections.OpenBuild {
	tb.Helper()
	store := &memory.Store{}
	ctx := context.Background()
	b, err := store.Begin(ctx, p, projections.Build{Version: 1}, false)
	if err != nil {
		tb.Fatal(err)
	}
	open, err := store.Open(ctx, p, b.Number)
	if err != nil {
		tb.Fatal(err)
	}
	return open
}

// fataler is a test, or a rapid one.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

func write(tb fataler, b projections.OpenBuild, changes []projections.Change) {
	tb.Helper()
	if err := b.Write(context.Background(), &projections.Batch{Changes: changes}); err != nil {
		tb.Fatal(err)
	}
}

// rows returns those of a table, by key.
func rows(tb fataler, b projections.OpenBuild, t *projections.Table) map[string][]any {
	tb.Helper()
	all := make(map[string][]any)
	err := b.Look(context.Background(), func(v projections.View) error {
		return v.Rows(context.Background(), t, func(values []any) error {
			all[t.Key(values)] = values
			return nil
		})
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// However changes are cut into batches, they make the rows that they make one after the other.
func TestBatchesMakeTheSameRows(t *testing.T) {
	p := &projections.Projection{Name: "p", Tables: projections.Tables{scores.Table, contentTable.Table}}
	rapid.Check(t, func(t *rapid.T) {
		changes := rapid.SliceOfN(rapid.Custom(drawChange), 0, 30).Draw(t, "changes")
		single, batched := build(t, p), build(t, p)
		for _, c := range changes {
			write(t, single, []projections.Change{c})
		}
		var batch projections.Changes
		for i, c := range changes {
			if err := batch.AddAll(int64(i), []projections.Change{c}); err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "cut") {
				write(t, batched, batch.Sorted())
				batch = projections.Changes{}
			}
		}
		write(t, batched, batch.Sorted())
		for _, table := range p.Tables {
			if diff := cmp.Diff(rows(t, single, table), rows(t, batched, table)); diff != "" {
				t.Fatalf("rows of %s differ (- one after the other, + in batches):\n%s", table.Name, diff)
			}
		}
	})
}

func drawChange(t *rapid.T) projections.Change {
	id := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "id")
	amount := rapid.Int64Range(-1<<40, 1<<40)
	if rapid.Bool().Draw(t, "scores") {
		columns := rapid.SampledFrom([][]string{
			nil, {"sum"}, {"count", "name"}, {"sum", "count", "note"}, {"sum", "sum"},
		})
		return scores.Merge(score{
			ID: id, Sum: amount.Draw(t, "sum"), Count: 1, Name: rapid.StringN(0, 3, -1).Draw(t, "name"),
			Note: rapid.Ptr(rapid.StringN(0, 3, -1), true).Draw(t, "note"),
		}, columns.Draw(t, "columns")...)
	}
	row := content{ID: id, Cents: amount.Draw(t, "cents"), Notes: rapid.Int64().Draw(t, "notes")}
	switch rapid.SampledFrom([]string{"put", "merge", "delete"}).Draw(t, "op") {
	case "put":
		return contentTable.Put(row)
	case "delete":
		return contentTable.Delete(row)
	default:
		columns := rapid.SampledFrom([][]string{nil, {"cents"}, {"notes", "cents"}})
		return contentTable.Merge(row, columns.Draw(t, "columns")...)
	}
}

// Merges of no column leave nothing behind that a later sum would be added to.
func TestChanges_AddNoColumns(t *testing.T) {
	var all projections.Changes
	for range 2 {
		must(t, all.Add(scores.Merge(score{ID: "a", Count: 1})))
	}
	must(t, all.Add(scores.Merge(score{ID: "a", Count: 1}, "count")))
	if c := all.Sorted(); len(c) != 1 || c[0].Values[2] != int64(1) {
		t.Errorf("the changes are %+v; one must be counted", c)
	}
}

// An event changes its rows, or none.
func TestChanges_AddAll(t *testing.T) {
	var all projections.Changes
	must(t, all.AddAll(1, []projections.Change{
		scores.Merge(score{ID: "a", Sum: math.MaxInt64 - 1, Name: "before"}, "sum", "name"),
	}))
	before := all.Sorted()
	err := all.AddAll(2, []projections.Change{
		scores.Merge(score{ID: "new", Sum: 1}, "sum"),
		scores.Merge(score{ID: "new", Sum: 1}, "sum", "name"),
		contentTable.Put(content{ID: "new"}),
		scores.Merge(score{ID: "a", Sum: 1, Name: "after", Count: 1}, "sum", "count", "name"),
		scores.Merge(score{ID: "a", Sum: 1}, "sum"), // which is too much
		scores.Merge(score{ID: "later"}),
	})
	if poison, is := errors.AsType[*projections.Poison](err); !is || poison.Reason != projections.PoisonSum {
		t.Fatalf("the error is %v; it must be %s", err, projections.PoisonSum)
	}
	mustSay(t, err, "column sum of scores")
	ignoreTable := cmp.Comparer(func(a, b *projections.Table) bool { return a == b })
	if diff := cmp.Diff(before, all.Sorted(), ignoreTable); diff != "" || all.Len() != 1 {
		t.Fatalf("%d rows change, and the error has left (- before, + after):\n%s", all.Len(), diff)
	}
	must(t, all.AddAll(3, []projections.Change{scores.Merge(score{ID: "a", Sum: 1}, "sum")}))
	c := all.Sorted()[0]
	if c.Values[1] != int64(math.MaxInt64) || c.Values[3] != "before" || c.Sequence != 3 {
		t.Errorf("the row changes to %v by event %d", c.Values, c.Sequence)
	}
}

func TestChanges_Add(t *testing.T) {
	var all projections.Changes
	low := scores.Merge(score{ID: "a", Sum: math.MinInt64}, "sum")
	must(t, all.Add(low))
	if err := all.Add(low); err == nil {
		t.Error("two sums of the least int64 are added")
	}
	must(t, all.Add(scores.Merge(score{ID: "a", Sum: math.MaxInt64}, "sum")))
	if c := all.Sorted(); len(c) != 1 || c[0].Values[1] != int64(-1) {
		t.Errorf("the changes are %+v", c)
	}
}

// Changes are in an order that all members share.
func TestChanges_Sorted(t *testing.T) {
	var all projections.Changes
	for _, c := range []projections.Change{
		scores.Merge(score{ID: "b"}), contentTable.Put(content{ID: "é"}), scores.Merge(score{ID: "a"}),
		contentTable.Put(content{ID: "z"}), contentTable.Delete(content{ID: "a"}),
		contentTable.Put(content{ID: "z"}),
	} {
		must(t, all.Add(c))
	}
	var found []string
	for _, c := range all.Sorted() {
		found = append(found, c.Table.Name+" "+c.Key())
	}
	want := []string{"contents %C3%A9", "contents a", "contents z", "scores a", "scores b"}
	if diff := cmp.Diff(want, found); diff != "" || all.Len() != len(want) {
		t.Errorf("%d changes are sorted otherwise (- wanted, + found):\n%s", all.Len(), diff)
	}
}

func TestTable_mistakesOfCallers(t *testing.T) {
	for name, c := range map[string]struct {
		want string
		call func()
	}{
		"sums are put":     {"table scores has sum columns", func() { scores.Put(score{}) }},
		"sums are deleted": {"table scores has sum columns", func() { scores.Delete(score{}) }},
		"a key is merged": {
			`table scores has no column "id" that can be merged`, func() { scores.Merge(score{}, "id") },
		},
		"no column": {`table scores has no column "Sum"`, func() { scores.Merge(score{}, "Sum") }},
	} {
		t.Run(name, func(t *testing.T) { mustPanic(t, c.want, c.call) })
	}
}
