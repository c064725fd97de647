package exactlyonce

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// memoryTables is all stores of an InMemory.
type memoryTables struct {
	kafka kafka.Settings

	mu     sync.Mutex
	stores map[topicPartition]*memory
}

// InMemory keeps tables in memory, each partition restored from its topic when it is opened. The
// stores belong to the result and outlive sessions: a partition that comes back reads only what
// it missed. It is what a Config without Tables uses.
func InMemory(settings kafka.Settings) Tables {
	t := &memoryTables{kafka: settings, stores: make(map[topicPartition]*memory)}
	return Tables{Staged: t.staged, Follower: t.follower}
}

func (t *memoryTables) open(ctx context.Context, topic string, partition int32) *openMemory {
	t.mu.Lock()
	defer t.mu.Unlock()
	tp := topicPartition{topic, partition}
	if t.stores[tp] == nil {
		t.stores[tp] = &memory{rows: make(map[string][]byte)}
	}
	return &openMemory{memory: t.stores[tp], ctx: ctx, kafka: t.kafka, at: tp}
}

func (t *memoryTables) staged(ctx context.Context, topic string, p int32) (Table, error) {
	return t.open(ctx, topic, p), nil
}

func (t *memoryTables) follower(
	ctx context.Context, topic string, p int32,
) (storage.Storage, error) {
	return &followingMemory{*t.open(ctx, topic, p)}, nil
}

// memory is the rows of one partition: a committed store, and layers of uncommitted rows on top.
type memory struct {
	mu     sync.RWMutex
	rows   map[string][]byte
	next   int64               // offset in the table topic after what rows hold
	sealed []map[string][]byte // oldest first; nil values are deletions
	layer  map[string][]byte
}

// openMemory is a memory that is open in one session.
type openMemory struct {
	*memory
	ctx   context.Context //nolint:containedctx // Goka's Open is given none
	kafka kafka.Settings
	at    topicPartition
}

var _ Table = (*openMemory)(nil)

// Open reads what is missing of the table topic.
func (m *openMemory) Open() error {
	m.Discard()
	opts, err := m.kafka.Options()
	if err != nil {
		return err
	}
	_, err = kafka.ReadPartition(m.ctx, opts, m.missing(), m.restore)
	if errors.Is(err, kafka.ErrOffsetOutOfRange) {
		// The topic was made anew, or what we missed is gone: what we hold does not fit it.
		m.forget()
		_, err = kafka.ReadPartition(m.ctx, opts, m.missing(), m.restore)
	}
	if err != nil {
		return fmt.Errorf("restore %s/%d: %w", m.at.topic, m.at.partition, err)
	}
	return nil
}

// missing is what the table topic has and we may not.
func (m *openMemory) missing() kafka.Range {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r := kafka.Range{Topic: m.at.topic, Partition: m.at.partition, From: m.next}
	if m.next == 0 {
		r.From = kafka.FromStart
	}
	return r
}

func (m *openMemory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows, m.next = make(map[string][]byte), 0
}

func (m *openMemory) restore(records []*kgo.Record, p kafka.Progress) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range records {
		if r.Value == nil {
			delete(m.rows, string(r.Key))
		} else {
			// The record shares memory with thousands of others.
			m.rows[string(r.Key)] = bytes.Clone(r.Value)
		}
	}
	m.next = p.Next
	return nil
}

// Close keeps the rows for the next time.
func (m *openMemory) Close() error { return nil }

// MarkRecovered does nothing.
func (m *openMemory) MarkRecovered() error { return nil }

// GetOffset is the offset before the first that is missing.
func (m *openMemory) GetOffset(def int64) (int64, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.next == 0 {
		return def, nil
	}
	return m.next - 1, nil
}

// SetOffset does nothing: Commit carries the offset.
func (m *openMemory) SetOffset(int64) error { return nil }

// Get returns the newest value of a row, nil if there is none.
func (m *memory) Get(key string) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if v, ok := m.layer[key]; ok {
		return v, nil
	}
	for _, layer := range slices.Backward(m.sealed) {
		if v, ok := layer[key]; ok {
			return v, nil
		}
	}
	return m.rows[key], nil
}

// Has reports whether there is a row.
func (m *memory) Has(key string) (bool, error) {
	v, err := m.Get(key)
	return v != nil, err
}

// Set writes a row to the open layer. A nil value is refused: it would be a deletion.
func (m *memory) Set(key string, value []byte) error {
	if value == nil {
		return fmt.Errorf("row %q: a nil value can't be stored; delete the row instead", key)
	}
	m.write(key, value)
	return nil
}

// Delete removes a row in the open layer.
func (m *memory) Delete(key string) error {
	m.write(key, nil)
	return nil
}

func (m *memory) write(key string, value []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.layer == nil {
		m.layer = make(map[string][]byte)
	}
	m.layer[key] = value
}

// Seal closes the open layer.
func (m *memory) Seal() map[string][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	layer := m.layer
	if len(layer) == 0 {
		return nil
	}
	m.sealed, m.layer = append(m.sealed, layer), nil
	return layer
}

// Commit merges the oldest sealed layer into the rows.
func (m *memory) Commit(next int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.sealed) == 0 {
		return fmt.Errorf("commit up to offset %d: no layer is sealed", next)
	}
	merge(m.rows, m.sealed[0])
	m.sealed = slices.Delete(m.sealed, 0, 1)
	m.next = next
	return nil
}

func merge(rows, layer map[string][]byte) {
	for key, value := range layer {
		if value == nil {
			delete(rows, key)
		} else {
			rows[key] = value
		}
	}
}

// Discard forgets all layers.
func (m *memory) Discard() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sealed, m.layer = nil, nil
}

// Iterator goes through all rows as they are now, in the order of their keys.
func (m *memory) Iterator() (storage.Iterator, error) { return m.IteratorWithRange(nil, nil) }

// IteratorWithRange goes through the rows from start (if not nil) to before limit (if not nil).
// It costs a copy of the table's index.
func (m *memory) IteratorWithRange(start, limit []byte) (storage.Iterator, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	all := maps.Clone(m.rows)
	for _, layer := range m.sealed {
		merge(all, layer)
	}
	merge(all, m.layer)
	it := &memoryIterator{at: -1}
	for key, value := range all {
		if (start == nil || key >= string(start)) && (limit == nil || key < string(limit)) {
			it.rows = append(it.rows, memoryRow{key, value})
		}
	}
	slices.SortFunc(it.rows, func(a, b memoryRow) int { return cmp.Compare(a.key, b.key) })
	return it, nil
}

type memoryRow struct {
	key   string
	value []byte
}

type memoryIterator struct {
	rows []memoryRow
	at   int
}

func (i *memoryIterator) valid() bool { return i.at >= 0 && i.at < len(i.rows) }

func (i *memoryIterator) Next() bool {
	i.at = min(i.at+1, len(i.rows))
	return i.valid()
}

func (*memoryIterator) Err() error { return nil }

func (i *memoryIterator) Key() []byte {
	if !i.valid() {
		return nil
	}
	return []byte(i.rows[i.at].key)
}

func (i *memoryIterator) Value() ([]byte, error) {
	if !i.valid() {
		return nil, nil
	}
	return i.rows[i.at].value, nil
}

func (i *memoryIterator) Release() { i.rows, i.at = nil, 0 }

// Seek puts the iterator before the first row from key on; Next then moves to it.
func (i *memoryIterator) Seek(key []byte) bool {
	n, _ := slices.BinarySearchFunc(i.rows, string(key), func(r memoryRow, k string) int {
		return cmp.Compare(r.key, k)
	})
	i.at = n - 1
	return n < len(i.rows)
}

// followingMemory is a memory that follows a table written by somebody else: what Goka writes to
// it is committed already.
type followingMemory struct{ openMemory }

// Set stores a row.
func (m *followingMemory) Set(key string, value []byte) error {
	if value == nil {
		return m.Delete(key)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows[key] = value
	return nil
}

// Delete removes a row.
func (m *followingMemory) Delete(key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.rows, key)
	return nil
}

// SetOffset notes which record was stored last.
func (m *followingMemory) SetOffset(offset int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next = offset + 1
	return nil
}
