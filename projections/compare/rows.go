package compare

import (
	"encoding/binary"
	"hash/fnv"
	"maps"
	"slices"

	"refold/projections"
)

// cell is a row twice: as the store has it, and as the events make it. Nil: there is no row.
type cell struct {
	stored, right []any
	// touched is set if an event has changed the row while rows were read.
	touched bool
}

// rows are those that are compared together: a slice of all hashes, or some keys.
type rows struct {
	seed     uint64
	from, to uint64 // hashes; to is lowered when there are too many rows
	limit    int
	keys     map[*projections.Table]map[string][]any // nil: all of the slice; otherwise values of keys
	cells    map[*projections.Table]map[string]*cell
	size     int
}

// all is how many hashes there are.
const all = uint64(1) << 63

// hash returns a number below all. Neighbours are anywhere.
func hash(seed uint64, table, key string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(binary.BigEndian.AppendUint64(nil, seed))
	_, _ = h.Write([]byte(table))
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(key))
	x := h.Sum64()
	// The last bytes of a key have not come to the highest bits yet: the finalizer of murmur3 mixes them.
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return (x ^ x>>33) >> 1
}

// sliceOf returns the rows of some hashes.
func sliceOf(seed, from, to uint64, limit int) *rows {
	return &rows{seed: seed, from: from, to: to, limit: limit, cells: cells{}}
}

// cells are rows by table and key.
type cells = map[*projections.Table]map[string]*cell

// only returns the rows with some keys, which are not nil.
func only(keys map[*projections.Table]map[string][]any) *rows {
	r := &rows{keys: keys, cells: cells{}}
	for t, of := range keys {
		r.cells[t] = make(map[string]*cell, len(of))
		for key := range of {
			r.cells[t][key] = &cell{}
		}
	}
	return r
}

// at returns a row, which may be new. It is nil if the row is not among these.
func (r *rows) at(t *projections.Table, key string) *cell {
	if c := r.cells[t][key]; c != nil || r.keys != nil {
		return c
	}
	if h := hash(r.seed, t.Name, key); h < r.from || h >= r.to {
		return nil
	}
	if r.cells[t] == nil {
		r.cells[t] = make(map[string]*cell)
	}
	c := &cell{}
	r.cells[t][key] = c
	r.size++
	r.narrow()
	return c
}

// narrow halves the slice until its rows fit in memory.
func (r *rows) narrow() {
	for r.size > r.limit && r.to-r.from > 1 {
		r.to = r.from + (r.to-r.from)/2
		for t, of := range r.cells {
			for key := range of {
				if hash(r.seed, t.Name, key) >= r.to {
					delete(of, key)
					r.size--
				}
			}
		}
	}
}

// changeAll applies the changes of one event: all, or with an error none. The error is a *projections.Poison.
func (r *rows) changeAll(changes []projections.Change, touches bool) error {
	sums := func(c projections.Change) bool { return c.Table.Sums() }
	if slices.ContainsFunc(changes, sums) { // nothing else can fail
		var each projections.Changes // one for each row
		if err := each.AddAll(0, changes); err != nil {
			return err //nolint:wrapcheck // it is poison, and says which column
		}
		changes = each.Sorted()
		for _, c := range changes {
			if row := r.cells[c.Table][c.Key()]; row != nil && c.Op == projections.OpMerge {
				if _, err := c.Onto(row.right); err != nil {
					return err //nolint:wrapcheck // the same
				}
			}
		}
	}
	for _, c := range changes {
		if err := r.change(c, touches); err != nil {
			return err
		}
	}
	return nil
}

// change applies a change to a row as the events make it.
func (r *rows) change(c projections.Change, touches bool) error {
	key := c.Key()
	row := r.at(c.Table, key)
	if row == nil {
		return nil
	}
	row.touched = row.touched || touches
	if c.Op != projections.OpDelete {
		right, err := c.Onto(row.right)
		if err == nil {
			row.right = right
		}
		return err //nolint:wrapcheck // it is poison, and says which column
	}
	row.right = nil
	if row.stored == nil && r.keys == nil {
		delete(r.cells[c.Table], key)
		r.size--
	}
	return nil
}

// forget forgets what the store has.
func (r *rows) forget() {
	for _, of := range r.cells {
		for _, c := range of {
			c.stored = nil
		}
	}
}

// sorted calls each with every row, in the order of tables and keys.
func (r *rows) sorted(tables projections.Tables, each func(*projections.Table, string, *cell) error) error {
	for _, t := range tables {
		for _, key := range slices.Sorted(maps.Keys(r.cells[t])) {
			if err := each(t, key, r.cells[t][key]); err != nil {
				return err
			}
		}
	}
	return nil
}
