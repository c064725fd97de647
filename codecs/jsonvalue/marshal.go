package jsonvalue

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
)

// Errors of [Marshal].
var (
	// ErrNoJSON says that a value has no JSON: a time of a year that RFC 3339 can't write, a type that
	// encoding/json refuses, or an error of its own MarshalJSON.
	ErrNoJSON = errors.New("it has no JSON")
	// ErrTooLarge says that the JSON would exceed its limit.
	ErrTooLarge = errors.New("too large")
)

// maxDepth limits how deeply a value may be nested. A value that holds itself has no end.
const maxDepth = 1000

// Marshal writes a Go value as encoding/json does (without escaping HTML), with two differences. Numbers
// that JSON lacks become the strings of [NotFinite]: encoding/json fails, and the whole value is lost.
// And the JSON has at most limit bytes and 1,000 levels, so that a value that refers to itself ends.
//
// The error wraps [ErrTooLarge] or [ErrNoJSON]. A panic of the value's own methods is an ErrNoJSON.
func Marshal(v any, limit int) (text []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			text, err = nil, fmt.Errorf("%w: panic: %v", ErrNoJSON, p)
		}
	}()
	w := valueWriter{limit: limit}
	if err := w.write(reflect.ValueOf(v)); err != nil {
		return nil, err
	}
	return w.out, nil
}

type valueWriter struct {
	out   []byte
	limit int
	depth int
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	jsonNumber    = reflect.TypeFor[json.Number]()
)

func (w *valueWriter) write(v reflect.Value) error {
	if w.depth > maxDepth {
		return fmt.Errorf("%w: nested deeper than %d", ErrTooLarge, maxDepth)
	}
	w.depth++
	err := w.any(v)
	w.depth--
	if err == nil && len(w.out) > w.limit {
		return fmt.Errorf("%w: as JSON it has more than %d bytes", ErrTooLarge, w.limit)
	}
	return err
}

func (w *valueWriter) any(v reflect.Value) error {
	if !v.IsValid() {
		w.out = append(w.out, "null"...)
		return nil
	}
	if marshals(v, jsonMarshaler) {
		return w.marshaled(v, func(v any) ([]byte, error) {
			text, err := v.(json.Marshaler).MarshalJSON()
			if err != nil {
				return nil, err
			}
			var compact bytes.Buffer
			err = json.Compact(&compact, text)
			return compact.Bytes(), err
		})
	}
	if marshals(v, textMarshaler) {
		return w.marshaled(v, func(v any) ([]byte, error) {
			text, err := v.(encoding.TextMarshaler).MarshalText()
			return AppendString(nil, string(text)), err
		})
	}
	switch v.Kind() {
	case reflect.Bool:
		w.out = strconv.AppendBool(w.out, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		w.out = strconv.AppendInt(w.out, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		w.out = strconv.AppendUint(w.out, v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		return w.float(v)
	case reflect.String:
		return w.string(v)
	case reflect.Pointer, reflect.Interface:
		return w.write(v.Elem()) // of nil: null
	case reflect.Struct:
		return w.object(v)
	case reflect.Map:
		return w.mapping(v)
	case reflect.Slice, reflect.Array:
		return w.array(v)
	default:
		return fmt.Errorf("%w: a %v", ErrNoJSON, v.Type())
	}
	return nil
}

// marshals reports whether a value writes itself by a method of the interface, by the rules of
// encoding/json. The method of a nil pointer is not called.
func marshals(v reflect.Value, method reflect.Type) bool {
	t := v.Type()
	if t.Kind() == reflect.Interface {
		return false // the value in it may
	}
	return t.Implements(method) ||
		t.Kind() != reflect.Pointer && v.CanAddr() && reflect.PointerTo(t).Implements(method)
}

func (w *valueWriter) marshaled(v reflect.Value, marshal func(any) ([]byte, error)) error {
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil():
		w.out = append(w.out, "null"...)
		return nil
	case v.Kind() != reflect.Pointer && v.CanAddr():
		v = v.Addr()
	}
	if !v.CanInterface() {
		return fmt.Errorf("%w: a %v that is not exported", ErrNoJSON, v.Type())
	}
	text, err := marshal(v.Interface())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoJSON, err)
	}
	w.out = append(w.out, text...)
	return nil
}

func (w *valueWriter) float(v reflect.Value) error {
	f := v.Float()
	if f-f != 0 { // NaN or infinite
		w.out = AppendFloat(w.out, f, v.Type().Bits())
		return nil
	}
	text, err := json.Marshal(v.Interface()) // for its choice between 1e+21 and digits
	w.out = append(w.out, text...)
	return err //nolint:wrapcheck // a finite number can't fail
}

func (w *valueWriter) string(v reflect.Value) error {
	if v.Type() != jsonNumber {
		w.out = AppendString(w.out, v.String())
		return nil
	}
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoJSON, err)
	}
	w.out = append(w.out, text...)
	return nil
}

func (w *valueWriter) array(v reflect.Value) error {
	if v.Kind() == reflect.Slice {
		elem := v.Type().Elem()
		switch {
		case v.IsNil():
			w.out = append(w.out, "null"...)
			return nil
		case elem.Kind() == reflect.Uint8 && !reflect.PointerTo(elem).Implements(jsonMarshaler) &&
			!reflect.PointerTo(elem).Implements(textMarshaler):
			if base64.StdEncoding.EncodedLen(v.Len()) > w.limit {
				return fmt.Errorf("%w: %d bytes", ErrTooLarge, v.Len())
			}
			w.out = append(w.out, '"')
			w.out = base64.StdEncoding.AppendEncode(w.out, v.Bytes())
			w.out = append(w.out, '"')
			return nil
		}
	}
	w.out = append(w.out, '[')
	for i := range v.Len() {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if err := w.write(v.Index(i)); err != nil {
			return err
		}
	}
	w.out = append(w.out, ']')
	return nil
}

func (w *valueWriter) mapping(v reflect.Value) error {
	if v.IsNil() {
		w.out = append(w.out, "null"...)
		return nil
	}
	type entry struct {
		key   string
		value reflect.Value
	}
	entries := make([]entry, 0, v.Len())
	for i := v.MapRange(); i.Next(); {
		key, err := mapKey(i.Key())
		if err != nil {
			return err
		}
		entries = append(entries, entry{key, i.Value()})
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	w.out = append(w.out, '{')
	for i, e := range entries {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.out = append(AppendString(w.out, e.key), ':')
		if err := w.write(e.value); err != nil {
			return err
		}
	}
	w.out = append(w.out, '}')
	return nil
}

func mapKey(key reflect.Value) (string, error) {
	if key.Kind() == reflect.String {
		return key.String(), nil
	}
	if marshaler, is := key.Interface().(encoding.TextMarshaler); is {
		if key.Kind() == reflect.Pointer && key.IsNil() {
			return "", nil
		}
		text, err := marshaler.MarshalText()
		if err != nil {
			return "", fmt.Errorf("%w: a key: %w", ErrNoJSON, err)
		}
		return string(text), nil
	}
	switch {
	case key.CanInt():
		return strconv.FormatInt(key.Int(), 10), nil
	case key.CanUint():
		return strconv.FormatUint(key.Uint(), 10), nil
	}
	return "", fmt.Errorf("%w: keys that are a %v", ErrNoJSON, key.Type())
}

func (w *valueWriter) object(v reflect.Value) error {
	w.out = append(w.out, '{')
	first := true
	for _, field := range structFields(v.Type()) {
		value, has := fieldByIndex(v, field.index)
		if !has || field.omitEmpty && isEmpty(value) || field.omitZero && isZero(value) {
			continue
		}
		if !first {
			w.out = append(w.out, ',')
		}
		first = false
		w.out = append(AppendString(w.out, field.name), ':')
		start := len(w.out)
		if err := w.write(value); err != nil {
			return fmt.Errorf("%s: %w", field.name, err)
		}
		if field.quoted {
			w.quote(start, reflect.Indirect(value).Kind())
		}
	}
	w.out = append(w.out, '}')
	return nil
}

// quote turns the value that was written from start on into a string, for the option string.
func (w *valueWriter) quote(start int, kind reflect.Kind) {
	text := string(w.out[start:])
	switch {
	case text == "null", text[0] == '"' && kind != reflect.String:
	default:
		w.out = AppendString(w.out[:start], text)
	}
}

// fieldByIndex returns a field, which may be one of an embedded struct. It reports false for a field of an
// embedded nil pointer.
func fieldByIndex(v reflect.Value, index []int) (reflect.Value, bool) {
	for i, at := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(at)
	}
	return v, true
}

// isEmpty reports whether omitempty leaves a value out.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	default:
		return v.IsZero()
	}
}

// isZero reports whether omitzero leaves a value out.
func isZero(v reflect.Value) bool {
	type zeroer interface{ IsZero() bool }
	if z, is := v.Interface().(zeroer); is && (v.Kind() != reflect.Pointer || !v.IsNil()) {
		return z.IsZero()
	}
	if v.CanAddr() {
		if z, is := v.Addr().Interface().(zeroer); is {
			return z.IsZero()
		}
	}
	return v.IsZero()
}
