package refold

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What states take in memory, roughly.
const (
	// entryOverhead is what a state takes beside its content: the map's bucket, the ring's slot, the
	// entry, the state's own struct.
	entryOverhead = 256
	// decodedFactor is how much larger strings and slices are in memory than they are encoded.
	decodedFactor = 3
	// measureBytes is how many bytes of events may change a state, at least, before it is measured
	// again.
	measureBytes = 1 << 10
	// keepShare of 4 is what stays when states are evicted: the more go at once, the more of their rows
	// are neighbours in the store.
	keepShare = 3
	// batchBytes is what is written to the store at once.
	batchBytes = 1 << 20
)

// states is a write-back cache of decoded states in front of the shadow store: an event that finds its
// aggregate here costs no encoding. What goes first is what had no event since the hand of the clock
// came by last.
type states struct {
	fold    Fold
	db      *pebble.DB
	limit   int64
	bytes   int64
	keys    int64 // how many aggregates there are, here and in the store
	entries map[string]*entry
	ring    []*entry
	hand    int
	buffer  []byte
}

type entry struct {
	key   string
	state any
	size  int64 // as it counts
	grown int   // bytes of events since it was measured
	used  bool
	dirty bool // the store has an older state, or none
}

func newStates(fold Fold, db *pebble.DB, limit int64) *states {
	return &states{fold: fold, db: db, limit: limit, entries: make(map[string]*entry)}
}

// evolveError is what the fold says of an event, which has changed nothing. Other errors are the store's.
type evolveError struct{ error }

// Unwrap returns the fold's error.
func (e *evolveError) Unwrap() error { return e.error }

// evolve folds an event in. After an *evolveError it may be tried again, and after no other.
func (s *states) evolve(event *kgo.Record) error {
	e := s.entries[string(event.Key)]
	known := e != nil
	if !known {
		var err error
		if e, err = s.load(event.Key); err != nil {
			return err
		}
	}
	isNew := e.state == nil
	state, err := s.fold.Evolve(e.state, event)
	if err != nil {
		return &evolveError{err}
	}
	e.state, e.dirty, e.used = state, true, true
	if isNew {
		s.keys++
	}
	if !known {
		s.insert(e)
	}
	e.grown += len(event.Value)
	if int64(e.grown) > max(e.size, measureBytes) {
		if err := s.measure(e); err != nil {
			return err
		}
	}
	if s.bytes > s.limit {
		return s.evict()
	}
	return nil
}

// load returns the entry of a key that is not here, from the store or new. It is not inserted.
func (s *states) load(key []byte) (*entry, error) {
	encoded, err := s.read(key)
	if err != nil {
		return nil, err
	}
	e := &entry{key: string(key), size: sizeOf(len(key), len(encoded))}
	if encoded == nil {
		return e, nil
	}
	if e.state, err = s.fold.DecodeState(encoded); err != nil {
		return nil, fmt.Errorf("reading the shadow of %.100q: %w", key, err)
	}
	return e, nil
}

// read returns a state as the store has it, nil if it has none. It is valid until the next call.
func (s *states) read(key []byte) ([]byte, error) {
	s.buffer = append(append(s.buffer[:0], statePrefix), key...)
	value, closer, err := s.db.Get(s.buffer)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the shadow store: %w", err)
	}
	s.buffer = append(s.buffer[:0], value...)
	return s.buffer, closer.Close()
}

// get returns the state of a key, nil if it has no events. It belongs to the cache.
func (s *states) get(key string) (any, error) {
	if e := s.entries[key]; e != nil {
		return e.state, nil
	}
	e, err := s.load([]byte(key))
	if err != nil {
		return nil, err
	}
	return e.state, nil
}

func sizeOf(key, encoded int) int64 {
	return entryOverhead + int64(key) + decodedFactor*int64(encoded)
}

func (s *states) insert(e *entry) {
	s.entries[e.key] = e
	s.ring = append(s.ring, e)
	s.bytes += e.size
}

// measure notes how large a state has become.
func (s *states) measure(e *entry) error {
	encoded, err := s.fold.EncodeState(e.state)
	if err != nil {
		return fmt.Errorf("keeping the shadow of %.100q: %w", e.key, err)
	}
	size := sizeOf(len(e.key), len(encoded))
	s.bytes += size - e.size
	e.size, e.grown = size, 0
	return nil
}

// evict writes a part of the states to the store and forgets them.
func (s *states) evict() error {
	target := s.limit / (keepShare + 1) * keepShare
	var out []*entry
	for s.bytes > target && len(s.ring) > 0 {
		if s.hand >= len(s.ring) {
			s.hand = 0
		}
		e := s.ring[s.hand]
		if e.used {
			e.used = false
			s.hand++
			continue
		}
		last := len(s.ring) - 1
		s.ring[s.hand] = s.ring[last]
		s.ring[last] = nil
		s.ring = s.ring[:last]
		delete(s.entries, e.key)
		s.bytes -= e.size
		if e.dirty {
			out = append(out, e)
		}
	}
	return s.write(out)
}

// flush writes all states that the store does not have. They stay here.
func (s *states) flush() error {
	var out []*entry
	for _, e := range s.ring {
		if e.dirty {
			out = append(out, e)
		}
	}
	return s.write(out)
}

// write writes states in the order of their keys, which the store takes faster.
func (s *states) write(out []*entry) error {
	slices.SortFunc(out, func(a, b *entry) int { return strings.Compare(a.key, b.key) })
	w := newWriter(s.db, statePrefix)
	for _, e := range out {
		encoded, err := s.fold.EncodeState(e.state)
		if err == nil {
			err = w.set(e.key, encoded)
		}
		if err != nil {
			w.close()
			return fmt.Errorf("keeping the shadow of %.100q: %w", e.key, err)
		}
		e.dirty = false
	}
	return w.finish()
}
