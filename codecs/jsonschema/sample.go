package jsonschema

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"refold/codecs/jsonvalue"
)

// Sample returns a small value of the schema, the same bytes every time: with all members if full is set,
// otherwise with those that are required. A const, an enum, examples and a default are used where there is
// one. The error wraps [ErrNoSample] if none was found, as for a pattern.
func (s *Schema) Sample(full bool) ([]byte, error) {
	g := sampler{root: s.root, full: full, left: maxSampleValues}
	data, err := json.Marshal(g.value(s.root, 0))
	if err != nil {
		return nil, fmt.Errorf("make a value of %s: %w", s.Title, err)
	}
	text, err := jsonvalue.Parse(data, len(data))
	if err != nil {
		return nil, fmt.Errorf("make a value of %s: %w", s.Title, err)
	}
	i, mistakes := Read(text, maxDepth)
	if mistakes = append(mistakes, s.Check(i, Strict)...); len(mistakes) > 0 {
		return nil, fmt.Errorf("%w: make a value of %s: %s; give the schema examples, or a default",
			ErrNoSample, s.Title, mistakes[0])
	}
	return i.Canonical, nil
}

// ErrNoSample says that no value of a schema was found. There may be some.
var ErrNoSample = errors.New("no sample")

const (
	maxSampleDepth  = 16 // of schemas in each other, some of which hold themselves
	maxSampleValues = 1000
)

type sampler struct {
	root map[string]any
	full bool
	left int // values
}

// value returns a value of a schema.
func (g *sampler) value(node any, depth int) any {
	schema, is := node.(map[string]any)
	g.left--
	if !is || depth > maxSampleDepth || g.left < 0 {
		return nil
	}
	if constant, has := schema["const"]; has {
		return constant
	}
	for _, keyword := range []string{"enum", "examples"} {
		if values, is := schema[keyword].([]any); is && len(values) > 0 {
			return values[0]
		}
	}
	if value, has := schema["default"]; has {
		return value
	}
	if ref, is := schema[refKeyword].(string); is {
		return g.value(g.resolve(ref), depth+1)
	}
	for _, keyword := range []string{"anyOf", "oneOf"} {
		if choices, is := schema[keyword].([]any); is && len(choices) > 0 {
			return g.value(notNull(choices), depth+1)
		}
	}
	return g.typed(schema, depth)
}

// typed returns a value of a schema's type.
func (g *sampler) typed(schema map[string]any, depth int) any {
	switch kind := typeOf(schema); kind {
	case "object":
		return g.object(schema, depth)
	case "array":
		return g.array(schema, depth)
	case "string":
		return text(schema)
	case "integer", "number":
		return number(schema)
	case "boolean":
		return false
	}
	return nil
}

func (g *sampler) object(schema map[string]any, depth int) any {
	object := map[string]any{}
	if parts, is := schema["allOf"].([]any); is {
		for _, part := range parts {
			inner, _ := g.value(part, depth+1).(map[string]any)
			for name, value := range inner {
				object[name] = value
			}
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	if g.full && depth < maxSampleDepth/2 {
		for name, property := range properties {
			object[name] = g.value(property, depth+1)
		}
	}
	required, _ := schema["required"].([]any)
	for _, r := range required {
		if name, is := r.(string); is && object[name] == nil {
			object[name] = g.value(properties[name], depth+1)
		}
	}
	return object
}

func (g *sampler) array(schema map[string]any, depth int) any {
	items := []any{}
	prefix, _ := schema["prefixItems"].([]any)
	for _, first := range prefix {
		items = append(items, g.value(first, depth+1))
	}
	least := int(least(schema, "minItems"))
	if g.full && schema["items"] != nil && depth < maxSampleDepth/2 {
		least = max(least, 1)
	}
	for len(items) < min(least, maxSampleValues) {
		items = append(items, g.value(schema["items"], depth+1))
	}
	return items
}

// resolve returns the schema of a reference within the document; nil of any other.
func (g *sampler) resolve(ref string) any {
	pointer, within := strings.CutPrefix(ref, "#")
	if !within {
		return nil
	}
	var at any = g.root
	for _, step := range strings.Split(pointer, "/")[1:] {
		object, _ := at.(map[string]any)
		at = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
	}
	return at
}

// notNull returns the first choice that is not null alone.
func notNull(choices []any) any {
	for _, choice := range choices {
		if schema, is := choice.(map[string]any); !is || schema["type"] != "null" {
			return choice
		}
	}
	return choices[0]
}

// typeOf returns the type of a schema, the first that is not null.
func typeOf(schema map[string]any) string {
	switch t := schema["type"].(type) {
	case string:
		return t
	case []any:
		for _, one := range t {
			if name, is := one.(string); is && name != "null" {
				return name
			}
		}
		return "null"
	}
	if schema["properties"] != nil || schema["required"] != nil || schema["allOf"] != nil {
		return "object"
	}
	return ""
}

// sampleTexts are texts of formats.
var sampleTexts = map[string]string{
	"date-time": "2000-01-01T00:00:00Z", "date": "2000-01-01", "time": "00:00:00Z", "duration": "PT0S",
	"email": "a@example.com", "idn-email": "a@example.com", "hostname": "example.com",
	"ipv4": "192.0.2.1", "ipv6": "2001:db8::1", "uri": "https://example.com/", "uri-reference": "/",
	"uuid": "00000000-0000-0000-0000-000000000000", "json-pointer": "", "regex": "",
}

func text(schema map[string]any) string {
	format, _ := schema["format"].(string)
	sample := sampleTexts[format]
	if missing := int(least(schema, "minLength")) - len(sample); missing > 0 {
		sample += strings.Repeat("a", min(missing, maxSampleValues))
	}
	return sample
}

// number returns the number nearest to 0 that the bounds allow.
func number(schema map[string]any) json.Number {
	n := json.Number("0")
	if low, is := schema["minimum"].(json.Number); is && least(schema, "minimum") > 0 {
		n = low
	}
	if high, is := schema["maximum"].(json.Number); is && least(schema, "maximum") < 0 {
		n = high
	}
	if _, is := schema["exclusiveMinimum"].(json.Number); is && least(schema, "exclusiveMinimum") >= 0 {
		n = json.Number(fmt.Sprint(int64(math.Floor(least(schema, "exclusiveMinimum"))) + 1))
	}
	return n
}

// least returns a bound of a schema; 0 if it has none, or none that an int holds.
func least(schema map[string]any, keyword string) float64 {
	n, _ := schema[keyword].(json.Number)
	f, _ := n.Float64()
	return max(math.MinInt32, min(f, math.MaxInt32))
}
