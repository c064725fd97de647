package httpapi

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// The components of the description. What belongs to an aggregate is called after it, with a dot in between:
// Account.Row, Account.State, Account.Page, Account.Command.OpenAccount. So two aggregates may have a
// command, an event or a state of one name, and none of theirs is called as something of the server's own.

func (s *Server) schemas() huma.Registry { return s.api.OpenAPI().Components.Schemas }

// schemaName names the schema of a Go type. A state's type, and the types in it, are called after the
// aggregate: in Go their names are their package's affair. Types of one name and different packages have
// the package in theirs.
func (s *Server) schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	for _, r := range s.options.Resources {
		if t == r.State {
			return component(&r, "State")
		}
	}
	for _, r := range s.options.Resources {
		if t.PkgPath() != "" && t.PkgPath() == r.State.PkgPath() {
			return component(&r, "State."+name)
		}
	}
	if other, taken := s.named[name]; taken && other != t {
		name = strings.ReplaceAll(t.PkgPath(), "/", ".") + "." + name
	}
	s.named[name] = t
	return name
}

// component is the name of a schema of an aggregate.
func component(r *Resource, part string) string { return titled(r.Name) + "." + part }

// define files a schema of the description and returns a reference to it. A name that is taken is a
// mistake in here, which would describe one thing as another.
func (s *Server) define(name string, schema *huma.Schema) *huma.Schema {
	all := s.schemas().Map()
	if all[name] != nil {
		panic(fmt.Sprintf("httpapi: two schemas are called %s", name))
	}
	all[name] = schema
	return &huma.Schema{Ref: schemaRef + name}
}

// schemaOf returns a reference to the schema of a Go type.
func schemaOf[T any](s *Server) *huma.Schema {
	return s.schemas().Schema(reflect.TypeFor[T](), true, "")
}

// stateSchema returns a reference to the schema of an aggregate's state. Its numbers may be such as JSON
// lacks.
func (s *Server) stateSchema(r *Resource) *huma.Schema {
	ref := s.schemas().Schema(r.State, true, "")
	s.letNotFinite(ref, map[*huma.Schema]bool{})
	return ref
}

func (s *Server) letNotFinite(schema *huma.Schema, seen map[*huma.Schema]bool) {
	if schema == nil || seen[schema] {
		return
	}
	seen[schema] = true
	if schema.Ref != "" {
		s.letNotFinite(s.schemas().SchemaFromRef(schema.Ref), seen)
	}
	if schema.Type == huma.TypeNumber {
		number := *schema
		number.Description = ""
		*schema = huma.Schema{
			AnyOf: []*huma.Schema{&number, notFiniteSchema()}, Description: schema.Description,
		}
		seen[&number] = true
		return
	}
	s.letNotFinite(schema.Items, seen)
	if values, is := schema.AdditionalProperties.(*huma.Schema); is {
		s.letNotFinite(values, seen)
	}
	for _, property := range schema.Properties {
		s.letNotFinite(property, seen)
	}
	for _, some := range [][]*huma.Schema{schema.AnyOf, schema.OneOf, schema.AllOf} {
		for _, one := range some {
			if !isNotFinite(some) {
				s.letNotFinite(one, seen)
			}
		}
	}
}

// isNotFinite reports whether these are a number that was described already.
func isNotFinite(some []*huma.Schema) bool {
	return len(some) == 2 && some[0].Type == huma.TypeNumber &&
		len(some[1].Enum) > 0 && some[1].Enum[0] == "NaN"
}

// commandRequest describes the body of a POST: one of the aggregate's commands.
func (s *Server) commandRequest(r *Resource) (*huma.RequestBody, error) {
	media := &huma.MediaType{
		Schema: &huma.Schema{}, Examples: map[string]*huma.Example{},
	}
	for _, name := range r.Commands.Types() {
		data, err := s.describeCommand(r, name)
		if err != nil {
			return nil, err
		}
		media.Schema.OneOf = append(media.Schema.OneOf, &huma.Schema{
			Type: huma.TypeObject, Title: name, Required: []string{"type", "data"},
			Properties: map[string]*huma.Schema{
				"type": {Type: huma.TypeString, Enum: []any{name}},
				"data": data,
			},
			AdditionalProperties: false,
		})
		if example, has := r.CommandExamples[name]; has {
			media.Examples[name] = &huma.Example{Value: map[string]json.RawMessage{
				"type": json.RawMessage(`"` + name + `"`), "data": example,
			}}
		}
	}
	return &huma.RequestBody{
		Required: true, Content: map[string]*huma.MediaType{mediaJSON: media},
	}, nil
}

// titled returns the name of an aggregate in the description: order-book, OrderBook. No two names have
// the same.
func titled(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "-") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String()
}
