package endpoint

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
)

// The components of the description. What belongs to an aggregate is called after it, with a dot in between:
// Account.Row, Account.State, Account.Page, Account.Command.OpenAccount. So two aggregates may have a
// command, an event or a state of one name, and none of theirs is called as something of the server's own.

// Schemas are the components of the description.
func (s *Set) Schemas() huma.Registry { return s.api.OpenAPI().Components.Schemas }

// State is the type of an aggregate's states, and what the aggregate is called in the description.
type State struct {
	Type      reflect.Type
	Aggregate string // "OrderBook"
}

// schemaName names the schema of a Go type. A state's type, and the types in it, are called after the
// aggregate: in Go their names are their package's affair. Types of one name and different packages have
// the package in theirs.
func (s *Set) schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for _, state := range s.states {
		if t == state.Type {
			return state.Aggregate + ".State"
		}
	}
	name := huma.DefaultSchemaNamer(t, hint)
	for _, state := range s.states {
		if t.PkgPath() != "" && t.PkgPath() == state.Type.PkgPath() {
			return state.Aggregate + ".State." + name
		}
	}
	if t.PkgPath() == wirePackage && !slices.Contains(bare, name) {
		name += "Body"
	}
	if other, taken := s.named[name]; taken && other != t {
		name = strings.ReplaceAll(t.PkgPath(), "/", ".") + "." + name
	}
	s.named[name] = t
	return name
}

// wirePackage is the package of answers, whose schemas are called Body behind: they were so from the first
// description on, and clients are generated from it. bare are those that are not.
var (
	wirePackage = reflect.TypeFor[wire.Command]().PkgPath()
	bare        = []string{
		"Problem", "Mistake", "Links", "PartitionVersions", "Message", "Aside", "Missed", "Span",
	}
)

// Define files a schema of the description and returns a reference to it. A name that is taken is a
// mistake in here, which would describe one thing as another.
func (s *Set) Define(name string, schema *huma.Schema) *huma.Schema {
	all := s.Schemas().Map()
	if all[name] != nil {
		panic(fmt.Sprintf("httpapi: two schemas are called %s", name))
	}
	all[name] = schema
	return &huma.Schema{Ref: SchemaRef + name}
}

// SchemaOf returns a reference to the schema of a Go type.
func SchemaOf[T any](s *Set) *huma.Schema {
	return s.Schemas().Schema(reflect.TypeFor[T](), true, "")
}

// StateSchema returns a reference to the schema of a state. Its numbers may be such as JSON lacks.
func (s *Set) StateSchema(state reflect.Type) *huma.Schema {
	ref := s.Schemas().Schema(state, true, "")
	s.letNotFinite(ref, map[*huma.Schema]bool{})
	return ref
}

func (s *Set) letNotFinite(schema *huma.Schema, seen map[*huma.Schema]bool) {
	if schema == nil || seen[schema] {
		return
	}
	seen[schema] = true
	if schema.Ref != "" {
		s.letNotFinite(s.Schemas().SchemaFromRef(schema.Ref), seen)
	}
	if schema.Type == huma.TypeNumber {
		number := *schema
		number.Description = ""
		*schema = huma.Schema{
			AnyOf: []*huma.Schema{&number, NotFiniteSchema()}, Description: schema.Description,
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

// NotFiniteSchema describes the numbers that JSON lacks, as they are written and read.
func NotFiniteSchema() *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Enum: []any{"NaN", "Infinity", "-Infinity"}}
}
