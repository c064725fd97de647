package projections

import (
	"encoding"
	"encoding/json"
	"reflect"
	"sync"
)

// A state that was stored and read again may have an empty slice where it had none, or none where it had an
// empty one. JSON would have [] and null for them, and two folds of the same events would differ. So JSON
// columns have no null for a slice or a map.

// nilAs returns the JSON of a nil value of a type.
func nilAs(t reflect.Type) string {
	switch {
	case writesItself(t):
	case t.Kind() == reflect.Slice:
		return "[]"
	case t.Kind() == reflect.Map:
		return "{}"
	}
	return "null"
}

// withoutNils returns a value with empty slices and maps in the place of nil ones, at any depth. What it
// changes is its own: the value's owner sees nothing of it.
func withoutNils(v reflect.Value) reflect.Value {
	if !hasNils(v.Type()) {
		return v
	}
	var f filling
	own := f.filled(v, 0)
	if f.tooDeep {
		return v
	}
	return own
}

// maxDepth is deeper than any value but one that contains itself, which encoding/json refuses.
const maxDepth = 1000

// filling is the replacing of nil slices and maps.
type filling struct{ tooDeep bool }

// fill replaces nil slices and maps in a value that may be changed, but nothing that it points to.
func (f *filling) fill(v reflect.Value, depth int) {
	// An embedded struct can't be set if its type is not exported, but its fields can.
	if !v.CanSet() && v.Kind() != reflect.Struct || !hasNils(v.Type()) || f.tooDeep {
		return
	}
	depth++
	f.tooDeep = depth > maxDepth
	switch v.Kind() {
	case reflect.Slice:
		if !v.IsNil() && !hasNils(v.Type().Elem()) {
			return
		}
		own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(own, v)
		v.Set(own)
		f.fillItems(v, depth)
	case reflect.Array:
		f.fillItems(v, depth)
	case reflect.Map:
		if !v.IsNil() && !hasNils(v.Type().Elem()) {
			return
		}
		own := reflect.MakeMapWithSize(v.Type(), v.Len())
		for key, value := range v.Seq2() {
			own.SetMapIndex(key, f.filled(value, depth))
		}
		v.Set(own)
	case reflect.Struct:
		for _, field := range v.Fields() {
			f.fill(field, depth)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			own := reflect.New(v.Type().Elem())
			own.Elem().Set(f.filled(v.Elem(), depth))
			v.Set(own)
		}
	case reflect.Interface:
		if !v.IsNil() {
			v.Set(f.filled(v.Elem(), depth))
		}
	default:
	}
}

func (f *filling) fillItems(v reflect.Value, depth int) {
	for i := range v.Len() {
		f.fill(v.Index(i), depth)
	}
}

// filled returns a copy that is filled.
func (f *filling) filled(v reflect.Value, depth int) reflect.Value {
	own := reflect.New(v.Type()).Elem()
	own.Set(v)
	f.fill(own, depth)
	return own
}

// typesWithNils has what hasNils has found out.
var typesWithNils sync.Map // from reflect.Type to bool

// hasNils reports whether a value of the type may have a nil slice or map in it.
func hasNils(t reflect.Type) bool {
	if known, is := typesWithNils.Load(t); is {
		return known.(bool)
	}
	has := findNils(t, map[reflect.Type]bool{})
	typesWithNils.Store(t, has)
	return has
}

func findNils(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] || writesItself(t) {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Interface:
		return true
	case reflect.Array, reflect.Pointer:
		return findNils(t.Elem(), seen)
	case reflect.Struct:
		for field := range t.Fields() {
			if findNils(field.Type, seen) {
				return true
			}
		}
	default:
	}
	return false
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// writesItself reports whether values of the type make their JSON themselves, as json.RawMessage does.
func writesItself(t reflect.Type) bool {
	if t.Kind() == reflect.Interface {
		return false // what is in it counts
	}
	pointer := reflect.PointerTo(t)
	return pointer.Implements(jsonMarshaler) || pointer.Implements(textMarshaler)
}
