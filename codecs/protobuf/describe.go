package protobuf

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"refold/codecs/avrojson"
	"refold/codecs/jsonvalue"
)

// maxChoices limits the oneofs of which the JSON Schema says that only one member may be there: it takes a
// subschema for each pair.
const maxChoices = 128

// Describe returns the JSON Schema of the message: JSON is valid if and only if [Type.FromJSON] takes it.
// JSON Schema can't say a few things. FromJSON also refuses
//
//   - a member that comes twice in its object,
//   - an escape that is half a surrogate pair, and bytes that are not UTF-8,
//   - JSON that exceeds the limits of size and depth,
//   - two members of a oneof of more than 128.
//
// Messages and enums are references. named is called once for each, before the types in it, and returns the
// reference; its schema is filled in later.
func (t *Type) Describe(named func(fullName string, schema *avrojson.Schema) (ref string)) *avrojson.Schema {
	d := describer{named: named, refs: map[protoreflect.FullName]string{}}
	return d.message(t.desc)
}

type describer struct {
	named func(fullName string, schema *avrojson.Schema) string
	refs  map[protoreflect.FullName]string
}

// reference returns a reference to a named type, which it defines when it sees it first.
func (d *describer) reference(name protoreflect.FullName, define func() *avrojson.Schema) *avrojson.Schema {
	ref, known := d.refs[name]
	if !known {
		var schema avrojson.Schema
		ref = d.named(string(name), &schema)
		d.refs[name] = ref
		schema = *define()
	}
	return &avrojson.Schema{Ref: ref}
}

func (d *describer) message(m protoreflect.MessageDescriptor) *avrojson.Schema {
	if f := wrapped(m); f != nil {
		return d.single(f)
	}
	switch standardName(m) {
	case timestampName:
		return &avrojson.Schema{
			Type: "string", Format: "date-time", Pattern: timestampPattern,
			Not: &avrojson.Schema{Pattern: outOfYears},
		}
	case durationName:
		return &avrojson.Schema{
			Type: "string", Pattern: durationPattern, Description: `Seconds, such as "1.5s".`,
		}
	case fieldMaskName:
		return &avrojson.Schema{
			Type: "string", Pattern: fieldMaskPattern, Description: "Paths of fields, with commas between.",
		}
	case structName, listName:
		return d.field(m.Fields().ByNumber(1))
	case valueName:
		return d.reference(m.FullName(), func() *avrojson.Schema { return d.anyValue(m) })
	case anyName:
		return &avrojson.Schema{Not: &avrojson.Schema{}}
	}
	return d.reference(m.FullName(), func() *avrojson.Schema { return d.object(m) })
}

func (d *describer) object(m protoreflect.MessageDescriptor) *avrojson.Schema {
	schema := &avrojson.Schema{
		Type: "object", Title: string(m.Name()), Description: Comment(m),
		Properties: map[string]*avrojson.Schema{}, AdditionalProperties: false,
	}
	var forbidden []*avrojson.Schema
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		property := d.field(f)
		if text := Comment(f); text != "" {
			property.Description = text
		}
		required := f.Cardinality() == protoreflect.Required
		if !required && !takesNull(f) {
			property = orNull(property)
		}
		names := namesOf(f)
		schema.Properties[names[0]] = property
		if len(names) > 1 {
			again := *property
			again.Description = "The same as " + names[0] + "."
			schema.Properties[names[1]] = &again
			forbidden = append(forbidden, &avrojson.Schema{Required: names})
		}
		switch {
		case required && len(names) == 1:
			schema.Required = append(schema.Required, names[0])
		case required:
			either := &avrojson.Schema{AnyOf: []*avrojson.Schema{
				{Required: names[:1]}, {Required: names[1:]},
			}}
			forbidden = append(forbidden, &avrojson.Schema{Not: either})
		}
	}
	for i := range m.Oneofs().Len() {
		forbidden = append(forbidden, pairs(m.Oneofs().Get(i))...)
	}
	if len(forbidden) > 0 {
		schema.Not = &avrojson.Schema{AnyOf: forbidden}
	}
	return schema
}

// namesOf returns the names of a field's member: the JSON name, and that in the file if it is another one.
func namesOf(f protoreflect.FieldDescriptor) []string {
	text := f.TextName()
	fields := f.ContainingMessage().Fields()
	if other := fields.ByJSONName(text); text == f.JSONName() || other != nil {
		return []string{f.JSONName()}
	}
	return []string{f.JSONName(), text}
}

// orNull returns a schema that is valid for null, too, with the description in front.
func orNull(schema *avrojson.Schema) *avrojson.Schema {
	inner := *schema
	description := inner.Description
	inner.Description = ""
	return &avrojson.Schema{
		Description: description, AnyOf: []*avrojson.Schema{&inner, {Type: "null"}},
	}
}

// pairs returns what is valid if two members of a oneof have a value.
func pairs(o protoreflect.OneofDescriptor) (all []*avrojson.Schema) {
	fields := o.Fields()
	if fields.Len() > maxChoices {
		return nil
	}
	for i := range fields.Len() {
		for j := range i {
			all = append(all, pair(fields.Get(j), fields.Get(i))...)
		}
	}
	return all
}

// pair returns what is valid if two fields have a value, under any of their names.
func pair(a, b protoreflect.FieldDescriptor) (all []*avrojson.Schema) {
	for _, x := range namesOf(a) {
		for _, y := range namesOf(b) {
			given := map[string]*avrojson.Schema{}
			if !takesNull(a) {
				given[x] = &avrojson.Schema{Not: &avrojson.Schema{Type: "null"}}
			}
			if !takesNull(b) {
				given[y] = &avrojson.Schema{Not: &avrojson.Schema{Type: "null"}}
			}
			all = append(all, &avrojson.Schema{Required: []string{x, y}, Properties: given})
		}
	}
	return all
}

func (d *describer) field(f protoreflect.FieldDescriptor) *avrojson.Schema {
	switch {
	case f.IsList():
		return &avrojson.Schema{Type: "array", Items: d.single(f)}
	case f.IsMap():
		return &avrojson.Schema{
			Type: "object", PropertyNames: keySchema(f.MapKey()),
			AdditionalProperties: d.single(f.MapValue()),
		}
	}
	return d.single(f)
}

func keySchema(f protoreflect.FieldDescriptor) *avrojson.Schema {
	switch f.Kind() {
	case protoreflect.StringKind:
		return nil
	case protoreflect.BoolKind:
		return &avrojson.Schema{Enum: []string{"true", "false"}}
	default: // an integer
		return &avrojson.Schema{Pattern: integerPattern(bitsOf(f.Kind()))}
	}
}

// single describes a field's value, or an item of its list or map.
func (d *describer) single(f protoreflect.FieldDescriptor) *avrojson.Schema {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return d.message(f.Message())
	case protoreflect.BoolKind:
		return &avrojson.Schema{Type: "boolean"}
	case protoreflect.StringKind:
		return &avrojson.Schema{Type: "string"}
	case protoreflect.BytesKind:
		return &avrojson.Schema{Type: "string", Pattern: bytesPattern, Description: "Bytes in base64."}
	case protoreflect.FloatKind:
		return floatSchema("float", jsonvalue.MaxFloat32)
	case protoreflect.DoubleKind:
		return floatSchema("double", jsonvalue.MaxFloat64)
	case protoreflect.EnumKind:
		e := f.Enum()
		return d.reference(e.FullName(), func() *avrojson.Schema { return enumSchema(e) })
	default:
		return integerSchema(f.Kind())
	}
}

func floatSchema(format, limit string) *avrojson.Schema {
	return &avrojson.Schema{AnyOf: []*avrojson.Schema{
		{
			Type: "number", Format: format,
			Minimum: json.Number("-" + limit), Maximum: json.Number(limit),
		},
		{Type: "string", Enum: []string{"NaN", "Infinity", "-Infinity"}},
	}}
}

func integerSchema(kind protoreflect.Kind) *avrojson.Schema {
	bits, signed := bitsOf(kind)
	number := &avrojson.Schema{Type: "integer", Format: "int" + strconv.Itoa(bits)}
	if signed {
		number.Minimum = json.Number(strconv.FormatInt(math.MinInt64>>(64-bits), 10))
		number.Maximum = json.Number(strconv.FormatInt(math.MaxInt64>>(64-bits), 10))
	} else {
		number.Format = "u" + number.Format
		number.Minimum = "0"
		number.Maximum = json.Number(strconv.FormatUint(math.MaxUint64>>(64-bits), 10))
	}
	return &avrojson.Schema{AnyOf: []*avrojson.Schema{
		number, {Type: "string", Pattern: integerPattern(bits, signed)},
	}}
}

func enumSchema(e protoreflect.EnumDescriptor) *avrojson.Schema {
	names := &avrojson.Schema{Type: "string"}
	var numbers []*avrojson.Schema
	for i := range e.Values().Len() {
		v := e.Values().Get(i)
		names.Enum = append(names.Enum, string(v.Name()))
		if knownOnly(e) {
			n := json.Number(strconv.Itoa(int(v.Number())))
			numbers = append(numbers, &avrojson.Schema{Type: "integer", Minimum: n, Maximum: n})
		}
	}
	if !knownOnly(e) {
		numbers = append(numbers, &avrojson.Schema{
			Type: "integer", Minimum: json.Number(strconv.Itoa(math.MinInt32)),
			Maximum: json.Number(strconv.Itoa(math.MaxInt32)),
		})
	}
	all := append([]*avrojson.Schema{names}, numbers...)
	if standardName(e) == nullName {
		all = append(all, &avrojson.Schema{Type: "null"})
	}
	return &avrojson.Schema{Title: string(e.Name()), Description: Comment(e), AnyOf: all}
}

// anyValue describes any JSON: its numbers have a range.
func (d *describer) anyValue(m protoreflect.MessageDescriptor) *avrojson.Schema {
	self := func() *avrojson.Schema { return &avrojson.Schema{Ref: d.refs[m.FullName()]} }
	return &avrojson.Schema{AnyOf: []*avrojson.Schema{
		{Type: "null"},
		{Type: "boolean"},
		{Type: "string"},
		{
			Type: "number", Minimum: json.Number("-" + jsonvalue.MaxFloat64),
			Maximum: json.Number(jsonvalue.MaxFloat64),
		},
		{Type: "array", Items: self()},
		{Type: "object", AdditionalProperties: self()},
	}}
}

// Comment returns the comment of a declaration in the file: the one above it, or else the one behind it.
func Comment(d protoreflect.Descriptor) string {
	at := d.ParentFile().SourceLocations().ByDescriptor(d)
	text := at.LeadingComments
	if strings.TrimSpace(text) == "" {
		text = at.TrailingComments
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}
