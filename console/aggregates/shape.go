package aggregates

import (
	"encoding/json"
	"slices"

	"refold/codecs/avrojson"
	"refold/codecs/jsondiff"
	"refold/console/values"
)

// kindOf is what a form shows for a value.
type kindOf string

const (
	ofText   kindOf = "text"
	ofNumber kindOf = "number"
	ofBool   kindOf = "bool"
	ofEnum   kindOf = "enum"
	ofObject kindOf = "object"
	ofList   kindOf = "list"
	ofJSON   kindOf = "json" // whatever there is no field for: JSON as text
)

// shape is what a form needs to know of a schema.
type shape struct {
	kind     kindOf
	hint     string
	symbols  []string // of an enum
	members  []member // of an object
	item     *shape   // of a list
	nullable bool     // it may be null instead
	optional bool     // it may be left out
}

type member struct {
	name  string
	shape *shape
}

// NewCommand returns a type of command with its example. describe returns its schema, as codecs.Set does.
func NewCommand(
	name string, example json.RawMessage,
	describe func(string, func(string, *avrojson.Schema) string) *avrojson.Schema,
) Command {
	s := &shaper{named: map[string]*avrojson.Schema{}}
	schema := describe(name, func(fullName string, schema *avrojson.Schema) string {
		s.named[fullName] = schema
		return fullName
	})
	command := Command{Type: name, Example: example, shape: &shape{kind: ofJSON}}
	if schema != nil {
		command.shape = s.shape(schema, values.Parse(example), 0)
	}
	return command
}

// shaper makes shapes of schemas that refer to each other.
type shaper struct{ named map[string]*avrojson.Schema }

// maxShapeDepth is how deep a form may be; what is deeper, such as a type within itself, is JSON as text.
const maxShapeDepth = 6

// shape makes the shape of a schema. The example says in which order members come, which the schema does not.
func (s *shaper) shape(schema *avrojson.Schema, example *jsondiff.Value, depth int) *shape {
	hint := schema.Description
	for range len(s.named) {
		if schema.Ref == "" || s.named[schema.Ref] == nil {
			break
		}
		schema = s.named[schema.Ref]
	}
	out := &shape{kind: ofJSON, hint: hint}
	if out.hint == "" && schema.Type != "object" {
		out.hint = schema.Description
	}
	switch {
	case schema.Keywords != nil || depth > maxShapeDepth:
	case besideNull(schema) != nil:
		inner := s.shape(besideNull(schema), example, depth+1)
		inner.nullable = true
		if hint != "" {
			inner.hint = hint
		}
		return inner
	case len(schema.Enum) > 0:
		out.kind, out.symbols = ofEnum, schema.Enum
	case schema.Type == "string":
		out.kind = ofText
	case schema.Type == "integer" || schema.Type == "number":
		out.kind = ofNumber
	case schema.Type == "boolean":
		out.kind = ofBool
	case schema.Type == "array" && schema.Items != nil:
		var first *jsondiff.Value
		if example != nil && len(example.Items) > 0 {
			first = example.Items[0]
		}
		out.kind, out.item = ofList, s.shape(schema.Items, first, depth+1)
	case schema.Type == "object" && (len(schema.Properties) > 0 || schema.AdditionalProperties == false):
		out.kind, out.members = ofObject, s.members(schema, example, depth)
	}
	return out
}

// besideNull returns what there may be instead of null; nil if the schema is not of that.
func besideNull(schema *avrojson.Schema) *avrojson.Schema {
	if len(schema.AnyOf) != 2 {
		return nil
	}
	one, other := schema.AnyOf[0], schema.AnyOf[1]
	switch {
	case one.Type == "null":
		return other
	case other.Type == "null":
		return one
	}
	return nil
}

// members are those of an object: those of the example in its order, then the others by name.
func (s *shaper) members(schema *avrojson.Schema, example *jsondiff.Value, depth int) (found []member) {
	var names []string
	for name := range schema.Properties {
		names = append(names, name)
	}
	place := func(name string) int {
		if example != nil {
			for i, m := range example.Members {
				if m.Name == name {
					return i
				}
			}
		}
		return len(names)
	}
	slices.Sort(names)
	slices.SortStableFunc(names, func(a, b string) int { return place(a) - place(b) })
	for _, name := range names {
		var inner *jsondiff.Value
		if example != nil {
			inner = example.Member(name)
		}
		of := s.shape(schema.Properties[name], inner, depth+1)
		of.optional = !slices.Contains(schema.Required, name)
		found = append(found, member{name, of})
	}
	return found
}

// empty is a value of a shape with nothing filled in.
func (s *shape) empty() *jsondiff.Value {
	switch {
	case s.nullable:
		return &jsondiff.Value{Kind: jsondiff.Null, Text: "null"}
	case s.kind == ofObject:
		v := &jsondiff.Value{Kind: jsondiff.Object}
		for _, m := range s.members {
			if !m.shape.optional {
				v.Members = append(v.Members, jsondiff.Member{Name: m.name, Value: m.shape.empty()})
			}
		}
		return v
	case s.kind == ofList:
		return &jsondiff.Value{Kind: jsondiff.Array}
	}
	return &jsondiff.Value{Kind: jsondiff.Text}
}
