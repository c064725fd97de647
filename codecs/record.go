package codecs

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"refold/codecs/avrotype"
	"refold/codecs/excerpt"
	"refold/codecs/protobuf"
)

// Type is a record type: a schema and the Go type of its values. Make it with [Record], [JSONRecord],
// [ProtobufRecord], or [RecordOf] for any format.
type Type struct{ *recordType }

// recordType is the content of a Type. Only its functions know the Go type.
type recordType struct {
	format Format // empty: Avro
	goType reflect.Type
	name   string // of the record; empty: the Go type's
	text   string // the schema as it was given, or made
	err    error  // why none could be made
	topics []string
	// Of Protobuf: the message's full name, the texts that the schema imports, and a check that the Go type
	// was generated from it.
	fullName string
	imports  map[string]string
	stale    func(*protobuf.Type) error
	// encode appends the data of a T or *T. own is how data of the type's own schema is read. The error may
	// leave dst longer.
	encode func(dst []byte, own *reading, v any) ([]byte, error)
	// decode returns a T and the bytes that were left over.
	decode func(r *reading, data []byte) (v any, rest []byte, err error)
	// upcast is that of a former version, nil of today's; becomes is the type of the one value that it always
	// returns, nil if that is not known.
	upcast  func(v any) []any
	becomes reflect.Type
	// downs are a former version's downcasts, each of another type.
	downs []downcast
	// upcoming: programs of the release before don't know the type.
	upcoming bool
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
		encode: func(dst []byte, own *reading, v any) ([]byte, error) {
			if p, is := v.(*T); is {
				if p == nil {
					return dst, fmt.Errorf("cannot encode a nil %T", p)
				}
				return own.avro.AppendEncode(dst, p)
			}
			value, is := v.(T)
			if !is {
				return dst, fmt.Errorf("cannot encode a %T as a %T", v, zero)
			}
			p, _ := encoded.Get().(*T)
			*p = value
			out, err := own.avro.AppendEncode(dst, p)
			encoded.Put(p)
			return out, err
		},
		decode: func(r *reading, data []byte) (any, []byte, error) {
			p, _ := decoded.Get().(*T)
			rest, err := r.avro.Decode(data, p)
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
	if t.err != nil {
		return nil, t.err
	}
	schema, err := t.schema()
	if err != nil {
		return nil, fmt.Errorf("schema of %v: %w", t.goType, err)
	}
	if err := t.describes(schema); err != nil {
		return nil, err
	}
	if err := t.fits(schema); err != nil {
		return nil, err
	}
	return schema, nil
}

// schema parses the type's text.
func (t *recordType) schema() (*Schema, error) {
	if t.format == Protobuf {
		file, err := ParseSchemaOf(Protobuf, t.text, t.imports)
		if err != nil {
			return nil, err
		}
		schema := file.Named(t.fullName)
		if schema == nil {
			return nil, fmt.Errorf("the .proto file has no message %s", t.fullName)
		}
		return schema, nil
	}
	if t.goType.Kind() != reflect.Struct || t.goType.Name() == "" {
		return nil, errors.New("the type must be a named struct")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(t.text)); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	return parseSchema(SchemaID{}, cmp.Or(t.format, Avro), compact.String(), nil)
}

// describes reports why a schema is not one of the type's record.
func (t *recordType) describes(schema *Schema) error {
	if n, is := schema.notation.(*avroNotation); is && n.typ().Kind != avrotype.Record {
		return fmt.Errorf("schema of %v: it describes a %s; must be a record", t.goType, n.typ().Kind)
	}
	if schema.Name == "" {
		return fmt.Errorf("schema of %v: it has no title, which is the record's full name", t.goType)
	}
	if bare := bareName(schema.Name); bare != t.bareName() {
		return fmt.Errorf("schema of %v: the record is named %s; must be %s, as the Go type",
			t.goType, bare, t.bareName())
	}
	return nil
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
func (t *recordType) fits(schema *Schema) error {
	switch n := schema.notation.(type) {
	case *avroNotation:
		if err := t.hasFields(n.typ()); err != nil {
			return err
		}
	case *protobufNotation:
		if err := t.stale(n.typ); err != nil {
			return err
		}
	}
	sample, err := schema.notation.sample()
	if err != nil {
		return fmt.Errorf("schema of %v: %w", t.goType, err)
	}
	own, err := schema.notation.read(schema.notation)
	if err != nil {
		return fmt.Errorf("schema of %v: %w", t.goType, err)
	}
	reading := own.with(Limits{JSONDepth: maxJSONDepth})
	value, _, err := t.decode(&reading, sample)
	if err != nil {
		return fmt.Errorf("%v cannot hold what its schema describes: %w", t.goType, err)
	}
	back, err := t.encode(nil, own, value)
	if err != nil {
		return fmt.Errorf("%v cannot be encoded by its schema: %w", t.goType, err)
	}
	if schema.Format == Avro && !bytes.Equal(sample, back) {
		return fmt.Errorf("%v loses what its schema describes: the bytes %s come back as %s",
			t.goType, excerpt.Of(hex.EncodeToString(sample), maxFoundBytes),
			excerpt.Of(hex.EncodeToString(back), maxFoundBytes))
	}
	return nil
}

// hasFields lists fields that only one of the Go type and its Avro schema has.
func (t *recordType) hasFields(s *avrotype.Type) error {
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
	return errors.Join(mistakes...)
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
