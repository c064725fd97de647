package refold

import "context"

// RowIterator goes through rows in the order of their keys, from before the first one. Keys and values stay
// as they are until the next call.
type RowIterator interface {
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
	Rows(ctx context.Context) (RowIterator, error)
	// Between runs fn between two transactions: what was handled before is committed, and nothing
	// after has begun. What fn writes becomes part of the table in one transaction, if the owner still
	// is the owner. An error, fn's among them: nothing was written. It is ErrRefused if the same rows
	// will be refused every time; any other is tried again.
	Between(ctx context.Context, fn func(ctx context.Context, rows LiveRows) error) error
}

// LiveRows is what a closing step reads and writes.
type LiveRows interface {
	// Get returns a row, nil if there is none.
	Get(key string) ([]byte, error)
	Set(key string, value []byte) error
	Delete(key string) error
}
