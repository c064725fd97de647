package avrotype

import (
	"errors"
	"fmt"
	"math"
)

// ErrTooLarge says that a value would take more memory than its limit.
var ErrTooLarge = errors.New("too large")

const (
	// memoryFactor is what a record may take in memory, in times the limit of [Growth.Check]. With the
	// default limits that is 64 times its bytes, as much as a map of empty keys takes anyhow.
	memoryFactor = 8
	// emptyItemBytes is what an item without bytes of its own counts as.
	emptyItemBytes = 32
	// smallDefaults are too few bytes by item to count.
	smallDefaults = 64
)

// Growth finds records that take more memory than their bytes let expect.
//
// A decoded record takes a small multiple of its bytes in memory, as a rule: twmb/avro compares the length
// of an array or a map with the bytes that are left. Schemas of three kinds escape that. Items without
// bytes (null, a record without fields): any number of them follows from a few bytes, 4,096 in each of many
// arrays. Types that hold themselves in an array or a map: each level makes room for all that the level
// below claims again. And items that lack fields for which the reader's schema has large defaults: each
// gets a copy. So records of such a schema, and of no other, are walked through before they are decoded.
type Growth struct {
	written *Type
	// byItem is what each item of an array or a map may get from defaults of the reader's schema, in bytes.
	byItem int
}

// NewGrowth returns nil if records of the written type can't grow when they are read as ours.
func NewGrowth(written, ours *Type) *Growth {
	g := Growth{written: written}
	records := map[string]*Type{}
	written.each(func(t *Type, _ bool) { records[t.Name] = t })
	ours.each(func(t *Type, inItem bool) {
		for i := range t.Fields {
			field := &t.Fields[i]
			if _, has := records[t.Name].Field(field.Name); inItem && !has {
				g.byItem = add(g.byItem, field.DefaultBytes)
			}
		}
	})
	if g.byItem <= smallDefaults {
		g.byItem = 0
	}
	grows := g.byItem > 0
	written.each(func(t *Type, _ bool) {
		grows = grows || t.Kind == Array && t.Items.mayBeEmpty(map[*Type]bool{})
	})
	if !grows && !written.holdsItself(nil, map[*Type]bool{}) {
		return nil
	}
	return &g
}

// Check walks through a record's data. The error wraps [ErrTooLarge] if the record would grow above eight
// times limit, in bytes; any other error says why the data can't be decoded.
func (g *Growth) Check(data []byte, limit int) error {
	w := walk{Reader: Reader{Data: data}, byItem: g.byItem, left: memoryFactor * limit}
	return w.skip(g.written)
}

// walk reads Avro data without keeping it.
type walk struct {
	Reader
	byItem, left, depth int
}

func (w *walk) skip(t *Type) (err error) {
	switch t.Kind {
	case Null:
	case Boolean:
		_, err = w.Take(1)
	case Int, Long, Enum:
		_, err = w.Varint()
	case Float:
		_, err = w.Take(4)
	case Double:
		_, err = w.Take(8)
	case Fixed:
		_, err = w.Take(t.Size)
	case Bytes, String:
		_, err = w.Sized()
	default:
		if w.depth >= MaxDepth {
			return ErrTooDeep
		}
		w.depth++
		err = w.skipNested(t)
		w.depth--
	}
	return err
}

func (w *walk) skipNested(t *Type) error {
	switch t.Kind {
	case Union:
		branch, err := w.Branch(t)
		if err != nil {
			return err
		}
		return w.skip(branch)
	case Record:
		for i := range t.Fields {
			if err := w.skip(t.Fields[i].Type); err != nil {
				return err
			}
		}
	case Array, Map:
		return w.Blocks(func() error { return w.item(t) })
	}
	return nil
}

func (w *walk) item(t *Type) error {
	before := len(w.Data)
	if t.Kind == Map {
		if _, err := w.Sized(); err != nil {
			return err
		}
	}
	if err := w.skip(t.Items); err != nil {
		return err
	}
	w.left -= w.byItem
	if len(w.Data) == before {
		w.left -= emptyItemBytes
	}
	if w.left < 0 {
		return fmt.Errorf("%w: a few bytes stand for too many items, or for too many defaults", ErrTooLarge)
	}
	return nil
}

// inner returns the types within a type.
func (t *Type) inner() []*Type {
	inner := t.Branches
	if t.Items != nil {
		inner = append(inner[:len(inner):len(inner)], t.Items)
	}
	for i := range t.Fields {
		inner = append(inner[:len(inner):len(inner)], t.Fields[i].Type)
	}
	return inner
}

// each calls fn for a type and all types in it, once outside and once inside of items of arrays and maps.
func (t *Type) each(fn func(t *Type, inItem bool)) {
	type place struct {
		typ    *Type
		inItem bool
	}
	seen := map[place]bool{}
	var visit func(t *Type, inItem bool)
	visit = func(t *Type, inItem bool) {
		if seen[place{t, inItem}] {
			return
		}
		seen[place{t, inItem}] = true
		fn(t, inItem)
		for _, inner := range t.inner() {
			visit(inner, inItem || t.Items != nil)
		}
	}
	visit(t, false)
}

func (t *Type) mayBeEmpty(seen map[*Type]bool) bool {
	switch t.Kind {
	case Null:
		return true
	case Fixed:
		return t.Size == 0
	case Record:
		if seen[t] {
			return true
		}
		seen[t] = true
		for i := range t.Fields {
			if !t.Fields[i].Type.mayBeEmpty(seen) {
				return false
			}
		}
		return true
	}
	return false
}

// holdsItself reports whether a type is found again within itself below an array or a map. above has the
// types on the way here, each with whether an array or a map came since.
func (t *Type) holdsItself(above map[*Type]bool, done map[*Type]bool) bool {
	if repeated, is := above[t]; is {
		return repeated
	}
	if done[t] {
		return false
	}
	way := make(map[*Type]bool, len(above)+1)
	for other, repeated := range above {
		way[other] = repeated || t.Items != nil
	}
	way[t] = t.Items != nil
	for _, inner := range t.inner() {
		if inner.holdsItself(way, done) {
			return true
		}
	}
	done[t] = true
	return false
}

// add adds without ever wrapping.
func add(a, b int) int {
	if a > math.MaxInt32-b {
		return math.MaxInt32
	}
	return a + b
}
