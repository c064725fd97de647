package avrotype

import (
	"strings"

	"github.com/twmb/avro"
)

// The kinds of Avro types.
const (
	Null    = "null"
	Boolean = "boolean"
	Int     = "int"
	Long    = "long"
	Float   = "float"
	Double  = "double"
	Bytes   = "bytes"
	String  = "string"
	Record  = "record"
	Enum    = "enum"
	Fixed   = "fixed"
	Array   = "array"
	Map     = "map"
	Union   = "union"
)

// MaxDepth limits how deeply a value may be nested in Avro data: as deep as twmb/avro decodes. A type
// that holds itself could go on without taking a byte.
const MaxDepth = 1000

// Type is an Avro type. It must not be changed.
type Type struct {
	Kind     string // one of the constants; an error is a record
	Name     string // full name of a record, enum or fixed type
	Doc      string
	Logical  string // type, if any
	Fields   []Field
	Symbols  []string
	Size     int     // in bytes, of a fixed type
	Items    *Type   // of an array, or the values of a map
	Branches []*Type // of a union
	// Aliases are those of a named type as they are written: relative to its namespace unless dotted.
	Aliases []string
	// Default is the symbol that stands for symbols which an enum lacks; "" if there is none.
	Default string
	// Precision and Scale are those of the logical type "decimal".
	Precision, Scale int

	index map[string]int // of fields, by name
}

// Field is a field of a record.
type Field struct {
	Name, Doc  string
	Type       *Type
	HasDefault bool
	// Default is the default in goavro's form.
	Default any
	// DefaultBytes is roughly what the default takes in memory.
	DefaultBytes int
	// DefaultCut reports that the schema has a default which is left out, because it is too large.
	DefaultCut bool
	Aliases    []string

	value any // the default as twmb/avro gives it
}

// Of returns the type that a schema describes. Defaults of more than 1 MiB are left out, as if the field
// had none.
func Of(schema *avro.Schema) *Type {
	b := builder{named: map[string]*Type{}}
	root := b.build(schema.Root(), "")
	// Defaults last: one may be of a type that is described further down.
	for _, record := range b.records {
		for i := range record.Fields {
			record.Fields[i].fillDefault()
		}
	}
	return root
}

// Field returns the index of a field; false if a record has none of the name.
func (t *Type) Field(name string) (int, bool) {
	if t == nil {
		return 0, false
	}
	i, has := t.index[name]
	return i, has
}

// Whole reports whether the type is one of whole numbers.
func (t *Type) Whole() bool { return t.Kind == Int || t.Kind == Long }

// Floating reports whether the type is one of floating-point numbers.
func (t *Type) Floating() bool { return t.Kind == Float || t.Kind == Double }

// Bits returns how many bits a number has.
func (t *Type) Bits() int {
	if t.Kind == Int || t.Kind == Float {
		return 32
	}
	return 64
}

type builder struct {
	named   map[string]*Type
	records []*Type
}

func (b *builder) build(node *avro.SchemaNode, namespace string) *Type {
	t := &Type{
		Kind: node.Type, Doc: node.Doc, Logical: node.LogicalType, Aliases: node.Aliases,
		Default: node.EnumDefault, Precision: node.Precision, Scale: node.Scale,
	}
	switch node.Type {
	case Null, Boolean, Int, Long, Float, Double, Bytes, String:
	case Array:
		t.Items = b.build(node.Items, namespace)
	case Map:
		t.Items = b.build(node.Values, namespace)
	case Union:
		for i := range node.Branches {
			t.Branches = append(t.Branches, b.build(&node.Branches[i], namespace))
		}
	case Enum, Fixed:
		t.Name, t.Symbols, t.Size = FullName(node), node.Symbols, node.Size
		b.named[t.Name] = t
	case Record, "error":
		t.Kind, t.Name = Record, FullName(node)
		b.named[t.Name] = t
		b.buildFields(t, node)
	default:
		return b.reference(node.Type, namespace)
	}
	return t
}

func (b *builder) buildFields(t *Type, node *avro.SchemaNode) {
	b.records = append(b.records, t)
	namespace := ""
	if dot := strings.LastIndexByte(t.Name, '.'); dot >= 0 {
		namespace = t.Name[:dot]
	}
	t.index = make(map[string]int, len(node.Fields))
	t.Fields = make([]Field, len(node.Fields))
	for i := range node.Fields {
		field := &node.Fields[i]
		t.index[field.Name] = i
		t.Fields[i] = Field{
			Name: field.Name, Doc: field.Doc, Type: b.build(&field.Type, namespace),
			HasDefault: field.HasDefault, value: field.Default, Aliases: field.Aliases,
		}
	}
}

// reference finds a type by its name as it is written: relative to a namespace unless dotted.
func (b *builder) reference(name, namespace string) *Type {
	if t := b.named[namespace+"."+name]; t != nil && !strings.Contains(name, ".") {
		return t
	}
	if t := b.named[name]; t != nil {
		return t
	}
	// A parsed schema has no dangling references. An unknown kind fits nothing.
	return &Type{Kind: name}
}

// FullName returns the full name of a named type.
func FullName(node *avro.SchemaNode) string {
	if node.Namespace == "" || strings.Contains(node.Name, ".") {
		return node.Name
	}
	return node.Namespace + "." + node.Name
}
