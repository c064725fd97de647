package lint

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// maxJSONDepth limits schemas within schemas: what is deeper is not looked at.
const maxJSONDepth = 64

// CheckJSONSchemas returns what is wrong with JSON Schemas. All properties together must be written one way:
// the one that most of them are written in. A doc is a description. The error says which text is no schema.
func CheckJSONSchemas(texts ...string) ([]Problem, error) {
	c := checker{seen: map[string]bool{}}
	for i, text := range texts {
		var schema map[string]any
		if err := json.Unmarshal([]byte(text), &schema); err != nil {
			return nil, fmt.Errorf("lint JSON Schema %d of %d: %w", i+1, len(texts), err)
		}
		name, _ := schema["title"].(string)
		if name == "" {
			name = "#"
		}
		c.jsonSchema(schema, name, 0)
	}
	return append(c.problems, c.style()...), nil
}

func (c *checker) jsonSchema(schema map[string]any, path string, depth int) {
	if depth > maxJSONDepth {
		return
	}
	properties, isObject := schema["properties"].(map[string]any)
	if isObject && text(schema, "description") == "" {
		c.wrong(path, RuleRecordDoc, "the object has no description", "say what it means, in its business")
	}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		property, is := properties[name].(map[string]any)
		if is {
			c.jsonProperty(name, property, path+"."+name)
			c.jsonSchema(property, path+"."+name, depth+1)
		}
	}
	c.within(schema, path, depth+1)
	for _, keyword := range []string{"$defs", "definitions"} {
		definitions, _ := schema[keyword].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(definitions)) {
			if inner, is := definitions[name].(map[string]any); is {
				c.jsonSchema(inner, name, depth+1)
			}
		}
	}
}

// within looks at the schemas of items and values, and at those that a schema is made of.
func (c *checker) within(schema map[string]any, path string, depth int) {
	for _, keyword := range []string{"items", "additionalProperties"} {
		if inner, is := schema[keyword].(map[string]any); is {
			mark := map[string]string{"items": "[]", "additionalProperties": "{}"}[keyword]
			c.jsonSchema(inner, path+mark, depth)
		}
	}
	for _, keyword := range []string{"allOf", "anyOf", "oneOf", "prefixItems"} {
		branches, _ := schema[keyword].([]any)
		for _, branch := range branches {
			if inner, is := branch.(map[string]any); is {
				c.jsonSchema(inner, path, depth)
			}
		}
	}
}

func text(schema map[string]any, keyword string) string {
	value, _ := schema[keyword].(string)
	return strings.TrimSpace(value)
}

func (c *checker) jsonProperty(name string, property map[string]any, path string) {
	_, refers := property["$ref"]
	if text(property, "description") == "" && !refers {
		c.wrong(path, RuleFieldDoc, "the property has no description", "say what it means, and in which unit")
	}
	switch {
	case snakeCase.MatchString(name):
		c.snake = append(c.snake, path)
	case !camelCase.MatchString(name):
		c.wrong(path, RuleFieldName, fmt.Sprintf("the property is named %s", name),
			"a name like orderLine or order_line")
	case strings.ContainsFunc(name, unicode.IsUpper):
		c.camel = append(c.camel, path)
	}
	words := wordsOf(name)
	for _, kind := range jsonTypes(property, 0) {
		switch {
		case kind == "number" && named(words, money):
			c.wrong(path, RuleMoney, fmt.Sprintf("%s is named like money, and is a number", name),
				"an integer of minor units, or a string with a pattern")
		case (kind == "string" || kind == "integer" || kind == "number") &&
			slices.Contains(times, words[len(words)-1]):
			c.wrong(path, RuleTime, fmt.Sprintf("%s is named like a time, and is a plain %s", name, kind),
				`a string with "format": "date-time", "date" or "time"`)
		}
	}
}

// jsonTypes returns the types of a property, of its items, or of what it is a union of; those that have a
// format are left out.
func jsonTypes(schema map[string]any, depth int) (types []string) {
	if depth > maxJSONDepth {
		return nil
	}
	var kinds []any
	switch t := schema["type"].(type) {
	case string:
		kinds = []any{t}
	case []any:
		kinds = t
	}
	for _, kind := range kinds {
		if name, is := kind.(string); is && text(schema, "format") == "" {
			types = append(types, name)
		}
	}
	for _, keyword := range []string{"anyOf", "oneOf", "allOf"} {
		branches, _ := schema[keyword].([]any)
		for _, branch := range branches {
			if inner, is := branch.(map[string]any); is {
				types = append(types, jsonTypes(inner, depth+1)...)
			}
		}
	}
	for _, keyword := range []string{"items", "additionalProperties"} {
		if inner, is := schema[keyword].(map[string]any); is {
			types = append(types, jsonTypes(inner, depth+1)...)
		}
	}
	return types
}
