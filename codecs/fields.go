package codecs

import (
	"reflect"
	"strings"
)

// eachStruct calls fn for each record of a schema that is a Go struct, once for each pair.
func eachStruct(s *shape, t reflect.Type, fn func(record *shape, goType reflect.Type)) {
	type pair struct {
		s *shape
		t reflect.Type
	}
	seen := map[pair]bool{}
	var walk func(s *shape, t reflect.Type)
	walk = func(s *shape, t reflect.Type) {
		if s.kind == kindUnion {
			for _, branch := range s.branches {
				walk(branch, t)
			}
			return
		}
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if seen[pair{s, t}] {
			return
		}
		seen[pair{s, t}] = true
		switch s.kind {
		case kindArray, kindMap:
			if k := t.Kind(); k == reflect.Slice || k == reflect.Array || k == reflect.Map {
				walk(s.items, t.Elem())
			}
		case kindRecord:
			if t.Kind() != reflect.Struct {
				return // a map, or a mistake that decoding a sample finds
			}
			fn(s, t)
			eachField(t, func(name string, fieldType reflect.Type) {
				if i, has := s.index[name]; has {
					walk(s.fields[i].shape, fieldType)
				}
			})
		default: // nothing below
		}
	}
	walk(s, t)
}

// eachField calls fn for the fields of a struct as twmb/avro sees them: by the name in the avro
// tag, or else the field's own, those of embedded and inlined structs among them.
func eachField(t reflect.Type, fn func(name string, fieldType reflect.Type)) {
	for i := range t.NumField() {
		field := t.Field(i)
		tag := field.Tag.Get("avro")
		name, options, _ := strings.Cut(tag, ",")
		inner := field.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		inlined := options == "inline" || field.Anonymous && name == ""
		switch {
		case tag == "-":
		case inlined && inner.Kind() == reflect.Struct:
			eachField(inner, fn)
		case !field.IsExported():
		case name != "":
			fn(name, field.Type)
		default:
			fn(field.Name, field.Type)
		}
	}
}
