package avrojson_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/twmb/avro"
	"pgregory.net/rapid"

	"refold/codecs/avrojson"
	"refold/codecs/avrotype"
)

// validator returns the published JSON Schema of a type, as a library understands it.
func validator(t *avrotype.Type) (*jsonschema.Schema, error) {
	definitions := map[string]*avrojson.Schema{}
	root := avrojson.Describe(t, func(name string, schema *avrojson.Schema) string {
		definitions[name] = schema
		return "#/$defs/" + name
	})
	text, err := json.Marshal(map[string]any{"allOf": []any{root}, "$defs": definitions})
	if err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		return nil, err
	}
	return compiler.Compile("schema.json")
}

// drawer draws Avro schemas, and JSON that is more or less of one.
type drawer struct {
	t     *rapid.T
	names []string // of records, enums and fixed types so far
}

// schema draws the schema of a type; inUnion: one that may be a branch.
func (d *drawer) schema(depth int, inUnion bool) any {
	kinds := []string{
		"null", "boolean", "int", "long", "float", "double", "bytes", "string", "enum", "fixed",
	}
	if depth > 0 {
		kinds = append(kinds, "array", "map", "record", "record")
		if !inUnion {
			kinds = append(kinds, "union", "union")
		}
	}
	if len(d.names) > 0 && !inUnion {
		kinds = append(kinds, "name")
	}
	switch kind := rapid.SampledFrom(kinds).Draw(d.t, "kind"); kind {
	case "enum":
		return map[string]any{"type": kind, "name": d.name(), "symbols": []string{"A", "B", "NaN"}}
	case "fixed":
		return map[string]any{
			"type": kind, "name": d.name(), "size": rapid.IntRange(1, 3).Draw(d.t, "size"),
		}
	case "array":
		return map[string]any{"type": kind, "items": d.schema(depth-1, false)}
	case "map":
		return map[string]any{"type": kind, "values": d.schema(depth-1, false)}
	case "record":
		return d.record(depth)
	case "union":
		return d.union(depth)
	case "name":
		return rapid.SampledFrom(d.names).Draw(d.t, "known")
	default:
		return kind
	}
}

func (d *drawer) name() string {
	d.names = append(d.names, fmt.Sprintf("N%d", len(d.names)))
	return d.names[len(d.names)-1]
}

func (d *drawer) record(depth int) any {
	record := map[string]any{"type": "record", "name": d.name()}
	fields := []any{}
	for i := range rapid.IntRange(0, 3).Draw(d.t, "fields") {
		field := map[string]any{"name": string(rune('a' + i)), "type": d.schema(depth-1, false)}
		switch kind := field["type"]; {
		case kind == "int" && rapid.Bool().Draw(d.t, "default"):
			field["default"] = 5
		case kind == "string" && rapid.Bool().Draw(d.t, "default"):
			field["default"] = "none"
		}
		fields = append(fields, field)
	}
	if rapid.Bool().Draw(d.t, "itself") {
		fields = append(fields, map[string]any{
			"name": "z", "type": []any{"null", record["name"]}, "default": nil,
		})
	}
	record["fields"] = fields
	return record
}

// union draws one without two branches of a kind, which Avro refuses.
func (d *drawer) union(depth int) any {
	union, kinds := []any{}, map[string]bool{}
	for range rapid.IntRange(1, 5).Draw(d.t, "branches") {
		branch := d.schema(depth-1, true)
		kind, plain := branch.(string)
		if !plain {
			kind, _ = branch.(map[string]any)["type"].(string)
		}
		named := kind == "record" || kind == "enum" || kind == "fixed"
		if kinds[kind] && !named {
			continue
		}
		kinds[kind] = true
		union = append(union, branch)
	}
	return union
}

// The numbers and strings at which kinds differ.
var (
	numbers = []string{
		"0", "-0", "1", "-1.0", "1.5", "1e2", "1E-2", "150e-1", "2147483647", "2147483648",
		"-2147483648", "-2147483649", "9223372036854775807", "9223372036854775808", "9223372036854775807.0",
		"-9223372036854775808", "-9223372036854775809", "3.4028235e38", "3.4028236e38", "-3.4028235e+38",
		"3.40282350000000000001e38", "1.7976931348623157e308", "1.7976931348623158e308",
		"1.79769313486231580001e308", "-1.7976931348623159e308", "1e39", "1e-400", "2e308", "0.1e1",
	}
	texts = []string{
		`""`, `"a"`, `"abc"`, `"A"`, `"NaN"`, `"Infinity"`, `"-Infinity"`, `"nan"`, `"ÿ"`, `"Ā"`,
		`"\u0000\n"`, `"ab\u00ff"`, `"😀"`, `"\ud83d\ude00"`, `"5"`, `"none"`,
	}
)

// document draws JSON of a type; now and then something else.
func (d *drawer) document(t *avrotype.Type, depth int) string {
	const deepest = -4 // a record that must hold itself has no end
	if depth < deepest {
		return "null"
	}
	if rapid.IntRange(0, 9).Draw(d.t, "other") == 0 {
		other := slices.Concat([]string{"null", "true", "[]", "{}", `{"a": 1}`, "[null]"}, numbers, texts)
		return rapid.SampledFrom(other).Draw(d.t, "anything")
	}
	switch t.Kind {
	case avrotype.Null:
		return "null"
	case avrotype.Boolean:
		return rapid.SampledFrom([]string{"true", "false"}).Draw(d.t, "boolean")
	case avrotype.Int, avrotype.Long:
		return rapid.SampledFrom(numbers).Draw(d.t, "whole")
	case avrotype.Float, avrotype.Double:
		return rapid.SampledFrom(append(texts[4:8:8], numbers...)).Draw(d.t, "float")
	case avrotype.Bytes, avrotype.Fixed, avrotype.String, avrotype.Enum:
		return rapid.SampledFrom(texts).Draw(d.t, "text")
	case avrotype.Union:
		return d.document(rapid.SampledFrom(t.Branches).Draw(d.t, "branch"), depth)
	case avrotype.Array:
		items := make([]string, max(0, min(depth, rapid.IntRange(0, 3).Draw(d.t, "items"))))
		for i := range items {
			items[i] = d.document(t.Items, depth-1)
		}
		return "[" + strings.Join(items, ",") + "]"
	case avrotype.Map:
		members := make([]string, max(0, min(depth, rapid.IntRange(0, 2).Draw(d.t, "entries"))))
		for i := range members {
			members[i] = fmt.Sprintf(`"k%d":`, i) + d.document(t.Items, depth-1)
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	return d.object(t, depth)
}

func (d *drawer) object(t *avrotype.Type, depth int) string {
	var members []string
	for i := range t.Fields {
		field := &t.Fields[i]
		left := rapid.IntRange(0, 19).Draw(d.t, "left out")
		if left == 0 || field.HasDefault && (left < 10 || depth <= 0) {
			continue
		}
		members = append(members, `"`+field.Name+`":`+d.document(field.Type, depth-1))
	}
	if rapid.IntRange(0, 19).Draw(d.t, "more") == 0 {
		members = append(members, `"unknown":0`)
	}
	members = rapid.Permutation(members).Draw(d.t, "order")
	return "{" + strings.Join(members, ",") + "}"
}

// JSON is valid by the published schema if and only if Read takes it; and what Read takes, Write writes, and
// that is valid and read as the same.
func TestTheSchemaDescribesWhatIsRead(t *testing.T) {
	taken, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		d := &drawer{t: t}
		schema, err := json.Marshal(d.schema(3, false))
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := avro.Parse(string(schema))
		if err != nil {
			return // Avro refuses some: a union of a name and the type of that name
		}
		typ := avrotype.Of(parsed)
		codec, err := avrojson.NewCodec(parsed, typ)
		if err != nil {
			return // so does goavro
		}
		valid, err := validator(typ)
		if err != nil {
			t.Fatalf("of %s: %v", schema, err)
		}
		for range 30 {
			document := d.document(typ, 4)
			data, wrong := read(codec, []byte(document))
			if says := validate(t, valid, document); (says == nil) != (wrong == nil) {
				t.Fatalf("%s as %s\nJSON Schema: %v\nRead: %v", document, schema, says, wrong)
			}
			if wrong != nil {
				refused++
				continue
			}
			taken++
			checkBack(t, typ, codec, valid, document, data)
		}
	})
	if min(taken, refused) < 20 {
		t.Errorf("%d were taken, %d refused: this shows little", taken, refused)
	}
}

func validate(t *rapid.T, schema *jsonschema.Schema, document string) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return schema.Validate(value) //nolint:wrapcheck // shown as it is
}

func checkBack(t *rapid.T, typ *avrotype.Type, codec *avrojson.Codec, valid *jsonschema.Schema,
	document string, data []byte,
) {
	t.Helper()
	text, err := avrojson.Write(typ, data, 1<<20)
	if err != nil {
		t.Fatalf("%s became %x, which can't be written: %v", document, data, err)
	}
	if err := validate(t, valid, string(text)); err != nil {
		t.Fatalf("%s was written as %s, which is not valid: %v", document, text, err)
	}
	again, err := read(codec, text)
	if err != nil {
		t.Fatalf("%s was written as %s, which is refused: %v", document, text, err)
	}
	if back, err := avrojson.Write(typ, again, 1<<20); err != nil || !bytes.Equal(back, text) {
		t.Fatalf("%s was written as %s, and that as %s, %v", document, text, back, err)
	}
}
