package snapshots

import (
	"context"
	"encoding/binary"
	"errors"
)

// Writer changes rows. All changes of a Writer become readable together; those that come later
// win. Keys and values are copied.
type Writer interface {
	// Set writes a row. A nil value is an error: to delete is Delete.
	Set(key, value []byte) error
	// Delete removes a row, if there is one.
	Delete(key []byte) error
	// DeleteRange removes all rows from start on and before limit; nil is no bound on that side.
	DeleteRange(start, limit []byte) error
}

var errNilValue = errors.New("a nil value can't be stored; delete the row instead")

// backend keeps the committed rows of one store, in the order of their keys, and its checkpoint.
// All methods may be called at the same time, close excepted.
type backend interface {
	// get returns a row's value, nil if there is none. It stays as it is.
	get(key string) ([]byte, error)
	// batch starts a batch of about that many bytes. It must be released.
	batch(bytes int) batch
	// cursor goes through the rows as they are now. It must be closed.
	cursor(start, limit []byte) (cursor, error)
	// checkpoint returns what the last batch with a checkpoint held, or the zero value.
	checkpoint() (checkpoint, error)
	// settle makes durable what was applied, and reports whether it is.
	settle(ctx context.Context) bool
	// fault returns why the disk takes nothing more, nil if it does.
	fault() error
	// size measures the store.
	size() size
	// damaged notes that a read met damage.
	damaged(err error)
	// drop removes all rows for good. It must be closed next.
	drop(isDamaged bool) error
	// replace takes the place of another backend of the same kind, which loses its rows and must be closed.
	replace(other backend) error
	// close ends it, and all of its cursors.
	close() error
}

// batch collects changes.
type batch interface {
	Writer
	// apply makes the changes readable, and c the checkpoint if it isn't nil.
	apply(c *checkpoint) error
	// rows names the rows that the batch changes, in order, a deletion with a nil value, and reports
	// whether these are all: not if it also deletes a range, or can't be read.
	rows(each func(key, value []byte)) (all bool)
	release()
}

// cursor goes through rows in order. It begins in front of the first one.
type cursor interface {
	next() bool
	seek(key []byte) bool // to the first row from key on
	key() []byte          // valid until the cursor moves
	value() ([]byte, error)
	err() error
	close() error
}

// size is what a backend takes.
type size struct {
	disk int64 // bytes
	rows int64 // an estimate
}

// checkpoint says what the rows of a store are the state of.
type checkpoint struct {
	topic [16]byte // the topic's ID: a topic that is made again under its old name has another
	next  int64    // all records below this offset are in the rows, and no others
	// since is when, in milliseconds since 1970, the topic held every deletion from next on that
	// the rows need. Compaction may have removed some of them later (see mayHaveForgotten).
	since int64
	// version is the projection's (Projection.Version).
	version string
	set     bool
}

// An encoded checkpoint: its first byte, and its length. One with a version has another first byte,
// and the version behind the rest.
const (
	checkpointEncoding          = 1
	checkpointEncodingVersioned = 2
	checkpointBytes             = 1 + 16 + 8 + 8
)

var errCheckpoint = errors.New("damaged checkpoint")

func (c *checkpoint) encode() []byte {
	to := append(make([]byte, 0, checkpointBytes+len(c.version)), checkpointEncoding)
	if c.version != "" {
		to[0] = checkpointEncodingVersioned
	}
	to = append(to, c.topic[:]...)
	to = binary.BigEndian.AppendUint64(to, uint64(c.next))
	to = binary.BigEndian.AppendUint64(to, uint64(c.since))
	return append(to, c.version...)
}

func parseCheckpoint(b []byte) (c checkpoint, err error) {
	plain := len(b) == checkpointBytes && b[0] == checkpointEncoding
	versioned := len(b) > checkpointBytes && len(b) <= checkpointBytes+MaxVersionBytes &&
		b[0] == checkpointEncodingVersioned
	if !plain && !versioned {
		return c, errCheckpoint
	}
	c.version = string(b[checkpointBytes:])
	copy(c.topic[:], b[1:])
	b = b[1+len(c.topic):]
	c.next = int64(binary.BigEndian.Uint64(b))
	c.since = int64(binary.BigEndian.Uint64(b[8:]))
	c.set = true
	if c.next < 0 || c.since < 0 {
		return checkpoint{}, errCheckpoint
	}
	return c, nil
}
