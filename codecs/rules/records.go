package rules

import (
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"refold/codecs/expr"
)

// records are the Go structs that expressions know. They are CEL's type provider and adapter: values are read
// by reflection where an expression names them, and nothing is converted beforehand.
type records struct {
	*types.Registry

	byType map[reflect.Type]*record
	byName map[string]*record
}

// record is a struct as a type of CEL.
type record struct {
	in     *records
	goType reflect.Type
	name   string
	cel    *types.Type
	fields map[string]*field
	names  []string // in the order of the struct
	// beyond are fields, by name, of which expressions know nothing.
	beyond map[string]reflect.Type
}

// field is a field of a record.
type field struct {
	index    []int
	goType   reflect.Type
	nullable bool
	cel      *types.FieldType
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	decimalType  = reflect.TypeFor[big.Rat]()

	timestampMessage = reflect.TypeFor[timestamppb.Timestamp]()
	durationMessage  = reflect.TypeFor[durationpb.Duration]()
)

// newRecords returns CEL's environment with the structs, and those that are inside them. The first one is the
// variable message.
func newRecords(structs ...reflect.Type) (*records, *cel.Env, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, nil, fmt.Errorf("prepare CEL: %w", err)
	}
	r := &records{
		Registry: registry, byType: map[reflect.Type]*record{}, byName: map[string]*record{},
	}
	for _, t := range structs {
		if t.Kind() != reflect.Struct {
			return nil, nil, fmt.Errorf("%v is no struct", t)
		}
		r.add(t)
	}
	env, err := expr.NewEnv(
		cel.CustomTypeAdapter(r), cel.CustomTypeProvider(r), ext.Strings(ext.StringsVersion(stringsVersion)),
		cel.Variable(messageName, r.byType[structs[0]].cel),
	)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // it says what
	}
	return r, env, nil
}

const (
	// messageName is the variable that is the record.
	messageName = "message"
	// stringsVersion pins the functions on texts beyond the standard ones, such as substring, split and
	// replace.
	stringsVersion = 4
)

// add adds a struct. It is known before its fields are: a type may hold itself.
func (r *records) add(t reflect.Type) *record {
	if known := r.byType[t]; known != nil {
		return known
	}
	name := t.Name()
	for n := 2; name == "" || r.byName[name] != nil; n++ {
		name = fmt.Sprintf("%s%d", t.Name(), n)
	}
	rec := &record{
		in: r, goType: t, name: name, cel: types.NewObjectType(name), fields: map[string]*field{},
		beyond: map[string]reflect.Type{},
	}
	r.byType[t], r.byName[name] = rec, rec
	rec.addFields(t, tagOf(t), nil)
	return rec
}

// addFields adds the fields of a struct under the names that the schema has for them: as twmb/avro sees them,
// or encoding/json, or in a message of Protobuf. Those of embedded and inlined structs are among them.
func (rec *record) addFields(t reflect.Type, tag string, at []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clip(at), i)
		name, options, _ := strings.Cut(f.Tag.Get(tag), ",")
		if tag == tagProtobuf {
			if name = protobufName(options); name == "" {
				continue // what the message keeps for itself
			}
		}
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		inlined := options == "inline" || f.Anonymous && name == ""
		switch {
		case name == "-" && options == "":
		case inlined && inner.Kind() == reflect.Struct:
			rec.addFields(inner, tag, index)
		case !f.IsExported():
		case name != "":
			rec.addField(name, index, f.Type)
		default:
			rec.addField(f.Name, index, f.Type)
		}
	}
}

// The tags that name fields.
const (
	tagAvro     = "avro"
	tagProtobuf = "protobuf"
	tagJSON     = "json"
)

// tagOf returns the tag that names the fields of a struct: the first one of these that any field has.
func tagOf(t reflect.Type) string {
	for _, tag := range []string{tagAvro, tagProtobuf, tagJSON} {
		for _, f := range reflect.VisibleFields(t) {
			if _, has := f.Tag.Lookup(tag); has {
				return tag
			}
		}
	}
	return tagAvro
}

// protobufName returns the name of a field in the .proto file, from the options of its tag.
func protobufName(options string) string {
	for option := range strings.SplitSeq(options, ",") {
		if name, is := strings.CutPrefix(option, "name="); is {
			return name
		}
	}
	return ""
}

func (rec *record) addField(name string, index []int, t reflect.Type) {
	celType := rec.in.typeOf(t)
	if celType == nil {
		rec.beyond[name] = t
		return
	}
	kind := t.Kind()
	f := &field{index: index, goType: t, nullable: kind == reflect.Pointer || kind == reflect.Interface}
	f.cel = &types.FieldType{
		Type: celType,
		IsSet: func(target any) bool {
			o, is := target.(*object)
			return is && o.field(f).Type() != types.NullType
		},
		GetFrom: func(target any) (any, error) {
			o, is := target.(*object)
			if !is {
				return nil, fmt.Errorf("null has no field %s", name)
			}
			return o.field(f), nil
		},
	}
	rec.fields[name] = f
	rec.names = append(rec.names, name)
}

// typeOf returns CEL's type of a Go type; nil if it has none.
func (r *records) typeOf(t reflect.Type) *types.Type {
	switch t {
	case timeType, timestampMessage:
		return types.TimestampType
	case durationType, durationMessage:
		return types.DurationType
	case decimalType:
		return nil // a double would be another number
	}
	switch t.Kind() {
	case reflect.Bool:
		return types.BoolType
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return types.IntType
	case reflect.Float32, reflect.Float64:
		return types.DoubleType
	case reflect.String:
		return types.StringType
	case reflect.Interface:
		return types.DynType
	case reflect.Pointer:
		return r.nullable(t.Elem())
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return types.BytesType
		}
		if items := r.typeOf(t.Elem()); items != nil {
			return types.NewListType(items)
		}
	case reflect.Map:
		if values := r.typeOf(t.Elem()); values != nil && t.Key().Kind() == reflect.String {
			return types.NewMapType(types.StringType, values)
		}
	case reflect.Struct:
		return r.add(t).cel
	default:
	}
	return nil
}

// nullable returns the type of a pointer to a Go type.
func (r *records) nullable(t reflect.Type) *types.Type {
	inner := r.typeOf(t)
	if inner == nil {
		return nil
	}
	switch inner.Kind() {
	case types.BoolKind, types.BytesKind, types.DoubleKind, types.IntKind, types.StringKind:
		return types.NewNullableType(inner)
	case types.ListKind, types.MapKind:
		return types.DynType // CEL knows no list or null
	default: // records and times may be null as they are
		return inner
	}
}
