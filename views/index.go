package views

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
	"refold/snapshots"
	"refold/views/records"
)

// An index finds records of a topic by the command that they are about. Per partition it keeps one row for
// the record at an offset, and one for all:
//
//	'c' command ID, subject, offset → entry
//	'b'                             → bounds, see sweep
//
// A command is known by its subject and its ID together: its ID is unique for one aggregate only, so
// that the same key may be sent to all accounts. The first key of a command is its oldest record: a
// result that is repeated later never changes the outcome (G1). Records that the topic has dropped are
// passed over, and removed some day (see sweep): so a command is known for exactly as long as its result is
// kept, and no second setting of how long that is can disagree with the topic's.
//
// Clients of ours make UUIDs of version 7, which ascend in time: rows come nearly in the order of their
// keys, which is what a store merges at the least cost.
const (
	byCommand   = 'c'
	offsetBytes = 8
)

// entry is a record as an index keeps it.
type entry struct {
	typeName string
	source   string // of a command: who sent it; of results it is the aggregate, and not kept
	time     time.Time
	value    []byte // the record's value, codecs.Framed; of a command its fingerprint
	repeated bool   // of a result: the command has been there before
	plain    bool   // it is found as a message of its command's trace, by this entry, see traced

	// These aren't stored: they are those of the key.
	subject string
	offset  int64
}

// idPrefix is what the keys of all commands with an ID begin with.
func idPrefix(commandID string) []byte {
	key := make([]byte, 0, 96) // room for what follows
	return records.AppendID(append(key, byCommand), commandID)
}

// commandPrefix is what the keys of a command begin with.
func commandPrefix(subject, commandID string) []byte {
	return records.AppendOrdered(idPrefix(commandID), subject)
}

// project is a snapshots.Projection that files records, of commands or of results, under the ID of their
// command. Those without one, and those whose ID or key codecs would refuse, are no commands and no
// results: they are left out.
func project(kind Kind) snapshots.Projection {
	return snapshots.Projection{Version: "index 4", File: func(w snapshots.Writer, r *kgo.Record) error {
		h := headsOf(r)
		e := entry{
			typeName: string(h.typeName), time: r.Timestamp, value: codecs.Framed(r.Headers, r.Value),
			repeated: h.repeated, plain: h.plain(kind),
		}
		commandID := h.causation
		if kind == KindCommand {
			commandID, e.value, e.repeated = h.id, fingerprint(e.value), false
			e.source = string(h.source)
		}
		if len(commandID) == 0 || len(r.Key) > codecs.MaxHeaderBytes {
			return nil
		}
		key := commandPrefix(string(r.Key), string(commandID))
		key = binary.BigEndian.AppendUint64(key, uint64(r.Offset))
		if err := w.Set(key, e.encode()); err != nil {
			return fmt.Errorf("index a record by its command: %w", err)
		}
		return nil
	}}
}

// wireBytes is what the Confluent wire format puts in front of the data: which schema they fit.
const wireBytes = 5

// fingerprint keeps of a record's value its schema and a hash of its data: enough to tell that
// another command had other data, at a fraction of the size. It is nil of what has no data.
func fingerprint(value []byte) []byte {
	if len(value) < wireBytes {
		return nil
	}
	sum := sha256.Sum256(value[wireBytes:])
	return append(bytes.Clone(value[:wireBytes]), sum[:hashBytes]...)
}

// otherData reports whether two fingerprints are of different data. Data of different
// schemas, such as those of two versions of a sender, can't be compared by their bytes: they count as equal.
func otherData(a, b []byte) bool {
	return len(a) > wireBytes && len(b) > wireBytes &&
		bytes.Equal(a[:wireBytes], b[:wireBytes]) && !bytes.Equal(a, b)
}

// find returns the oldest record of a command, which is in its subject's partition.
func (l *live) find(subject, commandID string) (found entry, has bool, err error) {
	err = l.readAt(subject, func(_ int32, part follower) error {
		found, has, err = findIn(part, subject, commandID)
		return err
	})
	return found, has, err
}

func findIn(part follower, subject, commandID string) (found entry, has bool, err error) {
	b, _, err := boundsOf(part)
	if err != nil {
		return entry{}, false, err
	}
	err = eachEntry(part, commandPrefix(subject, commandID), b.start, func(e *entry) step {
		found, has = *e, true
		return enough
	})
	return found, has, err
}

// step says how to go on in an index.
type step int

const (
	enough      step = iota
	another          // the next record
	nextSubject      // the first record of the next subject
)

// eachEntry calls fn with the entries under a prefix that are not before an offset, those of a command the
// oldest first, until it has enough.
func eachEntry(part follower, prefix []byte, from int64, fn func(e *entry) step) error {
	rows, err := part.IteratorWithRange(prefix, records.Behind(prefix))
	if err != nil {
		return fmt.Errorf("look up a command: %w", err)
	}
	defer rows.Release()
	for rows.Next() {
		e, err := entryAt(rows)
		if err != nil {
			return err
		}
		key := bytes.Clone(rows.Key())
		command := key[:len(key)-offsetBytes]
		if e.offset < from {
			rows.Seek(binary.BigEndian.AppendUint64(command, uint64(from)))
			continue
		}
		switch fn(&e) {
		case enough:
			return nil
		case another:
		case nextSubject:
			rows.Seek(records.Behind(command))
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("look up a command: %w", err)
	}
	return nil
}

// subjects returns those that have a command of the ID, at most limit of each partition. It costs a
// seek for each.
func (l *live) subjects(commandID string, limit int) (subjects []string, err error) {
	err = l.read(func(parts []follower) error {
		for partition, part := range parts {
			if part == nil {
				continue
			}
			found, err := subjectsIn(part, commandID, limit)
			if err != nil {
				return err
			}
			for _, subject := range found {
				// A command elsewhere than its key belongs is a dead letter, and has no result to wait for.
				if kafka.Partition([]byte(subject), int32(len(parts))) == int32(partition) {
					subjects = append(subjects, subject)
				}
			}
		}
		return nil
	})
	return subjects, err
}

func subjectsIn(part follower, commandID string, limit int) (subjects []string, err error) {
	b, _, err := boundsOf(part)
	if err != nil {
		return nil, err
	}
	err = eachEntry(part, idPrefix(commandID), b.start, func(e *entry) step {
		if subjects = append(subjects, e.subject); len(subjects) == limit {
			return enough
		}
		return nextSubject
	})
	return subjects, err
}

// entryAt reads the entry that an iterator stands at.
func entryAt(rows storage.Iterator) (entry, error) {
	value, err := rows.Value()
	if err != nil {
		return entry{}, fmt.Errorf("look up a command: %w", err)
	}
	e, err := decodeEntry(value)
	if err != nil {
		return entry{}, err
	}
	_, e.subject, e.offset, err = decodeKey(rows.Key())
	return e, err
}

// decodeKey is the opposite of commandPrefix with an offset behind it.
func decodeKey(key []byte) (commandID, subject string, offset int64, err error) {
	key, is := bytes.CutPrefix(key, []byte{byCommand})
	if !is {
		return "", "", 0, errEntry
	}
	commandID, key, whole := records.CutID(key)
	if !whole {
		return "", "", 0, errEntry
	}
	if subject, key, whole = records.CutOrdered(key); !whole || len(key) != offsetBytes {
		return "", "", 0, errEntry
	}
	return commandID, subject, int64(binary.BigEndian.Uint64(key)), nil
}

// The bits of an entry's first byte.
const (
	isRepeated   = 1 << iota
	isPlain      // see entry.plain
	isResultType // the type is resultType, and isn't there
	hasSource    // the source is there, behind the type
)

// resultType is the type of all results.
const resultType = "Result"

// encode returns the entry's bytes: flags, the time in milliseconds, the type, the source, the value.
func (e *entry) encode() []byte {
	var flags byte
	if e.repeated {
		flags |= isRepeated
	}
	if e.plain {
		flags |= isPlain
	}
	if e.typeName == resultType {
		flags |= isResultType
	}
	if e.source != "" {
		flags |= hasSource
	}
	b := append(make([]byte, 0, len(e.typeName)+len(e.source)+len(e.value)+18), flags)
	b = binary.AppendVarint(b, e.time.UnixMilli())
	if e.typeName != resultType {
		b = records.AppendText(b, e.typeName)
	}
	if e.source != "" {
		b = records.AppendText(b, e.source)
	}
	return append(b, e.value...)
}

var errEntry = errors.New("damaged entry in a local index")

func decodeEntry(b []byte) (e entry, err error) {
	if len(b) == 0 || b[0] >= hasSource<<1 {
		return entry{}, errEntry
	}
	flags := b[0]
	milliseconds, n := binary.Varint(b[1:])
	if n <= 0 {
		return entry{}, errEntry
	}
	b = b[1+n:]
	e.time, e.typeName = time.UnixMilli(milliseconds).UTC(), resultType
	if flags&isResultType == 0 {
		text, rest, ok := records.CutText(b)
		if !ok {
			return entry{}, errEntry
		}
		e.typeName, b = string(text), rest
	}
	if flags&hasSource != 0 {
		text, rest, ok := records.CutText(b)
		if !ok || len(text) == 0 {
			return entry{}, errEntry
		}
		e.source, b = string(text), rest
	}
	e.repeated, e.plain = flags&isRepeated != 0, flags&isPlain != 0
	e.value = bytes.Clone(b)
	return e, nil
}
