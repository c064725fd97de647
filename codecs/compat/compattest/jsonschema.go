package compattest

import (
	"fmt"

	"refold/codecs/compat"
)

// object returns a schema of an object with properties and whatever else there is.
func object(properties, more string) string {
	if more != "" {
		more = ", " + more
	}
	return `{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {` +
		properties + `}` + more + `}`
}

// JSONSchemaCases returns the table for JSON Schema.
func JSONSchemaCases() []Case {
	var all []Case
	for _, part := range [][]Case{
		jsonContent(), jsonRequired(), jsonTypes(), jsonBounds(), jsonArrays(), jsonUnions(), jsonRefs(),
	} {
		all = append(all, part...)
	}
	return all
}

const closed = `"additionalProperties": false`

func jsonContent() []Case {
	const (
		rule  = "Object compatibility (Confluent): content models"
		id    = `"id": {"type": "string"}`
		note  = `, "note": {"type": "string"}`
		texts = `"additionalProperties": {"type": "string"}`
	)
	content, property := kinds(compat.KindContent), kinds(compat.KindProperty)
	return []Case{
		whole("property added to an open model", rule, object(id, ""), object(id+note, ""), forward, "#.note",
			property, nil),
		whole("property removed from an open model", rule, object(id+note, ""), object(id, ""), backward,
			"#.note",
			nil, property),
		whole("property that takes anything added to an open model", rule, object(id, ""),
			object(id+`, "note": {}`, ""), both, "", nil, nil).
			apicurio(forward, "any property that is added to an open model counts"),
		whole("property added to a closed model", rule, object(id, closed), object(id+note, closed), backward,
			"#.note", nil, content),
		whole("property removed from a closed model", rule, object(id+note, closed), object(id, closed),
			forward,
			"#.note", content, nil),
		whole("property added to a partially open model, of its schema", rule, object(id, texts),
			object(id+note, texts), both, "", nil, nil),
		whole("property added to a partially open model, of another schema", rule, object(id, texts),
			object(id+`, "n": {"type": "integer"}`, texts), neither, "#.n", kinds(compat.KindType),
			kinds(compat.KindType)),
		whole("open model closed", rule, object(id, ""), object(id, closed), forward, "#", content, nil),
		whole("closed model opened", rule, object(id, closed), object(id, ""), backward, "#", nil, content),
		whole("closed model opened, property added", rule, object(id, closed), object(id+note, ""), backward,
			"#.note", nil, kinds(compat.KindContent, compat.KindContent)),
		whole("titles and descriptions", "Annotations", object(id, ""),
			object(id, `"title": "R", "description": "d"`),
			both, "", nil, nil),
		whole("format added", "Format", object(id, closed),
			object(`"id": {"type": "string", "format": "uuid"}`, closed), both, "", nil, nil),
		whole("pattern of names added", rule, object(id, closed),
			object(id, closed+`, "patternProperties": {"^x-": {"type": "string"}}`), backward, "#{^x-}", nil,
			content).apicurio(forward, "a pattern of names counts as narrower than nothing"),
		whole("names limited", "propertyNames", object("", ""),
			object("", `"propertyNames": {"maxLength": 3}`),
			forward, "#{name}", kinds(compat.KindBounds), nil),
		whole("number of properties limited", "maxProperties", object("", ""),
			object("", `"maxProperties": 3`),
			forward, "#", kinds(compat.KindBounds), nil),
	}
}

func jsonRequired() []Case {
	const (
		rule = "required"
		id   = `"id": {"type": "string"}`
		note = `, "note": {"type": "string", "default": ""}`
		must = closed + `, "required": ["id"]`
	)
	missing := kinds(compat.KindRequired)
	return []Case{
		whole("property made required", rule, object(id, closed), object(id, must), forward, "#.id", missing,
			nil),
		whole("property made optional", rule, object(id, must), object(id, closed), backward, "#.id", nil,
			missing),
		whole("required property added to a closed model", rule, object(id, closed),
			object(id+`, "n": {"type": "integer"}`, closed+`, "required": ["n"]`), neither, "#.n", missing,
			kinds(compat.KindContent)),
		whole("required property with a default added to a closed model", rule, object(id, closed),
			object(id+note, closed+`, "required": ["note"]`), neither, "#.note", missing,
			kinds(compat.KindContent)),
	}
}

// jsonType is a change of the schema of a property.
func jsonType(name, rule, older, newer string, want Verdict, back, forth []compat.Kind) Case {
	c := whole(name, rule, object(`"f": `+older, closed), object(`"f": `+newer, closed), want, "", back,
		forth)
	if want != both {
		c.Path = "#.f"
	}
	return c
}

func jsonTypes() []Case {
	const unlike = "schemas of different keywords are not compared"
	wrong, symbol := kinds(compat.KindType), kinds(compat.KindSymbol)
	kind := func(name string) string { return fmt.Sprintf(`{"type": %q}`, name) }
	return []Case{
		jsonType("integer to number", "type", kind("integer"), kind("number"), backward, nil, wrong),
		jsonType("number to integer", "type", kind("number"), kind("integer"), forward, wrong, nil),
		jsonType("string to integer", "type", kind("string"), kind("integer"), neither, wrong, wrong),
		jsonType("made nullable", "type", kind("string"), `{"type": ["string", "null"]}`, backward, nil,
			wrong),
		jsonType("type dropped", "type", kind("string"), `{}`, backward, nil, wrong),
		jsonType("enum extended", "enum", `{"enum": ["A"]}`, `{"enum": ["A", "B"]}`, backward, nil, symbol),
		jsonType("enum narrowed", "enum", `{"enum": ["A", "B"]}`, `{"enum": ["A"]}`, forward, symbol, nil),
		jsonType("enum in another order", "enum", `{"enum": ["A", "B"]}`, `{"enum": ["B", "A"]}`, both, nil,
			nil),
		jsonType("enum to string", "enum", `{"enum": ["A"]}`, kind("string"), backward, nil, symbol).
			apicurio(neither, unlike),
		jsonType("constant to an enum", "const", `{"const": 1}`, `{"enum": [1.0, 2]}`, backward, nil, symbol).
			apicurio(neither, unlike),
		jsonType("constant changed", "const", `{"const": "a"}`, `{"const": "b"}`, neither, symbol, symbol),
	}
}

func jsonBounds() []Case {
	tight := kinds(compat.KindBounds)
	integer := func(more string) string { return `{"type": "integer", ` + more + `}` }
	text := func(more string) string { return `{"type": "string"` + more + `}` }
	return []Case{
		jsonType("maximum raised", "maximum", integer(`"maximum": 9`), integer(`"maximum": 10`), backward,
			nil, tight),
		jsonType("minimum raised", "minimum", integer(`"minimum": 1`), integer(`"minimum": 2`), forward,
			tight, nil),
		jsonType("maximum dropped", "maximum", integer(`"maximum": 9`), `{"type": "integer"}`, backward, nil,
			tight),
		jsonType("a bound made exclusive, for integers the same", "exclusiveMinimum", integer(`"minimum": 1`),
			integer(`"exclusiveMinimum": 0`), both, nil, nil).
			apicurio(backward, "bounds of integers are compared as those of numbers"),
		jsonType("large bounds that a float takes for equal", "maximum",
			integer(`"maximum": 9223372036854775807`),
			integer(`"maximum": 9223372036854775806`), forward, tight, nil),
		jsonType("multiple of a divisor", "multipleOf", integer(`"multipleOf": 10`),
			integer(`"multipleOf": 5`),
			backward, nil, tight),
		jsonType("multiple of another number", "multipleOf", integer(`"multipleOf": 2`),
			integer(`"multipleOf": 3`),
			neither, tight, tight),
		jsonType("length limited", "maxLength", text(""), text(`, "maxLength": 3`), forward, tight, nil),
		jsonType("shorter texts allowed", "minLength", text(`, "minLength": 3`), text(`, "minLength": 1`),
			backward,
			nil, tight),
		jsonType("pattern added", "pattern", text(""), text(`, "pattern": "^a"`), forward,
			kinds(compat.KindPattern), nil),
		jsonType("pattern changed", "pattern", text(`, "pattern": "^ab"`), text(`, "pattern": "^a"`), neither,
			kinds(compat.KindPattern), kinds(compat.KindPattern)),
	}
}

func jsonArrays() []Case {
	wrong, tight, content := kinds(compat.KindType), kinds(compat.KindBounds), kinds(compat.KindContent)
	array := func(more string) string { return `{"type": "array", ` + more + `}` }
	return []Case{
		jsonType("items widened", "items", array(`"items": {"type": "integer"}`),
			array(`"items": {"type": "number"}`), backward, nil, wrong).at("#.f[]"),
		jsonType("more items allowed", "maxItems", array(`"maxItems": 1`), array(`"maxItems": 2`), backward,
			nil, tight),
		jsonType("items made unique", "uniqueItems", `{"type": "array"}`, array(`"uniqueItems": true`),
			forward, tight,
			nil),
		jsonType("item added to a closed tuple", "additionalItems",
			array(`"items": [{"type": "string"}], "additionalItems": false`),
			array(`"items": [{"type": "string"}, {"type": "integer"}], "additionalItems": false`), backward,
			nil,
			content).at("#.f[1]"),
		jsonType("item added to an open tuple", "items", array(`"items": [{"type": "string"}]`),
			array(`"items": [{"type": "string"}, {"type": "integer"}]`), forward, wrong, nil).at("#.f[1]"),
	}
}

func jsonUnions() []Case {
	const (
		card = `{"type": "object", "properties": {"kind": {"const": "card"}, "number": {"type": "string"}},
			"required": ["kind"], "additionalProperties": false}`
		cash = `{"type": "object", "properties": {"kind": {"const": "cash"}}, "required": ["kind"],
			"additionalProperties": false}`
	)
	combined := kinds(compat.KindCombined)
	wrong := kinds(compat.KindType)
	of := func(keyword string, branches string) string { return fmt.Sprintf(`{%q: [%s]}`, keyword, branches) }
	return []Case{
		jsonType("branch added to anyOf", "anyOf", of("anyOf", `{"type": "string"}`),
			of("anyOf", `{"type": "string"}, {"type": "integer"}`), backward, nil, combined),
		jsonType("type made one of anyOf", "anyOf", `{"type": "string"}`,
			of("anyOf", `{"type": "null"}, {"type": "string"}`), backward, nil, wrong),
		jsonType("branches in another order", "oneOf", of("oneOf", `{"type": "string"}, {"type": "integer"}`),
			of("oneOf", `{"type": "integer"}, {"type": "string"}`), both, nil, nil),
		jsonType("oneOf made anyOf", "anyOf", of("oneOf", `{"type": "string"}, {"type": "integer"}`),
			of("anyOf", `{"type": "string"}, {"type": "integer"}`), both, nil, nil).
			apicurio(backward, "anyOf counts as wider than oneOf, whatever the branches"),
		jsonType("oneOf of objects told apart by a constant, one added", "oneOf", of("oneOf", card),
			of("oneOf", card+", "+cash), backward, nil, kinds(compat.KindSymbol)).at("#.f.kind"),
		jsonType("a branch of oneOf that overlaps another", "oneOf", of("oneOf", `{"type": "integer"}`),
			of("oneOf", `{"type": "integer"}, {"type": "number"}`), neither, combined, wrong).
			apicurio(backward, "that values of integers fit both branches is not seen"),
		jsonType("allOf for its parts", "allOf", `{"allOf": [{"type": "string"}, {"maxLength": 3}]}`,
			`{"type": "string", "maxLength": 3}`, both, nil, nil).
			apicurio(neither, "unions of different keywords are not compared"),
		jsonType("not added", "not", `{"type": "string"}`, `{"type": "string", "not": {"const": "a"}}`,
			forward,
			combined, nil),
		jsonType("if added", "if", `{"type": "string"}`,
			`{"type": "string", "if": {"minLength": 1}, "then": false}`,
			forward, kinds(compat.KindKeyword, compat.KindKeyword), nil),
	}
}

func jsonRefs() []Case {
	line := func(kind string) string {
		return `"definitions": {"line": {"type": "object", "properties": {"price": {"type": "` + kind + `"},
			"next": {"$ref": "#/definitions/line"}}, "additionalProperties": false}}`
	}
	const lines = `"lines": {"type": "array", "items": {"$ref": "#/definitions/line"}}`
	return []Case{
		whole("schema behind a reference widened", "$ref", object(lines, line("integer")),
			object(lines, line("number")), backward, "#.lines[].price", nil, kinds(compat.KindType)),
		whole("reference replaced by what it refers to", "$ref",
			object(`"f": {"$ref": "#/definitions/t"}`, `"definitions": {"t": {"type": "string"}}`),
			object(`"f": {"type": "string"}`, ""), both, "", nil, nil),
		whole("reference that leads nowhere", "$ref", object(`"f": {"type": "string"}`, closed),
			object(`"f": {"$ref": "other.json"}`, closed), neither, "#.f", kinds(compat.KindKeyword),
			kinds(compat.KindType)),
	}
}
