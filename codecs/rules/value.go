package rules

import (
	"fmt"
	"math"
	"reflect"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"refold/codecs/excerpt"
)

// object is a struct as a value of CEL.
type object struct {
	record *record
	value  reflect.Value
}

// field returns a field's value; null if a struct that it is inlined from is not there.
func (o *object) field(f *field) ref.Val {
	v := o.value
	for _, i := range f.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return types.NullValue
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return o.record.in.value(v)
}

// Get returns a field's value, where its type was not known before.
func (o *object) Get(index ref.Val) ref.Val {
	name, _ := index.(types.String)
	if f := o.record.fields[string(name)]; f != nil {
		return o.field(f)
	}
	return types.NewErr("no such field: %v", index.Value())
}

// IsSet reports whether a field is not null.
func (o *object) IsSet(index ref.Val) ref.Val {
	field := o.Get(index)
	if types.IsError(field) {
		return field
	}
	return types.Bool(field.Type() != types.NullType)
}

// ConvertToNative returns the struct.
func (o *object) ConvertToNative(t reflect.Type) (any, error) {
	if o.value.Type().AssignableTo(t) {
		return o.value.Interface(), nil
	}
	return nil, fmt.Errorf("a %s is no %v", o.record.name, t)
}

// ConvertToType returns the value as its own type, or the type.
func (o *object) ConvertToType(t ref.Type) ref.Val {
	switch t.TypeName() {
	case o.record.name:
		return o
	case types.TypeType.TypeName():
		return o.record.cel
	}
	return types.NewErr("type conversion error from '%s' to '%s'", o.record.name, t.TypeName())
}

// Equal compares all fields that CEL knows.
func (o *object) Equal(other ref.Val) ref.Val {
	p, is := other.(*object)
	if !is || p.record != o.record {
		return types.False
	}
	for _, name := range o.record.names {
		f := o.record.fields[name]
		if equal := o.field(f).Equal(p.field(f)); equal != types.True {
			return equal
		}
	}
	return types.True
}

// Type returns the record's type.
func (o *object) Type() ref.Type { return o.record.cel }

// Value returns the object itself: what reads its fields knows it.
func (o *object) Value() any { return o }

// value returns a Go value as CEL has it.
func (r *records) value(v reflect.Value) ref.Val {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return types.NullValue
		}
		v = v.Elem()
	}
	if !v.IsValid() { // nil in an any
		return types.NullValue
	}
	switch v.Type() {
	case timeType:
		t, _ := reflect.TypeAssert[time.Time](v)
		return types.Timestamp{Time: t}
	case durationType:
		return types.Duration{Duration: time.Duration(v.Int())}
	case timestampMessage:
		at := time.Unix(v.FieldByName(seconds).Int(), v.FieldByName(nanos).Int())
		return types.Timestamp{Time: at.UTC()}
	case durationMessage:
		return durationOf(v.FieldByName(seconds).Int(), v.FieldByName(nanos).Int())
	}
	switch v.Kind() {
	case reflect.Bool:
		return types.Bool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return types.Int(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.Uint() > math.MaxInt64 {
			return types.NewErr("%d is beyond the integers of 64 bits", v.Uint())
		}
		return types.Int(v.Uint())
	case reflect.Float32, reflect.Float64:
		return types.Double(v.Float())
	case reflect.String:
		return types.String(v.String())
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return bytesOf(v)
		}
		return types.NewDynamicList(r, v.Interface())
	case reflect.Map:
		return types.NewDynamicMap(r, v.Interface())
	case reflect.Struct:
		if rec := r.byType[v.Type()]; rec != nil {
			return &object{rec, v}
		}
	default:
	}
	return types.NewErr("a %v has no type in CEL", v.Type())
}

// The fields of Protobuf's messages for times and durations.
const (
	seconds = "Seconds"
	nanos   = "Nanos"
)

func durationOf(s, n int64) ref.Val {
	if d := time.Duration(s) * time.Second; d/time.Second == time.Duration(s) && n > -1e9 && n < 1e9 {
		return types.Duration{Duration: d + time.Duration(n)}
	}
	return types.NewErr("a duration of %d s is beyond 292 years", s)
}

func bytesOf(v reflect.Value) types.Bytes {
	if v.Kind() == reflect.Slice {
		return v.Bytes()
	}
	b := make([]byte, v.Len())
	reflect.Copy(reflect.ValueOf(b), v)
	return b
}

// native returns a value of CEL as a Go value of a type.
func (r *records) native(value ref.Val, t reflect.Type) (reflect.Value, error) {
	made := reflect.New(t).Elem()
	wrong := func() (reflect.Value, error) {
		return made, fmt.Errorf("%v is no %v", shown(value), t)
	}
	if t.Kind() == reflect.Pointer {
		if value.Type() == types.NullType {
			return made, nil
		}
		inner, err := r.native(value, t.Elem())
		if err == nil {
			made.Set(reflect.New(t.Elem()))
			made.Elem().Set(inner)
		}
		return made, err
	}
	switch v := value.(type) {
	case *object:
		if v.value.Type() != t {
			return wrong()
		}
		return v.value, nil
	case types.Timestamp:
		switch t {
		case timeType:
			return reflect.ValueOf(v.Time), nil
		case timestampMessage:
			made.FieldByName(seconds).SetInt(v.Unix())
			made.FieldByName(nanos).SetInt(int64(v.Nanosecond()))
			return made, nil
		}
		return wrong()
	case types.Duration:
		switch t {
		case durationType:
			return reflect.ValueOf(v.Duration), nil
		case durationMessage:
			made.FieldByName(seconds).SetInt(int64(v.Duration / time.Second))
			made.FieldByName(nanos).SetInt(int64(v.Duration % time.Second))
			return made, nil
		}
		return wrong()
	case traits.Lister:
		return r.list(v, made)
	case traits.Mapper:
		return r.mapping(v, made)
	}
	if !setScalar(made, value) {
		return wrong()
	}
	return made, nil
}

// setScalar sets a Go value to a scalar of CEL, and reports whether it fits.
func setScalar(into reflect.Value, value ref.Val) bool {
	kind := into.Kind()
	switch v := value.(type) {
	case types.Bool:
		if kind == reflect.Bool {
			into.SetBool(bool(v))
			return true
		}
	case types.Int:
		switch {
		case into.Type() == durationType:
		case into.CanInt() && !into.OverflowInt(int64(v)):
			into.SetInt(int64(v))
			return true
		case into.CanUint() && v >= 0 && !into.OverflowUint(uint64(v)):
			into.SetUint(uint64(v))
			return true
		}
	case types.Double:
		if into.CanFloat() && !into.OverflowFloat(float64(v)) {
			into.SetFloat(float64(v))
			return true
		}
	case types.String:
		if kind == reflect.String {
			into.SetString(string(v))
			return true
		}
	case types.Bytes:
		return setBytes(into, v)
	}
	return false
}

func setBytes(into reflect.Value, b []byte) bool {
	if kind := into.Kind(); kind != reflect.Slice && kind != reflect.Array ||
		into.Type().Elem().Kind() != reflect.Uint8 {
		return false
	}
	if into.Kind() == reflect.Slice {
		into.SetBytes(append([]byte{}, b...))
		return true
	}
	if len(b) != into.Len() {
		return false
	}
	reflect.Copy(into, reflect.ValueOf(b))
	return true
}

// list fills a slice or an array.
func (r *records) list(from traits.Lister, made reflect.Value) (reflect.Value, error) {
	size, _ := from.Size().(types.Int)
	switch {
	case made.Kind() == reflect.Slice:
		made.Set(reflect.MakeSlice(made.Type(), int(size), int(size)))
	case made.Kind() != reflect.Array || made.Len() != int(size):
		return made, fmt.Errorf("a list of %d is no %v", size, made.Type())
	}
	for i := range int(size) {
		item, err := r.native(from.Get(types.Int(i)), made.Type().Elem())
		if err != nil {
			return made, fmt.Errorf("[%d]: %w", i, err)
		}
		made.Index(i).Set(item)
	}
	return made, nil
}

// mapping fills a map with texts as keys.
func (r *records) mapping(from traits.Mapper, made reflect.Value) (reflect.Value, error) {
	if made.Kind() != reflect.Map {
		return made, fmt.Errorf("a map is no %v", made.Type())
	}
	made.Set(reflect.MakeMap(made.Type()))
	for it := from.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, err := r.native(key, made.Type().Key())
		if err != nil {
			return made, err
		}
		item, err := r.native(from.Get(key), made.Type().Elem())
		if err != nil {
			return made, fmt.Errorf("%s: %w", shown(key), err)
		}
		made.SetMapIndex(name, item)
	}
	return made, nil
}

// maxShownBytes limits how much of a text a message repeats.
const maxShownBytes = 120

// shown is a value in a message.
func shown(v ref.Val) string {
	switch v := v.(type) {
	case types.Null:
		return "null"
	case types.Int, types.Uint, types.Double, types.Bool:
		return fmt.Sprint(v.Value())
	case types.Timestamp:
		return v.Format(time.RFC3339Nano)
	case types.Duration:
		return v.Duration.String()
	case types.String:
		return excerpt.Quoted(string(v), maxShownBytes)
	}
	if sized, is := v.(traits.Sizer); is {
		return fmt.Sprintf("%s of %v", v.Type().TypeName(), sized.Size())
	}
	return v.Type().TypeName()
}
