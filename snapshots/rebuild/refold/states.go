package refold

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"refold/fold"
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
	// waitingOverhead is what an event that waits takes beside its content.
	waitingOverhead = 96
	// waitingShare is the part of the states' memory that events may wait in.
	waitingShare = 4
	// keepShare of 4 is what stays when states are evicted: the more go at once, the more of their rows
	// are neighbours in the store.
	keepShare = 3
)

// states is a write-back cache of decoded states in front of the shadow store: an event that finds its
// aggregate here costs no encoding. It evicts by the clock algorithm: first the states without an event since
// the hand passed.
//
// Events that don't find it wait, decoded, until there are many. Then their aggregates are read in the
// order of their keys, which costs a tenth of what one after the other costs: neighbours share a block.
type states struct {
	fold    fold.StateFold
	db      *store
	limit   int64
	bytes   int64
	keys    int64 // how many aggregates there are, here and in the store
	entries map[string]*entry
	ring    []*entry
	hand    int
	waiting []*entry // those with events that wait
	held    int64    // bytes of these events
	stored  *known   // what the store may have; nil: nothing
	full    bool     // not all states fit in memory
	buffer  []byte
}

type entry struct {
	key    string
	state  any
	size   int64 // as it counts
	grown  int   // bytes of events since it was measured
	events []waitingEvent
	loaded bool // state is the store's, or newer
	used   bool
	dirty  bool // the store has an older state, or none
}

// waitingEvent is an event that is decoded, and not yet folded.
type waitingEvent struct {
	data   any
	offset int64
	bytes  int
}

func newStates(folding fold.StateFold, db *store, limit int64) *states {
	return &states{fold: folding, db: db, limit: limit, entries: make(map[string]*entry)}
}

// applyError is the fold's error about an event at an offset.
type applyError struct {
	error
	key    string
	offset int64
}

// Unwrap returns the fold's error.
func (e *applyError) Unwrap() error { return e.error }

// add folds an event in, now or when events settle.
func (s *states) add(key []byte, event waitingEvent) error {
	e := s.entries[string(key)]
	if e == nil {
		e = &entry{key: string(key), size: sizeOf(len(key), 0), loaded: s.stored == nil}
		s.insert(e)
	}
	if e.loaded {
		if err := s.apply(e, event); err != nil {
			return err
		}
	} else {
		if e.events == nil {
			s.waiting = append(s.waiting, e)
		}
		e.events = append(e.events, event)
		s.held += waitingOverhead + decodedFactor*int64(event.bytes)
	}
	if s.bytes+s.held <= s.limit && s.held <= s.limit/waitingShare {
		return nil
	}
	if err := s.settle(); err != nil {
		return err
	}
	if s.bytes <= s.limit {
		return nil
	}
	return s.evict()
}

// settle folds the events that wait.
func (s *states) settle() error {
	if len(s.waiting) == 0 {
		return nil
	}
	slices.SortFunc(s.waiting, func(a, b *entry) int { return strings.Compare(a.key, b.key) })
	it, err := below(s.db, statePrefix, nil)
	if err != nil {
		return err
	}
	err = s.settleBy(it)
	if closing := closed(it); err == nil {
		err = closing
	}
	if err == nil {
		s.waiting, s.held = s.waiting[:0], 0
	}
	return err
}

// settleBy folds the events that wait, reading their aggregates by an iterator, which is faster than
// looking them up one by one: it goes forward only, and asks the filters, too.
func (s *states) settleBy(it *pebble.Iterator) error {
	for _, e := range s.waiting {
		encoded, err := s.find(it, e.key)
		if err != nil {
			return err
		}
		if err := s.load(e, encoded); err != nil {
			return err
		}
		for _, event := range e.events {
			if err := s.apply(e, event); err != nil {
				return err
			}
		}
		e.events = nil
	}
	return nil
}

// find returns a state as the store has it, nil if it has none.
func (s *states) find(it *pebble.Iterator, key string) ([]byte, error) {
	if !s.stored.may(key) {
		return nil, nil
	}
	s.buffer = append(append(s.buffer[:0], statePrefix), key...)
	var encoded []byte
	var err error
	if it.SeekPrefixGE(s.buffer) {
		encoded, err = it.ValueAndErr()
	} else {
		err = it.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("reading the shadow store: %w", err)
	}
	return encoded, nil
}

// apply folds an event into a state that is here.
func (s *states) apply(e *entry, event waitingEvent) error {
	state, err := s.fold.Apply(e.state, event.data)
	if err != nil {
		return &applyError{err, e.key, event.offset}
	}
	if e.state == nil {
		s.keys++
	}
	e.state, e.dirty, e.used = state, true, true
	e.grown += event.bytes
	if int64(e.grown) > max(e.size, measureBytes) {
		return s.measure(e)
	}
	return nil
}

// load makes an entry that of a state as the store has it; nil: it has none.
func (s *states) load(e *entry, encoded []byte) (err error) {
	if encoded != nil {
		if e.state, err = s.fold.DecodeState(encoded); err != nil {
			return unusable([]byte(e.key), err)
		}
	}
	size := sizeOf(len(e.key), len(encoded))
	s.bytes += size - e.size
	e.size, e.loaded = size, true
	return nil
}

// read returns a state as the store has it, nil if it has none. It is valid until the next call.
func (s *states) read(key string) ([]byte, error) {
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
	e := s.entries[key]
	if e != nil && len(e.events) > 0 {
		if err := s.settle(); err != nil {
			return nil, err
		}
	}
	if e != nil {
		return e.state, nil
	}
	encoded, err := s.read(key)
	if err != nil || encoded == nil {
		return nil, err
	}
	state, err := s.fold.DecodeState(encoded)
	if err != nil {
		return nil, unusable([]byte(key), err)
	}
	return state, nil
}

func sizeOf(key, encoded int) int64 {
	return entryOverhead + int64(key) + decodedFactor*int64(encoded)
}

func (s *states) insert(e *entry) {
	s.entries[e.key] = e
	s.ring = append(s.ring, e)
	s.bytes += e.size
}

// measure updates the size of a state.
func (s *states) measure(e *entry) error {
	encoded, err := s.fold.EncodeState(e.state)
	if err != nil {
		return unusable([]byte(e.key), err)
	}
	size := sizeOf(len(e.key), len(encoded))
	s.bytes += size - e.size
	e.size, e.grown = size, 0
	return nil
}

// has reports whether the state of a key is here, or about to be loaded.
func (s *states) has(key []byte) bool { return s.entries[string(key)] != nil }

// evict writes a part of the states to the store and forgets them. No event waits.
func (s *states) evict() error {
	s.full = true
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
	if err := s.settle(); err != nil {
		return err
	}
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
	if s.stored == nil {
		s.stored = newKnown(s.limit)
	}
	w := newWriter(s.db, statePrefix)
	for _, e := range out {
		encoded, err := s.fold.EncodeState(e.state)
		if err != nil {
			w.close()
			return unusable([]byte(e.key), err)
		}
		if err := w.set(e.key, encoded); err != nil {
			w.close()
			return err
		}
		e.dirty = false
		s.stored.add(e.key)
	}
	return w.finish()
}
