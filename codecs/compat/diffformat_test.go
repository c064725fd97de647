package compat_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"refold/codecs/compat"
)

func diffOf(
	t *testing.T, format compat.Format, older, newer string,
) (changes []compat.Change, lines []string) {
	t.Helper()
	changes, err := compat.DiffFormat(compat.Version{Text: older, Format: format},
		compat.Version{Text: newer, Format: format})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		lines = append(lines, fmt.Sprintf("%s: %s %s -> %s %v %v", c.Path, c.What, c.Was, c.Is, c.Backward,
			c.Forward))
	}
	return changes, lines
}

// Messages are compared by the numbers of fields, at the place of the field that has them.
func TestDiffOfProtobuf(t *testing.T) {
	_, got := diffOf(t, compat.Protobuf, `syntax = "proto3";
		package shop;
		// An order.
		message Order {
			string owner = 1;
			int32 size = 2;
			string gone = 3;
			string left = 4;
			string kept = 5 [json_name = "k"];
			repeated Line lines = 6;
			State state = 7;
			string card = 8;
			string cash = 9;
			string one = 10;
			map<string, int32> counts = 11;
			Order parent = 12;
		}
		message Line { string article = 1; }
		enum State { OPEN = 0; }
		message Old {}`, `syntax = "proto3";
		package shop;
		// An order that was placed.
		message Order {
			reserved 4; reserved "left";
			string holder = 1;
			int64 size = 2;
			string renamed = 5 [json_name = "k"];
			repeated Item lines = 6;
			State state = 7; // Where it is.
			oneof pay { string card = 8; string cash = 9; }
			repeated string one = 10;
			map<string, int64> counts = 11;
			Order parent = 12;
			optional string added = 13;
		}
		message Item { string article = 1; bytes picture = 2; }
		enum State { OPEN = 0; CLOSED = 1; }
		message New {}`)
	want := []string{
		"Order: doc An order. -> An order that was placed. true true",
		"Order.holder: field-renamed owner -> holder false false",
		"Order.holder: json-name owner -> holder false false",
		"Order.size: type int32 -> int64 true false",
		"Order.renamed: field-renamed kept -> renamed true true",
		"Order.lines[]: type message Line -> message Item true true",
		"Order.lines[].picture: field-added  -> bytes = 2 true true",
		"Order.state: doc  -> Where it is. true true",
		"Order.state: symbols OPEN = 0 -> OPEN = 0, CLOSED = 1 true false",
		"Order.one: cardinality singular -> repeated false false",
		"Order.counts{}: type int32 -> int64 true false",
		"Order.added: field-added  -> optional string = 13 true true",
		"Order.gone: field-removed string = 3 ->  false true",
		"Order.left: field-removed string = 4 ->  true true",
		"Order.pay: oneof  -> card, cash false true",
		"New: message-added  ->  true true",
		"Old: message-removed  ->  false true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A message that has moved, and another package, break what has their names and places.
func TestDiffOfProtobufFiles(t *testing.T) {
	_, got := diffOf(t, compat.Protobuf,
		`syntax = "proto3"; package a; message R { S s = 1; } message S { string x = 1; }`,
		`syntax = "proto3"; package b; message S { string x = 1; } message R { S s = 1; }`)
	want := []string{
		"b: package a -> b false false",
		"S: index [1] -> [0] false false",
		"R: index [0] -> [1] false false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Schemas are compared where they are used, and each keyword is a change of its own.
func TestDiffOfJSONSchemas(t *testing.T) {
	_, got := diffOf(t, compat.JSONSchema, `{"title": "R", "description": "Old.", "type": "object",
		"required": ["size"], "additionalProperties": false,
		"properties": {
			"size": {"type": "integer", "maximum": 5},
			"name": {"type": "string", "maxLength": 10, "description": "A name."},
			"state": {"enum": ["A"]},
			"gone": {"type": "string"},
			"lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
			"pay": {"anyOf": [{"type": "null"}, {"title": "Card", "type": "object"}]},
			"kind": {"type": "object", "properties": {"a": {"type": "string"}}},
			"maybe": {"type": "string"}},
		"$defs": {"Line": {"type": "object", "properties": {
			"price": {"type": "integer"}, "next": {"$ref": "#/$defs/Line"}}}}}`,
		`{"title": "R", "description": "New.", "type": "object",
		"required": ["size", "maybe"], "additionalProperties": false,
		"properties": {
			"size": {"type": "number", "maximum": 5.0},
			"name": {"type": "string", "maxLength": 20, "description": "The name."},
			"state": {"enum": ["A", "B"]},
			"lines": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Line"}},
			"pay": {"anyOf": [{"type": "null"}, {"title": "Card", "type": "object", "required": ["number"]}]},
			"kind": {"type": "string"},
			"maybe": {"type": "string"},
			"added": {"type": ["string", "null"]}},
		"$defs": {"Line": {"type": "object", "additionalProperties": false, "properties": {
			"price": {"type": "string"}, "next": {"$ref": "#/$defs/Line"}}}}}`)
	want := []string{
		"#: doc Old. -> New. true true",
		"#.added: field-added  -> null, string true false",
		"#.gone: field-removed string ->  false true",
		"#.kind: type object -> string false false",
		"#.lines: minItems  -> 1 false true",
		"#.lines[].price: type integer -> string false false",
		"#.lines[]: additionalProperties open -> closed false true",
		"#.maybe: required false -> true false true",
		"#.name: doc A name. -> The name. true true",
		"#.name: maxLength 10 -> 20 true false",
		"#.pay.number: required false -> true false true",
		"#.size: type integer -> number true false",
		"#.state: enum A -> A, B true false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A change that breaks something is among the differences, with the same verdict.
func TestDiffOfTheTablesOfFormats(t *testing.T) {
	for format, cases := range tables {
		for _, c := range cases() {
			changes, lines := diffOf(t, format, c.Older, c.Newer)
			backward, forward := true, true
			for _, change := range changes {
				backward, forward = backward && change.Backward, forward && change.Forward
			}
			if backward != c.Want.Backward || forward != c.Want.Forward {
				t.Errorf("%s: backward %v, forward %v, want %+v: %q", c.Name, backward, forward, c.Want,
					lines)
			}
			if _, lines := diffOf(t, format, c.Older, c.Older); len(lines) > 0 {
				t.Errorf("%s: a schema differs from itself: %q", c.Name, lines)
			}
		}
	}
}

func TestDiffFormat(t *testing.T) {
	avro := compat.Version{Text: `"string"`}
	schema := compat.Version{Text: "{", Format: compat.JSONSchema}
	if _, err := compat.DiffFormat(schema, schema); err == nil {
		t.Error("a text that is no schema is compared")
	}
	if _, err := compat.DiffFormat(avro, schema); err == nil {
		t.Error("a text that is no schema is compared with one of another format")
	}
	unknown := compat.Version{Text: "{}", Format: "XML"}
	if _, err := compat.DiffFormat(unknown, unknown); err == nil {
		t.Error("a format that is not known is compared")
	}
	schema.Text = "{}"
	changes, err := compat.DiffFormat(avro, schema)
	if err != nil || len(changes) != 1 || changes[0].What != "format" || changes[0].Backward {
		t.Errorf("got %+v, %v", changes, err)
	}
	if changes, err := compat.DiffFormat(avro, compat.Version{Text: `"bytes"`}); err != nil ||
		len(changes) != 1 {
		t.Errorf("got %+v, %v", changes, err)
	}
}
