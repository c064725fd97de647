package refold_test

import (
	"os"
	"path/filepath"
	"testing"
)

// G7: whatever was wrong with the rows is right afterwards, and nothing else is touched.
func TestRunPutsRowsRight(t *testing.T) {
	for _, where := range []string{"memory", "disk"} {
		t.Run(where, func(t *testing.T) {
			w := newWorld(t)
			w.fill(100, 3)
			w.table["key-00007"] = rowOf(sum{3, -1, 207}, "ring")    // says something else
			w.table["key-00008"] = rowOf(sum{2, 116, 108}, "behind") // lost an event
			w.table["key-00009"] = rowOf(sum{4, 1, 1}, "ahead")
			delete(w.table, "key-00010")
			for key, ring := range map[string]string{
				"key-00007": "ring", "key-00008": "behind", "key-00009": "ahead", "key-00010": "",
				"rejected": "ring only",
			} {
				w.rings[key] = ring
			}
			w.table["nobody"] = rowOf(sum{2, 5, 5}, "none")
			w.table["rejected"] = rowOf(sum{}, "ring only")
			o := w.options()
			if where == "disk" {
				o.Dir = shadowDir(t)
				left := filepath.Join(o.Dir, "left by one that was killed")
				if err := os.MkdirAll(left, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			out, err := w.run(o)
			if err != nil {
				t.Fatal(err)
			}
			w.check()
			if out.Equal != 96 || out.Changed != 3 || out.Added != 1 || out.Removed != 1 ||
				out.RingOnly != 1 || out.Events != 300 || out.Steps != 1 || w.writes != 5 {
				t.Errorf("outcome %+v, %d rows written", out, w.writes)
			}
			if where == "disk" {
				gone(t, o.Dir)
			}
		})
	}
}
