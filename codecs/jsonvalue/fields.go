package jsonvalue

import (
	"reflect"
	"slices"
	"strings"
	"sync"
)

// valueField is a field of a struct as encoding/json sees it.
type valueField struct {
	name                        string
	index                       []int
	omitEmpty, omitZero, quoted bool
	tagged                      bool
}

var fieldsOf sync.Map // a cache: []valueField by reflect.Type

// structFields returns the fields of a struct that JSON shows, in their order.
func structFields(t reflect.Type) []valueField {
	if known, is := fieldsOf.Load(t); is {
		return known.([]valueField)
	}
	all := collectFields(t, nil, map[reflect.Type]bool{})
	fields := slices.DeleteFunc(slices.Clone(all), func(f valueField) bool { return !dominates(f, all) })
	slices.SortFunc(fields, func(a, b valueField) int { return slices.Compare(a.index, b.index) })
	fieldsOf.Store(t, fields)
	return fields
}

// dominates reports whether a field is the one that JSON shows under its name: the least embedded one, or
// the only tagged one among several of that depth.
func dominates(f valueField, all []valueField) bool {
	for _, other := range all {
		if other.name != f.name || slices.Equal(other.index, f.index) {
			continue
		}
		if len(other.index) < len(f.index) ||
			len(other.index) == len(f.index) && (other.tagged || !f.tagged) {
			return false
		}
	}
	return true
}

func collectFields(t reflect.Type, index []int, above map[reflect.Type]bool) (fields []valueField) {
	if above[t] {
		return nil
	}
	above[t] = true
	defer delete(above, t)
	for i := range t.NumField() {
		field := t.Field(i)
		tag := field.Tag.Get("json")
		embedded := field.Type
		if embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		isStruct := field.Anonymous && embedded.Kind() == reflect.Struct
		if tag == "-" || !field.IsExported() && !isStruct {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		at := append(slices.Clone(index), i)
		if isStruct && name == "" {
			fields = append(fields, collectFields(embedded, at, above)...)
			continue
		}
		if !field.IsExported() {
			continue
		}
		fields = append(fields, newValueField(&field, name, options, at))
	}
	return fields
}

func newValueField(field *reflect.StructField, name, options string, index []int) valueField {
	f := valueField{name: name, index: index, tagged: name != ""}
	if name == "" {
		f.name = field.Name
	}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			f.omitEmpty = true
		case "omitzero":
			f.omitZero = true
		case "string":
			f.quoted = quotable(field.Type)
		}
	}
	return f
}

// quotable reports whether the option string has a meaning for a type.
func quotable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() >= reflect.Bool && t.Kind() <= reflect.Float64 || t.Kind() == reflect.String
}
