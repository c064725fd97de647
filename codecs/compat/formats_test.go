package compat_test

import (
	"slices"
	"strings"
	"testing"

	"refold/codecs/compat"
	"refold/codecs/compat/compattest"
)

// tables are the tables of the formats beside Avro.
var tables = map[compat.Format]func() []compattest.Case{
	compat.Protobuf: compattest.ProtobufCases, compat.JSONSchema: compattest.JSONSchemaCases,
}

// Every rule has a case, and the verdict is what the rule says.
func TestTablesOfFormats(t *testing.T) {
	for format, cases := range tables {
		for _, c := range cases() {
			t.Run(string(format)+" "+c.Name, func(t *testing.T) {
				found, err := compat.CompareFormat(compat.Version{Text: c.Older, Format: format},
					compat.Version{Text: c.Newer, Format: format})
				if err != nil {
					t.Fatal(err)
				}
				var backward, forward []compat.Finding
				for _, f := range found {
					if f.Direction == compat.Backward {
						backward = append(backward, f)
					} else {
						forward = append(forward, f)
					}
					if f.Reason == "" || f.Remedy == "" || f.Rule == "" ||
						(f.Encoding != "") != (format == compat.Protobuf) {
						t.Errorf("a finding leaves something open: %+v", f)
					}
				}
				if !slices.Equal(kindsOf(backward), c.Backward) || len(backward) == 0 != c.Want.Backward {
					t.Errorf("backward: got %v, want %v, compatible: %v", backward, c.Backward,
						c.Want.Backward)
				}
				if !slices.Equal(kindsOf(forward), c.Forward) || len(forward) == 0 != c.Want.Forward {
					t.Errorf("forward: got %v, want %v, compatible: %v", forward, c.Forward, c.Want.Forward)
				}
				if len(found) > 0 && found[0].Path != c.Path || len(found) == 0 && c.Path != "" {
					t.Errorf("the path is %v, want %s", found, c.Path)
				}
				if c.Java != nil && (c.Why == "" || *c.Java == c.Want) {
					t.Errorf("%+v because of %q", *c.Java, c.Why)
				}
			})
		}
	}
}

// A finding says whether the bytes or the JSON are broken.
func TestEncodings(t *testing.T) {
	field := func(f string) string { return `syntax = "proto3"; message R { ` + f + ` }` }
	for newer, want := range map[string]compat.Encoding{
		"string name = 1;":                     compat.JSON,
		"string amount = 2;":                   compat.Binary,
		"sint32 amount = 1;":                   compat.BinaryAndJSON,
		"repeated string all = 1; reserved 2;": compat.JSON,
	} {
		found, err := compat.CompareFormat(
			compat.Version{Format: compat.Protobuf, Text: field("string amount = 1;")},
			compat.Version{Format: compat.Protobuf, Text: field(newer)})
		if err != nil || len(found) == 0 || found[0].Encoding != want {
			t.Errorf("%s: got %v, %v, want %s", newer, found, err, want)
		}
	}
}

func TestCheckFormat(t *testing.T) {
	proto := func(text string) compat.Version {
		return compat.Version{
			Format: compat.Protobuf, Text: `syntax = "proto3"; import "a.proto"; ` + text,
			Imports: map[string]string{"a.proto": `syntax = "proto3"; message A { int32 n = 1; }`},
		}
	}
	numbered := func(v compat.Version, number int) compat.Version {
		v.Number = number
		return v
	}
	today := proto("message R { A a = 1; }")
	history := []compat.Version{
		numbered(proto("message R { A a = 1; }"), 1), numbered(proto("message R { A a = 2; }"), 2),
		numbered(proto("message R { B a = 1; }"), 3),
		{Number: 4, Text: `"string"`},
	}
	breaks, err := compat.CheckFormat(compat.BackwardTransitive, today, history)
	var got []string
	for _, b := range breaks {
		got = append(got, strings.Repeat("v", b.Version)+" "+string(b.Kind))
	}
	if want := []string{"vv field-number", "vvv unusable-schema", "vvvv format"}; err != nil ||
		!slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if breaks, err := compat.CheckFormat(compat.None, today, history); err != nil || len(breaks) > 0 {
		t.Errorf("got %v, %v", breaks, err)
	}
	for _, wrong := range []compat.Version{
		{Format: compat.Protobuf, Text: "{"},
		{Format: compat.JSONSchema, Text: "{"},
		{Format: "XML", Text: "{}"},
		{Format: compat.JSONSchema, Text: "[]"},
		{Format: compat.JSONSchema, Text: `{"maximum": 1e999999}`},
	} {
		if _, err := compat.CheckFormat(compat.Full, wrong, nil); err == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}

// The schema that a name refers to counts.
func TestReferencesOfJSONSchemas(t *testing.T) {
	version := func(kind string) compat.Version {
		return compat.Version{
			Format: compat.JSONSchema, Text: `{"properties": {"a": {"$ref": "money.json#/$defs/sum"}}}`,
			Imports: map[string]string{"money.json": `{"$defs": {"sum": {"type": "` + kind + `"}}}`},
		}
	}
	found, err := compat.CompareFormat(version("integer"), version("string"))
	if err != nil || len(found) != 2 || found[0].Path != "#.a" || found[0].Kind != compat.KindType {
		t.Errorf("got %v, %v", found, err)
	}
	if found, err := compat.CompareFormat(version("integer"), version("integer")); err != nil ||
		len(found) > 0 {
		t.Errorf("got %v, %v", found, err)
	}
}

// Whatever two schemas are, the comparison ends, and a schema is compatible with itself.
func FuzzFormats(f *testing.F) {
	for format, cases := range tables {
		for _, c := range cases() {
			f.Add(format == compat.Protobuf, c.Older, c.Newer)
		}
	}
	f.Fuzz(func(t *testing.T, isProto bool, older, newer string) {
		version := func(text string) compat.Version {
			if isProto {
				return compat.Version{Format: compat.Protobuf, Text: text}
			}
			return compat.Version{Format: compat.JSONSchema, Text: text}
		}
		if _, err := compat.CompareFormat(version(older), version(newer)); err != nil {
			return
		}
		found, err := compat.CompareFormat(version(older), version(older))
		for _, finding := range found {
			if finding.Kind != compat.KindKeyword && finding.Kind != compat.KindCombined {
				t.Errorf("nothing has changed, and there is a break: %v, %v", finding, err)
			}
		}
	})
}
