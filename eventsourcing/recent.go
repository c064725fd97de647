package eventsourcing

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Limits of a ring of recent commands.
const (
	// MaxRecentSize is the largest ring: 24 KiB of every row, searched with every command.
	MaxRecentSize = 1024
	// MaxCodeBytes limits a rejection's code, which the ring keeps.
	MaxCodeBytes = 64
)

// ErrMalformedRecent says that bytes are no ring of recent commands.
var ErrMalformedRecent = errors.New("malformed ring of recent commands")

// Entry is the outcome of one command as a [Recent] keeps it: of an accepted one the span of
// sequences of its events, of a rejected one the code.
type Entry struct {
	// FirstSequence and LastSequence are as in [Result].
	FirstSequence, LastSequence int64
	// Code is the rejection's; empty means accepted.
	Code string
}

// Validate tells what in the entry can't be.
func (e Entry) Validate() error {
	switch {
	case len(e.Code) > MaxCodeBytes:
		return fmt.Errorf("code has %d bytes, at most %d are allowed", len(e.Code), MaxCodeBytes)
	case e.Code != "" && (e.FirstSequence != 0 || e.LastSequence != 0):
		return fmt.Errorf("rejected with %q, but with sequences %d to %d; both must be 0",
			e.Code, e.FirstSequence, e.LastSequence)
	case e.Code == "" && (e.FirstSequence < 1 || e.LastSequence < e.FirstSequence-1):
		return fmt.Errorf("accepted with sequences %d to %d; must be from 1 on, and the last "+
			"no less than the first - 1", e.FirstSequence, e.LastSequence)
	}
	return nil
}

// Recent is the bounded ring of an aggregate's latest commands and their outcomes, oldest first,
// which keeps G1 when a client sends a command twice. It is a value: Add returns a new ring, and
// the old one stays as it was. The zero value is empty.
//
// It is kept in the form in which it is stored, so that reading and writing a row cost no
// conversion. All of it is canonical: equal rings have equal bytes.
//
//	ring  = nothing, if empty | format entry entry …      oldest entry first
//	entry = kind and length of the payload (1 byte)
//	        SHA-256 of the command ID, its first 16 bytes
//	        payload: the code, or the first sequence and the number of events as varints
//
// 16 bytes of hash make a chance meeting of two IDs a matter of 2^64 commands to one aggregate
// within one ring; and nobody can make two IDs meet on purpose with less work than that.
type Recent struct {
	ring []byte // never changed once it is here
}

const (
	recentFormat   = 1
	hashBytes      = 16
	entryHeader    = 1 + hashBytes
	rejectedBit    = 0x80
	payloadBits    = 0x7f
	maxPayloadSize = max(MaxCodeBytes, 2*binary.MaxVarintLen64)
)

// commandHash stands for a command ID in a ring.
type commandHash [hashBytes]byte

func hashOf(commandID string) commandHash {
	var buffer [64]byte // long enough for most, so that nothing is allocated
	sum := sha256.Sum256(append(buffer[:0], commandID...))
	return commandHash(sum[:hashBytes])
}

// ParseRecent takes over what [Recent.Bytes] gave: it keeps b, which must not be changed any more.
// The error is an [ErrMalformedRecent]. It does not allocate, and takes time in proportion to b.
func ParseRecent(b []byte) (Recent, error) {
	if len(b) == 0 {
		return Recent{}, nil
	}
	if b[0] != recentFormat {
		return Recent{}, fmt.Errorf("%w: its format is %d, known is %d",
			ErrMalformedRecent, b[0], recentFormat)
	}
	count := 0
	for at := 1; at < len(b) || count == 0; count++ {
		if count == MaxRecentSize {
			return Recent{}, fmt.Errorf("%w: more than %d entries", ErrMalformedRecent, count)
		}
		size, err := checkEntry(b[at:])
		if err != nil {
			return Recent{}, fmt.Errorf("%w: entry %d, at byte %d: %w",
				ErrMalformedRecent, count, at, err)
		}
		at += size
	}
	return Recent{ring: b[:len(b):len(b)]}, nil
}

// checkEntry returns the size of the entry that b begins with.
func checkEntry(b []byte) (int, error) {
	if len(b) < entryHeader {
		return 0, errors.New("cut off")
	}
	size := entrySize(b[0])
	if size > len(b) {
		return 0, errors.New("cut off")
	}
	payload := b[entryHeader:size]
	if b[0]&rejectedBit != 0 {
		if len(payload) == 0 || len(payload) > MaxCodeBytes {
			return 0, fmt.Errorf("a code of %d bytes; allowed are 1 to %d", len(payload),
				MaxCodeBytes)
		}
		return size, nil
	}
	first, n := shortestUvarint(payload)
	events, m := shortestUvarint(payload[n:])
	if n == 0 || m == 0 || n+m != len(payload) {
		return 0, errors.New("no two numbers")
	}
	// first-1+events is the last sequence: first ≥ 1, and no number beyond an int64.
	if first == 0 || first > math.MaxInt64 || events > math.MaxInt64-(first-1) {
		return 0, fmt.Errorf("%d events from sequence %d on", events, first)
	}
	return size, nil
}

// shortestUvarint reads a varint; the length is 0 if there is none, or if it could be shorter
// (then two rings could be equal and their bytes not).
func shortestUvarint(b []byte) (uint64, int) {
	v, n := binary.Uvarint(b)
	if n <= 0 || n > 1 && b[n-1] == 0 {
		return 0, 0
	}
	return v, n
}

// entrySize is that of the whole entry that begins with the byte.
func entrySize(first byte) int { return entryHeader + int(first&payloadBits) }

// Bytes returns the ring as it is stored; nil if it is empty. It costs nothing; the bytes are the
// ring's own and must not be changed.
func (r Recent) Bytes() []byte { return r.ring }

// Len returns the number of commands that the ring remembers.
func (r Recent) Len() int {
	n := 0
	for at := 1; at < len(r.ring); at += entrySize(r.ring[at]) {
		n++
	}
	return n
}

// Equal reports whether both rings remember the same outcomes of the same commands in the same
// order.
func (r Recent) Equal(other Recent) bool { return bytes.Equal(r.ring, other.ring) }

// Find returns the outcome of the command with the ID, if the ring remembers it. If the command
// was added twice, the first outcome counts.
func (r Recent) Find(commandID string) (Entry, bool) {
	if len(r.ring) == 0 {
		return Entry{}, false
	}
	return r.find(hashOf(commandID))
}

func (r Recent) find(hash commandHash) (Entry, bool) {
	for at := 1; at < len(r.ring); {
		end := at + entrySize(r.ring[at])
		if commandHash(r.ring[at+1:at+entryHeader]) == hash {
			return entryOf(r.ring[at:end]), true
		}
		at = end
	}
	return Entry{}, false
}

// entryOf reads one entry, which has been checked or made here.
func entryOf(b []byte) Entry {
	payload := b[entryHeader:]
	if b[0]&rejectedBit != 0 {
		return Entry{Code: string(payload)}
	}
	first, n := binary.Uvarint(payload)
	events, _ := binary.Uvarint(payload[n:])
	return Entry{
		FirstSequence: int64(first),
		LastSequence:  int64(first - 1 + events),
	}
}

// Add returns a ring that remembers the command too, and of the older ones only as many as make
// size in all, the latest; size 0 remembers nothing. A size beyond [MaxRecentSize] counts as
// that. It panics if the entry does not pass [Entry.Validate].
func (r Recent) Add(commandID string, e Entry, size int) Recent {
	if err := e.Validate(); err != nil {
		panic(fmt.Sprintf("eventsourcing: Recent.Add of command %q: %v", commandID, err))
	}
	return r.add(hashOf(commandID), e, size)
}

func (r Recent) add(hash commandHash, e Entry, size int) Recent {
	if size <= 0 {
		return Recent{}
	}
	var buffer [maxPayloadSize]byte
	payload, kind := buffer[:0], byte(0)
	if e.Code != "" {
		payload, kind = append(payload, e.Code...), rejectedBit
	} else {
		payload = binary.AppendUvarint(payload, uint64(e.FirstSequence))
		payload = binary.AppendUvarint(payload, uint64(e.LastSequence-e.FirstSequence+1))
	}
	kept := r.latest(min(size, MaxRecentSize) - 1)
	ring := make([]byte, 0, 1+len(kept)+entryHeader+len(payload))
	ring = append(ring, recentFormat)
	ring = append(ring, kept...)
	ring = append(ring, kind|byte(len(payload)))
	ring = append(ring, hash[:]...)
	ring = append(ring, payload...)
	return Recent{ring: ring}
}

// latest returns the bytes of the latest n entries, or of all if there are fewer.
func (r Recent) latest(n int) []byte {
	if len(r.ring) == 0 {
		return nil
	}
	at := 1
	for drop := r.Len() - n; drop > 0; drop-- {
		at += entrySize(r.ring[at])
	}
	return r.ring[at:]
}
