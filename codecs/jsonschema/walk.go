package jsonschema

import (
	"maps"
	"slices"
)

const (
	refKeyword      = "$ref"
	revisionKeyword = "revision"
	rulesKeyword    = "rules" // conditions that commands must keep: see package rules
)

// The keywords that hold schemas: one, a list of them, or several by name.
var (
	oneOfThem = []string{
		"additionalProperties", "items", "additionalItems", "contains", "not", "if", "then", "else",
		"propertyNames", "unevaluatedItems", "unevaluatedProperties", "contentSchema",
	}
	listsOfThem = []string{"allOf", "anyOf", "oneOf", "prefixItems", "items"}
	mapsOfThem  = []string{
		"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies",
	}
)

// annotations say nothing about which JSON is valid.
var annotations = []string{
	"title", "description", "$comment", "examples", "default", "deprecated", "readOnly", "writeOnly", "$id",
	revisionKeyword, rulesKeyword,
}

// copied returns a copy of a schema in which change has changed every schema object. What is no schema, such
// as the values of an enum, is shared.
func copied(node any, change func(schema map[string]any)) any {
	schema, is := node.(map[string]any)
	if !is {
		return node
	}
	schema = maps.Clone(schema)
	for _, keyword := range oneOfThem {
		if inner, has := schema[keyword]; has {
			schema[keyword] = copied(inner, change)
		}
	}
	for _, keyword := range listsOfThem {
		if list, is := schema[keyword].([]any); is {
			list = slices.Clone(list)
			for i := range list {
				list[i] = copied(list[i], change)
			}
			schema[keyword] = list
		}
	}
	for _, keyword := range mapsOfThem {
		if named, is := schema[keyword].(map[string]any); is {
			named = maps.Clone(named)
			for name := range named {
				named[name] = copied(named[name], change)
			}
			schema[keyword] = named
		}
	}
	change(schema)
	return schema
}

// opened returns a schema that takes members which it does not know.
func opened(root map[string]any) map[string]any {
	open, _ := copied(root, func(schema map[string]any) {
		for _, keyword := range []string{"additionalProperties", "unevaluatedProperties"} {
			if allowed, is := schema[keyword].(bool); is && !allowed {
				delete(schema, keyword)
			}
		}
	}).(map[string]any)
	return open
}

// stripped returns a schema without annotations.
func stripped(root map[string]any) any {
	return copied(root, func(schema map[string]any) {
		for _, keyword := range annotations {
			delete(schema, keyword)
		}
	})
}
