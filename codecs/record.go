package codecs

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/twmb/avro"

	"refold/codecs/avrotype"
	"refold/codecs/excerpt"
)

// Type is a record type: an Avro schema and the Go struct of its values. Make it with [Record].
type Type struct{ *recordType }

// recordType is the content of a Type. Only its functions know the Go type.
type recordType struct {
	goType reflect.Type
	name   string // of the record; empty: the Go type's
	text   string // the schema as it was given, or made
	err    error  // why none could be made
	topics []string
	// encode appends a T or *T. The error may leave dst longer.
	encode func(dst []byte, schema *avro.Schema, v any) ([]byte, error)
	// decode returns a T and the bytes that were left over.
	decode func(schema *avro.Schema, data []byte) (v any, rest []byte, err error)
	// upcast is that of a former version, nil of today's; becomes is the type of the one value that it always
	// returns, nil if that is not known.
	upcast  func(v any) []any
	becomes reflect.Type
}

// Record returns the record type of a Go struct T and its Avro schema. The struct's fields carry
// the names of the schema's fields in `avro` tags, and T's bare name is the record's. [NewSet] reports
// what does not fit.
func Record[T any](schema string) Type {
	// Values are encoded from and decoded into pooled memory: twmb/avro is fast with an addressable struct,
	// and the only allocation left is the conversion to any.
	fresh := func() any { return new(T) }
	encoded, decoded := sync.Pool{New: fresh}, sync.Pool{New: fresh}
	var zero T
	return Type{&recordType{
		goType: reflect.TypeFor[T](),
		text:   schema,
		encode: func(dst []byte, schema *avro.Schema, v any) ([]byte, error) {
			if p, is := v.(*T); is {
				if p == nil {
					return dst, fmt.Errorf("cannot encode a nil %T", p)
				}
				return schema.AppendEncode(dst, p)
			}
			value, is := v.(T)
			if !is {
				return dst, fmt.Errorf("cannot encode a %T as a %T", v, zero)
			}
			p, _ := encoded.Get().(*T)
			*p = value
			out, err := schema.AppendEncode(dst, p)
			encoded.Put(p)
			return out, err
		},
		decode: func(schema *avro.Schema, data []byte) (any, []byte, error) {
			p, _ := decoded.Get().(*T)
			rest, err := schema.Decode(data, p)
			value := any(*p)
			*p = zero // or the next one decoded would share this one's slices and maps
			decoded.Put(p)
			if err != nil {
				return nil, nil, err
			}
			return value, rest, nil
		},
	}}
}

// parse returns the type's schema. The error lists every mistake in the type.
func (t *recordType) parse() (*Schema, error) {
	if t == nil {
		return nil, errors.New("a record type is empty; make it with codecs.Record")
	}
	if t.goType.Kind() != reflect.Struct || t.goType.Name() == "" {
		return nil, fmt.Errorf("codecs.Record[%v]: the type must be a named struct", t.goType)
	}
	if t.err != nil {
		return nil, t.err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(t.text)); err != nil {
		return nil, fmt.Errorf("schema of %v: it is not JSON: %w", t.goType, err)
	}
	schema, err := parseSchema(SchemaID{}, compact.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("schema of %v: %w", t.goType, err)
	}
	s := schema.typ()
	if s.Kind != avrotype.Record {
		return nil, fmt.Errorf("schema of %v: it describes a %s; must be a record",
			t.goType, s.Kind)
	}
	if bare := bareName(schema.Name); bare != t.bareName() {
		return nil, fmt.Errorf("schema of %v: the record is named %s; must be %s, as the Go type",
			t.goType, bare, t.bareName())
	}
	if err := t.fits(schema.avro, s); err != nil {
		return nil, err
	}
	return schema, nil
}

// bareName is that of the record.
func (t *recordType) bareName() string {
	if t.name != "" {
		return t.name
	}
	return t.goType.Name()
}

// fits finds mistakes that would otherwise show with the first record, or never: fields that only one side
// has, and Go types that cannot hold the values of the schema.
func (t *recordType) fits(schema *avro.Schema, s *avrotype.Type) error {
	var mistakes []error
	eachStruct(s, t.goType, func(record *avrotype.Type, goType reflect.Type) {
		wrong := func(format string, args ...any) {
			mistakes = append(mistakes, fmt.Errorf(format, args...))
		}
		names := map[string]bool{}
		eachField(goType, func(name string, _ reflect.Type) {
			names[name] = true
			if _, has := record.Field(name); !has {
				wrong("%v has the field %s, but the record %s has not: it would be lost",
					goType, name, record.Name)
			}
		})
		for _, field := range record.Fields {
			if !names[field.Name] {
				wrong("the record %s has the field %s, but %v has not",
					record.Name, field.Name, goType)
			}
		}
	})
	if len(mistakes) > 0 {
		return errors.Join(mistakes...)
	}
	sample := s.AppendSample(nil)
	value, _, err := t.decode(schema, sample)
	if err != nil {
		return fmt.Errorf("%v cannot hold what its schema describes: %w", t.goType, err)
	}
	back, err := t.encode(nil, schema, value)
	if err != nil {
		return fmt.Errorf("%v cannot be encoded by its schema: %w", t.goType, err)
	}
	if !bytes.Equal(sample, back) {
		return fmt.Errorf("%v loses what its schema describes: the bytes %s come back as %s",
			t.goType, excerpt.Of(hex.EncodeToString(sample), maxFoundBytes),
			excerpt.Of(hex.EncodeToString(back), maxFoundBytes))
	}
	return nil
}

// bareName returns a full name without its namespace.
func bareName(full string) string {
	for i := len(full) - 1; i >= 0; i-- {
		if full[i] == '.' {
			return full[i+1:]
		}
	}
	return full
}
