package snapshots

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

const (
	// cacheShards is how many locks share the rows, and the open files: enough that the goroutines
	// of some dozens of partitions seldom meet.
	cacheShards = 64
	// entryOverhead is what an entry takes beside its key and value: the map's bucket, the ring's
	// slot, the entry itself.
	entryOverhead = 120
)

// rowCache keeps rows of all stores that were read or written lately, up to a limit in bytes. What
// goes first is what was not read since the hand of the clock came by last.
type rowCache struct {
	seed   maphash.Seed
	shards [cacheShards]cacheShard
}

type cacheShard struct {
	mu      sync.RWMutex
	entries map[rowID]*cacheEntry
	ring    []*cacheEntry
	hand    int
	bytes   int64
	limit   int64
	changes uint64 // how often a row of this shard was written

	hits, misses atomic.Int64
	_            [24]byte // keeps neighbours off this shard's cache line
}

// rowID names a row of any store. A store that is emptied gets a new number.
type rowID struct {
	store uint64
	key   string
}

type cacheEntry struct {
	id    rowID
	value []byte
	place int // in the ring
	used  atomic.Bool
}

func (e *cacheEntry) size() int64 {
	return int64(len(e.id.key)) + int64(len(e.value)) + entryOverhead
}

// ticket says when a row was looked for in vain.
type ticket struct {
	shard   *cacheShard
	changes uint64
}

// newRowCache returns nil, a cache of nothing, if the limit is 0.
func newRowCache(limit int64) *rowCache {
	if limit == 0 {
		return nil
	}
	c := &rowCache{seed: maphash.MakeSeed()}
	for i := range c.shards {
		c.shards[i].entries = make(map[rowID]*cacheEntry)
		c.shards[i].limit = limit / cacheShards
	}
	return c
}

func (c *rowCache) shard(store uint64, key string) *cacheShard {
	return &c.shards[(maphash.String(c.seed, key)+store)%cacheShards]
}

// get returns a row, or a ticket to fill it in with.
func (c *rowCache) get(store uint64, key string) (value []byte, ok bool, t ticket) {
	s := c.shard(store, key)
	s.mu.RLock()
	e := s.entries[rowID{store, key}]
	if e != nil {
		value = e.value
		if !e.used.Load() { // don't write to what others read
			e.used.Store(true)
		}
		s.mu.RUnlock()
		s.hits.Add(1)
		return value, true, ticket{}
	}
	t = ticket{s, s.changes}
	s.mu.RUnlock()
	s.misses.Add(1)
	return nil, false, t
}

// fill adds a row that was read from the store after get had not found it, unless rows of the
// shard were written since. Walkthrough of what that prevents: a reader reads the old value from
// Pebble; a writer applies a new one and finds nothing to refresh; the reader fills in the old
// value, and it stays.
func (c *rowCache) fill(store uint64, key string, value []byte, t ticket) {
	s := t.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes == t.changes {
		s.put(rowID{store, key}, value)
	}
}

// put adds or replaces a row that was written to the store just now; nil removes it.
func (c *rowCache) put(store uint64, key string, value []byte) {
	s := c.shard(store, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	if value == nil {
		s.remove(s.entries[rowID{store, key}])
		return
	}
	s.put(rowID{store, key}, value)
}

// refresh replaces a row that was written to the store just now if it is here; nil removes it.
// It copies the value.
func (c *rowCache) refresh(store uint64, key, value []byte) {
	s := &c.shards[(maphash.Bytes(c.seed, key)+store)%cacheShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	e := s.entries[rowID{store, string(key)}]
	switch {
	case e == nil:
	case value == nil:
		s.remove(e)
	default:
		s.put(e.id, append(make([]byte, 0, len(value)), value...))
	}
}

func (s *cacheShard) put(id rowID, value []byte) {
	e := s.entries[id]
	if e == nil {
		e = &cacheEntry{id: id, place: len(s.ring)}
		s.entries[id] = e
		s.ring = append(s.ring, e)
	} else {
		s.bytes -= e.size()
	}
	e.value = value
	s.bytes += e.size()
	for s.bytes > s.limit {
		s.evict()
	}
}

// evict removes the next row that was not read since the hand came by.
func (s *cacheShard) evict() {
	for {
		if s.hand >= len(s.ring) {
			s.hand = 0
		}
		e := s.ring[s.hand]
		if !e.used.Load() {
			s.remove(e)
			return
		}
		e.used.Store(false)
		s.hand++
	}
}

func (s *cacheShard) remove(e *cacheEntry) {
	if e == nil {
		return
	}
	last := len(s.ring) - 1
	s.ring[e.place] = s.ring[last]
	s.ring[e.place].place = e.place
	s.ring[last] = nil
	s.ring = s.ring[:last]
	delete(s.entries, e.id)
	s.bytes -= e.size()
}

// cacheStats is what a row cache holds and did.
type cacheStats struct{ hits, misses, bytes, rows int64 }

func (c *rowCache) stats() (total cacheStats) {
	if c == nil {
		return total
	}
	for i := range c.shards {
		s := &c.shards[i]
		total.hits += s.hits.Load()
		total.misses += s.misses.Load()
		s.mu.RLock()
		total.bytes += s.bytes
		total.rows += int64(len(s.ring))
		s.mu.RUnlock()
	}
	return total
}
