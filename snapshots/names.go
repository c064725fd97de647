package snapshots

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// The keys of a database begin with a store's number, in four bytes, and a kind. The first key of each store
// says whose number it is: so the names are where the rows are, and what damages a file costs the stores with
// rows in it, and no others. A store is dropped by the deletion of the range of its number. No number is
// given twice by a process, and none that is in use by any.
const (
	nameKind       = 0 // the store's name
	checkpointKind = 1
	rowKind        = 2
	rowsEnd        = 3

	numberBytes = 4
	prefixBytes = numberBytes + 1
)

// storeName names a store of a database.
type storeName struct {
	topic     string
	partition int32
	// beside is a store that is being made to take the place of the one without: it is dropped by whoever
	// opens the database next.
	beside bool
}

// An encoded name: its first byte, the partition, and the topic.
const (
	nameEncoding       = 1
	nameEncodingBeside = 2
	nameBytes          = 1 + 4
)

var errName = errors.New("damaged name of a store")

func (n storeName) encode() []byte {
	to := append(make([]byte, 0, nameBytes+len(n.topic)), nameEncoding)
	if n.beside {
		to[0] = nameEncodingBeside
	}
	to = binary.BigEndian.AppendUint32(to, uint32(n.partition))
	return append(to, n.topic...)
}

func parseName(b []byte) (n storeName, err error) {
	if len(b) < nameBytes || b[0] != nameEncoding && b[0] != nameEncodingBeside {
		return n, errName
	}
	n.beside = b[0] == nameEncodingBeside
	n.partition = int32(binary.BigEndian.Uint32(b[1:]))
	n.topic = string(b[nameBytes:])
	return n, nil
}

// keyOf begins a key of a store.
func keyOf(number uint32, kind byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, prefixBytes), number), kind)
}

// span is a range of stores' numbers, both included.
type span struct{ from, to uint32 }

func (s span) holds(number uint32) bool { return s.from <= number && number <= s.to }

// keys is the range of the keys of a span.
func (s span) keys() pebble.KeyRange {
	end := []byte{math.MaxUint8, math.MaxUint8, math.MaxUint8, math.MaxUint8, math.MaxUint8}
	if s.to < math.MaxUint32 {
		end = binary.BigEndian.AppendUint32(nil, s.to+1)
	}
	return pebble.KeyRange{Start: binary.BigEndian.AppendUint32(nil, s.from), End: end}
}

// merged joins spans that overlap, in order.
func merged(spans []span) (all []span) {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for _, s := range spans {
		if last := len(all) - 1; last >= 0 && s.from <= all[last].to {
			all[last].to = max(all[last].to, s.to)
			continue
		}
		all = append(all, s)
	}
	return all
}

// lookRounds is how often damage is removed that is found while the names are read, before the database is
// taken for damaged as a whole.
const lookRounds = 16

// learn reads whose the numbers are, when the database is opened, and removes what is damaged, and what a
// process that died has not finished.
func (d *database) learn() error {
	marks, err := d.marks()
	if err != nil {
		return err
	}
	d.suspects = append(d.suspects, marks...)
	for range lookRounds {
		if err = d.readNames(); err != nil && !d.suspected() {
			return err
		}
		if err := d.repair(); err != nil {
			return err
		}
		if err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	d.unmark(marks)
	return d.drop(func(name storeName, _ uint32) bool { return name.beside })
}

// readNames goes through the first keys of all stores.
func (d *database) readNames() (err error) {
	it, err := d.db.NewIter(nil)
	if err != nil {
		return fmt.Errorf("read the names of the stores: %w", err)
	}
	defer func() {
		if err = errors.Join(err, it.Close()); err != nil {
			err = fmt.Errorf("read the names of the stores: %w", err)
		}
	}()
	names, next := make(map[storeName]uint32), uint32(1)
	for ok := it.First(); ok; {
		key := it.Key()
		if len(key) < prefixBytes {
			return errName
		}
		number := binary.BigEndian.Uint32(key)
		value, err := it.ValueAndErr()
		if err != nil {
			return err //nolint:wrapcheck // said above
		}
		name, err := parseName(value)
		if err != nil || key[numberBytes] != nameKind { // of a write that came when its store was removed
			d.mu.Lock()
			d.suspects = append(d.suspects, span{number, number})
			d.mu.Unlock()
		} else {
			names[name] = number
		}
		next = max(next, number+1)
		ok = it.SeekGE(span{number, number}.keys().End)
	}
	if err := it.Error(); err != nil {
		return err //nolint:wrapcheck // said above
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names, d.next = names, max(d.next, next)
	return nil
}

// errNumbers is never seen: a store that is made anew each second has numbers for a century.
var errNumbers = fmt.Errorf("%w: its numbers are used up", ErrDamaged)

// keyspace opens the rows of a store, and gives the store a number if it has none.
func (d *database) keyspace(name storeName, w watcher) (*keyspace, error) {
	d.mu.Lock()
	number, is := d.names[name]
	if !is {
		if number = d.next; number == math.MaxUint32 {
			d.mu.Unlock()
			d.condemn(errNumbers)
			return nil, errNumbers
		}
		d.next++
	}
	d.mu.Unlock()
	if !is {
		b := d.db.NewBatch()
		defer b.Close() //nolint:errcheck // fails only when it is closed already
		if err := b.Set(keyOf(number, nameKind), name.encode(), nil); err != nil {
			return nil, err //nolint:wrapcheck // the caller says what was being done
		}
		if err := d.commit(b); err != nil {
			return nil, err
		}
	}
	k := &keyspace{of: d, number: number, name: name, watch: w, cursors: make(map[*keyspaceCursor]struct{})}
	d.refs.Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names[name], d.open[number] = number, k
	return k, nil
}

// drop drops stores: each by the deletion of the range of its keys, all in one batch. The space comes back
// when Pebble next merges files there.
func (d *database) drop(which func(storeName, uint32) bool) error {
	b := d.db.NewBatch()
	defer b.Close() //nolint:errcheck // fails only when it is closed already
	d.mu.Lock()
	var dropped []storeName
	for name, number := range d.names {
		if !which(name, number) {
			continue
		}
		keys := span{number, number}.keys()
		if err := b.DeleteRange(keys.Start, keys.End, nil); err != nil {
			d.mu.Unlock()
			return fmt.Errorf("drop a store: %w", err)
		}
		dropped = append(dropped, name)
	}
	d.mu.Unlock()
	if len(dropped) == 0 {
		return nil
	}
	if err := d.commit(b); err != nil {
		return fmt.Errorf("drop a store: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range dropped {
		delete(d.names, name)
	}
	return nil
}
