package processors

import (
	"hash/maphash"
	"sync"

	"refold/eventsourcing"
)

// DefaultDecodedBytes is [AggregateGraph.DecodedBytes] unless it says otherwise: some 10,000 rows.
const DefaultDecodedBytes = 4 << 20

const (
	// decodedStripes is how many locks share the rows, so that callbacks of different partitions seldom meet.
	decodedStripes = 64
	// decodedOverhead is what a row that is kept takes beside its bytes, at least.
	decodedOverhead = 128
)

// decodedRows keeps snapshots of the rows that were written last, so that the next command to the same
// aggregate need not decode what the one before has encoded.
//
// A snapshot belongs to a row as it lies in memory. The store returns the same memory for a row until another
// one is written, and the rows here are not collected, so no other row can have their address. A row that was
// read back from disk or Kafka, or that an aborted transaction has uncovered, is none of these: it is decoded.
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
	rows  map[*byte]decodedRow[S] // by the first byte
}

type decodedRow[S any] struct {
	length   int
	snapshot eventsourcing.Snapshot[S]
}

// newDecodedRows returns a nil cache, of nothing, if bytes is below zero.
func newDecodedRows[S any](bytes int) *decodedRows[S] {
	if bytes < 0 {
		return nil
	}
	return &decodedRows[S]{seed: maphash.MakeSeed(), limit: bytes / decodedStripes}
}

func (d *decodedRows[S]) stripe(key []byte) *decodedStripe[S] {
	return &d.stripes[maphash.Bytes(d.seed, key)%decodedStripes]
}

// take returns the snapshot of a row if it is here, and removes it.
func (d *decodedRows[S]) take(key, row []byte) (s eventsourcing.Snapshot[S], is bool) {
	if d == nil || len(row) == 0 {
		return s, false
	}
	stripe := d.stripe(key)
	stripe.mu.Lock()
	defer stripe.mu.Unlock()
	kept, is := stripe.rows[&row[0]]
	if !is || kept.length != len(row) {
		return s, false
	}
	delete(stripe.rows, &row[0])
	stripe.bytes -= len(row) + decodedOverhead
	return kept.snapshot, true
}

// put keeps the snapshot of a row, which must not be changed: in place of others if there is no room.
func (d *decodedRows[S]) put(key, row []byte, s eventsourcing.Snapshot[S]) {
	if d == nil || len(row) == 0 || len(row)+decodedOverhead > d.limit {
		return
	}
	stripe := d.stripe(key)
	stripe.mu.Lock()
	defer stripe.mu.Unlock()
	if stripe.rows == nil || stripe.bytes+len(row)+decodedOverhead > d.limit {
		stripe.rows, stripe.bytes = make(map[*byte]decodedRow[S]), 0
	}
	stripe.rows[&row[0]] = decodedRow[S]{len(row), s}
	stripe.bytes += len(row) + decodedOverhead
}
