package avrotype_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/avro"

	"refold/codecs/avrotype"
)

func typeOf(tb testing.TB, schema string) *avrotype.Type {
	tb.Helper()
	parsed, err := avro.Parse(schema)
	if err != nil {
		tb.Fatal(err)
	}
	return avrotype.Of(parsed)
}

func TestNamesAreResolved(t *testing.T) {
	root := typeOf(t, `{"type": "record", "name": "a.List", "doc": "d", "fields": [
		{"name": "next", "type": ["null", "List"]},
		{"name": "state", "type": {"type": "enum", "name": "b.State", "symbols": ["NEW"]}, "doc": "s"},
		{"name": "old", "type": "b.State"}]}`)
	if root.Name != "a.List" || root.Doc != "d" || root.Fields[1].Doc != "s" {
		t.Errorf("got %+v", root)
	}
	if root.Fields[0].Type.Branches[1] != root {
		t.Error("the list does not hold itself")
	}
	if root.Fields[1].Type != root.Fields[2].Type || root.Fields[2].Type.Name != "b.State" {
		t.Error("the two states are not of one type")
	}
	if i, has := root.Field("old"); i != 2 || !has {
		t.Errorf("old is field %d, %v", i, has)
	}
}

// goavro encodes a default as twmb/avro encodes the same value.
func TestDefaultsAreInTheFormOfGoavro(t *testing.T) {
	for schema, test := range map[string]struct {
		text  string
		value any
	}{
		`"boolean"`: {"true", true}, `"int"`: {"-7", int32(-7)},
		`"long"`:  {"9007199254740993", int64(9007199254740993)},
		`"float"`: {"0.1", float32(0.1)}, `"double"`: {"1e300", 1e300}, `"string"`: {`"ä"`, "ä"},
		`"bytes"`:                                              {`"\u00ff"`, []byte{255}},
		`{"type": "array", "items": "int"}`:                    {"[1, 2]", []any{int32(1), int32(2)}},
		`{"type": "array", "items": "long"}`:                   {"[]", []any{}},
		`{"type": "map", "values": "string"}`:                  {`{"k": "v"}`, map[string]any{"k": "v"}},
		`["null", "int"]`:                                      {"null", nil},
		`["string", "null"]`:                                   {`"x"`, "x"},
		`{"type": "fixed", "name": "F", "size": 2}`:            {`"\u0001\u0002"`, []byte{1, 2}},
		`{"type": "enum", "name": "E", "symbols": ["A", "B"]}`: {`"B"`, "B"},
		`{"type": "record", "name": "P", "fields": [{"name": "x", "type": "int", "default": 3},
			{"name": "y", "type": "int"}]}`: {`{"y": 4}`, map[string]any{"x": int32(3), "y": int32(4)}},
	} {
		root := typeOf(t, fmt.Sprintf(
			`{"type": "record", "name": "R", "fields": [{"name": "f", "type": %s, "default": %s}]}`,
			schema, test.text))
		parsed, err := avro.Parse(schema)
		if err != nil {
			t.Fatal(err)
		}
		want, err := parsed.AppendEncode(nil, test.value)
		if err != nil {
			t.Fatal(err)
		}
		codec, err := goavro.NewCodec(schema)
		if err != nil {
			t.Fatal(err)
		}
		got, err := codec.BinaryFromNative(nil, root.Fields[0].Default)
		if err != nil || !root.Fields[0].HasDefault || !bytes.Equal(got, want) {
			t.Errorf("%s of %s is %x, %v, want %x", test.text, schema, got, err, want)
		}
	}
}

// Records of records double the default with each level; it is dropped when it is too large.
func TestDefaultsHaveALimit(t *testing.T) {
	const levels = 16
	var fields []string
	inner := `{"type": "record", "name": "L0", "fields": [
		{"name": "x", "type": "string", "default": "much"}]}`
	for i := range levels {
		fields = append(fields, fmt.Sprintf(`{"name": "l%d", "type": %s, "default": {}}`, i, inner))
		inner = fmt.Sprintf(`{"type": "record", "name": "L%d", "fields": [
			{"name": "a", "type": "L%d", "default": {}},
			{"name": "b", "type": "L%d", "default": {}}]}`, i+1, i, i)
	}
	root := typeOf(t, `{"type": "record", "name": "R", "fields": [`+strings.Join(fields, ",")+`]}`)
	if !root.Fields[0].HasDefault || !root.Fields[3].HasDefault || root.Fields[levels-1].HasDefault {
		t.Errorf("defaults: %v, %v, %v", root.Fields[0].HasDefault, root.Fields[3].HasDefault,
			root.Fields[levels-1].HasDefault)
	}
	for i := range root.Fields {
		if size := root.Fields[i].DefaultBytes; size > 2<<20 {
			t.Errorf("a default of %d bytes", size)
		}
	}
}

func TestGrowth(t *testing.T) {
	plain := typeOf(t, `{"type": "array", "items": "int"}`)
	if avrotype.NewGrowth(plain, plain) != nil {
		t.Error("an array of numbers can't grow")
	}
	nulls := typeOf(t, `{"type": "array", "items": "null"}`)
	g := avrotype.NewGrowth(nulls, nulls)
	if g == nil {
		t.Fatal("an array of nulls can grow")
	}
	if err := g.Check([]byte{6, 0}, 100); err != nil {
		t.Errorf("three nulls: %v", err)
	}
	if err := g.Check([]byte{0x80, 0x20, 0}, 100); !errors.Is(err, avrotype.ErrTooLarge) {
		t.Errorf("2,048 nulls: %v", err)
	}
	if err := g.Check([]byte{6}, 100); err == nil || errors.Is(err, avrotype.ErrTooLarge) {
		t.Errorf("data that is cut short: %v", err)
	}
}
