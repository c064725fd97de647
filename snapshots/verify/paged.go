package verify

import (
	"errors"

	"refold/snapshots"
)

// ErrMovedAway says that the worker lost the partition while its store was read.
var ErrMovedAway = errors.New("the worker has given the partition away")

// PagedRows are the rows of a store that is read page by page, so that it is not held up in between.
type PagedRows struct {
	// Page returns the page behind a key; nil is before the first one. The error is ErrElsewhere if the
	// store is not there any more.
	Page func(behind []byte) (snapshots.Page, error)

	rows []snapshots.Row
	row  snapshots.Row
	next int64
	more bool
	err  error
}

// Begin gets the first page.
func (p *PagedRows) Begin() error { return p.turn(nil) }

// Offset returns the offset of the table's topic that the store was at with the latest page.
func (p *PagedRows) Offset() int64 { return p.next }

func (p *PagedRows) turn(behind []byte) error {
	page, err := p.Page(behind)
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

// Key returns the key of the row.
func (p *PagedRows) Key() []byte { return p.row.Key }

// Value returns the value of the row.
func (p *PagedRows) Value() ([]byte, error) { return p.row.Value, nil }

// Err returns what ended the rows before their end.
func (p *PagedRows) Err() error { return p.err }

// Release does nothing: there is nothing to give back.
func (p *PagedRows) Release() {}
