package snapshots_test

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/snapshots"
)

// G3: whoever reads the committed rows of a table sees no row before its transaction has committed, and none
// that was discarded; and nothing while nobody has the store open.
func TestCommitted(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("a", "1", "b", "1")
			stores := w.stores(dir)
			committed, err := stores.Committed(table, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := committed.Get("a"); !errors.Is(err, snapshots.ErrClosed) {
				t.Errorf("the store is not open, and answers %v", err)
			}
			st := w.opened(stores)
			w.expect(committed, "a=1 b=1")
			w.set(st, "a", "2", "b", "-", "c", "2")
			w.expect(committed, "a=1 b=1")
			w.set(st, "a", "3")
			w.expect(committed, "a=1 b=1")
			if err := st.Commit(10); err != nil {
				t.Fatal(err)
			}
			w.expect(committed, "a=2 c=2")
			if at, err := committed.GetOffset(-1); at != 9 || err != nil {
				t.Errorf("it stands at %d, %v", at, err)
			}
			st.Discard()
			w.expect(committed, "a=2 c=2")
			if err := st.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := committed.Get("a"); !errors.Is(err, snapshots.ErrClosed) {
				t.Errorf("the store is closed, and answers %v", err)
			}
		})
	}
}

// Records that are applied together become readable together; those that the store has are passed over.
func TestApplyTogether(t *testing.T) {
	w := newWorld(t)
	stores := w.stores(t.TempDir())
	f, err := stores.Follower(t.Context(), table, 0, snapshots.Projection{})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Open(); err != nil {
		t.Fatal(err)
	}
	record := func(offset int64, key, value string) *kgo.Record {
		return &kgo.Record{Topic: table, Offset: offset, Key: []byte(key), Value: []byte(value)}
	}
	apply := func(records ...*kgo.Record) {
		t.Helper()
		if err := f.Apply(records...); err != nil {
			t.Fatal(err)
		}
	}
	apply(record(0, "a", "1"), record(1, "b", "1"), record(3, "a", "2"))
	w.expect(f, "a=2 b=1")
	apply(record(1, "b", "old"), record(3, "a", "old"), record(5, "c", "1"))
	w.expect(f, "a=2 b=1 c=1")
	apply(record(5, "c", "old"))
	apply()
	w.expect(f, "a=2 b=1 c=1")
	if at, err := f.GetOffset(-1); at != 5 || err != nil {
		t.Errorf("it stands at %d, %v", at, err)
	}
}
