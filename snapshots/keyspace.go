package snapshots

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// keyspace is the rows of one store in the database: all keys that begin with its number.
type keyspace struct {
	of     *database
	number uint32
	name   storeName

	measuring sync.Mutex
	measured  size
	at        int64 // the change of the files that measured is of

	// of.mu guards watch.
	watch watcher

	mu      sync.Mutex
	cursors map[*keyspaceCursor]struct{} // not closed yet
}

// rowKey is a row's key in the database.
func (k *keyspace) rowKey(key []byte) []byte {
	to := binary.BigEndian.AppendUint32(make([]byte, 0, prefixBytes+len(key)), k.number)
	return append(append(to, rowKind), key...)
}

// rowRange is a range of rows in the database. It never leaves the keyspace.
func (k *keyspace) rowRange(start, limit []byte) (from, to []byte) {
	from, to = k.rowKey(start), keyOf(k.number, rowsEnd)
	if limit != nil {
		to = k.rowKey(limit)
	}
	return from, to
}

func (k *keyspace) get(key string) ([]byte, error) {
	at := make([]byte, 0, 128) // stays on the stack for usual keys
	at = append(append(binary.BigEndian.AppendUint32(at, k.number), rowKind), key...)
	value, closer, err := k.of.db.Get(at)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what was being done
	}
	own := append(make([]byte, 0, len(value)), value...) // not nil, even if empty
	return own, closer.Close()
}

func (k *keyspace) checkpoint() (checkpoint, error) {
	value, closer, err := k.of.db.Get(keyOf(k.number, checkpointKind))
	if errors.Is(err, pebble.ErrNotFound) {
		return checkpoint{}, nil
	}
	if err != nil {
		return checkpoint{}, fmt.Errorf("read the checkpoint: %w", err)
	}
	c, err := parseCheckpoint(value)
	return c, errors.Join(err, closer.Close())
}

func (k *keyspace) settle(ctx context.Context) bool { return k.of.settle(ctx) }

func (k *keyspace) fault() error { return k.of.faulted() }

// size is measured anew when files have changed.
func (k *keyspace) size() size {
	k.measuring.Lock()
	defer k.measuring.Unlock()
	now := k.of.changes.Load()
	if now == k.at {
		return k.measured
	}
	keys := span{k.number, k.number}.keys()
	levels, err := k.of.db.SSTables(
		pebble.WithKeyRangeFilter(keys.Start, keys.End), pebble.WithApproximateSpanBytes())
	if err != nil {
		return k.measured
	}
	var s size
	for _, tables := range levels {
		for i := range tables {
			stats, bytes := &tables[i].TableStats, tables[i].ApproximateSpanBytes
			s.disk += int64(bytes)
			// Each deletion hides a row of a lower level, usually.
			rows := float64(stats.NumEntries) - 2*float64(stats.NumDeletions)
			s.rows += int64(rows * float64(bytes) / float64(max(tables[i].Size, 1)))
		}
	}
	s.rows = max(s.rows, 0)
	k.measured, k.at = s, now
	return s
}

// damaged notes that a read met damage. Pebble has said so as well, unless the file is gone.
func (k *keyspace) damaged(err error) { k.of.suspect(span{k.number, k.number}, err) }

// drop removes all rows and gives the number up: the keyspace can't be used any more. Damaged rows are
// removed without being read.
func (k *keyspace) drop(isDamaged bool) error {
	if isDamaged {
		k.of.suspect(span{k.number, k.number}, ErrDamaged)
		return k.of.on.purge(k.of)
	}
	if k.of.condemned.Load() {
		return nil
	}
	if fault := k.fault(); fault != nil {
		return fault
	}
	return k.of.drop(func(_ storeName, number uint32) bool { return number == k.number })
}

// replace takes the place of another keyspace, which is dropped, in one batch.
func (k *keyspace) replace(other backend) error {
	old, is := other.(*keyspace)
	if !is {
		return nil
	}
	d, name := k.of, k.name
	name.beside = false
	b := d.db.NewBatch()
	defer b.Close() //nolint:errcheck // fails only when it is closed already
	keys := span{old.number, old.number}.keys()
	if old.of == d {
		if err := b.DeleteRange(keys.Start, keys.End, nil); err != nil {
			return err //nolint:wrapcheck // the caller says what was being done
		}
	}
	if err := b.Set(keyOf(k.number, nameKind), name.encode(), nil); err != nil {
		return err //nolint:wrapcheck // the caller says what was being done
	}
	if err := d.commit(b); err != nil {
		return err
	}
	old.of.mu.Lock()
	watch := old.watch
	old.of.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.names, k.name)
	d.names[name], k.name, k.watch = k.number, name, watch
	return nil
}

// doubtful reports whether damage was found since the keyspace was asked for.
func (k *keyspace) doubtful() bool {
	k.of.mu.Lock()
	defer k.of.mu.Unlock()
	for _, s := range k.of.suspects {
		if s.holds(k.number) {
			return true
		}
	}
	return k.of.condemned.Load()
}

// close ends the keyspace's cursors. What it holds stays in the database.
func (k *keyspace) close() error {
	k.mu.Lock()
	for c := range k.cursors {
		c.abandon()
	}
	k.mu.Unlock()
	k.of.mu.Lock()
	delete(k.of.open, k.number)
	k.of.mu.Unlock()
	return k.of.unref()
}

// keyspaceCursor is an iterator of Pebble's that survives the closing of its keyspace.
type keyspaceCursor struct {
	of *keyspace

	mu       sync.Mutex
	it       *pebble.Iterator // nil when closed
	fresh    bool             // not moved yet
	abandons error
}

func (k *keyspace) cursor(start, limit []byte) (cursor, error) {
	from, to := k.rowRange(start, limit)
	if bytes.Compare(from, to) > 0 {
		to = from // an empty range; Pebble does not allow bounds that cross
	}
	it, err := k.of.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what was being done
	}
	c := &keyspaceCursor{of: k, it: it, fresh: true}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cursors[c] = struct{}{}
	return c, nil
}

func (c *keyspaceCursor) next() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.it == nil {
		return false
	}
	if c.fresh {
		c.fresh = false
		return c.it.First()
	}
	return c.it.Next()
}

func (c *keyspaceCursor) seek(key []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.it == nil {
		return false
	}
	c.fresh = false
	return c.it.SeekGE(c.of.rowKey(key))
}

func (c *keyspaceCursor) key() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.it == nil || !c.it.Valid() {
		return nil
	}
	return c.it.Key()[prefixBytes:]
}

func (c *keyspaceCursor) value() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.it == nil {
		return nil, c.abandons
	}
	if !c.it.Valid() {
		return nil, nil
	}
	value, err := c.it.ValueAndErr()
	return value, asDamage(err)
}

func (c *keyspaceCursor) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.it == nil {
		return c.abandons
	}
	return asDamage(c.it.Error())
}

func (c *keyspaceCursor) close() error {
	c.of.mu.Lock()
	delete(c.of.cursors, c)
	c.of.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.it == nil {
		return nil
	}
	it := c.it
	c.it = nil
	return it.Close() //nolint:wrapcheck // the caller says what was being done
}

// abandon ends the iterator because its keyspace closes.
func (c *keyspaceCursor) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.it != nil {
		_ = c.it.Close() // its reader is told ErrClosed instead
		c.it, c.abandons = nil, ErrClosed
	}
}
