package codecs

import (
	"encoding/binary"
	"strings"

	"github.com/twmb/avro"
)

// The kinds of Avro types.
const (
	kindNull    = "null"
	kindBoolean = "boolean"
	kindInt     = "int"
	kindLong    = "long"
	kindFloat   = "float"
	kindDouble  = "double"
	kindBytes   = "bytes"
	kindString  = "string"
	kindRecord  = "record"
	kindEnum    = "enum"
	kindFixed   = "fixed"
	kindArray   = "array"
	kindMap     = "map"
	kindUnion   = "union"
)

// shape is a schema as JSON sees it: what may stand where. A recursive schema is a cyclic shape.
type shape struct {
	kind     string
	name     string // full name of a record, enum or fixed type
	logical  string
	fields   []shapeField
	index    map[string]int // of fields, by name
	symbols  []string
	size     int
	items    *shape // of an array, or the values of a map
	branches []*shape
}

type shapeField struct {
	name       string
	shape      *shape
	hasDefault bool
	// fallback is the default in goavro's form.
	fallback      any
	fallbackBytes int // by nativeBytes; 0 without a default
}

func newShape(schema *avro.Schema) *shape {
	b := shapeBuilder{named: map[string]*shape{}}
	root := b.build(schema.Root(), "")
	// Defaults last: one may be of a type that is described further down.
	for _, d := range b.defaults {
		field := &d.record.fields[d.field]
		field.fallback = field.shape.native(d.value)
		field.fallbackBytes = nativeBytes(field.fallback)
	}
	return root
}

type shapeBuilder struct {
	named    map[string]*shape
	defaults []shapeDefault
}

type shapeDefault struct {
	record *shape
	field  int
	value  any
}

func (b *shapeBuilder) build(node *avro.SchemaNode, namespace string) *shape {
	s := &shape{kind: node.Type, logical: node.LogicalType}
	switch node.Type {
	case kindNull, kindBoolean, kindInt, kindLong, kindFloat, kindDouble, kindBytes, kindString:
	case kindArray:
		s.items = b.build(node.Items, namespace)
	case kindMap:
		s.items = b.build(node.Values, namespace)
	case kindUnion:
		for i := range node.Branches {
			s.branches = append(s.branches, b.build(&node.Branches[i], namespace))
		}
	case kindEnum, kindFixed:
		s.name, s.symbols, s.size = fullName(node), node.Symbols, node.Size
		b.named[s.name] = s
	case kindRecord, "error":
		s.kind, s.name = kindRecord, fullName(node)
		b.named[s.name] = s
		b.buildFields(s, node)
	default:
		return b.reference(node.Type, namespace)
	}
	return s
}

func (b *shapeBuilder) buildFields(s *shape, node *avro.SchemaNode) {
	namespace := ""
	if dot := strings.LastIndexByte(s.name, '.'); dot >= 0 {
		namespace = s.name[:dot]
	}
	s.index = make(map[string]int, len(node.Fields))
	s.fields = make([]shapeField, len(node.Fields))
	for i := range node.Fields {
		field := &node.Fields[i]
		s.index[field.Name] = i
		s.fields[i] = shapeField{
			name: field.Name, shape: b.build(&field.Type, namespace), hasDefault: field.HasDefault,
		}
		if field.HasDefault {
			b.defaults = append(b.defaults, shapeDefault{s, i, field.Default})
		}
	}
}

// reference finds a type by its name as it is written: relative to a namespace unless dotted.
func (b *shapeBuilder) reference(name, namespace string) *shape {
	if s := b.named[namespace+"."+name]; s != nil && !strings.Contains(name, ".") {
		return s
	}
	if s := b.named[name]; s != nil {
		return s
	}
	// A parsed schema has no dangling references. An unknown kind fits nothing.
	return &shape{kind: name}
}

func fullName(node *avro.SchemaNode) string {
	if node.Namespace == "" || strings.Contains(node.Name, ".") {
		return node.Name
	}
	return node.Namespace + "." + node.Name
}

// branchName is what goavro calls a branch of a union.
func (s *shape) branchName() string {
	if s.name != "" {
		return s.name
	}
	return s.kind
}

// native turns a default, as twmb/avro gives it, into goavro's form.
func (s *shape) native(v any) any {
	switch s.kind {
	case kindUnion:
		for _, branch := range s.branches {
			if branch.accepts(v) {
				return branch.inUnion(branch.native(v))
			}
		}
	case kindArray:
		list, _ := v.([]any)
		out := make([]any, len(list))
		for i, item := range list {
			out[i] = s.items.native(item)
		}
		return out
	case kindMap:
		values, _ := v.(map[string]any)
		out := make(map[string]any, len(values))
		for key, value := range values {
			out[key] = s.items.native(value)
		}
		return out
	case kindRecord:
		values, _ := v.(map[string]any)
		out := make(map[string]any, len(s.fields))
		for _, field := range s.fields {
			if value, has := values[field.name]; has {
				out[field.name] = field.shape.native(value)
			} else {
				out[field.name] = field.fallback
			}
		}
		return out
	}
	return v
}

// inUnion puts a value of this branch into goavro's form of a union.
func (s *shape) inUnion(v any) any {
	if s.kind == kindNull {
		return nil
	}
	return map[string]any{s.branchName(): v}
}

// accepts reports whether a default, as twmb/avro gives it, can be of this type.
func (s *shape) accepts(v any) bool {
	switch v.(type) {
	case nil:
		return s.kind == kindNull
	case bool:
		return s.kind == kindBoolean
	case int32:
		return s.kind == kindInt
	case int64:
		return s.kind == kindLong
	case float32:
		return s.kind == kindFloat
	case float64:
		return s.kind == kindDouble
	case string:
		return s.kind == kindString || s.kind == kindEnum
	case []byte:
		return s.kind == kindBytes || s.kind == kindFixed
	case []any:
		return s.kind == kindArray
	case map[string]any:
		return s.kind == kindMap || s.kind == kindRecord
	}
	return false
}

// maxSampleDepth ends samples of recursive types.
const maxSampleDepth = 6

// appendSample appends the bytes of a small value that is not zero where it need not be: the last
// branch of a union that is not null, an element in each array and map, until it is deep enough.
func (s *shape) appendSample(dst []byte, depth int) []byte {
	deep := depth >= maxSampleDepth
	switch s.kind {
	case kindBoolean:
		return append(dst, 1)
	case kindInt, kindLong:
		return append(dst, 2) // 1, or the second symbol's place in time
	case kindFloat:
		return append(dst, 0, 0, 0x80, 0x3f)
	case kindDouble:
		return append(dst, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f)
	case kindBytes, kindString:
		return s.appendSampleText(dst)
	case kindEnum:
		return append(dst, 0)
	case kindFixed:
		return append(dst, make([]byte, s.size)...)
	case kindArray, kindMap:
		if deep {
			return append(dst, 0)
		}
		dst = append(dst, 2)
		if s.kind == kindMap {
			dst = append(dst, 2, 'k')
		}
		return append(s.items.appendSample(dst, depth+1), 0)
	case kindRecord:
		for _, field := range s.fields {
			dst = field.shape.appendSample(dst, depth+1)
		}
	case kindUnion:
		at := s.sampleBranch(deep)
		dst = binary.AppendVarint(dst, int64(at))
		return s.branches[at].appendSample(dst, depth+1)
	}
	return dst
}

func (s *shape) sampleBranch(deep bool) int {
	null, at := -1, 0
	for i, branch := range s.branches {
		if branch.kind == kindNull {
			null = i
		} else {
			at = i
		}
	}
	if deep && null >= 0 && s.branches[at].kind == kindRecord {
		return null
	}
	return at
}

func (s *shape) appendSampleText(dst []byte) []byte {
	text := "1" // a decimal as well as a string
	switch s.logical {
	case "uuid":
		text = "00000000-0000-4000-8000-000000000001"
	case "big-decimal":
		text = "\x021\x00" // 1, with scale 0
	}
	return append(binary.AppendVarint(dst, int64(len(text))), text...)
}
