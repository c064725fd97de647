package jsonschema_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"refold/codecs/jsonschema"
	"refold/codecs/jsonvalue"
)

func parse(tb testing.TB, text string) *jsonschema.Schema {
	tb.Helper()
	s, err := jsonschema.Parse(text, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// check returns the mistakes of JSON, a line each.
func check(tb testing.TB, s *jsonschema.Schema, text string, use jsonschema.Use) string {
	tb.Helper()
	parsed, err := jsonvalue.Parse([]byte(text), len(text))
	if err != nil {
		tb.Fatal(err)
	}
	i, mistakes := jsonschema.Read(parsed, 64)
	if len(mistakes) == 0 {
		mistakes = s.Check(i, use)
	}
	lines := make([]string, len(mistakes))
	for i, m := range mistakes {
		lines[i] = m.String()
	}
	return strings.Join(lines, "\n")
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``: "nothing", `[]`: "not a JSON object", `true`: "not a JSON object",
		`{"type": "text"}`:                                               "got string, want array",
		`{"$ref": "http://localhost/x"}`:                                 "x, which is none of the references",
		`{"$ref": "file:///etc/passwd"}`:                                 "none of the references",
		`{"pattern": "(?=x)"}`:                                           "regex",
		`{"$schema": "https://example.com/draft"}`:                       "none of the references",
		strings.Repeat(`{"not":`, 300) + "{}" + strings.Repeat(`}`, 300): "nesting deeper than 200",
	} {
		if _, err := jsonschema.Parse(text, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want %s", text, err, want)
		}
	}
}

func TestUses(t *testing.T) {
	s := parse(t, `{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
		"properties": {"at": {"type": "string", "format": "date-time"},
		"additionalProperties": {"enum": [false]},
		"inner": {"$ref": "#/definitions/inner"}},
		"additionalProperties": false,
		"definitions": {"inner": {"type": "object", "additionalProperties": false}}}`)
	const ok = ""
	for text, want := range map[string][3]string{ // Strict, Written, Open
		`{}`:                                {ok, ok, ok},
		`{"at": "2026-01-31T23:59:59Z"}`:    {ok, ok, ok},
		`{"at": "soon"}`:                    {"at: found \"soon\"", ok, "at: found \"soon\""},
		`{"more": 1}`:                       {"more: found 1", "more: found 1", ok},
		`{"inner": {"more": 1}}`:            {"inner.more: ", "inner.more: ", ok},
		`{"additionalProperties": "false"}`: {"additionalProp", "additionalProp", "additionalProp"},
	} {
		for use, begins := range want {
			got := check(t, s, text, jsonschema.Use(use))
			if (begins == ok) != (got == ok) || !strings.HasPrefix(got, begins) {
				t.Errorf("%s, use %d: got %q, want %q", text, use, got, begins)
			}
		}
	}
}

func TestMistakesAreInWords(t *testing.T) {
	s := parse(t, `{"properties": {
		"kind": {"enum": ["a", "b"]}, "one": {"const": 1}, "list": {"type": "array", "maxItems": 1},
		"choice": {"anyOf": [{"type": "string"}, {"type": "null"}]},
		"either": {"oneOf": [{"type": "integer"}, {"type": "number"}]},
		"never": false, "plate": {"pattern": "^[A-Z]+$"}}}`)
	for text, want := range map[string]string{
		`{"kind": "c"}`:    `kind: found "c", allowed: one of "a", "b"`,
		`{"one": 2}`:       `one: found 2, allowed: 1`,
		`{"list": [1, 2]}`: `list: found an array, allowed: maxItems: got 2, want 1`,
		`{"choice": 1}`:    `choice: found 1, allowed: string, or null`,
		`{"either": 1}`:    `either: found 1, allowed: 'oneOf' failed, subschemas 0, 1 matched`,
		`{"never": {}}`:    `never: found an object, allowed: no value`,
		`{"plate": "x"}`:   `plate: found "x", allowed: text that matches ^[A-Z]+$`,
	} {
		if got := check(t, s, text, jsonschema.Strict); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
}

func TestNumbersThatCostTooMuch(t *testing.T) {
	s := parse(t, `{"multipleOf": 0.01}`)
	for text, ok := range map[string]bool{
		"1.25": true, "1e300": true, "1e400": false, "1e-400": false, "0.0": true,
		"0." + strings.Repeat("1", 2000): false, strings.Repeat("9", 300): true,
	} {
		got := check(t, s, text, jsonschema.Strict)
		if ok != (got == "") {
			t.Errorf("%.20s: got %q", text, got)
		}
	}
}

func TestSample(t *testing.T) {
	for _, test := range []struct{ schema, least, full string }{
		{`{"type": "object", "properties": {"a": {"type": "integer"}}}`, `{}`, `{"a":0}`},
		{
			`{"required": ["a", "b"], "properties": {"a": {"type": "integer", "minimum": 3},
				"b": {"type": ["null", "string"], "minLength": 2}, "c": {"$ref": "#/$defs/c"}},
				"$defs": {"c": {"type": "array", "minItems": 1, "items": {"enum": ["x"]}}}}`,
			`{"a":3,"b":"aa"}`, `{"a":3,"b":"aa","c":["x"]}`,
		},
		{`{"anyOf": [{"type": "null"}, {"type": "boolean"}]}`, `false`, `false`},
		{`{"type": "string", "pattern": "x", "examples": ["xx"]}`, `"xx"`, `"xx"`},
		{`{"type": "number", "exclusiveMinimum": 0}`, `1`, `1`},
		{`{"type": "string", "format": "date-time"}`, `"2000-01-01T00:00:00Z"`, `"2000-01-01T00:00:00Z"`},
		{`{"type": "string", "pattern": "x"}`, ``, ``},
		{`{"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}`, ``, ``},
	} {
		for full, want := range map[bool]string{false: test.least, true: test.full} {
			got, err := parse(t, test.schema).Sample(full)
			if string(got) != want || (want == "") != errors.Is(err, jsonschema.ErrNoSample) {
				t.Errorf("%s: got %s, %v; want %s", test.schema, got, err, want)
			}
		}
	}
}

func TestSame(t *testing.T) {
	a := parse(t, `{"title": "A", "properties": {"x": {"type": "string", "description": "X"}},
		"enum": [{"title": 1}]}`)
	for text, want := range map[string]bool{
		`{"enum": [{"title": 1}], "properties": {"x": {"default": "", "type": "string"}}}`: true,
		`{"enum": [{"title": 2}], "properties": {"x": {"type": "string"}}}`:                false,
		`{"enum": [{"title": 1}], "properties": {"title": {"type": "string"}}}`:            false,
	} {
		if got := a.Same(parse(t, text)); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

type tree struct {
	Name     string `json:"name" doc:"Its name." maxLength:"5"`
	Children []tree `json:"children,omitempty"`
	Ignored  string `json:"-"`
	Count    *int64 `json:"count,omitempty"`
}

func TestOfStruct(t *testing.T) {
	text, err := jsonschema.OfStruct(reflect.TypeFor[tree](), jsonschema.Options{
		Title: "wood.Tree", Description: "A tree.", Revision: 2,
		Docs: map[string]string{"count": "How many."},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := parse(t, text)
	ruled, err := jsonschema.OfStruct(reflect.TypeFor[tree](), jsonschema.Options{
		Title: "wood.Tree", Keywords: map[string]any{"rules": []any{map[string]any{"name": "tall"}}},
	})
	if err != nil || !strings.Contains(ruled, `"rules":[{"name":"tall"}]`) || !s.Same(parse(t, ruled)) {
		t.Errorf("rules make another type of it: %v %s", err, ruled)
	}
	if s.Title != "wood.Tree" || s.Revision != 2 || !strings.Contains(text, `"How many."`) ||
		!strings.Contains(text, `"Its name."`) || strings.Contains(text, "gnored") {
		t.Errorf("got %s", text)
	}
	for json, want := range map[string]string{
		`{"name": "oak", "children": [{"name": "ash"}]}`:    "",
		`{"name": "oak", "children": [{"name": "poplar"}]}`: "children[0].name: ",
		`{"children": []}`:              "name: found nothing",
		`{"name": "oak", "extra": 1}`:   "extra: found 1",
		`{"name": "oak", "count": 1.5}`: "count: found 1.5",
	} {
		got := check(t, s, json, jsonschema.Strict)
		if !strings.HasPrefix(got, want) || (want == "") != (got == "") {
			t.Errorf("%s: got %q, want %q", json, got, want)
		}
	}
	type wrong struct {
		N int `json:"n" minimum:"low"`
	}
	for _, of := range []reflect.Type{reflect.TypeFor[wrong](), reflect.TypeFor[string]()} {
		if _, err := jsonschema.OfStruct(of, jsonschema.Options{}); err == nil {
			t.Errorf("%v: no error", of)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"$ref": "#"}`, `{"title": "A", "type": ["string", "null"], "minLength": -1}`,
		`{"properties": {"a": {"$ref": "#/properties/a"}}}`, `{"allOf": [{"$ref": "#"}]}`,
		`{"$id": "x", "$dynamicRef": "#a", "$defs": {"a": {"$dynamicAnchor": "a"}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := jsonschema.Parse(text, nil)
		if err != nil {
			return
		}
		if !s.Same(s) {
			t.Error("it differs from itself")
		}
		if sample, err := s.Sample(true); err == nil {
			if got := check(t, s, string(sample), jsonschema.Strict); got != "" {
				t.Errorf("the sample %s does not fit: %s", sample, got)
			}
		}
	})
}
