package memory

import (
	"cmp"
	"slices"

	"refold/layers"
)

// iterator goes through a copy of rows. It is a storage.Iterator.
type iterator struct {
	rows []layers.Row
	at   int
}

// newIterator returns an iterator of rows with others on top, of which nil values are deletions. It takes
// over the map.
func newIterator(below map[string][]byte, over []layers.Row) *iterator {
	for _, row := range over {
		if row.Value == nil {
			delete(below, row.Key)
		} else {
			below[row.Key] = row.Value
		}
	}
	it := &iterator{rows: make([]layers.Row, 0, len(below)), at: -1}
	for key, value := range below {
		it.rows = append(it.rows, layers.Row{Key: key, Value: value})
	}
	slices.SortFunc(it.rows, func(a, b layers.Row) int { return cmp.Compare(a.Key, b.Key) })
	return it
}

func (i *iterator) valid() bool { return i.at >= 0 && i.at < len(i.rows) }

// Next moves to the next row, and reports whether there is one.
func (i *iterator) Next() bool {
	i.at = min(i.at+1, len(i.rows))
	return i.valid()
}

// Err returns nil: nothing can fail.
func (*iterator) Err() error { return nil }

// Key returns the present row's key.
func (i *iterator) Key() []byte {
	if !i.valid() {
		return nil
	}
	return []byte(i.rows[i.at].Key)
}

// Value returns the present row's value.
func (i *iterator) Value() ([]byte, error) {
	if !i.valid() {
		return nil, nil
	}
	return i.rows[i.at].Value, nil
}

// Release ends the iterator.
func (i *iterator) Release() { i.rows, i.at = nil, 0 }

// Seek moves before the first row from key on, to which Next then moves, and reports whether there is one.
func (i *iterator) Seek(key []byte) bool {
	n, _ := slices.BinarySearchFunc(i.rows, string(key), func(r layers.Row, k string) int {
		return cmp.Compare(r.Key, k)
	})
	i.at = n - 1
	return n < len(i.rows)
}
