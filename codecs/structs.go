package codecs

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"strings"

	"github.com/twmb/avro"

	"refold/codecs/avrotype"
)

// StructOptions say what a Go struct does not say of its record.
type StructOptions struct {
	// Format is what records are written in; Avro if it is empty.
	Format Format
	// Protos has the files of [ProtobufRecord].
	Protos fs.FS
	// Namespace is the record's, such as "refold.accounts".
	Namespace string
	// Name is the record's bare name; that of the Go type, if it is empty.
	Name string
	// Doc is the record's documentation.
	Doc string
	// Defaults gives every field without a default, those of records inside this one included, the zero
	// value of its type as its default: so later versions may add fields, and leave some out. Avro only.
	Defaults bool
	// Revision, if it is not 0, is noted in the schema. Versions of one revision must have the same fields:
	// see [Set.CheckVersions].
	Revision int
	// Properties are noted in the schema that is made of a struct, beside the record's own members, such as
	// "rules": what they say travels with the schema. Values are those of JSON. They change no field:
	// versions that differ in them alone are read as one.
	Properties map[string]any
	// Docs are texts for fields, by Avro name, that have no tag of their own.
	Docs map[string]string
}

// RecordOf returns the record type of a Go struct T, whose schema is made from T itself. Fields are
// named by their `avro` tags, which may also give a default or a logical type: see avro.SchemaFor in
// github.com/twmb/avro. A `doc` tag becomes the field's documentation. What is wrong with T is reported by
// [NewSet].
//
// A struct inside another one may have the methods AvroDoc() string and AvroName() string: the record's
// name, if it is not the Go type's, as in a former version. A string type with a method
// AvroSymbols() (symbols []string, unknown string) is an enum, and may have these methods, too. unknown is
// its default, empty for none. The empty string is no symbol, and is not encoded.
//
// With the format JSONSchema, the record is as [JSONRecord] has it, and its schema is made by the `json`
// tags, and by those of package jsonschema: a `doc` tag is one of them. With the format Protobuf, it is as
// [ProtobufRecord] has it: T is a generated message, whose .proto file says what the options say otherwise.
func RecordOf[T any](o StructOptions) Type {
	switch o.Format {
	case JSONSchema:
		return jsonRecordOf[T](o)
	case Protobuf:
		return protobufRecordOf[T](o.Protos).named(o)
	case Avro:
	}
	t := Record[T]("")
	t.name = o.Name
	t.text, t.err = structSchema[T](o)
	return t
}

// revisionProperty is the property of a record's schema that has StructOptions.Revision.
const revisionProperty = "revision"

func structSchema[T any](o StructOptions) (text string, err error) {
	goType := reflect.TypeFor[T]()
	if o.Name == "" {
		o.Name = goType.Name()
	}
	schema, err := avro.SchemaFor[T](append(enumsOf(goType, o.Namespace),
		avro.WithNamespace(o.Namespace), avro.WithName(o.Name))...)
	if err != nil {
		return "", fmt.Errorf("make a schema of %v: %w", goType, err)
	}
	root := schema.Root().ExpandReferences() // so that each use of a type can be documented, and defaulted
	document(root, goType)
	root.Name, root.Doc = o.Name, o.Doc
	root.Props = maps.Clone(o.Properties)
	if o.Revision != 0 {
		if root.Props == nil {
			root.Props = map[string]any{}
		}
		root.Props[revisionProperty] = o.Revision
	}
	for i := range root.Fields {
		f := &root.Fields[i]
		if text := o.Docs[f.Name]; text != "" && f.Doc == "" {
			f.Doc = text
		}
	}
	if o.Defaults {
		if err := addDefaults(root, 0); err != nil {
			return "", fmt.Errorf("make a schema of %v: %w", goType, err)
		}
	}
	if schema, err = root.Schema(); err != nil {
		return "", fmt.Errorf("make a schema of %v: %w", goType, err)
	}
	return orderedSchema(schema.String())
}

// documented is a struct inside another one whose record has a documentation.
type documented interface{ AvroDoc() string }

// named is a struct inside another one, or an enum, whose name is not that of the Go type.
type named interface{ AvroName() string }

// document copies the names and the `doc` tags of a Go type, and of those below it, into a schema.
func document(node *avro.SchemaNode, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case node.Type == avrotype.Record && t.Kind() == reflect.Struct:
		if d, is := reflect.Zero(t).Interface().(documented); is {
			node.Doc = d.AvroDoc()
		}
		if n, is := reflect.Zero(t).Interface().(named); is {
			node.Name = n.AvroName()
		}
		docs, types := structDocs(t, map[string]string{}, map[string]reflect.Type{})
		for i := range node.Fields {
			f := &node.Fields[i]
			f.Doc = docs[f.Name]
			if inner := types[f.Name]; inner != nil {
				document(&f.Type, inner)
			}
		}
	case node.Items != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array):
		document(node.Items, t.Elem())
	case node.Values != nil && t.Kind() == reflect.Map:
		document(node.Values, t.Elem())
	default:
		for i := range node.Branches {
			document(&node.Branches[i], t)
		}
	}
}

// structDocs collects the `doc` tags and the types of a struct's fields by their Avro names, those of
// inlined structs among them.
func structDocs(
	t reflect.Type, docs map[string]string, types map[string]reflect.Type,
) (map[string]string, map[string]reflect.Type) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("avro"), ",")
		inlined := field.Type.Kind() == reflect.Struct &&
			(options == "inline" || field.Anonymous && name == "")
		switch {
		case inlined:
			structDocs(field.Type, docs, types)
		default:
			if name == "" {
				name = field.Name
			}
			docs[name], types[name] = field.Tag.Get("doc"), field.Type
		}
	}
	return docs, types
}

// maxZeroDepth limits how deep records may be inside each other that need a default: one that contains
// itself has no end.
const maxZeroDepth = 16

// addDefaults gives the fields of all records a default.
func addDefaults(node *avro.SchemaNode, depth int) (err error) {
	if depth > maxZeroDepth {
		return nil // zeroOf says what is wrong
	}
	for _, inner := range []*avro.SchemaNode{node.Items, node.Values} {
		if inner != nil {
			err = errors.Join(err, addDefaults(inner, depth+1))
		}
	}
	for i := range node.Branches {
		err = errors.Join(err, addDefaults(&node.Branches[i], depth+1))
	}
	for i := range node.Fields {
		f := &node.Fields[i]
		err = errors.Join(err, addDefaults(&f.Type, depth+1))
		if f.HasDefault {
			continue
		}
		zero, wrong := zeroOf(&f.Type, 0)
		if wrong != nil {
			err = errors.Join(err, fmt.Errorf("field %s: %w", f.Name, wrong))
		}
		f.Default, f.HasDefault = zero, true
	}
	return err
}

// zeroOf returns the zero value of a type as a default.
func zeroOf(node *avro.SchemaNode, depth int) (any, error) {
	if depth > maxZeroDepth {
		return nil, fmt.Errorf("records are nested deeper than %d", maxZeroDepth)
	}
	switch node.Type {
	case avrotype.Null:
		return nil, nil //nolint:nilnil // null is the value
	case avrotype.Boolean:
		return false, nil
	case avrotype.Int:
		return int32(0), nil
	case avrotype.Long:
		return int64(0), nil
	case avrotype.Float:
		return float32(0), nil
	case avrotype.Double:
		return float64(0), nil
	case avrotype.String:
		return "", nil
	case avrotype.Bytes:
		return []byte{}, nil
	case avrotype.Fixed:
		return make([]byte, node.Size), nil
	case avrotype.Enum:
		return cmp.Or(node.EnumDefault, node.Symbols[0]), nil
	case avrotype.Array:
		return []any{}, nil
	case avrotype.Map:
		return map[string]any{}, nil
	case avrotype.Union:
		return zeroOf(&node.Branches[0], depth+1)
	case avrotype.Record:
		values := make(map[string]any, len(node.Fields))
		for i := range node.Fields {
			zero, err := zeroOf(&node.Fields[i].Type, depth+1)
			if err != nil {
				return nil, err
			}
			values[node.Fields[i].Name] = zero
		}
		return values, nil
	}
	return nil, fmt.Errorf("a %s that contains itself has no zero value for a default; give it one by a tag",
		node.Type)
}

// ExampleJSON returns a value of one of the types as JSON, as [Set.FromJSON] takes it. It asks no registry.
func (s *Set) ExampleJSON(v any) ([]byte, error) {
	t := s.byGo[reflect.TypeOf(v)]
	if t == nil {
		return nil, fmt.Errorf("%T is none of the types: %s", v, strings.Join(s.Types(), ", "))
	}
	b, err := t.encode(nil, t.own, v)
	if err != nil {
		return nil, fmt.Errorf("encode a %T: %w", v, err)
	}
	return t.schema.toJSON(b, s.registry.settings.Limits.ExpandedBytes)
}
