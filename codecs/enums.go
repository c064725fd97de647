package codecs

import (
	"reflect"

	"github.com/twmb/avro"

	"refold/codecs/avrotype"
)

// symbolic is a Go string type whose values are the symbols of an enum.
type symbolic interface {
	// AvroSymbols returns the symbols in their order, and the enum's default: the symbol that a reader takes
	// for one that it doesn't know.
	AvroSymbols() (symbols []string, unknown string)
}

// enumsOf returns the enums of a struct and of those inside it, as avro.SchemaFor takes them: for itself, it
// makes a string of every Go string.
func enumsOf(t reflect.Type, namespace string) []avro.SchemaOpt {
	var enums []avro.SchemaOpt
	seen := map[reflect.Type]bool{}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		if seen[t] {
			return
		}
		seen[t] = true
		switch t.Kind() { //nolint:exhaustive // the others have no types inside
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			walk(t.Elem())
		case reflect.Struct:
			for i := range t.NumField() {
				walk(t.Field(i).Type)
			}
		case reflect.String:
			if s, is := reflect.Zero(t).Interface().(symbolic); is {
				enums = append(enums, enumOf(t, s, namespace))
			}
		}
	}
	walk(t)
	return enums
}

func enumOf(t reflect.Type, s symbolic, namespace string) avro.SchemaOpt {
	node := avro.SchemaNode{Type: avrotype.Enum, Name: t.Name(), Namespace: namespace}
	if n, is := s.(named); is {
		node.Name = n.AvroName()
	}
	node.Symbols, node.EnumDefault = s.AvroSymbols()
	node.HasEnumDefault = node.EnumDefault != ""
	if d, is := s.(documented); is {
		node.Doc = d.AvroDoc()
	}
	return avro.CustomType{GoType: t, Schema: &node}
}
