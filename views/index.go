package views

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
	"refold/snapshots"
)

// An index finds records of a topic by the ID of the command that they are about. Per partition it
// keeps, for the record at an offset,
//
//	'c' hash(command ID) offset → entry
//	'o' offset hash(command ID) → nothing
//
// The first key of a command is its oldest record: a result that is repeated later never changes
// the outcome (G1). The second kind of key tells what to forget when the topic has (see forget).
// A hash is 128 bits of SHA-256, so that keys have one length whatever IDs clients make up; the
// entry holds the ID itself.
const (
	byCommand = 'c'
	byOffset  = 'o'

	hashBytes   = 16
	offsetBytes = 8
	keyBytes    = 1 + hashBytes + offsetBytes
)

// entry is a record as an index keeps it.
type entry struct {
	commandID string
	subject   string
	typeName  string
	time      time.Time
	value     []byte // the record's value; of a command its fingerprint
}

func hashOf(commandID string) [hashBytes]byte {
	sum := sha256.Sum256([]byte(commandID))
	return [hashBytes]byte(sum[:hashBytes])
}

// keysOf returns both keys of a record.
func keysOf(commandID string, offset int64) (command, order []byte) {
	hash := hashOf(commandID)
	command = append([]byte{byCommand}, hash[:]...)
	command = binary.BigEndian.AppendUint64(command, uint64(offset))
	order = binary.BigEndian.AppendUint64([]byte{byOffset}, uint64(offset))
	return command, append(order, hash[:]...)
}

// project is a snapshots.Projection that files records under the command ID that the header
// names. Records without one, or with one that codecs would refuse, are no commands and no
// results: they are left out.
func project(idHeader string, keep func(value []byte) []byte) snapshots.Projection {
	return snapshots.Projection{Version: "index 1", File: func(w snapshots.Writer, r *kgo.Record) error {
		commandID := header(r, idHeader)
		if commandID == "" || len(commandID) > codecs.MaxHeaderBytes {
			return nil
		}
		e := entry{
			commandID: commandID, subject: string(r.Key), typeName: header(r, codecs.HeaderType),
			time: r.Timestamp, value: keep(r.Value),
		}
		command, order := keysOf(commandID, r.Offset)
		if err := w.Set(command, e.encode()); err != nil {
			return fmt.Errorf("index a record by its command: %w", err)
		}
		if err := w.Set(order, []byte{}); err != nil {
			return fmt.Errorf("index a record by its offset: %w", err)
		}
		return nil
	}}
}

// whole keeps a record's value as it is.
func whole(value []byte) []byte { return value }

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

// otherData tells whether two fingerprints are of different data. Of data by different schemas, of
// two versions of a sender perhaps, nobody can tell by their bytes: they pass for the same.
func otherData(a, b []byte) bool {
	return len(a) > wireBytes && len(b) > wireBytes &&
		bytes.Equal(a[:wireBytes], b[:wireBytes]) && !bytes.Equal(a, b)
}

// header returns a record's header, or nothing.
func header(r *kgo.Record, name string) string { return string(kafka.Header(r.Headers, name)) }

// find returns the oldest record of a command, looking in all partitions: a command's ID doesn't
// tell where it went.
func (l *live) find(commandID string) (found entry, has bool, err error) {
	err = l.read(func(parts []follower) error {
		for _, part := range parts {
			if found, has, err = findIn(part, commandID); has || err != nil {
				return err
			}
		}
		return nil
	})
	return found, has, err
}

// findOf returns the oldest record of a command to a subject: it looks in the subject's partition
// only.
func (l *live) findOf(subject, commandID string) (found entry, has bool, err error) {
	err = l.read(func(parts []follower) error {
		part := parts[kafka.Partition([]byte(subject), int32(len(parts)))]
		found, has, err = findIn(part, commandID)
		return err
	})
	return found, has, err
}

func findIn(part follower, commandID string) (entry, bool, error) {
	hash := hashOf(commandID)
	from := append([]byte{byCommand}, hash[:]...)
	to := append(bytes.Clone(from), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	rows, err := part.IteratorWithRange(from, to)
	if err != nil {
		return entry{}, false, fmt.Errorf("look up a command: %w", err)
	}
	defer rows.Release()
	for rows.Next() {
		value, err := rows.Value()
		if err != nil {
			return entry{}, false, fmt.Errorf("look up a command: %w", err)
		}
		e, err := decodeEntry(value)
		if err != nil {
			return entry{}, false, err
		}
		if e.commandID == commandID {
			return e, true, nil
		}
	}
	if err := rows.Err(); err != nil {
		return entry{}, false, fmt.Errorf("look up a command: %w", err)
	}
	return entry{}, false, nil
}

// forget removes what the topic's partition has forgotten: records below the beginning of its
// log. So a command is known for exactly as long as its result is kept, and no second setting of
// how long that is can disagree with the topic's. It removes at most limit records and says
// whether there are more.
func forget(part follower, logStart int64, limit int) (more bool, err error) {
	to := binary.BigEndian.AppendUint64([]byte{byOffset}, uint64(logStart))
	rows, err := part.IteratorWithRange([]byte{byOffset}, to)
	if err != nil {
		return false, fmt.Errorf("look for forgotten records: %w", err)
	}
	defer rows.Release()
	var old [][]byte
	for n := 0; rows.Next(); n++ {
		if n == limit {
			more = true
			break
		}
		order := bytes.Clone(rows.Key())
		if len(order) != keyBytes {
			continue
		}
		offset, hash := order[1:1+offsetBytes], order[1+offsetBytes:]
		command := append(append([]byte{byCommand}, hash...), offset...)
		old = append(old, command, order)
	}
	if err := rows.Err(); err != nil {
		return false, fmt.Errorf("look for forgotten records: %w", err)
	}
	return more, remove(part, old)
}

// remove removes rows.
func remove(part follower, keys [][]byte) error {
	if len(keys) == 0 {
		return nil
	}
	err := part.Write(func(w snapshots.Writer) error {
		for _, key := range keys {
			if err := w.Delete(key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove forgotten records: %w", err)
	}
	return nil
}

// encode returns the entry's bytes: three strings with their lengths, the time, the value.
func (e *entry) encode() []byte {
	b := make([]byte, 0, len(e.commandID)+len(e.subject)+len(e.typeName)+len(e.value)+16)
	for _, s := range []string{e.commandID, e.subject, e.typeName} {
		b = appendText(b, s)
	}
	b = binary.AppendVarint(b, e.time.UnixNano())
	return append(b, e.value...)
}

var errEntry = errors.New("damaged entry in a local index")

func decodeEntry(b []byte) (entry, error) {
	var e entry
	for _, s := range []*string{&e.commandID, &e.subject, &e.typeName} {
		text, rest, ok := cutText(b)
		if !ok {
			return entry{}, errEntry
		}
		*s, b = string(text), rest
	}
	nanoseconds, n := binary.Varint(b)
	if n <= 0 {
		return entry{}, errEntry
	}
	e.time = time.Unix(0, nanoseconds).UTC()
	e.value = bytes.Clone(b[n:])
	return e, nil
}
