package fold

import (
	"encoding/json"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Events folds the events of aggregates. States are values of its own, which it gets back as it gave them;
// nil is the state of an aggregate without events. It is safe for concurrent use, a single state is not.
type Events interface {
	// Version is raised when the same events make another state.
	Version() int
	// Headers names the headers that Decode reads; nil: any. Decode may be given an event without others.
	Headers() []string
	// Decode returns a record of the events topic as Apply takes it. It keeps nothing of the record.
	Decode(event *kgo.Record) (any, error)
	// Apply returns the state after a decoded event, which must be the next of its aggregate. It may change
	// the state that it is given. After an error that state is as it was.
	Apply(state, event any) (any, error)
}

// States is the codec of the states that Events makes. It is safe for concurrent use.
type States interface {
	// EncodeState returns a state as bytes. The state must not be nil.
	EncodeState(state any) ([]byte, error)
	// DecodeState is the inverse of EncodeState. It keeps nothing of b.
	DecodeState(b []byte) (any, error)
}

// Rows is the codec of the table's rows, by the states that Events makes. It is safe for concurrent use.
type Rows interface {
	// Row returns the row of a state with the live row's ring of recent commands, or with an empty ring if
	// live is nil.
	Row(state any, live []byte) ([]byte, error)
	// RowWith returns the row of a state, which may be nil, with a ring.
	RowWith(state any, ring []byte) ([]byte, error)
	// Sequence returns the sequence that a row is at; 0: the row is there for its ring alone.
	Sequence(row []byte) (int64, error)
	// Equal reports whether a row says the same as a state, at the same sequence. Rings are not compared.
	Equal(state any, row []byte) (bool, error)
	// JSON shows sequence and state of a row, for people.
	JSON(row []byte) (json.RawMessage, error)
}

// StateFold folds events to states that can be stored.
type StateFold interface {
	Events
	States
}

// RowFold folds events to rows of a table.
type RowFold interface {
	StateFold
	Rows
}

// CodeOf returns the code of an error about an event or a row. It is empty for a fault, and for nil.
func CodeOf(err error) string {
	coded, _ := errors.AsType[interface {
		error
		Code() string
	}](err)
	if coded == nil {
		return ""
	}
	return coded.Code()
}
