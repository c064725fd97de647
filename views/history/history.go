package history

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
	"refold/snapshots"
	"refold/views/records"
)

// A history keeps the records of an events topic, one row an event. Per partition it has
//
//	'h' aggregate ID, sequence, the newest first → the record
//
// Sequences are gap-free (G2), so that a page is looked up one sequence after the other, in whichever
// direction. The first row of an aggregate says which sequence its newest event has.
const bySequence = 'h'

// Projection files events under their aggregate and sequence. What has no sequence is no
// event of ours, and is left out.
var Projection = snapshots.Projection{Version: "history 3", File: fileEvent}

func fileEvent(w snapshots.Writer, r *kgo.Record) error {
	sequence, is := Sequence(r)
	if !is {
		return nil
	}
	if err := w.Set(eventKey(string(r.Key), sequence), records.Encode(r, sequence)); err != nil {
		return fmt.Errorf("file an event: %w", err)
	}
	return nil
}

// Sequence returns the sequence of a record that a history keeps, and whether it keeps it.
func Sequence(r *kgo.Record) (sequence int64, is bool) {
	sequence, err := strconv.ParseInt(string(kafka.Header(r.Headers, codecs.HeaderSequence)), 10, 64)
	return sequence, err == nil && sequence >= 1 && len(r.Key) > 0
}

const sequenceBytes = 8

func eventKey(id string, sequence int64) []byte {
	return binary.BigEndian.AppendUint64(eventsOf(id), ^uint64(sequence))
}

// sequenceIn is the sequence in a key.
func sequenceIn(key []byte) (sequence int64, is bool) {
	if len(key) < sequenceBytes {
		return 0, false
	}
	return int64(^binary.BigEndian.Uint64(key[len(key)-sequenceBytes:])), true
}

// eventsOf is what the keys of an aggregate's events begin with.
func eventsOf(id string) []byte {
	key := make([]byte, 0, len(id)+3+sequenceBytes)
	return records.AppendOrdered(append(key, bySequence), id)
}

// Part is what a history needs of a partition's local copy.
type Part interface {
	Get(key string) ([]byte, error)
	IteratorWithRange(start, limit []byte) (storage.Iterator, error)
	Write(fn func(snapshots.Writer) error) error
}

// Query says which events of an aggregate are asked for.
type Query struct {
	After  int64 // those with a higher sequence; 0: from the first
	Before int64 // those with a lower sequence; 0: to the newest
	// NewestFirst begins at the newest one; otherwise at the oldest.
	NewestFirst bool
	Limit       int
}

// Found is a page of records, not decoded yet: decoding may take a while, in which the store should be free.
type Found struct {
	Records   [][]byte
	Sequences []int64
	Newest    int64 // the sequence of the newest event, on whichever page it is; 0: there is none
	Next      int64 // the last sequence that was looked at, if there are more
}

// Limits bounds what a page may cost.
type Limits struct {
	Sequences int // looked at
	Bytes     int // of the records; one is always given
}

// Find looks a page up, one sequence after the other.
func Find(part Part, id string, q Query, limits Limits) (found Found, err error) {
	if found.Newest, err = newest(part, id); err != nil || found.Newest == 0 {
		return found, err
	}
	first, last, step := q.After+1, found.Newest, int64(1)
	if q.Before > 0 {
		last = min(last, q.Before-1)
	}
	if q.NewestFirst {
		first, last, step = last, first, -1
	}
	bytes := 0
	for looked, s := 0, first; (last-s)*step >= 0; looked, s = looked+1, s+step {
		if len(found.Records) == q.Limit || looked == limits.Sequences || bytes >= limits.Bytes {
			found.Next = s - step
			return found, nil
		}
		record, err := part.Get(string(eventKey(id, s)))
		if err != nil {
			return found, fmt.Errorf("read event %d of %q: %w", s, id, err)
		}
		if record == nil {
			continue // the topic has lost its beginning
		}
		bytes += len(record)
		found.Records, found.Sequences = append(found.Records, record), append(found.Sequences, s)
	}
	return found, nil
}

// newest returns the sequence of an aggregate's newest event, 0 if it has none.
func newest(part Part, id string) (sequence int64, err error) {
	prefix := eventsOf(id)
	rows, err := part.IteratorWithRange(prefix, records.Behind(prefix))
	if err != nil {
		return 0, fmt.Errorf("look for the events of %q: %w", id, err)
	}
	defer rows.Release()
	if rows.Next() {
		var is bool
		if sequence, is = sequenceIn(rows.Key()); !is {
			return 0, records.ErrDamaged
		}
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("look for the events of %q: %w", id, err)
	}
	return sequence, nil
}

// Event returns the record of an event, nil if the history does not have it. It costs a read of the store.
func Event(part Part, id string, sequence int64) (*kgo.Record, error) {
	b, err := part.Get(string(eventKey(id, sequence)))
	if err == nil && b != nil {
		return records.Decode(b, []byte(id), sequence)
	}
	if err != nil {
		err = fmt.Errorf("read event %d of %q: %w", sequence, id, err)
	}
	return nil, err
}
