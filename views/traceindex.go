package views

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
	"refold/processors"
	"refold/snapshots"
	"refold/views/records"
)

// traced is a topic that traces are made of. Its local copy has, beside what else it has,
//
//	't' period, hash(correlation ID), offset → traceEntry
//
// A period is a part of the time of keeping. What is too old is removed a period at a time, by one
// deletion of a range, and a record costs one row; a trace is looked for in each period. Bodies
// aren't kept here, but for a result's: it is small, and the outcome is in it.
type traced struct {
	*live

	kind      Kind
	aggregate string      // empty of the dead letters
	results   *codecs.Set // decodes results
	retention time.Duration
}

const (
	byCorrelation = 't'
	periodBytes   = 8

	// periods is how many there are in the time of keeping: so many seeks does it take to look for
	// a trace in a partition, and one in so many rows is kept in vain.
	periods = 32
)

// traceEntry is a record as the index keeps it.
type traceEntry struct {
	id, causation, correlation string
	subject, typeName          string
	sequence                   int64
	time                       time.Time // the record's
	repeated                   bool
	reason                     string // of a dead letter
	origin                     Place  // of a dead letter
	value                      []byte // of a result

	place Place // isn't stored: it is that of the key
}

// projection indexes records by their correlation ID. Those that are too old already are left out:
// when the topic is read again, a store is not filled with what it would forget at once.
//
// The time of keeping is part of the version: with a longer one, what was left out is wanted.
func (t *traced) projection() snapshots.Projection {
	return snapshots.Projection{
		Version: fmt.Sprintf("traces 3 of %v", t.retention),
		File: func(w snapshots.Writer, r *kgo.Record) error {
			e, is := t.describe(r)
			if !is || t.expired(e.time) {
				return nil
			}
			key := t.key(t.period(e.time), e.correlation)
			key = binary.BigEndian.AppendUint64(key, uint64(r.Offset))
			if err := w.Set(key, e.encode()); err != nil {
				return fmt.Errorf("index a record by its correlation: %w", err)
			}
			return nil
		},
	}
}

// expired reports whether a message of that time isn't kept any more.
func (t *traced) expired(at time.Time) bool { return time.Since(at) > t.retention }

// period is the number of the period that a time is in.
func (t *traced) period(at time.Time) uint64 {
	return uint64(max(at.UnixMilli(), 0) / max(t.retention.Milliseconds()/periods, 1))
}

// key is what the keys of a trace's messages in a period begin with.
func (t *traced) key(period uint64, correlation string) []byte {
	hash := hashOf(correlation)
	return append(keyOfPeriod(period), hash[:]...)
}

func keyOfPeriod(period uint64) []byte {
	key := make([]byte, 0, 1+periodBytes+hashBytes+offsetBytes)
	return binary.BigEndian.AppendUint64(append(key, byCorrelation), period)
}

// describe reads a record's headers. A record without an ID, or with one that codecs would refuse,
// is no message of ours, and belongs to no trace.
func (t *traced) describe(r *kgo.Record) (e traceEntry, is bool) {
	e.subject, e.time = string(r.Key), r.Timestamp.UTC()
	text := func(name string) string {
		if value := kafka.Header(r.Headers, name); len(value) <= codecs.MaxHeaderBytes {
			return string(value)
		}
		return ""
	}
	e.id, e.typeName = text(codecs.HeaderID), text(codecs.HeaderType)
	e.causation, e.correlation = text(codecs.HeaderCausationID), text(codecs.HeaderCorrelationID)
	if e.correlation == "" {
		e.correlation = e.id // the beginning of a chain
	}
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(header(r, name), 10, 64) // 0: not known
		return n
	}
	switch t.kind {
	case KindCommand:
	case KindEvent:
		e.sequence = number(codecs.HeaderSequence)
	case KindResult:
		e.repeated, e.value = processors.Repeated(r.Headers), r.Value
	case KindDeadLetter:
		e.reason = header(r, processors.HeaderReason)
		e.origin.Topic = header(r, processors.HeaderTopic)
		e.origin.Partition = int32(number(processors.HeaderPartition))
		e.origin.Offset = number(processors.HeaderOffset)
	}
	return e, e.id != "" && len(r.Key) <= codecs.MaxHeaderBytes
}

// find returns the messages of a trace in this topic, at most limit of each partition, the first
// ones.
func (t *traced) find(correlation string, limit int) (found []traceEntry, err error) {
	err = t.read(func(parts []follower) error {
		for partition, part := range parts {
			if part == nil {
				continue
			}
			entries, err := t.findIn(part, correlation, limit)
			if err != nil {
				return fmt.Errorf("look up a trace in %s/%d: %w", t.topic, partition, err)
			}
			for i := range entries {
				entries[i].place.Topic, entries[i].place.Partition = t.topic, int32(partition)
			}
			found = append(found, entries...)
		}
		return nil
	})
	return found, err
}

func (t *traced) findIn(part follower, correlation string, limit int) (
	found []traceEntry, err error,
) {
	period := t.period(time.Now().Add(-t.retention))
	rows, err := part.IteratorWithRange(keyOfPeriod(period), []byte{byCorrelation + 1})
	if err != nil {
		return nil, err //nolint:wrapcheck // find says what was being done
	}
	defer rows.Release()
	for len(found) < limit {
		prefix := t.key(period, correlation)
		rows.Seek(prefix)
		more := rows.Next()
		for ; more && bytes.HasPrefix(rows.Key(), prefix) && len(found) < limit; more = rows.Next() {
			value, err := rows.Value()
			if err != nil {
				return nil, err //nolint:wrapcheck // find says what was being done
			}
			e, err := decodeTraceEntry(value)
			if err != nil {
				return nil, err
			}
			e.place.Offset = int64(binary.BigEndian.Uint64(rows.Key()[len(prefix):]))
			if e.correlation == correlation && !t.expired(e.time) {
				found = append(found, e)
			}
		}
		if !more {
			break
		}
		// The next row is another trace's, in this period or in one behind it.
		period = max(period+1, binary.BigEndian.Uint64(rows.Key()[1:]))
	}
	return found, rows.Err() //nolint:wrapcheck // find says what was being done
}

// forgetExpired drops the periods that are older than the time of keeping as a whole.
func (t *traced) forgetExpired(*live, int32) (func(follower, int) (bool, error), error) {
	first := t.period(time.Now().Add(-t.retention))
	return func(part follower, _ int) (bool, error) { return false, forgetPeriods(part, first) }, nil
}

// forgetPeriods removes all periods before the first that is kept.
func forgetPeriods(part follower, first uint64) error {
	from, to := []byte{byCorrelation}, keyOfPeriod(first)
	rows, err := part.IteratorWithRange(from, to)
	if err != nil {
		return fmt.Errorf("look for expired messages: %w", err)
	}
	some := rows.Next()
	err = rows.Err()
	rows.Release()
	if err == nil && some {
		err = part.Write(func(w snapshots.Writer) error { return w.DeleteRange(from, to) })
	}
	if err != nil {
		return fmt.Errorf("remove expired messages: %w", err)
	}
	return nil
}

// encode returns the entry's bytes: texts with their lengths, numbers, the value.
func (e *traceEntry) encode() []byte {
	b := make([]byte, 0, 64+len(e.id)+len(e.causation)+len(e.correlation)+len(e.subject)+
		len(e.typeName)+len(e.value))
	for _, text := range e.texts() {
		b = records.AppendText(b, *text)
	}
	for _, n := range []int64{
		e.time.UnixMilli(), e.sequence, int64(e.origin.Partition), e.origin.Offset,
	} {
		b = binary.AppendVarint(b, n)
	}
	flag := byte(0)
	if e.repeated {
		flag = 1
	}
	return append(append(b, flag), e.value...)
}

func (e *traceEntry) texts() []*string {
	return []*string{
		&e.id, &e.causation, &e.correlation, &e.subject, &e.typeName, &e.reason, &e.origin.Topic,
	}
}

func decodeTraceEntry(b []byte) (e traceEntry, err error) {
	for _, text := range e.texts() {
		part, rest, ok := records.CutText(b)
		if !ok {
			return traceEntry{}, errEntry
		}
		*text, b = string(part), rest
	}
	var milliseconds, partition int64
	for _, number := range []*int64{&milliseconds, &e.sequence, &partition, &e.origin.Offset} {
		value, n := binary.Varint(b)
		if n <= 0 {
			return traceEntry{}, errEntry
		}
		*number, b = value, b[n:]
	}
	if len(b) == 0 {
		return traceEntry{}, errEntry
	}
	e.time, e.origin.Partition = time.UnixMilli(milliseconds).UTC(), int32(partition)
	e.repeated, e.value = b[0] == 1, bytes.Clone(b[1:])
	return e, nil
}
