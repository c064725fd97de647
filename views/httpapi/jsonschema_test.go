package httpapi_test

import (
	"encoding/json"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// jsonSchema reads the part of JSON Schema that our description uses: it draws values that are valid, and
// reports whether one is.
type jsonSchema struct{ components map[string]map[string]any }

func (j jsonSchema) resolved(schema map[string]any) map[string]any {
	if ref, is := schema["$ref"].(string); is {
		return j.components[strings.TrimPrefix(ref, "#/components/schemas/")]
	}
	return schema
}

// number is a limit of a schema.
func number(schema map[string]any, name string) (*big.Rat, bool) {
	n, has := schema[name].(json.Number)
	if !has {
		return nil, false
	}
	return new(big.Rat).SetString(string(n))
}

func size(schema map[string]any, name string, otherwise int) int {
	if n, has := number(schema, name); has {
		return int(n.Num().Int64())
	}
	return otherwise
}

func list(schema map[string]any, name string) []map[string]any {
	values, _ := schema[name].([]any)
	schemas := make([]map[string]any, len(values))
	for i, v := range values {
		schemas[i], _ = v.(map[string]any)
	}
	return schemas
}

// draw returns a valid value. Below a depth it is as small as possible.
func (j jsonSchema) draw(t *rapid.T, schema map[string]any, depth int) any {
	schema = j.resolved(schema)
	for _, name := range []string{"anyOf", "oneOf"} {
		if some := list(schema, name); len(some) > 0 {
			if depth <= 0 {
				some = some[:1] // null, by convention
			}
			return j.draw(t, rapid.SampledFrom(some).Draw(t, name), depth-1)
		}
	}
	if enum, is := schema["enum"].([]any); is {
		return rapid.SampledFrom(enum).Draw(t, "enum")
	}
	switch schema["type"] {
	case "integer":
		return j.drawInteger(t, schema)
	case "number":
		text := strconv.FormatFloat(float64(rapid.Float32().Draw(t, "number")), 'g', -1, 32)
		return json.Number(text)
	case "boolean":
		return rapid.Bool().Draw(t, "boolean")
	case "array":
		least := size(schema, "minItems", 0)
		items := []any{}
		for range rapid.IntRange(least, least+max(0, min(depth, 3))).Draw(t, "items") {
			one, _ := schema["items"].(map[string]any)
			items = append(items, j.draw(t, one, depth-1))
		}
		return items
	case "object":
		return j.drawObject(t, schema, depth)
	case "string":
		return j.drawString(t, schema)
	}
	return nil
}

func (jsonSchema) drawInteger(t *rapid.T, schema map[string]any) any {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	if n, has := number(schema, "minimum"); has {
		low = n.Num().Int64()
	}
	if n, has := number(schema, "maximum"); has {
		high = n.Num().Int64()
	}
	text := strconv.FormatInt(rapid.Int64Range(low, high).Draw(t, "integer"), 10)
	return json.Number(text + rapid.SampledFrom([]string{"", "", ".0", "e0", ".00E+0"}).Draw(t, "form"))
}

func (jsonSchema) drawString(t *rapid.T, schema map[string]any) string {
	if schema["format"] == "date-time" {
		return rapid.StringMatching(`20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])[Tt]`+
			`([01][0-9]|2[0-3]):[0-5][0-9]:`+
			`[0-5][0-9](\.[0-9]{1,12})?([Zz]|[+-](0[0-9]|1[0-2]):[0-5][0-9])`).Draw(t, "time")
	}
	least, most := size(schema, "minLength", 0), size(schema, "maxLength", 1000)
	pattern, is := schema["pattern"].(string)
	if !is {
		return rapid.StringN(least, min(most, 20), -1).Draw(t, "string")
	}
	if least == most || strings.Contains(pattern, "\x00") { // bytes
		one := rapid.Map(rapid.Byte(), func(b byte) rune { return rune(b) })
		return string(rapid.SliceOfN(one, least, min(most, least+9)).Draw(t, "bytes"))
	}
	fits := func(s string) bool { return utf8.RuneCountInString(s) <= most }
	return rapid.StringMatching(pattern).Filter(fits).Draw(t, "matching")
}

func (j jsonSchema) drawObject(t *rapid.T, schema map[string]any, depth int) any {
	object := map[string]any{}
	required, _ := schema["required"].([]any)
	properties, _ := schema["properties"].(map[string]any)
	names := make([]string, 0, len(properties))
	for name := range properties {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if slices.Contains(required, any(name)) || depth > 0 && rapid.Bool().Draw(t, name) {
			property, _ := properties[name].(map[string]any)
			object[name] = j.draw(t, property, depth-1)
		}
	}
	if values, is := schema["additionalProperties"].(map[string]any); is && depth > 0 {
		for _, key := range rapid.SliceOfNDistinct(rapid.String(), 0, 3, rapid.ID).Draw(t, "keys") {
			object[key] = j.draw(t, values, depth-1)
		}
	}
	return object
}

// valid reports whether a value, as encoding/json decodes it with numbers kept, is valid.
func (j jsonSchema) valid(schema map[string]any, v any) bool {
	schema = j.resolved(schema)
	for _, name := range []string{"anyOf", "oneOf"} {
		if some := list(schema, name); len(some) > 0 &&
			!slices.ContainsFunc(some, func(s map[string]any) bool { return j.valid(s, v) }) {
			return false
		}
	}
	if enum, is := schema["enum"].([]any); is && !slices.Contains(enum, v) {
		return false
	}
	switch v := v.(type) {
	case nil:
		return schema["type"] == "null" || schema["type"] == nil
	case bool:
		return schema["type"] == "boolean" || schema["type"] == nil
	case json.Number:
		return validNumber(schema, v)
	case string:
		return validString(schema, v)
	case []any:
		items, _ := schema["items"].(map[string]any)
		return (schema["type"] == "array" || schema["type"] == nil) &&
			len(v) >= size(schema, "minItems", 0) &&
			!slices.ContainsFunc(v, func(item any) bool { return !j.valid(items, item) })
	case map[string]any:
		return j.validObject(schema, v)
	}
	return false
}

func validNumber(schema map[string]any, v json.Number) bool {
	n, ok := new(big.Rat).SetString(string(v))
	low, hasLow := number(schema, "minimum")
	high, hasHigh := number(schema, "maximum")
	if !ok || hasLow && n.Cmp(low) < 0 || hasHigh && n.Cmp(high) > 0 {
		return false
	}
	return schema["type"] == nil || schema["type"] == "number" || schema["type"] == "integer" && n.IsInt()
}

func validString(schema map[string]any, v string) bool {
	if schema["type"] != "string" && schema["type"] != nil {
		return false
	}
	n := utf8.RuneCountInString(v)
	pattern, is := schema["pattern"].(string)
	return n >= size(schema, "minLength", 0) && n <= size(schema, "maxLength", math.MaxInt32) &&
		(!is || regexp.MustCompile(pattern).MatchString(v))
}

func (j jsonSchema) validObject(schema, v map[string]any) bool {
	if schema["type"] != "object" && schema["type"] != nil {
		return false
	}
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, has := v[name.(string)]; !has {
			return false
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, value := range v {
		property, known := properties[name].(map[string]any)
		more, is := schema["additionalProperties"].(map[string]any)
		switch {
		case known && !j.valid(property, value), !known && is && !j.valid(more, value):
			return false
		case !known && schema["additionalProperties"] == false:
			return false
		}
	}
	return true
}
