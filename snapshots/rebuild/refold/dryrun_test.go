package refold_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"refold/snapshots/rebuild/refold"
)

// G7: a dry run counts what a refold would do, shows some of it field by field, and writes nothing.
func TestDryRun(t *testing.T) {
	w := newWorld(t)
	w.fill(5, 3)
	w.table["key-00001"] = rowOf(sum{3, 18, 12}, "sum is wrong")
	w.table["key-00002"] = rowOf(sum{2, 9, 7}, "behind")
	delete(w.table, "key-00003")
	w.table["nobody"] = rowOf(sum{1, 5, 5}, "no events")
	before := maps.Clone(w.table)
	o := w.options()
	o.DryRun = true
	out, err := w.run(o)
	if err != nil {
		t.Fatal(err)
	}
	if w.writes > 0 || !maps.EqualFunc(before, w.table, bytes.Equal) {
		t.Error("rows were written")
	}
	if out.Equal != 2 || out.Changed != 2 || out.Added != 1 || out.Removed != 1 {
		t.Errorf("outcome %+v", out)
	}
	field := func(path, row, fold string) refold.Field {
		f := refold.Field{Path: path}
		if row != "" {
			f.Row = json.RawMessage(row)
		}
		if fold != "" {
			f.Fold = json.RawMessage(fold)
		}
		return f
	}
	want := []refold.Sample{
		{Key: "key-00001", Verdict: refold.Changed, Fields: []refold.Field{
			field("state.last[0]", "12", "11"),
		}},
		{Key: "key-00002", Verdict: refold.Moved, Fields: []refold.Field{
			field("sequence", "2", "3"), field("state.last[0]", "7", "12"),
			field("state.total", "9", "21"),
		}},
		{Key: "key-00003", Verdict: refold.Added, Fields: []refold.Field{
			field("sequence", "", "3"), field("state.last[0]", "", "13"), field("state.total", "", "24"),
		}},
		{Key: "nobody", Verdict: refold.Removed, Fields: []refold.Field{
			field("sequence", "1", ""), field("state.last[0]", "5", ""), field("state.total", "5", ""),
		}},
	}
	if diff := cmp.Diff(want, out.Samples); diff != "" {
		t.Error(diff)
	}
	for limit, count := range map[int]int{2: 2, 0: 0} {
		o.Samples = limit
		if out, err := w.run(o); err != nil || len(out.Samples) != count || out.Differing() != 4 {
			t.Errorf("at most %d samples: %d, error %v", limit, len(out.Samples), err)
		}
	}
}
