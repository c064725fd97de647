package snapshots_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/snapshots"
)

// under files records under a letter and their own key.
func under(letter, version string) snapshots.Projection {
	return snapshots.Projection{Version: version, File: func(w snapshots.Writer, r *kgo.Record) error {
		return w.Set([]byte(letter+string(r.Key)), r.Value)
	}}
}

// G4, G6: who files records in another way than the program before rebuilds the store, once and
// saying so. Reproduction: one that files them in another way under the same version keeps the old
// rows for ever.
func TestProjectionChanges(t *testing.T) {
	for name, test := range map[string]struct {
		first, second snapshots.Projection
		want          string
		rebuilt       int
	}{
		"the same":         {under("x", "x 1"), under("x", "x 1"), "xa=1 xb=1 xc=1", 0},
		"another version":  {under("x", "x 1"), under("y", "y 2"), "ya=1 yb=1 yc=1", 1},
		"the first of any": {snapshots.Projection{}, under("y", "y 1"), "ya=1 yb=1 yc=1", 1},
		"none any more":    {under("x", "x 1"), snapshots.Projection{}, "a=1 b=1 c=1", 1},
		"reproduction":     {under("x", "1"), under("y", "1"), "xa=1 xb=1 yc=1", 0},
	} {
		for where, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
			t.Run(name+" "+where, func(t *testing.T) {
				w := newWorld(t)
				stores := w.stores(dir)
				w.write("a", "1", "b", "1")
				must := func(err error) {
					if err != nil {
						t.Error(err)
					}
				}
				must(w.follower(stores, test.first).Close())
				w.write("c", "1")
				if dir != "" { // what is on the disk knows the version, not only this process
					w.shut(stores)
					stores = w.stores(dir)
				}
				for range 2 { // it is rebuilt once
					f := w.follower(stores, test.second)
					w.expect(f, test.want)
					must(f.Close())
				}
				if w.rebuilt() != test.rebuilt {
					t.Errorf("%d stores were rebuilt, want %d", w.rebuilt(), test.rebuilt)
				}
				said := strings.Contains(w.log.String(), "filed in another way")
				if said != (test.rebuilt > 0) {
					t.Errorf("the log says %s", w.log)
				}
			})
		}
	}
}

// Who opens a store with another projection takes it over from who has it open.
func TestProjectionChangesWhileOpen(t *testing.T) {
	w := newWorld(t)
	stores := w.stores("")
	w.write("a", "1")
	first := w.follower(stores, under("x", "x 1"))
	w.expect(w.follower(stores, under("y", "y 1")), "ya=1")
	if err := first.Apply(&kgo.Record{Offset: 5, Key: []byte("b"), Value: []byte("1")}); err == nil {
		t.Error("a follower that was taken over files records still")
	}
}

func TestProjectionVersionIsShort(t *testing.T) {
	w := newWorld(t)
	long := under("x", strings.Repeat("x", snapshots.MaxVersionBytes+1))
	if _, err := w.stores("").Follower(t.Context(), table, 0, long); err == nil {
		t.Error("a version too long for a checkpoint is taken")
	}
}
