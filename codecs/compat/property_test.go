package compat_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/twmb/avro"
	"pgregory.net/rapid"

	"refold/codecs/avrotype"
	"refold/codecs/compat"
)

// schemas draws schemas that are often almost the same: from few names, with all kinds of types.
type schemas struct {
	t     *rapid.T
	named map[string]bool // a name is described once in a schema
}

func drawSchema(t *rapid.T, label string) string {
	s := schemas{t, map[string]bool{}}
	text, err := json.Marshal(s.record("R", 0))
	if err != nil {
		t.Fatalf("%s: %v", label, err)
	}
	return string(text)
}

// one draws one of a few values.
func one[T any](t *rapid.T, label string, values ...T) T {
	return rapid.SampledFrom(values).Draw(t, label)
}

func (s schemas) record(name string, depth int) any {
	s.named[name] = true
	fields, taken := []any{}, map[string]bool{}
	for range rapid.IntRange(0, 3).Draw(s.t, "fields") {
		field := one(s.t, "field", "a", "b", "c")
		if taken[field] {
			continue
		}
		taken[field] = true
		node := map[string]any{"name": field}
		node["type"] = s.node(depth + 1)
		if alias := one(s.t, "alias", "", "", "a", "b", "old"); alias != "" && !taken[alias] {
			taken[alias] = true
			node["aliases"] = []string{alias}
		}
		if value, has := defaultOf(node["type"]); has && rapid.Bool().Draw(s.t, "default") {
			node["default"] = value
		}
		fields = append(fields, node)
	}
	return s.head(map[string]any{"type": "record", "name": name, "fields": fields}, name)
}

// head adds an alias and a namespace to a named type.
func (s schemas) head(node map[string]any, name string) any {
	if space := one(s.t, "namespace", "", "", "n"); space != "" {
		node["namespace"] = space
	}
	if alias := one(s.t, "type's alias", "", "", "P", "Q", "n.P"); alias != "" && alias != name {
		node["aliases"] = []string{alias}
	}
	return node
}

func (s schemas) node(depth int) any {
	kind := one(s.t, "kind", "int", "long", "float", "double", "string", "bytes", "boolean", "logical",
		"enum", "fixed", "array", "map", "record", "union", "union", "itself")
	if depth > 3 {
		kind = one(s.t, "leaf", "int", "long", "string")
	}
	switch kind {
	case "logical":
		return s.logical()
	case "array":
		return map[string]any{"type": "array", "items": s.node(depth + 1)}
	case "map":
		return map[string]any{"type": "map", "values": s.node(depth + 1)}
	case "union":
		return s.union(depth)
	case "itself":
		return []any{"null", "R"} // as the schema's own namespace has it
	}
	name := one(s.t, "name", "P", "Q")
	switch {
	case kind != "record" && kind != "enum" && kind != "fixed":
		return kind
	case s.named[name]:
		return "int"
	case kind == "record":
		return s.record(name, depth)
	case kind == "enum":
		s.named[name] = true
		node := map[string]any{"type": "enum", "name": name, "symbols": one(s.t, "symbols",
			[]string{"X"}, []string{"X", "Y"}, []string{"Y", "X", "Z"})}
		if rapid.Bool().Draw(s.t, "enum's default") {
			node["default"] = "X"
		}
		return s.head(node, name)
	}
	s.named[name] = true
	return s.head(map[string]any{"type": "fixed", "name": name, "size": one(s.t, "size", 2, 4)}, name)
}

func (s schemas) logical() any {
	if rapid.Bool().Draw(s.t, "decimal") {
		return map[string]any{
			"type": "bytes", "logicalType": "decimal", "precision": one(s.t, "precision", 4, 9),
			"scale": one(s.t, "scale", 0, 2),
		}
	}
	return map[string]any{
		"type": "long", "logicalType": one(s.t, "time", "timestamp-millis", "timestamp-micros"),
	}
}

func (s schemas) union(depth int) any {
	var branches []any
	taken := map[string]bool{}
	for range rapid.IntRange(1, 3).Draw(s.t, "branches") {
		branch := s.node(depth + 1)
		if one(s.t, "null", true, false) {
			branch = "null"
		}
		kind := fmt.Sprint(branch)
		if node, is := branch.(map[string]any); is {
			kind = fmt.Sprint(node["type"], node["name"])
			if node["logicalType"] != nil {
				kind = fmt.Sprint(node["type"])
			}
		}
		if _, is := branch.([]any); !is && !taken[kind] {
			taken[kind] = true
			branches = append(branches, branch)
		}
	}
	if len(branches) == 0 {
		return []any{"null", "string"}
	}
	return branches
}

func defaultOf(node any) (any, bool) {
	switch n := node.(type) {
	case string:
		switch n {
		case "int", "long", "float", "double":
			return 0, true
		case "string", "bytes":
			return "", true
		case "boolean":
			return false, true
		}
	case []any:
		if n[0] == "null" {
			return nil, true
		}
	case map[string]any:
		if n["type"] == "array" {
			return []any{}, true
		}
	}
	return nil, false
}

// data draws bytes of a type.
func data(t *rapid.T, typ *avrotype.Type, dst []byte, depth int) []byte {
	varint := func(n int64) { dst = binary.AppendVarint(dst, n) }
	switch typ.Kind {
	case avrotype.Boolean:
		return append(dst, byte(rapid.IntRange(0, 1).Draw(t, "boolean")))
	case avrotype.Int:
		varint(int64(rapid.Int32().Draw(t, "int")))
	case avrotype.Long:
		varint(rapid.Int64().Draw(t, "long"))
	case avrotype.Float:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(rapid.Float32().Draw(t, "float")))
	case avrotype.Double:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(rapid.Float64().Draw(t, "double")))
	case avrotype.Bytes, avrotype.String:
		text := rapid.StringN(0, 3, 8).Draw(t, "text")
		varint(int64(len(text)))
		return append(dst, text...)
	case avrotype.Fixed:
		return append(dst, make([]byte, typ.Size)...)
	case avrotype.Enum:
		varint(int64(rapid.IntRange(0, len(typ.Symbols)-1).Draw(t, "symbol")))
	case avrotype.Array, avrotype.Map:
		n := rapid.IntRange(0, max(0, 2-depth)).Draw(t, "items")
		if n > 0 {
			varint(int64(n))
		}
		for range n {
			if typ.Kind == avrotype.Map {
				dst = append(dst, 2, 'k')
			}
			dst = data(t, typ.Items, dst, depth+1)
		}
		return append(dst, 0)
	case avrotype.Record:
		for _, field := range typ.Fields {
			dst = data(t, field.Type, dst, depth+1)
		}
	case avrotype.Union:
		at := rapid.IntRange(0, len(typ.Branches)-1).Draw(t, "branch")
		if depth > 6 {
			at = 0 // null, where a type holds itself
		}
		varint(int64(at))
		return data(t, typ.Branches[at], dst, depth+1)
	}
	return dst
}

// Whatever two schemas are: if no break is reported, all that the one writes is read by the other; if one is,
// resolution fails, or the break is a silent one.
func TestVerdictIsWhatResolutionDoes(t *testing.T) {
	var compatible, broken int
	rapid.Check(t, func(t *rapid.T) {
		written := drawSchema(t, "writer")
		read := written
		if one(t, "another", true, true, true, false) {
			read = drawSchema(t, "reader")
		}
		w, err := avro.Parse(written)
		if err != nil {
			return // such as a default that no branch takes, or an alias that is another one's name
		}
		r, err := avro.Parse(read)
		if err != nil {
			return
		}
		if !agrees(t, written, read) {
			broken++
			return
		}
		compatible++
		resolved, err := avro.Resolve(w, r)
		if err != nil {
			t.Fatal(err)
		}
		b := data(t, avrotype.Of(w), nil, 0)
		var value any
		rest, err := resolved.Decode(b, &value)
		if err != nil || len(rest) > 0 {
			t.Fatalf("no break is reported, and %x is read as %v, leaving %x: %v\nwritten %s\nread    %s",
				b, value, rest, err, written, read)
		}
	})
	t.Logf("%d compatible, %d broken", compatible, broken)
	if compatible < 5 || broken < 5 {
		t.Errorf("%d pairs are compatible, %d are not: too few of one", compatible, broken)
	}
}

// A schema is compatible with itself.
func TestSameSchema(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawSchema(t, "schema")
		parsed, err := compat.Parse(text)
		if err != nil {
			return
		}
		for _, f := range compat.Compare(parsed, parsed) {
			if f.Kind != compat.KindClash {
				t.Fatalf("%s\n%s", f, text)
			}
		}
	})
}
