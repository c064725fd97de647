package layers

import (
	"slices"
	"strings"
	"sync"
)

// Layers are the uncommitted rows of one table. The zero value has none. Its methods may be called by several
// goroutines at the same time.
type Layers struct {
	mu     sync.RWMutex
	open   map[string][]byte   // a nil value is a deletion
	sealed []map[string][]byte // oldest first
}

// Row is the newest value of a row in the layers.
type Row struct {
	Key   string
	Value []byte // nil: the row is deleted
}

// Get returns a row's newest value, nil if it is deleted, and reports whether any layer has the row.
func (l *Layers) Get(key string) (value []byte, found bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if value, found = l.open[key]; found {
		return value, true
	}
	for _, layer := range slices.Backward(l.sealed) {
		if value, found = layer[key]; found {
			return value, true
		}
	}
	return nil, false
}

// Set writes a row to the open layer; nil deletes it. The value must not be changed any more.
func (l *Layers) Set(key string, value []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = make(map[string][]byte)
	}
	l.open[key] = value
}

// Seal closes the layer of rows written since the last Seal and returns it; nil values are deletions. The
// caller must not change it. When nothing was written the result is empty, and no layer is kept.
func (l *Layers) Seal() map[string][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	rows := l.open
	if len(rows) > 0 {
		l.sealed = append(l.sealed, rows)
		l.open = make(map[string][]byte, len(rows)) // the next batch is often as large
	}
	return rows
}

// Oldest returns the oldest sealed layer and reports whether there is one. A layer is committed by writing it
// to the store and then calling Drop: in between, readers find its rows here, and from then on in the store.
func (l *Layers) Oldest() (rows map[string][]byte, is bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if len(l.sealed) == 0 {
		return nil, false
	}
	return l.sealed[0], true
}

// Drop removes the oldest sealed layer. There must be one.
func (l *Layers) Drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sealed = slices.Delete(l.sealed, 0, 1)
}

// Discard removes the open layer and all sealed ones.
func (l *Layers) Discard() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open, l.sealed = nil, nil
}

// Range returns the rows of all layers from start on and before limit, by key, the newest value of each. A
// nil limit is no bound. It costs a look at each row of the layers.
func (l *Layers) Range(start, limit []byte) []Row {
	newest := l.newest(func(key string) bool {
		return key >= string(start) && (limit == nil || key < string(limit))
	})
	rows := make([]Row, 0, len(newest))
	for key, value := range newest {
		rows = append(rows, Row{key, value})
	}
	slices.SortFunc(rows, func(a, b Row) int { return strings.Compare(a.Key, b.Key) })
	return rows
}

func (l *Layers) newest(within func(key string) bool) map[string][]byte {
	l.mu.RLock()
	defer l.mu.RUnlock()
	newest := make(map[string][]byte)
	for _, layer := range append(slices.Clip(l.sealed), l.open) {
		for key, value := range layer {
			if within(key) {
				newest[key] = value
			}
		}
	}
	return newest
}
