package codecs

import (
	"reflect"
	"strings"

	"refold/codecs/avrotype"
)

// eachStruct calls fn for each record of a schema that is a Go struct, once for each pair.
func eachStruct(s *avrotype.Type, t reflect.Type, fn func(record *avrotype.Type, goType reflect.Type)) {
	structWalk{fn: fn, seen: map[structPair]bool{}}.walk(s, t)
}

type structPair struct {
	avro   *avrotype.Type
	goType reflect.Type
}

type structWalk struct {
	fn   func(record *avrotype.Type, goType reflect.Type)
	seen map[structPair]bool // for recursive types
}

func (w structWalk) walk(s *avrotype.Type, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if w.seen[structPair{s, t}] {
		return
	}
	w.seen[structPair{s, t}] = true
	for _, branch := range s.Branches {
		w.walk(branch, t)
	}
	switch k := t.Kind(); {
	case s.Items != nil && (k == reflect.Slice || k == reflect.Array || k == reflect.Map):
		w.walk(s.Items, t.Elem())
	case s.Kind == avrotype.Record && k == reflect.Struct: // or a map
		w.fn(s, t)
		eachField(t, func(name string, fieldType reflect.Type) {
			if i, has := s.Field(name); has {
				w.walk(s.Fields[i].Type, fieldType)
			}
		})
	}
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
