package snapshots

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"refold/kafka"
)

// flawed is a backend some of whose parts fail.
type flawed struct {
	*memory

	next, value error // of cursors
	apply       error // of batches, though they are applied
	forgetful   bool  // batches name no row
}

func (f *flawed) cursor(start, limit []byte) (cursor, error) {
	c, err := f.memory.cursor(start, limit)
	return flawedCursor{c, f}, err
}

func (f *flawed) batch(n int) batch { return flawedBatch{f.memory.batch(n), f} }

type flawedCursor struct {
	cursor
	of *flawed
}

func (c flawedCursor) next() bool             { return c.of.next == nil && c.cursor.next() }
func (c flawedCursor) err() error             { return c.of.next }
func (c flawedCursor) value() ([]byte, error) { return nil, c.of.value }

type flawedBatch struct {
	batch
	of *flawed
}

func (b flawedBatch) apply(c *checkpoint) error { return errors.Join(b.batch.apply(c), b.of.apply) }

func (b flawedBatch) rows(each func(key, value []byte)) bool {
	return !b.of.forgetful && b.batch.rows(each)
}

// flawedStore is an open store on a flawed backend, with the row a=1 in the row cache.
func flawedStore(t *testing.T) (*Stores, *Follower, *flawed) {
	t.Helper()
	stores, err := Open(Options{
		Name: "test", Dir: t.TempDir(), Kafka: kafka.Settings{Brokers: []string{"localhost:1"}},
		CacheBytes: 256 << 20, RowCacheBytes: 128 << 20, MaxOpenFiles: 640,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stores.Close() })
	f, err := stores.Follower(t.Context(), "table", 0, Projection{})
	if err != nil {
		t.Fatal(err)
	}
	back := &flawed{memory: newMemory()}
	f.store.owner, f.store.interrupt, f.store.back = f.handle, func(error) {}, back
	f.store.holder.Store(f.handle)
	f.open.Store(true)
	if err := f.Set("a", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if value, err := f.Get("a"); err != nil || string(value) != "1" {
		t.Fatalf("a is %q, %v", value, err)
	}
	return stores, f, back
}

// G4: who goes through rows and finds the files damaged distrusts the whole store, as a reader of one row
// does: the rows in the row cache included, and until the store is opened anew.
func TestIteratorFindsDamage(t *testing.T) {
	missing := fmt.Errorf("open 000017.sst: %w", fs.ErrNotExist)
	for name, test := range map[string]struct {
		flaw func(*flawed)
		read func(*Stores, *Follower) error
	}{
		"moving": {func(f *flawed) { f.next = missing }, func(_ *Stores, f *Follower) error {
			it, err := f.Iterator()
			if err != nil {
				return err
			}
			defer it.Release()
			if it.Next() {
				t.Error("there is a row")
			}
			return it.Err()
		}},
		"moving, and nobody asks why it ends": {
			func(f *flawed) { f.next = missing },
			func(_ *Stores, f *Follower) error {
				it, err := f.Iterator()
				if err != nil {
					return err
				}
				defer it.Release()
				it.Next()
				return ErrDamaged
			},
		},
		"a value": {func(f *flawed) { f.value = missing }, func(_ *Stores, f *Follower) error {
			it, err := f.Iterator()
			if err != nil {
				return err
			}
			defer it.Release()
			it.Next()
			_, err = it.Value()
			return err
		}},
		"a page": {func(f *flawed) { f.next = missing }, func(s *Stores, _ *Follower) error {
			_, err := s.Page("table", 0, nil, 10, 1000)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			stores, f, back := flawedStore(t)
			test.flaw(back)
			if err := test.read(stores, f); !errors.Is(err, ErrDamaged) {
				t.Errorf("the reader is told %v", err)
			}
			select {
			case <-f.Damaged():
			default:
				t.Error("nobody is told of the damage")
			}
			if value, err := f.Get("a"); !errors.Is(err, ErrDamaged) {
				t.Errorf("a reader is given %q, %v", value, err)
			}
			if _, err := stores.Page("table", 0, nil, 10, 1000); !errors.Is(err, ErrDamaged) {
				t.Errorf("a reader of pages is told %v", err)
			}
		})
	}
}

// G4: a write whose rows can't be named, or of which nobody knows whether it was applied, leaves no old row
// in the row cache.
func TestRowCacheAfterAWriteThatIsNotKnown(t *testing.T) {
	for name, flaw := range map[string]func(*flawed){
		"its rows":    func(f *flawed) { f.forgetful = true },
		"its outcome": func(f *flawed) { f.apply = errors.New("unknown") },
	} {
		t.Run(name, func(t *testing.T) {
			_, f, back := flawedStore(t)
			flaw(back)
			if err := f.Set("a", []byte("2")); err != nil && back.apply == nil {
				t.Fatal(err)
			}
			if value, err := f.Get("a"); err != nil || string(value) != "2" {
				t.Errorf("a is %q, %v, and the store has 2", value, err)
			}
		})
	}
}
