package snapshots

import (
	"bytes"
	"cmp"
	"context"
	"sync"

	"github.com/RaduBerinde/btreemap"
)

// memory is a backend without files: a B-tree whose copies share what they have in common, so that
// a cursor is a copy.
type memory struct {
	mu   sync.RWMutex
	tree *btreemap.BTreeMap[string, []byte]
	at   checkpoint
}

// memoryDegree is the B-tree's: nodes of some 64 rows fit a few cache lines of keys.
const memoryDegree = 32

func newMemory() *memory {
	return &memory{tree: btreemap.New[string, []byte](memoryDegree, cmp.Compare[string])}
}

func (m *memory) get(key string) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	_, value, _ := m.tree.Get(key)
	return value, nil
}

func (m *memory) checkpoint() (checkpoint, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.at, nil
}

func (*memory) settle(context.Context) bool { return true }
func (*memory) fault() error                { return nil }
func (*memory) damaged(error)               {}
func (*memory) drop(bool) error             { return nil }
func (*memory) replace(backend) error       { return nil }

func (m *memory) size() size {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return size{rows: int64(m.tree.Len())}
}

func (*memory) close() error { return nil }

func (m *memory) batch(int) batch { return &memoryBatch{to: m} }

// memoryBatch is a list of changes.
type memoryBatch struct {
	to      *memory
	changes []memoryChange
}

type memoryChange struct {
	key, value []byte // a nil value is a deletion
	isRange    bool   // from key to value
}

// Set writes a row.
func (b *memoryBatch) Set(key, value []byte) error {
	if value == nil {
		return errNilValue
	}
	b.changes = append(b.changes, memoryChange{key: bytes.Clone(key), value: bytes.Clone(value)})
	return nil
}

// Delete removes a row.
func (b *memoryBatch) Delete(key []byte) error {
	b.changes = append(b.changes, memoryChange{key: bytes.Clone(key)})
	return nil
}

// DeleteRange removes rows.
func (b *memoryBatch) DeleteRange(start, limit []byte) error {
	b.changes = append(b.changes, memoryChange{bytes.Clone(start), bytes.Clone(limit), true})
	return nil
}

func (b *memoryBatch) apply(c *checkpoint) error {
	m := b.to
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, change := range b.changes {
		switch {
		case change.isRange:
			m.deleteRange(change.key, change.value)
		case change.value == nil:
			m.tree.Delete(string(change.key))
		default:
			m.tree.ReplaceOrInsert(string(change.key), change.value)
		}
	}
	if c != nil {
		m.at = *c
		m.at.set = true
	}
	return nil
}

func (m *memory) deleteRange(start, limit []byte) {
	var keys []string
	for key := range m.tree.Ascend(bounds(start, limit)) {
		keys = append(keys, key)
	}
	for _, key := range keys {
		m.tree.Delete(key)
	}
}

// bounds turns a half-open range, with nil for no bound, into the tree's.
func bounds(start, limit []byte) (btreemap.LowerBound[string], btreemap.UpperBound[string]) {
	from, to := btreemap.Min[string](), btreemap.Max[string]()
	if start != nil {
		from = btreemap.GE(string(start))
	}
	if limit != nil {
		to = btreemap.LT(string(limit))
	}
	return from, to
}

func (b *memoryBatch) rows(each func(key, value []byte)) (all bool) {
	all = true
	for _, change := range b.changes {
		if change.isRange {
			all = false
			continue
		}
		each(change.key, change.value)
	}
	return all
}

func (b *memoryBatch) release() { b.changes = nil }

// memoryCursor walks a copy of the tree.
type memoryCursor struct {
	tree    *btreemap.BTreeMap[string, []byte]
	from    btreemap.LowerBound[string] // of what comes next
	to      btreemap.UpperBound[string]
	start   []byte
	current string
	row     []byte
}

func (m *memory) cursor(start, limit []byte) (cursor, error) {
	m.mu.Lock() // the tree marks what it shares with its copy
	defer m.mu.Unlock()
	c := &memoryCursor{tree: m.tree.Clone(), start: bytes.Clone(start)}
	c.from, c.to = bounds(start, limit)
	return c, nil
}

func (c *memoryCursor) next() bool {
	for key, value := range c.tree.Ascend(c.from, c.to) {
		c.current, c.row = key, value
		c.from = btreemap.GT(key)
		return true
	}
	c.current, c.row = "", nil
	return false
}

func (c *memoryCursor) seek(key []byte) bool {
	if bytes.Compare(key, c.start) < 0 {
		key = c.start
	}
	c.from = btreemap.GE(string(key))
	return c.next()
}

func (c *memoryCursor) key() []byte            { return []byte(c.current) }
func (c *memoryCursor) value() ([]byte, error) { return c.row, nil }
func (*memoryCursor) err() error               { return nil }
func (*memoryCursor) close() error             { return nil }
