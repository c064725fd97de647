package rules

import (
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// FindIdent returns the type of a record as a value, to compare types.
func (r *records) FindIdent(name string) (ref.Val, bool) {
	if rec := r.byName[name]; rec != nil {
		return rec.cel, true
	}
	return r.Registry.FindIdent(name)
}

// FindStructType returns the type of a record.
func (r *records) FindStructType(name string) (*types.Type, bool) {
	if rec := r.byName[name]; rec != nil {
		return types.NewTypeTypeWithParam(rec.cel), true
	}
	return r.Registry.FindStructType(name)
}

// FindStructFieldNames returns the names of a record's fields.
func (r *records) FindStructFieldNames(name string) ([]string, bool) {
	if rec := r.byName[name]; rec != nil {
		return rec.names, true
	}
	return r.Registry.FindStructFieldNames(name)
}

// FindStructFieldType returns the type of a record's field, and how it is read.
func (r *records) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	rec := r.byName[name]
	if rec == nil {
		return r.Registry.FindStructFieldType(name, field)
	}
	f := rec.fields[field]
	if f == nil {
		return nil, false
	}
	return f.cel, true
}

// NewValue makes a record of the values of its fields.
func (r *records) NewValue(name string, fields map[string]ref.Val) ref.Val {
	rec := r.byName[name]
	if rec == nil {
		return r.Registry.NewValue(name, fields)
	}
	made := reflect.New(rec.goType).Elem()
	for fieldName, value := range fields {
		f := rec.fields[fieldName]
		if f == nil {
			return types.NewErr("%s has no field %s", name, fieldName)
		}
		v, err := r.native(value, f.goType)
		if err != nil {
			return types.NewErr("the field %s of %s: %w", fieldName, name, err)
		}
		settable(made, f.index).Set(v)
	}
	return &object{rec, made}
}

// settable returns a field of a struct. Structs on the way that are inlined by a pointer are made.
func settable(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

// NativeToValue returns a Go value as CEL has it.
func (r *records) NativeToValue(v any) ref.Val {
	if v, is := v.(ref.Val); is {
		return v
	}
	return r.value(reflect.ValueOf(v))
}
