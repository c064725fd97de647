package snapshots

import (
	"fmt"
	"sync"
	"time"

	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Projection says how records are filed. The zero value keeps them under their own keys; one
// without a value deletes.
type Projection struct {
	// Version names what File writes, in words fit for a log: "history 2". A store that was filed
	// by another version is rebuilt from its topic when it is opened: nobody else would replace the
	// rows that a program before this one wrote. At most [MaxVersionBytes] long.
	Version string
	// File files a record. It must depend on the record alone: it is called again for the same
	// record after a crash. Keys and values are copied.
	File func(w Writer, r *kgo.Record) error
}

// MaxVersionBytes limits Projection.Version, which is a part of every checkpoint.
const MaxVersionBytes = 255

// keep files records as they are.
func keep(w Writer, r *kgo.Record) error { return set(w, r.Key, r.Value) }

// Follower is the store of one partition that somebody else writes. Any number of goroutines may
// read, and see what was applied at once; those that write take turns.
type Follower struct {
	*handle

	tail sync.Mutex // of those who bring what is new; taken before mu. Held for the end of a Rebuild
	mu   sync.Mutex // of those who write
}

// Apply files records of the live tail, in the order of their offsets; the store is then the state of the
// last one and all before it. Records that are in the store already, by their offsets, are passed over.
// The others become readable together.
func (f *Follower) Apply(records ...*kgo.Record) error {
	f.tail.Lock()
	defer f.tail.Unlock()
	for len(records) > 0 && f.behind(records[0].Offset) {
		records = records[1:]
	}
	if len(records) == 0 {
		return nil
	}
	return f.change(records[len(records)-1].Offset+1, func(w Writer) error {
		for _, r := range records {
			if err := f.project.File(w, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *Follower) behind(offset int64) bool {
	known, err := f.GetOffset(-1)
	return err == nil && offset <= known
}

// Write makes changes that come from no record: such as to drop rows that are too old. They become
// readable together; the offset stays. A store that is rebuilt knows nothing of them.
func (f *Follower) Write(fn func(Writer) error) error { return f.change(-1, fn) }

// change makes changes readable at once and together. next below zero leaves the offset alone.
func (f *Follower) change(next int64, fn func(Writer) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	point := *f.store.point.Load()
	if next >= 0 {
		point.next, point.since, point.set = next, time.Now().UnixMilli(), true
	}
	var b batch
	err := f.store.use(f.handle, func(back backend) error {
		b = back.batch(0)
		return nil
	})
	if err != nil {
		return fmt.Errorf("write to the store of %s/%d: %w",
			f.store.at.Topic, f.store.at.Partition, err)
	}
	defer b.release()
	if err := fn(b); err != nil {
		return err
	}
	return f.write(b, point)
}

// Get returns a row, nil if there is none. It must not be changed.
func (f *Follower) Get(key string) ([]byte, error) { return f.committed(key) }

// Has reports whether there is a row.
func (f *Follower) Has(key string) (bool, error) {
	value, err := f.Get(key)
	return value != nil, err
}

// Set writes a row. Goka does for joins and lookups, and says the offset after it.
func (f *Follower) Set(key string, value []byte) error {
	return f.change(-1, func(w Writer) error { return w.Set([]byte(key), value) })
}

// Delete removes a row.
func (f *Follower) Delete(key string) error {
	return f.change(-1, func(w Writer) error { return w.Delete([]byte(key)) })
}

// DeleteRange removes all rows from start on and before limit; nil is no bound.
func (f *Follower) DeleteRange(start, limit []byte) error {
	return f.change(-1, func(w Writer) error { return w.DeleteRange(start, limit) })
}

// SetOffset says that the store is the state of the record at an offset, and of all before it.
func (f *Follower) SetOffset(offset int64) error {
	f.tail.Lock()
	defer f.tail.Unlock()
	if f.behind(offset) {
		return nil
	}
	return f.change(offset+1, func(Writer) error { return nil })
}

// Iterator goes through all rows as they are now, in the order of their keys.
func (f *Follower) Iterator() (storage.Iterator, error) { return f.IteratorWithRange(nil, nil) }

// IteratorWithRange goes through the rows from start on and before limit; nil is no bound.
func (f *Follower) IteratorWithRange(start, limit []byte) (storage.Iterator, error) {
	c, err := f.cursor(start, limit)
	if err != nil {
		return nil, err
	}
	return newIterator(nil, c), nil
}
