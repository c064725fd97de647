package refold

import "context"

// RowIterator iterates over rows in the order of their keys. It begins before the first row. Keys and values
// are valid until the next call.
type RowIterator interface {
	Next() bool
	Key() []byte
	Value() ([]byte, error)
	Err() error
	Release()
}

// Live is a partition of the table, as its owner has it.
type Live interface {
	// Rows iterates over all rows of one moment. Rows of uncommitted transactions may be among them: their
	// sequence shows it.
	Rows(ctx context.Context) (RowIterator, error)
	// Between runs fn between two transactions: everything before is committed, and nothing after has
	// begun. What fn writes becomes part of the table in one transaction, if the worker still owns the
	// partition. After an error, fn's among them, nothing is written. The error is ErrRefused if the same
	// rows will be refused every time; any other is tried again.
	Between(ctx context.Context, fn func(ctx context.Context, rows LiveRows) error) error
}

// LiveRows is what a closing step reads and writes.
type LiveRows interface {
	// Get returns a row, nil if there is none.
	Get(key string) ([]byte, error)
	Set(key string, value []byte) error
	Delete(key string) error
}
