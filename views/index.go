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

// An index finds records of a topic by the command that they are about. Per partition it keeps, for
// the record at an offset,
//
//	'c' hash(command ID) hash(subject) offset → entry
//	'o' offset hash(command ID) hash(subject) → nothing
//
// A command is known by its subject and its ID together: its ID is unique for one aggregate only, so
// that the same key may be sent to all accounts. The first key of a command is its oldest record: a
// result that is repeated later never changes the outcome (G1). The second kind of key tells what to
// forget when the topic has (see forget). A hash is 128 bits of SHA-256, so that keys have one length
// whatever IDs clients make up; the entry holds ID and subject themselves.
const (
	byCommand = 'c'
	byOffset  = 'o'

	hashBytes    = 16
	commandBytes = 2 * hashBytes
	offsetBytes  = 8
	keyBytes     = 1 + commandBytes + offsetBytes
)

// entry is a record as an index keeps it.
type entry struct {
	commandID string
	subject   string
	typeName  string
	time      time.Time
	value     []byte // the record's value; of a command its fingerprint
}

func hashOf(text string) [hashBytes]byte {
	sum := sha256.Sum256([]byte(text))
	return [hashBytes]byte(sum[:hashBytes])
}

// idPrefix is what the keys of all commands with an ID begin with.
func idPrefix(commandID string) []byte {
	hash := hashOf(commandID)
	return append(append(make([]byte, 0, keyBytes), byCommand), hash[:]...)
}

// commandPrefix is what the keys of a command begin with.
func commandPrefix(subject, commandID string) []byte {
	hash := hashOf(subject)
	return append(idPrefix(commandID), hash[:]...)
}

// keysOf returns both keys of a record.
func keysOf(subject, commandID string, offset int64) (command, order []byte) {
	command = commandPrefix(subject, commandID)
	hashes := command[1:]
	order = binary.BigEndian.AppendUint64([]byte{byOffset}, uint64(offset))
	order = append(order, hashes...)
	return binary.BigEndian.AppendUint64(command, uint64(offset)), order
}

// project is a snapshots.Projection that files records under the command ID that the header
// names. Records without one, or with one that codecs would refuse, are no commands and no
// results: they are left out.
func project(idHeader string, keep func(value []byte) []byte) snapshots.Projection {
	return snapshots.Projection{Version: "index 2", File: func(w snapshots.Writer, r *kgo.Record) error {
		commandID := header(r, idHeader)
		if commandID == "" || len(commandID) > codecs.MaxHeaderBytes {
			return nil
		}
		e := entry{
			commandID: commandID, subject: string(r.Key), typeName: header(r, codecs.HeaderType),
			time: r.Timestamp, value: keep(r.Value),
		}
		command, order := keysOf(e.subject, commandID, r.Offset)
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

// otherData reports whether two fingerprints are of different data. Data of different
// schemas, such as those of two versions of a sender, can't be compared by their bytes: they count as equal.
func otherData(a, b []byte) bool {
	return len(a) > wireBytes && len(b) > wireBytes &&
		bytes.Equal(a[:wireBytes], b[:wireBytes]) && !bytes.Equal(a, b)
}

// header returns a record's header, or nothing.
func header(r *kgo.Record, name string) string { return string(kafka.Header(r.Headers, name)) }

// find returns the oldest record of a command, which is in its subject's partition.
func (l *live) find(subject, commandID string) (found entry, has bool, err error) {
	err = l.readAt(subject, func(_ int32, part follower) error {
		found, has, err = findIn(part, subject, commandID)
		return err
	})
	return found, has, err
}

func findIn(part follower, subject, commandID string) (found entry, has bool, err error) {
	prefix := commandPrefix(subject, commandID)
	rows, err := part.IteratorWithRange(prefix, behindPrefix(prefix))
	if err != nil {
		return entry{}, false, fmt.Errorf("look up a command: %w", err)
	}
	defer rows.Release()
	for rows.Next() {
		e, err := entryAt(rows)
		if err != nil {
			return entry{}, false, err
		}
		if e.commandID == commandID && e.subject == subject {
			return e, true, nil
		}
	}
	if err := rows.Err(); err != nil {
		return entry{}, false, fmt.Errorf("look up a command: %w", err)
	}
	return entry{}, false, nil
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
	prefix := idPrefix(commandID)
	rows, err := part.IteratorWithRange(prefix, behindPrefix(prefix))
	if err != nil {
		return nil, fmt.Errorf("look up the commands of an ID: %w", err)
	}
	defer rows.Release()
	for more := rows.Next(); more && len(subjects) < limit; more = rows.Next() {
		e, err := entryAt(rows)
		if err != nil {
			return nil, err
		}
		if e.commandID == commandID {
			subjects = append(subjects, e.subject)
		}
		// Behind the records of this command come those of another subject.
		rows.Seek(behindPrefix(rows.Key()[:1+commandBytes]))
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("look up the commands of an ID: %w", err)
	}
	return subjects, nil
}

// behindPrefix is behind all keys that begin with a prefix and an offset, and before all others.
func behindPrefix(prefix []byte) []byte {
	return append(bytes.Clone(prefix), bytes.Repeat([]byte{0xff}, commandBytes+offsetBytes)...)
}

// entryAt reads the entry that an iterator stands at.
func entryAt(rows storage.Iterator) (entry, error) {
	value, err := rows.Value()
	if err != nil {
		return entry{}, fmt.Errorf("look up a command: %w", err)
	}
	return decodeEntry(value)
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
		offset, hashes := order[1:1+offsetBytes], order[1+offsetBytes:]
		command := append(append([]byte{byCommand}, hashes...), offset...)
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
		b = records.AppendText(b, s)
	}
	b = binary.AppendVarint(b, e.time.UnixNano())
	return append(b, e.value...)
}

var errEntry = errors.New("damaged entry in a local index")

func decodeEntry(b []byte) (entry, error) {
	var e entry
	for _, s := range []*string{&e.commandID, &e.subject, &e.typeName} {
		text, rest, ok := records.CutText(b)
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
