package catalogue

import (
	"strings"
	"testing"

	"refold/codecs"
)

// Defaults are JSON as the API has it, without the names of branches.
func TestDefaults(t *testing.T) {
	schema, err := codecs.ParseSchema(`{"type": "record", "name": "All", "fields": [
		{"name": "text", "type": ["string", "null"], "default": "a"},
		{"name": "nothing", "type": ["null", "string"], "default": null},
		{"name": "bytes", "type": "bytes", "default": "ÿ"},
		{"name": "list", "type": {"type": "array", "items": ["long", "null"]}, "default": [1]},
		{"name": "map", "type": {"type": "map", "values": "int"}, "default": {"b": 2, "a": 1}},
		{"name": "record", "type": {"type": "record", "name": "In", "fields": [
			{"name": "n", "type": ["int", "null"], "default": 7}]}, "default": {}},
		{"name": "enum", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "A"},
			"default": "B"},
		{"name": "none", "type": {"type": "fixed", "name": "F", "size": 2}}]}`)
	if err != nil {
		t.Fatal(err)
	}
	records := describe(schema).Records
	for i, want := range []string{`"a"`, "null", `"ÿ"`, "[1]", `{"a":1,"b":2}`, `{"n":7}`, `"B"`, ""} {
		if got := records[0].Fields[i]; got.Default != want || got.HasDefault != (want != "") {
			t.Errorf("%s: got %s", got.Name, got.Default)
		}
	}
	if len(records) != 4 || records[2].Default != "A" || len(records[2].Symbols) != 2 ||
		records[3].Size != 2 {
		t.Errorf("got %+v", records)
	}
}

// Types are named as people name them.
func TestTypeNames(t *testing.T) {
	for text, want := range map[string]string{
		`"long"`: "long",
		`{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}`: "decimal(9,2)",
		`{"type": "array", "items": {"type": "map", "values": "string"}}`:         "list of map of string",
		`["null", "int", {"type": "long", "logicalType": "timestamp-micros"}]`: "int or timestamp-micros, " +
			"optional",
	} {
		schema, err := codecs.ParseSchema(`{"type": "record", "name": "R", "fields": [
			{"name": "f", "type": ` + text + `}]}`)
		if err != nil {
			t.Fatal(err)
		}
		field := describe(schema).Records[0].Fields[0]
		if got := field.Type; got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}

// A schema of another format is described by the JSON of its records.
func TestSchemasOfJSON(t *testing.T) {
	schema, err := codecs.ParseSchemaOf(codecs.JSONSchema, `{"title": "shop.Placed", "type": "object",
		"description": "An order.", "required": ["lines"], "additionalProperties": false, "properties": {
			"note": {"type": "string", "description": "Anything."},
			"lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}}},
		"$defs": {"Line": {"type": "object", "required": ["sku"], "properties": {
			"sku": {"type": "string"}}}}}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := describe(schema)
	if got.Format != "JSON Schema" || got.ContentType != "application/json" || len(got.Records) == 0 {
		t.Fatalf("got %+v", got)
	}
	placed := got.Records[0]
	if placed.Name != "Placed" || placed.Doc != "An order." || len(placed.Fields) != 2 {
		t.Fatalf("got %+v", placed)
	}
	if lines, note := placed.Fields[0], placed.Fields[1]; !strings.HasPrefix(lines.Type, "list of ") ||
		note.Type != "string, optional" || note.Doc != "Anything." {
		t.Errorf("got %+v", placed.Fields)
	}
}
