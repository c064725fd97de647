package snapshots

import (
	"bytes"
	"slices"
	"strings"

	"refold/layers"
)

// iterator merges rows of layers with those below. It is a storage.Iterator.
type iterator struct {
	over []layers.Row
	at   int // the next one of over
	c    cursor

	below  bool   // c stands at a row
	begun  bool   // c was moved
	sought bool   // Seek stands at the row that Next is to give
	found  bool   // what Seek found
	key    []byte // of the present row
	value  []byte // of the present row, if it is of a layer
	from   cursor // of the present row, if it is not
	done   error
}

func newIterator(over []layers.Row, c cursor) *iterator { return &iterator{over: over, c: c} }

// Next moves to the next row, and reports whether there is one.
func (i *iterator) Next() bool {
	if i.sought {
		i.sought = false
		return i.found
	}
	if !i.begun {
		i.begun = true
		i.below = i.c.next()
	} else if i.from != nil {
		i.below = i.c.next()
	}
	return i.settle()
}

// Seek moves to the first row from key on, and reports whether there is one. As Goka's contract
// wants it, Next then moves to that row.
func (i *iterator) Seek(key []byte) bool {
	i.at, _ = slices.BinarySearchFunc(i.over, string(key), func(r layers.Row, k string) int {
		return strings.Compare(r.Key, k)
	})
	i.begun, i.sought = true, true
	i.below = i.c.seek(key)
	i.found = i.settle() // passes over what a layer deletes
	return i.found
}

// settle stands at the lesser of the next rows of both sides, without the deleted ones.
func (i *iterator) settle() bool {
	for {
		i.from, i.value = nil, nil
		if i.at == len(i.over) {
			if !i.below {
				i.key = nil
				return false
			}
			i.key, i.from = i.c.key(), i.c
			return true
		}
		row := i.over[i.at]
		order := -1
		if i.below {
			order = bytes.Compare([]byte(row.Key), i.c.key())
		}
		if order > 0 {
			i.key, i.from = i.c.key(), i.c
			return true
		}
		i.at++
		if order == 0 {
			i.below = i.c.next() // hidden by the layer
		}
		if row.Value != nil {
			i.key, i.value = []byte(row.Key), row.Value
			return true
		}
	}
}

// Key returns the present row's key, valid until the iterator moves.
func (i *iterator) Key() []byte { return i.key }

// Value returns the present row's value, valid until the iterator moves.
func (i *iterator) Value() ([]byte, error) {
	if i.from != nil {
		return i.from.value()
	}
	return i.value, nil
}

// Err returns what ended the iteration, nil if it was the last row.
func (i *iterator) Err() error {
	if i.done != nil {
		return i.done
	}
	return i.c.err()
}

// Release ends the iterator.
func (i *iterator) Release() {
	if err := i.c.close(); err != nil && i.done == nil {
		i.done = err
	}
}
