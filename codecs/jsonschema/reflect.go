package jsonschema

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// Options say what a Go struct does not say of its record.
type Options struct {
	// Title is the record's full name, such as "memberships.MembershipStarted".
	Title       string
	Description string
	// Revision is noted if it is not 0.
	Revision int
	// Keywords are more keywords of the schema, such as rules.
	Keywords map[string]any
	// Docs are descriptions of members that have no doc tag.
	Docs map[string]string
}

// OfStruct returns the text of the schema (2020-12) of a Go struct as encoding/json writes it. A member is
// required unless its tag has omitempty or omitzero. Members that the struct lacks are not allowed. Tags say
// more: doc, minLength, maximum, enum, pattern, format and the others that huma reads
// (https://huma.rocks/features/request-validation/). The error says what a tag has wrong.
func OfStruct(t reflect.Type, o Options) (text string, err error) {
	defer func() { // huma panics on tags that it can't read
		if p := recover(); p != nil {
			text, err = "", fmt.Errorf("make a schema of %v: %v", t, p)
		}
	}()
	registry := huma.NewMapRegistry("#/$defs/", huma.DefaultSchemaNamer)
	made, err := json.Marshal(huma.SchemaFromType(registry, t))
	if err != nil {
		return "", fmt.Errorf("make a schema of %v: %w", t, err)
	}
	node, err := parse(string(made))
	if err != nil {
		return "", fmt.Errorf("make a schema of %v: %w", t, err)
	}
	schema, is := node.(map[string]any)
	if !is || t.Kind() != reflect.Struct {
		return "", fmt.Errorf("make a schema of %v: %w", t, errors.New("it must be a struct"))
	}
	maps.Copy(schema, o.Keywords)
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = o.Title
	if o.Description != "" {
		schema["description"] = o.Description
	}
	if o.Revision != 0 {
		schema[revisionKeyword] = o.Revision
	}
	if definitions := registry.Map(); len(definitions) > 0 {
		schema["$defs"] = definitions
	}
	describe(schema, o.Docs)
	out, err := json.Marshal(schema)
	if err != nil {
		return "", fmt.Errorf("make a schema of %v: %w", t, err)
	}
	return string(out), nil
}

// describe gives members a description that have none.
func describe(schema map[string]any, docs map[string]string) {
	properties, _ := schema["properties"].(map[string]any)
	for name, node := range properties {
		property, is := node.(map[string]any)
		if is && property["description"] == nil && docs[name] != "" {
			property["description"] = docs[name]
		}
	}
}
