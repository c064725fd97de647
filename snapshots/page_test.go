package snapshots_test

import (
	"errors"
	"fmt"
	"testing"

	"refold/snapshots"
)

// Pages hold what is committed and nothing else, in order, and go on behind a key; who reads them does not
// take the store from its owner.
func TestPages(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			stores := w.stores(dir)
			if _, err := stores.Page(table, 0, nil, 10, 1<<20); !errors.Is(err, snapshots.ErrClosed) {
				t.Errorf("a store that nobody has opened: %v", err)
			}
			next := w.write("a", "1", "b", "2", "c", "3")
			st := w.opened(stores)
			w.set(st, "b", "not committed", "d", "nor this")
			got := ""
			var behind []byte
			for more := true; more; {
				page, err := stores.Page(table, 0, behind, 2, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				for _, row := range page.Rows {
					got += fmt.Sprintf(" %s=%s", row.Key, row.Value)
					behind = row.Key
				}
				if more = page.More; page.Next < next {
					t.Errorf("the page is of offset %d, the rows end at %d", page.Next, next)
				}
			}
			if want := " a=1 b=2 c=3"; got != want {
				t.Errorf("got%s, want%s", got, want)
			}
			page, err := stores.Page(table, 0, nil, 10, 1)
			if err != nil || len(page.Rows) != 1 || !page.More {
				t.Errorf("a page of one byte has %d rows, %v", len(page.Rows), err)
			}
			w.expect(st, "a=1 b=not committed c=3 d=nor this")
			if err := st.Close(); err != nil {
				t.Error(err)
			}
			if _, err := stores.Page(table, 0, nil, 10, 1<<20); !errors.Is(err, snapshots.ErrClosed) {
				t.Errorf("a store that was given back: %v", err)
			}
		})
	}
}
