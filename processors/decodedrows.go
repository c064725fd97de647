package processors

import (
	"hash/maphash"
	"sync"

	"refold/eventsourcing"
)

// DefaultDecodedBytes is [AggregateGraph.DecodedBytes] unless it says otherwise.
const DefaultDecodedBytes = 8 << 20

const (
	// decodedStripes is how many locks share the rows: callbacks of different partitions seldom meet.
	decodedStripes = 64
	// decodedSlots is how many rows a stripe keeps at most: each key has one place.
	decodedSlots = 512
)

// decodedRows keeps snapshots of the rows that were written last, so that the next command to the same
// aggregate need not decode what the one before has encoded.
//
// A snapshot belongs to a row as it lies in memory. The store returns the same memory for a row until another
// one is written, and the rows here are not collected, so no other row can have their address. A row that was
// read back from disk or Kafka, or that an aborted transaction has uncovered, is none of these: decode it.
//
// take removes the snapshot that it returns. So it has one owner at a time, as if it had been decoded: a
// domain that changes a state in place, against its contract, harms no command but the one in hand.
type decodedRows[S any] struct {
	seed    maphash.Seed
	limit   int // bytes of a stripe
	stripes [decodedStripes]decodedStripe[S]
}

type decodedStripe[S any] struct {
	mu    sync.Mutex
	bytes int
	slots []decodedRow[S] // none until there is a row
}

type decodedRow[S any] struct {
	row      []byte // nil: the slot is free
	snapshot eventsourcing.Snapshot[S]
}

// newDecodedRows returns a nil cache, of nothing, if bytes is below zero.
func newDecodedRows[S any](bytes int) *decodedRows[S] {
	if bytes < 0 {
		return nil
	}
	return &decodedRows[S]{seed: maphash.MakeSeed(), limit: bytes / decodedStripes}
}

// place returns where the row of a key may be.
func (d *decodedRows[S]) place(key []byte) (stripe *decodedStripe[S], slot uint64) {
	hash := maphash.Bytes(d.seed, key)
	return &d.stripes[hash%decodedStripes], hash / decodedStripes % decodedSlots
}

// take returns the snapshot of a row if it is here, and removes it.
func (d *decodedRows[S]) take(key, row []byte) (s eventsourcing.Snapshot[S], is bool) {
	if d == nil || len(row) == 0 {
		return s, false
	}
	stripe, at := d.place(key)
	stripe.mu.Lock()
	defer stripe.mu.Unlock()
	if stripe.slots == nil {
		return s, false
	}
	slot := &stripe.slots[at]
	if len(slot.row) != len(row) || &slot.row[0] != &row[0] {
		return s, false
	}
	s = slot.snapshot
	stripe.free(slot)
	return s, true
}

func (stripe *decodedStripe[S]) free(slot *decodedRow[S]) {
	stripe.bytes -= len(slot.row)
	*slot = decodedRow[S]{}
}

// put keeps the snapshot of a row, which must not be changed: in place of others if there is no room.
func (d *decodedRows[S]) put(key, row []byte, s eventsourcing.Snapshot[S]) {
	if d == nil || len(row) == 0 || len(row) > d.limit {
		return
	}
	stripe, at := d.place(key)
	stripe.mu.Lock()
	defer stripe.mu.Unlock()
	if stripe.slots == nil {
		stripe.slots = make([]decodedRow[S], decodedSlots)
	}
	slot := &stripe.slots[at]
	stripe.free(slot)
	if stripe.bytes+len(row) > d.limit {
		clear(stripe.slots)
		stripe.bytes = 0
	}
	*slot = decodedRow[S]{row, s}
	stripe.bytes += len(row)
}
