package avrojson

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"refold/codecs/avrotype"
	"refold/codecs/jsonvalue"
)

// Schema is the part of JSON Schema (2020-12) that describes JSON of Avro types.
type Schema struct {
	Ref         string `json:"$ref,omitempty"`
	Type        string `json:"type,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Format      string `json:"format,omitempty"`
	// Enum lists strings.
	Enum      []string `json:"enum,omitempty"`
	Pattern   string   `json:"pattern,omitempty"`
	MinLength *int     `json:"minLength,omitempty"`
	MaxLength *int     `json:"maxLength,omitempty"`
	// Minimum and Maximum are exact, which a float64 can't be.
	Minimum    json.Number        `json:"minimum,omitempty"`
	Maximum    json.Number        `json:"maximum,omitempty"`
	Items      *Schema            `json:"items,omitempty"`
	Properties map[string]*Schema `json:"properties,omitempty"`
	Required   []string           `json:"required,omitempty"`
	// PropertyNames is the schema of an object's names.
	PropertyNames *Schema `json:"propertyNames,omitempty"`
	// AdditionalProperties is nil, false, or a *Schema.
	AdditionalProperties any       `json:"additionalProperties,omitempty"`
	AnyOf                []*Schema `json:"anyOf,omitempty"`
	Not                  *Schema   `json:"not,omitempty"`
	// Keywords, if it is not nil, is the whole schema instead of the other fields: one that is no
	// description of an Avro type.
	Keywords map[string]any `json:"-"`
}

// MarshalJSON returns the schema as it is written.
func (s *Schema) MarshalJSON() ([]byte, error) {
	if s.Keywords != nil {
		return json.Marshal(s.Keywords) //nolint:wrapcheck // the caller says of what
	}
	type plain Schema
	return json.Marshal((*plain)(s)) //nolint:wrapcheck // the caller says of what
}

// Describe returns the JSON Schema of a type: JSON is valid if and only if [Codec.Read] takes it.
// JSON Schema can't say a few things. Codec.Read also refuses
//
//   - a member that comes twice in its object,
//   - an escape that is half a surrogate pair, and bytes that are not UTF-8,
//   - JSON that exceeds the limits of size, depth, defaults, or work (ambiguous unions within unions).
//
// Named types, which may hold themselves, are references. named is called once for each, before the types
// in it, and returns the reference; its schema is filled in later.
func Describe(t *avrotype.Type, named func(fullName string, schema *Schema) (ref string)) *Schema {
	return (&describer{named, map[*avrotype.Type]string{}}).describe(t)
}

type describer struct {
	named func(fullName string, schema *Schema) string
	refs  map[*avrotype.Type]string
}

func (d *describer) describe(t *avrotype.Type) *Schema {
	switch t.Kind {
	case avrotype.Record, avrotype.Enum, avrotype.Fixed:
		ref, known := d.refs[t]
		if !known {
			var schema Schema
			ref = d.named(t.Name, &schema)
			d.refs[t] = ref
			schema = *d.define(t)
		}
		return &Schema{Ref: ref}
	case avrotype.Array:
		return &Schema{Type: "array", Items: d.describe(t.Items)}
	case avrotype.Map:
		return &Schema{Type: "object", AdditionalProperties: d.describe(t.Items)}
	case avrotype.Union:
		return d.union(t)
	}
	schema := plainSchema(t)
	if unit := logicalUnits[t.Logical]; unit != "" {
		schema.Description = "Avro logical type " + t.Logical + ": " + unit + "."
	}
	return schema
}

// define describes a named type.
func (d *describer) define(t *avrotype.Type) *Schema {
	switch t.Kind {
	case avrotype.Enum:
		return &Schema{Type: "string", Enum: t.Symbols, Description: t.Doc}
	case avrotype.Fixed:
		schema := bytesSchema()
		schema.MinLength, schema.MaxLength = &t.Size, &t.Size
		if t.Doc != "" {
			schema.Description = t.Doc
		}
		return schema
	}
	schema := &Schema{
		Type: "object", Title: bareName(t.Name), Description: t.Doc,
		Properties: map[string]*Schema{}, AdditionalProperties: false,
	}
	for i := range t.Fields {
		field := &t.Fields[i]
		property := d.describe(field.Type)
		if field.Doc != "" {
			property.Description = field.Doc
		}
		schema.Properties[field.Name] = property
		if !field.HasDefault {
			schema.Required = append(schema.Required, field.Name)
		}
	}
	return schema
}

// union describes any of the branches. (Not oneOf: 5 is an int and a long.)
func (d *describer) union(t *avrotype.Type) *Schema {
	schemas := make([]*Schema, len(t.Branches))
	for i, branch := range t.Branches {
		schemas[i] = d.describe(branch)
	}
	switch len(schemas) {
	case 0:
		return nothing()
	case 1:
		return schemas[0]
	}
	return &Schema{AnyOf: schemas}
}

// plainSchema describes a type that has no name and holds no others.
func plainSchema(t *avrotype.Type) *Schema {
	switch t.Kind {
	case avrotype.Null, avrotype.Boolean, avrotype.String:
		return &Schema{Type: t.Kind}
	case avrotype.Bytes:
		return bytesSchema()
	case avrotype.Int:
		return wholeSchema("int32", math.MinInt32, math.MaxInt32)
	case avrotype.Long:
		return wholeSchema("int64", math.MinInt64, math.MaxInt64)
	case avrotype.Float:
		return floatSchema(t.Kind, jsonvalue.MaxFloat32)
	case avrotype.Double:
		return floatSchema(t.Kind, jsonvalue.MaxFloat64)
	}
	return nothing() // a kind that a parsed schema doesn't have
}

// nothing is valid for no value.
func nothing() *Schema { return &Schema{Not: &Schema{}} }

func bytesSchema() *Schema {
	return &Schema{
		Type: "string", Pattern: "^[\x00-\u00ff]*$",
		Description: "Bytes: each is the character of its number, U+0000 to U+00FF.",
	}
}

func wholeSchema(format string, low, high int64) *Schema {
	return &Schema{
		Type: "integer", Format: format,
		Minimum: json.Number(strconv.FormatInt(low, 10)),
		Maximum: json.Number(strconv.FormatInt(high, 10)),
	}
}

func floatSchema(format, limit string) *Schema {
	return &Schema{AnyOf: []*Schema{
		{
			Type: "number", Format: format,
			Minimum: json.Number("-" + limit), Maximum: json.Number(limit),
		},
		{Type: "string", Enum: []string{"NaN", "Infinity", "-Infinity"}},
	}}
}

func bareName(full string) string { return full[strings.LastIndexByte(full, '.')+1:] }
