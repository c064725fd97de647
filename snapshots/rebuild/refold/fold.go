package refold

import (
	"context"
	"encoding/json"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Fold is an aggregate's: it makes states of events and rows of states. States are values of its own,
// which it gets back as it gave them; nil is that of an aggregate without events. It is used by one
// goroutine at a time. processors.Fold is one.
type Fold interface {
	// Version is the fold's: it is raised when the same events make another row.
	Version() int
	// Headers names those headers that Decode reads; nil: any. An event may be given to it without others.
	Headers() []string
	// Decode returns a record of the events topic as Apply takes it, and keeps nothing of the record. An
	// error with a method Code() string is about the event, for good; any other is a fault, and the
	// same call is tried again.
	Decode(event *kgo.Record) (any, error)
	// Apply returns the state after an event, which must be the next of its aggregate. It may change
	// the state it is given, unless there is an error, which should have a Code.
	Apply(state, event any) (any, error)
	// EncodeState and DecodeState are each other's inverse. The state is not nil.
	EncodeState(state any) ([]byte, error)
	DecodeState(b []byte) (any, error)
	// Row returns the row of a state with the live row's ring of recent commands, or with an empty one
	// if live is nil.
	Row(state any, live []byte) ([]byte, error)
	// RowWith returns the row of a state, which may be nil, with a ring.
	RowWith(state any, ring []byte) ([]byte, error)
	// Sequence returns the sequence that a row is at; 0 of one that is there for its ring alone. An error
	// of this and of all that read or make rows has a method Code() string if it is about the row, for
	// good; any other is a fault.
	Sequence(row []byte) (int64, error)
	// Equal reports whether a row says the same as a state at the same sequence, rings apart.
	Equal(state any, row []byte) (bool, error)
	// JSON shows sequence and state of a row, for people.
	JSON(row []byte) (json.RawMessage, error)
}

// Rows goes through rows in the order of their keys, from before the first one. Keys and values stay
// as they are until the next call.
type Rows interface {
	Next() bool
	Key() []byte
	Value() ([]byte, error)
	Err() error
	Release()
}

// Live is a partition of the table as its owner has it.
type Live interface {
	// Rows goes through all rows of one moment. Rows of transactions that are not committed yet may be
	// among them: they are told by their sequence.
	Rows(ctx context.Context) (Rows, error)
	// Between runs fn between two transactions: what was handled before is committed, and nothing
	// after has begun. What fn writes becomes part of the table in one transaction, if the owner still
	// is the owner. An error, fn's among them: nothing was written. It is ErrRefused if the same rows
	// will be refused every time; any other is tried again.
	Between(ctx context.Context, fn func(ctx context.Context, table Table) error) error
}

// Table is what a closing step reads and writes.
type Table interface {
	// Get returns a row, nil if there is none.
	Get(key string) ([]byte, error)
	Set(key string, value []byte) error
	Delete(key string) error
}
