package views

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
	"refold/snapshots"
	"refold/views/history"
	"refold/views/records"
)

// traced is a topic that traces are made of. Its local copy has, beside what else it has,
//
//	't' period, hash(correlation ID), offset → traceEntry
//
// of each message that is not found by other means. These are, in the trace of a command that begins a
// chain (its correlation ID is its own ID, or it has none, and nothing caused it):
//
//   - the command itself, by its entry in the index of commands under that ID;
//   - its results, those of repeats too, by their entries in the index of results under that ID. They have
//     that ID as causation and as correlation ID;
//   - its events, by the sequences in its results, in the history. They have that ID as causation and as
//     correlation ID. A result and its events are of one transaction (G3).
//
// So the messages of ordinary commands take no row here. Those of processes' commands do, because their
// correlation ID is that of another command; so do dead letters; so do events of aggregates that keep no
// history or no results, or results for less than the time of keeping (see Description.ResultsRetention):
// when a result is gone, it can't name its events.
//
// A period is a part of the time of keeping. What is too old is removed a period at a time, by one
// deletion of a range. A trace is looked for in each period. Bodies aren't kept here, but for a result's:
// it is small, and the outcome is in it.
type traced struct {
	*live

	kind      Kind
	aggregate string      // empty of the dead letters
	results   *codecs.Set // decodes results
	retention time.Duration
	byResult  bool // events are found by their results
}

const (
	byCorrelation = 't'
	periodBytes   = 8
	hashBytes     = 16

	// periods is how many there are in the time of keeping: so many seeks does it take to look for
	// a trace in a partition, and one in so many rows is kept in vain.
	periods = 32
)

// hashOf makes keys of one length, whatever IDs clients make up. An entry holds the ID itself.
func hashOf(text string) [hashBytes]byte {
	sum := sha256.Sum256([]byte(text))
	return [hashBytes]byte(sum[:hashBytes])
}

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

	// These aren't stored.
	place Place // that of the key
	plain bool  // see entry.plain
}

// projection indexes records by their correlation ID. Those that are too old already are left out:
// when the topic is read again, a store is not filled with what it would forget at once.
//
// The time of keeping is part of the version: with a longer one, what was left out is wanted. So is how
// events are found.
func (t *traced) projection() snapshots.Projection {
	version := fmt.Sprintf("traces 4 of %v", t.retention)
	if t.byResult {
		version += " by results"
	}
	return snapshots.Projection{
		Version: version,
		File: func(w snapshots.Writer, r *kgo.Record) error {
			if h := headsOf(r); t.expired(r.Timestamp) || t.findable(r, &h) {
				return nil
			}
			e, is := t.describe(r)
			if !is {
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

// findable reports whether a message is found without a row of its own.
func (t *traced) findable(r *kgo.Record, h *heads) bool {
	if !h.plain(t.kind) {
		return false
	}
	if t.kind == KindEvent {
		_, kept := history.Sequence(r)
		return kept && t.byResult
	}
	return true // in the index of commands, or of results
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
	h := headsOf(r)
	e.subject, e.time = string(r.Key), r.Timestamp.UTC()
	e.id, e.typeName = string(h.id), string(h.typeName)
	e.causation, e.correlation = string(h.causation), string(h.correlation)
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
		e.repeated, e.value = h.repeated, codecs.Framed(r.Headers, r.Value)
	case KindDeadLetter:
		e.reason = header(r, processors.HeaderReason)
		e.origin.Topic = header(r, processors.HeaderTopic)
		e.origin.Partition = int32(number(processors.HeaderPartition))
		e.origin.Offset = number(processors.HeaderOffset)
	}
	return e, e.id != "" && len(r.Key) <= codecs.MaxHeaderBytes
}

// rows returns the messages of a trace that have rows of their own, at most limit of each partition, the
// first ones.
func (t *traced) rows(correlation string, limit int) (found []traceEntry, err error) {
	err = t.read(func(parts []follower) error {
		for partition, part := range parts {
			if part == nil {
				continue
			}
			entries, err := t.rowsIn(part, correlation, limit)
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

func (t *traced) rowsIn(part follower, correlation string, limit int) (
	found []traceEntry, err error,
) {
	period := t.period(time.Now().Add(-t.retention))
	rows, err := part.IteratorWithRange(keyOfPeriod(period), []byte{byCorrelation + 1})
	if err != nil {
		return nil, err //nolint:wrapcheck // rows says what was being done
	}
	defer rows.Release()
	for len(found) < limit {
		prefix := t.key(period, correlation)
		rows.Seek(prefix)
		more := rows.Next()
		for ; more && bytes.HasPrefix(rows.Key(), prefix) && len(found) < limit; more = rows.Next() {
			value, err := rows.Value()
			if err != nil {
				return nil, err //nolint:wrapcheck // rows says what was being done
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
	return found, rows.Err() //nolint:wrapcheck // rows says what was being done
}

// forgetPeriods drops the periods that are older than the time of keeping as a whole.
type forgetPeriods struct{ *traced }

// look does all that there is to do.
func (f forgetPeriods) look(l *live, partition int32, _ int64) (due bool, err error) {
	first := f.period(time.Now().Add(-f.retention))
	return false, l.with(partition, func(part follower) error { return dropPeriods(part, first) })
}

func (forgetPeriods) step(follower, int32, int) (more bool, err error) { return false, nil }

// dropPeriods removes all periods before the first that is kept.
func dropPeriods(part follower, first uint64) error {
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

// The bits of an entry's first byte.
const (
	isRepeatedMessage = 1 << iota
	hasOwnID          // the ID is there; otherwise it is idByRest
)

// idByRest is the ID that a message of ours has: an event's follows from subject and sequence, a result's
// from its command's.
func (e *traceEntry) idByRest() string {
	if e.sequence > 0 {
		return fmt.Sprintf("%s/%d", e.subject, e.sequence)
	}
	return eventsourcing.ResultID(e.causation)
}

// encode returns the entry's bytes: flags, numbers, texts with their lengths, the value.
func (e *traceEntry) encode() []byte {
	var flags byte
	if e.repeated {
		flags |= isRepeatedMessage
	}
	texts := e.texts()
	if e.id == e.idByRest() {
		texts = texts[1:]
	} else {
		flags |= hasOwnID
	}
	b := append(make([]byte, 0, 64+len(e.id)+len(e.causation)+len(e.correlation)+len(e.subject)+
		len(e.typeName)+len(e.value)), flags)
	for _, n := range []int64{
		e.time.UnixMilli(), e.sequence, int64(e.origin.Partition), e.origin.Offset,
	} {
		b = binary.AppendVarint(b, n)
	}
	for _, text := range texts {
		b = records.AppendText(b, *text)
	}
	return append(b, e.value...)
}

// texts are the entry's texts; the ID, which may be left out, is the first.
func (e *traceEntry) texts() []*string {
	return []*string{
		&e.id, &e.causation, &e.correlation, &e.subject, &e.typeName, &e.reason, &e.origin.Topic,
	}
}

func decodeTraceEntry(b []byte) (e traceEntry, err error) {
	if len(b) == 0 || b[0] >= hasOwnID<<1 {
		return traceEntry{}, errEntry
	}
	flags, texts := b[0], e.texts()
	b = b[1:]
	var milliseconds, partition int64
	for _, number := range []*int64{&milliseconds, &e.sequence, &partition, &e.origin.Offset} {
		value, n := binary.Varint(b)
		if n <= 0 {
			return traceEntry{}, errEntry
		}
		*number, b = value, b[n:]
	}
	if flags&hasOwnID == 0 {
		texts = texts[1:]
	}
	for _, text := range texts {
		part, rest, ok := records.CutText(b)
		if !ok {
			return traceEntry{}, errEntry
		}
		*text, b = string(part), rest
	}
	if flags&hasOwnID == 0 {
		e.id = e.idByRest()
	}
	e.time, e.origin.Partition = time.UnixMilli(milliseconds).UTC(), int32(partition)
	e.repeated, e.value = flags&isRepeatedMessage != 0, bytes.Clone(b)
	return e, nil
}
