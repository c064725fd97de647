package protobuf

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"refold/codecs/avrotype"
	"refold/codecs/excerpt"
	"refold/codecs/jsonvalue"
)

// maxFoundBytes limits foreign texts in errors and mistakes.
const maxFoundBytes = 60

// ToJSON returns data of the message as ProtoJSON of at most limit bytes, as [protojson] has it: fields by
// their JSON names in the order of their declaration, without those that have no value; 64-bit integers as
// strings, enums by name, bytes in base64. The keys of maps are sorted, and no space is written, so that
// equal values give equal texts. Unknown fields and extensions are left out.
//
// The error wraps [avrotype.ErrTooLarge], or says what is wrong with the data and at which field. Memory is
// limited to about 16 times limit.
//
// [protojson]: https://protobuf.dev/programming-guides/json/
func (t *Type) ToJSON(data []byte, limit int) (text []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			text, err = nil, fmt.Errorf("panic in the Protobuf library: %v", p)
		}
	}()
	if err := checkGrowth(t.desc, data, limit); err != nil {
		return nil, err
	}
	m, err := decode(t.desc, data)
	if err != nil {
		return nil, err
	}
	w := &writer{file: t.file, limit: limit}
	if err := w.message(m, 0); err != nil {
		if w.field != "" {
			return nil, fmt.Errorf("at the field %s: %w", excerpt.Of(w.field, maxFoundBytes), err)
		}
		return nil, err
	}
	return w.out, nil
}

// decode reads data without unknown fields.
func decode(desc protoreflect.MessageDescriptor, data []byte) (protoreflect.Message, error) {
	m := dynamicpb.NewMessage(desc)
	options := proto.UnmarshalOptions{
		DiscardUnknown: true, Resolver: (*protoregistry.Types)(nil), RecursionLimit: avrotype.MaxDepth,
	}
	if err := options.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("decode a %s: %w", desc.FullName(), err)
	}
	return m, nil
}

type writer struct {
	file  *File
	out   []byte
	limit int    // of out, in bytes
	field string // the last field that was begun, for errors
}

// full reports that there is no more room. It is asked after each value, so that out exceeds its limit by one
// at most.
func (w *writer) full() error {
	if len(w.out) > w.limit {
		return fmt.Errorf("%w: as JSON it has more than %d bytes", avrotype.ErrTooLarge, w.limit)
	}
	return nil
}

func (w *writer) message(m protoreflect.Message, depth int) error {
	if depth > avrotype.MaxDepth {
		return avrotype.ErrTooDeep
	}
	if special, err := w.wellKnown(m, depth); special || err != nil {
		return cmp.Or(err, w.full())
	}
	w.out = append(w.out, '{')
	if err := w.fields(m, depth); err != nil {
		return err
	}
	w.out = append(w.out, '}')
	return w.full()
}

func (w *writer) fields(m protoreflect.Message, depth int) error {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if !m.Has(f) {
			continue
		}
		w.field = string(f.Name())
		if w.out[len(w.out)-1] != '{' {
			w.out = append(w.out, ',')
		}
		w.out = append(jsonvalue.AppendString(w.out, f.JSONName()), ':')
		if err := w.value(f, m.Get(f), depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) value(f protoreflect.FieldDescriptor, v protoreflect.Value, depth int) error {
	switch {
	case f.IsList():
		return w.list(f, v.List(), depth)
	case f.IsMap():
		return w.mapping(f, v.Map(), depth)
	}
	return w.single(f, v, depth)
}

func (w *writer) list(f protoreflect.FieldDescriptor, list protoreflect.List, depth int) error {
	w.out = append(w.out, '[')
	for i := range list.Len() {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if err := w.single(f, list.Get(i), depth); err != nil {
			return err
		}
	}
	w.out = append(w.out, ']')
	return nil
}

func (w *writer) mapping(f protoreflect.FieldDescriptor, m protoreflect.Map, depth int) error {
	keys := make([]protoreflect.MapKey, 0, m.Len())
	m.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k)
		return true
	})
	slices.SortFunc(keys, func(a, b protoreflect.MapKey) int { return compareKeys(f.MapKey().Kind(), a, b) })
	w.out = append(w.out, '{')
	for i, key := range keys {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.out = append(jsonvalue.AppendString(w.out, key.String()), ':')
		if err := w.single(f.MapValue(), m.Get(key), depth); err != nil {
			return err
		}
	}
	w.out = append(w.out, '}')
	return nil
}

func compareKeys(kind protoreflect.Kind, a, b protoreflect.MapKey) int {
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind,
		protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return cmp.Compare(a.Int(), b.Int())
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return cmp.Compare(a.Uint(), b.Uint())
	default:
		return cmp.Compare(a.String(), b.String()) // "false" stands before "true", too
	}
}

// single writes a value of a field, or an item of its list or map.
func (w *writer) single(f protoreflect.FieldDescriptor, v protoreflect.Value, depth int) error {
	quoted := func(digits []byte) []byte { return append(append(append(w.out, '"'), digits...), '"') }
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return w.message(v.Message(), depth+1)
	case protoreflect.BoolKind:
		w.out = strconv.AppendBool(w.out, v.Bool())
	case protoreflect.EnumKind:
		w.enum(f.Enum(), v.Enum())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		w.out = strconv.AppendInt(w.out, v.Int(), 10)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		w.out = quoted(strconv.AppendInt(nil, v.Int(), 10))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		w.out = strconv.AppendUint(w.out, v.Uint(), 10)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		w.out = quoted(strconv.AppendUint(nil, v.Uint(), 10))
	case protoreflect.FloatKind:
		w.out = jsonvalue.AppendFloat(w.out, v.Float(), 32)
	case protoreflect.DoubleKind:
		w.out = jsonvalue.AppendFloat(w.out, v.Float(), 64)
	case protoreflect.StringKind:
		w.out = jsonvalue.AppendString(w.out, v.String())
	case protoreflect.BytesKind:
		w.out = append(w.out, '"')
		w.out = append(base64.StdEncoding.AppendEncode(w.out, v.Bytes()), '"')
	default:
		return errors.New("a field of no known kind")
	}
	return w.full()
}

func (w *writer) enum(e protoreflect.EnumDescriptor, n protoreflect.EnumNumber) {
	known := e.Values().ByNumber(n)
	switch {
	case standardName(e) == nullName:
		w.out = append(w.out, "null"...)
	case known == nil:
		w.out = strconv.AppendInt(w.out, int64(n), 10)
	default:
		w.out = jsonvalue.AppendString(w.out, string(known.Name()))
	}
}
