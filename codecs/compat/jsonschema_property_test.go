package compat_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"refold/codecs/compat"
)

// jsonSchemas draws JSON Schemas.
type jsonSchemas struct{ t *rapid.T }

func (s jsonSchemas) schema(depth int) any {
	draw := func(label string) bool { return rapid.IntRange(0, 3).Draw(s.t, label) == 0 }
	if draw("trivial") {
		return one[any](s.t, "which", true, false, map[string]any{}, map[string]any{"$ref": "#/$defs/d"})
	}
	m := map[string]any{}
	add := func(keyword string, values ...any) {
		if draw(keyword) {
			m[keyword] = one(s.t, keyword, values...)
		}
	}
	if !draw("any type") {
		m["type"] = one[any](s.t, "type", "object", "object", "array", "string", "integer", "number", "null",
			"boolean",
			[]string{"string", "null"}, []string{"integer", "object"})
	}
	add("enum", []any{"a", 1}, []any{1, 2, nil}, []any{true}, []any{"a"})
	add("minimum", 0, 1, -1)
	add("exclusiveMaximum", 2, 1, 1.5)
	add("multipleOf", 1, 2, 0.5)
	add("maxLength", 0, 1, 2)
	add("minLength", 0, 1)
	add("pattern", "^a", "b")
	add("minItems", 0, 1)
	add("maxItems", 0, 1, 2)
	add("uniqueItems", true)
	add("required", []string{"a"}, []string{"a", "b"})
	add("minProperties", 1, 2)
	add("maxProperties", 1, 2)
	if depth <= 0 {
		return m
	}
	nested := func(keyword string, value func() any) {
		if draw(keyword) {
			m[keyword] = value()
		}
	}
	inner := func() any { return s.schema(depth - 1) }
	list := func() any { return []any{inner(), inner()} }
	nested("properties", func() any { return map[string]any{"a": inner(), "b": inner()} })
	nested("additionalProperties", inner)
	nested("patternProperties", func() any { return map[string]any{one(s.t, "names", "^a", "c"): inner()} })
	nested("propertyNames", inner)
	nested("items", inner)
	nested("prefixItems", list)
	nested("anyOf", list)
	nested("oneOf", list)
	nested("allOf", list)
	nested("not", inner)
	nested("if", inner)
	nested("then", inner)
	nested("contains", inner)
	return m
}

// change returns a schema in which something else is drawn anew.
func (s jsonSchemas) change(schema any, depth int) any {
	m, is := schema.(map[string]any)
	if !is || len(m) == 0 || rapid.IntRange(0, 3).Draw(s.t, "anew") == 0 {
		return s.schema(depth)
	}
	changed := map[string]any{}
	at := one(s.t, "keyword", slices.Sorted(maps.Keys(m))...)
	maps.Copy(changed, m)
	switch inner := m[at].(type) {
	case map[string]any:
		if at == "properties" || at == "patternProperties" {
			copied := map[string]any{}
			for k, v := range inner {
				copied[k] = s.change(v, depth-1)
			}
			changed[at] = copied
		} else {
			changed[at] = s.change(inner, depth-1)
		}
	default:
		delete(changed, at)
	}
	return changed
}

func drawValue(t *rapid.T, depth int) any {
	switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
	case kind < 4 && depth > 0:
		m := map[string]any{}
		for _, name := range []string{"a", "b", "c", "ac"} {
			if rapid.Bool().Draw(t, "has") {
				m[name] = drawValue(t, depth-1)
			}
		}
		return m
	case kind < 6 && depth > 0:
		l := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			l = append(l, drawValue(t, depth-1))
		}
		return l
	}
	return one[any](t, "value", nil, true, false, "", "a", "b", "ab", json.Number("0"), json.Number("1"),
		json.Number("2"), json.Number("1.5"), json.Number("-1"), json.Number("1.0"), json.Number("3"))
}

func compiled(t *rapid.T, text []byte) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	const name = "schema.json"
	c := jsonschema.NewCompiler()
	err = c.AddResource(name, document)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(name)
	if err != nil {
		return nil // such as one that is nothing but a reference to itself
	}
	return schema
}

// loops reports whether a definition, to which all references are, refers to itself without going into the
// value. JSON Schema leaves open what that means (Core 2020-12, 9.4.1).
func loops(definition any) bool {
	m, is := definition.(map[string]any)
	if !is || m["$ref"] != nil {
		return is
	}
	for _, keyword := range []string{"allOf", "anyOf", "oneOf", "not", "if", "then"} {
		list, is := m[keyword].([]any)
		if is && slices.ContainsFunc(list, loops) || !is && loops(m[keyword]) {
			return true
		}
	}
	return false
}

// If no break is reported, every value that is valid for the writer is valid for the reader.
func TestCompatibleJSONSchemaTakesAll(t *testing.T) {
	compatible, broken, valid := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		s := jsonSchemas{t}
		defined := func(schema, d any) []byte {
			if loops(d) {
				d = true
			}
			text, err := json.Marshal(map[string]any{"allOf": []any{schema}, "$defs": map[string]any{"d": d}})
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		for range 5 {
			schema, d := s.schema(2), s.schema(1)
			written := defined(schema, d)
			read := defined(s.change(schema, 2), one(t, "other definition", d, d, s.change(d, 1)))
			w, err := compat.ParseJSONSchema(string(written), nil)
			if err != nil {
				t.Fatal(err)
			}
			r, err := compat.ParseJSONSchema(string(read), nil)
			if err != nil {
				t.Fatal(err)
			}
			if found := compat.ReadJSONSchema(w, r, compat.Backward); len(found) > 0 {
				broken++
				if changes := compat.DiffJSONSchemas(w, r); !slices.ContainsFunc(changes,
					func(c compat.Change) bool { return !c.Backward }) {
					t.Errorf("no change of %+v breaks, but %v\nwritten %s\nread    %s", changes, found,
						written, read)
				}
				continue
			}
			compatible++
			writer, reader := compiled(t, written), compiled(t, read)
			for range 20 {
				value := drawValue(t, 2)
				if writer == nil || reader == nil || writer.Validate(value) != nil {
					continue
				}
				err := reader.Validate(value)
				valid++
				if err != nil && !strings.Contains(err.Error(), "reference cycle") { // which is no schema
					t.Fatalf("no break is reported, and %v is refused: %v\nwritten %s\nread    %s",
						value, err, written, read)
				}
			}
		}
	})
	t.Logf("%d compatible, %d broken, %d values", compatible, broken, valid)
	if min(compatible, broken, valid) < 20 {
		t.Errorf("%d pairs are compatible, %d are not, with %d values: too few", compatible, broken, valid)
	}
}
