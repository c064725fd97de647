package httpapi

import (
	"encoding/json"
	"fmt"

	"github.com/danielgtaylor/huma/v2"
)

// avroSchema is the part of an Avro schema in JSON that a description needs.
type avroSchema struct {
	Type        json.RawMessage `json:"type"`
	Name        string          `json:"name"`
	Namespace   string          `json:"namespace"`
	Doc         string          `json:"doc"`
	Fields      []avroField     `json:"fields"`
	Symbols     []any           `json:"symbols"`
	Items       json.RawMessage `json:"items"`
	Values      json.RawMessage `json:"values"`
	LogicalType string          `json:"logicalType"`
}

type avroField struct {
	Name    string          `json:"name"`
	Doc     string          `json:"doc"`
	Type    json.RawMessage `json:"type"`
	Default json.RawMessage `json:"default"`
}

// jsonSchema describes the JSON that codecs.Set.FromJSON takes for a record of the Avro schema.
func jsonSchema(avro string) (*huma.Schema, error) {
	schema, err := describe(json.RawMessage(avro), map[string]*huma.Schema{})
	if err != nil {
		return nil, fmt.Errorf("describe an Avro schema: %w", err)
	}
	return schema, nil
}

// describe returns the JSON schema of any Avro type. named holds the types that have a name, for
// the places that refer to them.
func describe(avro json.RawMessage, named map[string]*huma.Schema) (*huma.Schema, error) {
	var name string
	if json.Unmarshal(avro, &name) == nil {
		return describeName(name, named)
	}
	var union []json.RawMessage
	if json.Unmarshal(avro, &union) == nil {
		return describeUnion(union, named)
	}
	var s avroSchema
	if err := json.Unmarshal(avro, &s); err != nil {
		return nil, fmt.Errorf("%s is no Avro schema: %w", avro, err)
	}
	if json.Unmarshal(s.Type, &name) != nil {
		return describe(s.Type, named) // {"type": {…}}
	}
	schema, err := describeComplex(name, &s, named)
	if err != nil {
		return nil, err
	}
	if s.Doc != "" {
		schema.Description = s.Doc
	}
	return schema, nil
}

func describeComplex(kind string, s *avroSchema, named map[string]*huma.Schema) (
	*huma.Schema, error,
) {
	switch kind {
	case "record":
		return describeRecord(s, named)
	case "enum":
		schema := &huma.Schema{Type: huma.TypeString, Enum: s.Symbols}
		remember(s, schema, named)
		return schema, nil
	case "array":
		items, err := describe(s.Items, named)
		return &huma.Schema{Type: huma.TypeArray, Items: items}, err
	case "map":
		values, err := describe(s.Values, named)
		return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: values}, err
	case "fixed":
		schema := &huma.Schema{Type: huma.TypeString, ContentEncoding: "avro-bytes"}
		remember(s, schema, named)
		return schema, nil
	}
	schema, err := describeName(kind, named)
	if err == nil && s.LogicalType != "" {
		schema.Description = "Avro logical type " + s.LogicalType + "."
	}
	return schema, err
}

func describeRecord(s *avroSchema, named map[string]*huma.Schema) (*huma.Schema, error) {
	schema := &huma.Schema{
		Type: huma.TypeObject, Title: s.Name, Properties: map[string]*huma.Schema{},
		AdditionalProperties: false,
	}
	remember(s, schema, named)
	for _, field := range s.Fields {
		property, err := describe(field.Type, named)
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
	return schema, nil
}

// describeUnion describes ["null", T] as T or null, and any other union as one of its branches.
func describeUnion(union []json.RawMessage, named map[string]*huma.Schema) (*huma.Schema, error) {
	var schemas []*huma.Schema
	nullable := false
	for _, branch := range union {
		if string(branch) == `"null"` {
			nullable = true
			continue
		}
		schema, err := describe(branch, named)
		if err != nil {
			return nil, err
		}
		schemas = append(schemas, schema)
	}
	if len(schemas) == 1 {
		schema := *schemas[0]
		schema.Nullable = nullable
		return &schema, nil
	}
	if nullable {
		schemas = append(schemas, &huma.Schema{Type: "null"})
	}
	return &huma.Schema{OneOf: schemas}, nil
}

func describeName(name string, named map[string]*huma.Schema) (*huma.Schema, error) {
	switch name {
	case "string":
		return &huma.Schema{Type: huma.TypeString}, nil
	case "bytes":
		return &huma.Schema{Type: huma.TypeString, ContentEncoding: "avro-bytes"}, nil
	case "int":
		return &huma.Schema{Type: huma.TypeInteger, Format: "int32"}, nil
	case "long":
		return &huma.Schema{Type: huma.TypeInteger, Format: "int64"}, nil
	case "float", "double":
		return &huma.Schema{Type: huma.TypeNumber, Format: name}, nil
	case "boolean":
		return &huma.Schema{Type: huma.TypeBoolean}, nil
	case "null":
		return &huma.Schema{Type: "null"}, nil
	}
	if schema, known := named[name]; known {
		copied := *schema
		return &copied, nil
	}
	return nil, fmt.Errorf("%q is no Avro type", name)
}

// remember files a named type under its bare and its full name.
func remember(s *avroSchema, schema *huma.Schema, named map[string]*huma.Schema) {
	named[s.Name] = schema
	if s.Namespace != "" {
		named[s.Namespace+"."+s.Name] = schema
	}
}
