package verify

import (
	"errors"

	"refold/snapshots"
)

// ErrMovedAway says that a worker has lost the partition while its store was read.
var ErrMovedAway = errors.New("the worker has given the partition away")

// PagedRows goes through a store that is read page by page, while its owner writes to it.
type PagedRows struct {
	page func(behind []byte) (snapshots.Page, error)
	rows []snapshots.Row
	row  snapshots.Row
	next int64 // the offset that the store was at
	more bool
	err  error
}

// NewPagedRows returns the rows of a store of which page gets the page behind a key; nil: the first. Its
// error is ErrElsewhere if the partition is not there.
func NewPagedRows(page func(behind []byte) (snapshots.Page, error)) *PagedRows {
	return &PagedRows{page: page}
}

// Start gets the first page, and returns the offset of the table that the store was at. It may be called
// again, before Next, for a newer page.
func (p *PagedRows) Start() (next int64, err error) {
	err = p.turn(nil)
	return p.next, err
}

// turn gets the page behind a key.
func (p *PagedRows) turn(behind []byte) error {
	page, err := p.page(behind)
	p.rows, p.next, p.more = page.Rows, page.Next, page.More
	return err
}

// Next moves to the next row.
func (p *PagedRows) Next() bool {
	for len(p.rows) == 0 {
		if !p.more || p.err != nil {
			return false
		}
		if p.err = p.turn(p.row.Key); errors.Is(p.err, ErrElsewhere) {
			p.err = ErrMovedAway
		}
	}
	p.row, p.rows = p.rows[0], p.rows[1:]
	return true
}

// Key returns the row's key.
func (p *PagedRows) Key() []byte { return p.row.Key }

// Value returns the row's value.
func (p *PagedRows) Value() ([]byte, error) { return p.row.Value, nil }

// Err returns why there are no more rows, ErrMovedAway among others; nil: the end is reached.
func (p *PagedRows) Err() error { return p.err }

// Release does nothing: each page is memory of its own.
func (p *PagedRows) Release() {}
