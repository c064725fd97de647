package httpapi

import (
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"refold/codecs/avrojson"
)

// describeCommand returns a reference to the schema of a command's data. Other types in it are named after
// the command.
func (s *Server) describeCommand(r *Resource, command string) (*huma.Schema, error) {
	prefix := component(r, "Command."+command)
	parts := map[*huma.Schema]*avrojson.Schema{} // filled in last: a type may hold itself
	root := r.Commands.DescribeJSON(command, func(fullName string, schema *avrojson.Schema) string {
		name := prefix
		if len(parts) > 0 {
			name += "." + fullName
		}
		part := &huma.Schema{}
		parts[part] = schema
		return s.endpoints.Define(name, part).Ref
	})
	if root == nil {
		return nil, fmt.Errorf("httpapi: the %s has no schema of its command %s", r.Name, command)
	}
	for part, schema := range parts {
		*part = *humaSchema(schema)
	}
	return humaSchema(root), nil
}

// humaSchema returns a schema in huma's form.
func humaSchema(s *avrojson.Schema) *huma.Schema {
	if s == nil {
		return nil
	}
	if s.Keywords != nil {
		return &huma.Schema{Extensions: s.Keywords} // as they are: huma knows some of them only
	}
	out := &huma.Schema{
		Ref: s.Ref, Type: s.Type, Title: s.Title, Description: s.Description, Format: s.Format,
		Pattern: s.Pattern, MinLength: s.MinLength, MaxLength: s.MaxLength, Required: s.Required,
		Items: humaSchema(s.Items), Not: humaSchema(s.Not),
	}
	if s.Minimum != "" { // in huma's own field it would become a float64
		out.Extensions = map[string]any{"minimum": s.Minimum, "maximum": s.Maximum}
	}
	if s.PropertyNames != nil { // huma has no field for it
		out.Extensions = map[string]any{"propertyNames": humaSchema(s.PropertyNames)}
	}
	for _, symbol := range s.Enum {
		out.Enum = append(out.Enum, symbol)
	}
	for _, branch := range s.AnyOf {
		out.AnyOf = append(out.AnyOf, humaSchema(branch))
	}
	if s.Properties != nil {
		out.Properties = make(map[string]*huma.Schema, len(s.Properties))
	}
	for name, property := range s.Properties {
		out.Properties[name] = humaSchema(property)
	}
	switch more := s.AdditionalProperties.(type) {
	case bool:
		out.AdditionalProperties = more
	case *avrojson.Schema:
		out.AdditionalProperties = humaSchema(more)
	}
	return out
}
