package httpapi

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"refold/views/httpapi/endpoint"
)

// avroSchema is the part of an Avro schema in JSON that a description needs.
type avroSchema struct {
	Type        json.RawMessage `json:"type"`
	Name        string          `json:"name"`
	Namespace   *string         `json:"namespace"`
	Doc         string          `json:"doc"`
	Fields      []avroField     `json:"fields"`
	Symbols     []any           `json:"symbols"`
	Items       json.RawMessage `json:"items"`
	Values      json.RawMessage `json:"values"`
	Size        int             `json:"size"`
	LogicalType string          `json:"logicalType"`
}

type avroField struct {
	Name    string          `json:"name"`
	Doc     string          `json:"doc"`
	Type    json.RawMessage `json:"type"`
	Default json.RawMessage `json:"default"`
}

// avroDescriber describes the JSON that codecs.Set.FromJSON takes for values of an Avro schema: all that it
// takes, and nothing that it refuses, as far as JSON Schema can say it.
type avroDescriber struct {
	// define files the schema of a named type, which may hold itself, and returns a reference to it.
	define func(name string, schema *huma.Schema) *huma.Schema
	prefix string
	named  map[string]*huma.Schema // references by full name
}

// describeCommand returns a reference to the schema of a record type, whose parts are called after it.
func (s *Server) describeCommand(name, avro string) (*huma.Schema, error) {
	d := avroDescriber{define: s.endpoints.Define, prefix: name, named: map[string]*huma.Schema{}}
	schema, err := d.describe(json.RawMessage(avro), "")
	if err != nil {
		return nil, fmt.Errorf("describe an Avro schema: %w", err)
	}
	return schema, nil
}

// describe returns the schema of any Avro type, whose name and names in it are relative to a namespace.
func (d *avroDescriber) describe(avro json.RawMessage, namespace string) (*huma.Schema, error) {
	var name string
	if json.Unmarshal(avro, &name) == nil {
		return d.describeName(name, namespace)
	}
	var union []json.RawMessage
	if json.Unmarshal(avro, &union) == nil {
		return d.describeUnion(union, namespace)
	}
	var s avroSchema
	if err := json.Unmarshal(avro, &s); err != nil {
		return nil, fmt.Errorf("%s is no Avro schema: %w", avro, err)
	}
	if json.Unmarshal(s.Type, &name) != nil {
		return d.describe(s.Type, namespace) // {"type": {…}}
	}
	return d.describeComplex(name, &s, namespace)
}

func (d *avroDescriber) describeComplex(kind string, s *avroSchema, namespace string) (*huma.Schema, error) {
	switch kind {
	case "record", "error":
		return d.describeRecord(s, namespace)
	case "enum":
		return d.remember(s, namespace, &huma.Schema{
			Type: huma.TypeString, Enum: s.Symbols, Description: s.Doc,
		}), nil
	case "fixed":
		schema := bytesSchema()
		schema.MinLength, schema.MaxLength = &s.Size, &s.Size
		if s.Doc != "" {
			schema.Description = s.Doc
		}
		return d.remember(s, namespace, schema), nil
	case "array":
		items, err := d.describe(s.Items, namespace)
		return &huma.Schema{Type: huma.TypeArray, Items: items}, err
	case "map":
		values, err := d.describe(s.Values, namespace)
		return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: values}, err
	}
	schema, err := d.describeName(kind, namespace)
	if err == nil && s.LogicalType != "" {
		schema.Description = "Avro logical type " + s.LogicalType + "."
	}
	return schema, err
}

func (d *avroDescriber) describeRecord(s *avroSchema, namespace string) (*huma.Schema, error) {
	schema := &huma.Schema{
		Type: huma.TypeObject, Title: s.Name, Properties: map[string]*huma.Schema{},
		AdditionalProperties: false, Description: s.Doc,
	}
	ref := d.remember(s, namespace, schema) // before its fields, which may be of it
	if full := s.fullName(namespace); strings.Contains(full, ".") {
		namespace = full[:strings.LastIndexByte(full, '.')]
	} else {
		namespace = ""
	}
	for _, field := range s.Fields {
		property, err := d.describe(field.Type, namespace)
		if err != nil {
			return nil, fmt.Errorf("field %s of %s: %w", field.Name, s.Name, err)
		}
		if field.Doc != "" {
			copied := *property
			copied.Description = field.Doc
			property = &copied
		}
		schema.Properties[field.Name] = property
		if field.Default == nil {
			schema.Required = append(schema.Required, field.Name)
		}
	}
	return ref, nil
}

// describeUnion describes any of its branches. (Not one of them: 5 is an int and a long.)
func (d *avroDescriber) describeUnion(union []json.RawMessage, namespace string) (*huma.Schema, error) {
	schemas := make([]*huma.Schema, 0, len(union))
	for _, branch := range union {
		schema, err := d.describe(branch, namespace)
		if err != nil {
			return nil, err
		}
		schemas = append(schemas, schema)
	}
	if len(schemas) == 1 {
		return schemas[0], nil
	}
	return &huma.Schema{AnyOf: schemas}, nil
}

func (d *avroDescriber) describeName(name, namespace string) (*huma.Schema, error) {
	switch name {
	case "string":
		return &huma.Schema{Type: huma.TypeString}, nil
	case "bytes":
		return bytesSchema(), nil
	case "int":
		return endpoint.WholeSchema("int32", math.MinInt32, math.MaxInt32), nil
	case "long":
		return endpoint.WholeSchema("int64", math.MinInt64, math.MaxInt64), nil
	case "float":
		return numberSchema(name, math.MaxFloat32), nil
	case "double":
		return numberSchema(name, math.MaxFloat64), nil
	case "boolean":
		return &huma.Schema{Type: huma.TypeBoolean}, nil
	case "null":
		return &huma.Schema{Type: "null"}, nil
	}
	for _, full := range []string{namespace + "." + name, name} {
		if ref, known := d.named[full]; known {
			copied := *ref
			return &copied, nil
		}
	}
	return nil, fmt.Errorf("%q is no Avro type", name)
}

// remember files a named type: the first one as what is described, those in it below that.
func (d *avroDescriber) remember(s *avroSchema, namespace string, schema *huma.Schema) *huma.Schema {
	full := s.fullName(namespace)
	name := d.prefix
	if len(d.named) > 0 {
		name += "." + full
	}
	d.named[full] = d.define(name, schema)
	copied := *d.named[full]
	return &copied
}

func (s *avroSchema) fullName(namespace string) string {
	if s.Namespace != nil {
		namespace = *s.Namespace
	}
	if namespace == "" || strings.Contains(s.Name, ".") {
		return s.Name
	}
	return namespace + "." + s.Name
}

func bytesSchema() *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Pattern: "^[\x00-\u00ff]*$",
		Description: "Bytes: each is the character of its number, U+0000 to U+00FF.",
	}
}

// numberSchema describes numbers up to a limit, and those that JSON lacks.
func numberSchema(format string, limit float64) *huma.Schema {
	low := -limit
	return &huma.Schema{AnyOf: []*huma.Schema{
		{Type: huma.TypeNumber, Format: format, Minimum: &low, Maximum: &limit}, endpoint.NotFiniteSchema(),
	}}
}
