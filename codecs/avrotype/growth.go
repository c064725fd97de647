package codecs

import (
	"fmt"
	"math"
)

// A decoded record takes a small multiple of its bytes in memory, whatever it holds: twmb/avro compares the
// length of an array or a map with the bytes that are left. Schemas of three kinds escape that. Items without
// bytes (null, a record without fields): any number of them follows from a few bytes, 4,096 in each of many
// arrays. Types that hold themselves in an array or a map: each level makes room for all that the level below
// claims again. And items that lack fields for which our schema has large defaults: each gets a copy.
//
// So records of such a schema, and of no other, are walked through before they are decoded.

const (
	// memoryFactor is what a record may take in memory, in Limits.ExpandedBytes: with the defaults 64 times
	// its bytes, as much as a map of empty keys takes anyhow.
	memoryFactor = 8
	// emptyItemBytes is what an item without bytes of its own is counted as.
	emptyItemBytes = 32
	// smallDefaults are too few bytes by item to be counted.
	smallDefaults = 64
)

// growth knows how a schema's records may take more memory than their bytes let expect.
type growth struct {
	written *shape
	// byItem is what each item of an array or a map may get from defaults of the reader's schema.
	byItem int
}

// growthOf returns nil if records of the written schema, read as ours, can't grow.
func growthOf(written, ours *shape) *growth {
	g := growth{written: written}
	records := map[string]*shape{}
	written.each(func(s *shape, _ bool) { records[s.name] = s })
	ours.each(func(s *shape, inItem bool) {
		for i := range s.fields {
			field, record := &s.fields[i], records[s.name]
			if _, has := record.fieldIndex(field.name); inItem && !has {
				g.byItem = add(g.byItem, field.fallbackBytes)
			}
		}
	})
	if g.byItem <= smallDefaults {
		g.byItem = 0
	}
	grows := g.byItem > 0
	written.each(func(s *shape, _ bool) {
		grows = grows || s.kind == kindArray && s.items.mayBeEmpty(map[*shape]bool{})
	})
	if !grows && !written.holdsItself(nil, map[*shape]bool{}) {
		return nil
	}
	return &g
}

func (s *shape) fieldIndex(name string) (int, bool) {
	if s == nil {
		return 0, false
	}
	i, has := s.index[name]
	return i, has
}

// check walks through data and returns [ErrTooLarge] if it grows above the limit, or why it can't be
// decoded.
func (g *growth) check(data []byte, limits Limits) error {
	w := walk{jsonWriter: jsonWriter{data: data}, byItem: g.byItem, left: memoryFactor * limits.ExpandedBytes}
	return w.skip(g.written)
}

// walk reads Avro data without keeping it. It borrows the reading of a jsonWriter.
type walk struct {
	jsonWriter
	byItem, left int
}

func (w *walk) skip(s *shape) (err error) {
	switch s.kind {
	case kindNull:
	case kindBoolean:
		_, err = w.take(1)
	case kindInt, kindLong, kindEnum:
		_, err = w.varint()
	case kindFloat:
		_, err = w.take(4)
	case kindDouble:
		_, err = w.take(8)
	case kindFixed:
		_, err = w.take(s.size)
	case kindBytes, kindString:
		_, err = w.sized()
	default:
		if w.depth >= maxDepth {
			return errTooDeep
		}
		w.depth++
		err = w.skipNested(s)
		w.depth--
	}
	return err
}

func (w *walk) skipNested(s *shape) error {
	switch s.kind {
	case kindUnion:
		at, err := w.varint()
		if err == nil && (at < 0 || at >= int64(len(s.branches))) {
			err = fmt.Errorf("branch %d of a union of %d", at, len(s.branches))
		}
		if err != nil {
			return err
		}
		return w.skip(s.branches[at])
	case kindRecord:
		for i := range s.fields {
			if err := w.skip(s.fields[i].shape); err != nil {
				return err
			}
		}
	case kindArray, kindMap:
		return w.blocks(func() error { return w.item(s) })
	}
	return nil
}

func (w *walk) item(s *shape) error {
	before := len(w.data)
	if s.kind == kindMap {
		if _, err := w.sized(); err != nil {
			return err
		}
	}
	if err := w.skip(s.items); err != nil {
		return err
	}
	w.left -= w.byItem
	if len(w.data) == before {
		w.left -= emptyItemBytes
	}
	if w.left < 0 {
		return fmt.Errorf("%w: a few bytes stand for too many items, or for too many defaults", ErrTooLarge)
	}
	return nil
}

// inner are the types within a type.
func (s *shape) inner() []*shape {
	inner := s.branches
	if s.items != nil {
		inner = append(inner[:len(inner):len(inner)], s.items)
	}
	for i := range s.fields {
		inner = append(inner[:len(inner):len(inner)], s.fields[i].shape)
	}
	return inner
}

// each calls fn for a type and all types in it, once outside and once inside of items of arrays and maps.
func (s *shape) each(fn func(s *shape, inItem bool)) {
	type place struct {
		shape  *shape
		inItem bool
	}
	seen := map[place]bool{}
	var visit func(s *shape, inItem bool)
	visit = func(s *shape, inItem bool) {
		if seen[place{s, inItem}] {
			return
		}
		seen[place{s, inItem}] = true
		fn(s, inItem)
		for _, inner := range s.inner() {
			visit(inner, inItem || s.items != nil)
		}
	}
	visit(s, false)
}

func (s *shape) mayBeEmpty(seen map[*shape]bool) bool {
	switch s.kind {
	case kindNull:
		return true
	case kindFixed:
		return s.size == 0
	case kindRecord:
		if seen[s] {
			return true
		}
		seen[s] = true
		for i := range s.fields {
			if !s.fields[i].shape.mayBeEmpty(seen) {
				return false
			}
		}
		return true
	}
	return false
}

// holdsItself reports whether a type is found again within itself below an array or a map. above are
// the types on the way here, each with whether an array or a map came since.
func (s *shape) holdsItself(above map[*shape]bool, done map[*shape]bool) bool {
	if repeated, is := above[s]; is {
		return repeated
	}
	if done[s] {
		return false
	}
	way := make(map[*shape]bool, len(above)+1)
	for t, repeated := range above {
		way[t] = repeated || s.items != nil
	}
	way[s] = s.items != nil
	for _, inner := range s.inner() {
		if inner.holdsItself(way, done) {
			return true
		}
	}
	done[s] = true
	return false
}

// nativeBytes is some measure of what a default takes, in memory and encoded.
func nativeBytes(v any) int {
	const header = 16
	switch v := v.(type) {
	case string:
		return header + len(v)
	case []byte:
		return header + len(v)
	case []any:
		bytes := header
		for _, item := range v {
			bytes = add(bytes, nativeBytes(item))
		}
		return bytes
	case map[string]any:
		bytes := header
		for key, value := range v {
			bytes = add(bytes, header+len(key)+nativeBytes(value))
		}
		return bytes
	}
	return header
}

// add adds without ever wrapping.
func add(a, b int) int {
	if a > math.MaxInt32-b {
		return math.MaxInt32
	}
	return a + b
}
