package outcomes

import (
	"math"
	"math/bits"
	"sync"

	"refold/eventsourcing"
)

const (
	// EntryBytes is what an outcome takes in memory at most: 40 bytes, and 8 for each of up to 3 slots.
	EntryBytes = 64
	// chunk is how many outcomes memory is taken for at a time.
	chunk = 1 << 14
	// maxCodes limits the different codes of rejections. An aggregate has some dozens.
	maxCodes = 10_000
)

// Memory holds the outcomes of all indices of a process, in the order in which they came: the latest, as
// many as there is room for. Make it with [NewMemory]. It is safe for concurrent use.
//
// It is a ring of entries with a hash table of their places, open and linear. A Go map takes twice the
// memory and some more processor time, and does not know its oldest entry (decision 17). Nothing in it is a
// pointer, so that the garbage collector does not look into it.
type Memory struct {
	limit int // outcomes

	mu     sync.Mutex
	chunks [][]entry
	next   int // place of the next outcome
	slots  []slot
	count  int
	codes  []string
	byCode map[string]uint32
}

// key stands for a command: two hashes of its identity, by seeds that nobody else has. 128 bits make a chance
// meeting of two commands a matter of 2^64 commands at a time.
type key [2]uint64

// slot is of the hash table: half of a key's first hash, so that other commands are passed over without
// looking at them, which would cost a miss of the processor's cache each; and the place of the entry + 1. 0:
// the slot is free.
type slot struct{ tag, place uint32 }

// entry is an outcome.
type entry struct {
	key    key
	first  int64
	events uint32
	code   uint32 // place in Memory.codes + 1; 0: accepted
	until  uint32 // when it may be forgotten, in seconds since 1970
}

// NewMemory returns a memory of so many bytes. Its hash table, a quarter of them, is made at once, the rest
// when it is needed.
func NewMemory(bytes int64) *Memory {
	limit := min(max(bytes/EntryBytes, 1), math.MaxUint32/4)
	return &Memory{
		limit: int(limit), slots: make([]slot, 1<<bits.Len64(uint64(limit+limit/2))),
		byCode: make(map[string]uint32),
	}
}

// Outcomes returns how many outcomes are remembered, and how many there is room for.
func (m *Memory) Outcomes() (remembered, limit int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count, m.limit
}

func (m *Memory) at(place int) *entry { return &m.chunks[place/chunk][place%chunk] }

func (m *Memory) home(tag uint32) int { return int(tag) & (len(m.slots) - 1) }

func (m *Memory) after(at int) int { return (at + 1) & (len(m.slots) - 1) }

func (k key) tag() uint32 { return uint32(k[0]) }

// slot returns where the slot of a command is, or the free one in which it would be.
func (m *Memory) slot(k key) (at int, found bool) {
	for at = m.home(k.tag()); m.slots[at].place != 0; at = m.after(at) {
		if m.slots[at].tag == k.tag() && m.of(at).key == k {
			return at, true
		}
	}
	return at, false
}

// of returns the entry of a slot.
func (m *Memory) of(at int) *entry { return m.at(int(m.slots[at].place - 1)) }

// find returns the outcome of a command.
func (m *Memory) find(k key) (eventsourcing.Entry, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, found := m.slot(k)
	if !found {
		return eventsourcing.Entry{}, false
	}
	e := m.of(at)
	if e.code != 0 {
		return eventsourcing.Entry{Code: m.codes[e.code-1]}, true
	}
	return eventsourcing.Entry{FirstSequence: e.first, LastSequence: e.first - 1 + int64(e.events)}, true
}

// add remembers an outcome that came at a time and is promised to be remembered until another, in seconds
// since 1970. The first outcome of a command stays: then nothing is added. early says that an older outcome
// had to go before its time.
func (m *Memory) add(k key, outcome eventsourcing.Entry, at, until uint32) (added, early bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, fits := m.entryOf(outcome)
	if _, known := m.slot(k); known || !fits {
		return false, false
	}
	if m.next/chunk == len(m.chunks) {
		m.chunks = append(m.chunks, make([]entry, min(chunk, m.limit-m.next)))
	}
	oldest := m.at(m.next)
	if of, found := m.slot(oldest.key); found && int(m.slots[of].place-1) == m.next {
		early = oldest.until > at
		m.free(of)
	}
	e.key, e.until = k, until
	*oldest = e
	free, _ := m.slot(k)
	m.slots[free] = slot{k.tag(), uint32(m.next + 1)}
	m.count++
	m.next = (m.next + 1) % m.limit
	return true, early
}

// entryOf returns an outcome as it is kept. Some can't be: with more events than any transaction holds, or
// with one code too many.
func (m *Memory) entryOf(e eventsourcing.Entry) (entry, bool) {
	if e.Code == "" {
		events := e.LastSequence - e.FirstSequence + 1
		return entry{first: e.FirstSequence, events: uint32(events)}, events <= math.MaxUint32
	}
	number, known := m.byCode[e.Code]
	if !known {
		if len(m.codes) == maxCodes {
			return entry{}, false
		}
		m.codes = append(m.codes, e.Code)
		number = uint32(len(m.codes))
		m.byCode[e.Code] = number
	}
	return entry{code: number}, true
}

// remove forgets the outcomes of commands.
func (m *Memory) remove(keys []key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range keys {
		if at, found := m.slot(k); found {
			m.free(at)
		}
	}
}

// free empties a slot. Those behind it move up, so that a search need not go past empty ones.
func (m *Memory) free(hole int) {
	m.count--
	mask := len(m.slots) - 1
	for at := m.after(hole); m.slots[at].place != 0; at = m.after(at) {
		if home := m.home(m.slots[at].tag); (at-home)&mask >= (at-hole)&mask {
			m.slots[hole], hole = m.slots[at], at
		}
	}
	m.slots[hole] = slot{}
}
