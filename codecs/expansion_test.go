package codecs_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"strings"
	"testing"

	"refold/codecs"
)

// allocated returns how many bytes fn allocates.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// block is the beginning of a block of an array or a map.
func block(count int64) []byte { return binary.AppendVarint(nil, count) }

// amplifiers are schemas, and records of 18 KB or less of which each claims to be some hundred megabytes.
func amplifiers() map[string]struct {
	schema string
	data   []byte
} {
	inner := append(block(4096), 0)
	list := append(append(block(6000), bytes.Repeat(inner, 6000)...), 0)
	const levels = 900
	return map[string]struct {
		schema string
		data   []byte
	}{
		"nulls in arrays in an array": {
			`{"type": "array", "items": {"type": "array", "items": "null"}}`, list,
		},
		"a flat array of nulls": {`{"type": "array", "items": "null"}`, append(block(1<<62), 0)},
		"a block by its size": {
			`{"type": "array", "items": "null"}`, append(append(block(-1<<62), 0), 0),
		},
		"empty records": {`{"type": "array", "items": {"type": "array", "items":
			{"type": "record", "name": "E", "fields": []}}}`, list},
		"records of nothing but a long name": {`{"type": "array", "items": {"type": "array", "items":
			{"type": "record", "name": "N", "fields": [{"name": "` + strings.Repeat("x", 1000) +
			`", "type": "null"}]}}}`, list},
		"fixed without bytes": {`{"type": "array", "items": {"type": "array", "items":
			{"type": "fixed", "name": "F", "size": 0}}}`, list},
		"null in maps in arrays": {
			`{"type": "map", "values": {"type": "array", "items": "null"}}`,
			append(append(block(6000), bytes.Repeat(append([]byte{0}, inner...), 6000)...), 0),
		},
		"maps in maps": {
			`{"type": "record", "name": "M", "fields": [
			{"name": "m", "type": {"type": "map", "values": "M"}}]}`,
			bytes.Repeat([]byte{0xa0, 0x1f, 0}, levels),
		}, // each claims 2,000 entries
		"arrays in arrays": {
			`{"type": "record", "name": "A", "fields": [
			{"name": "a", "type": {"type": "array", "items": "A"}}]}`,
			bytes.Repeat([]byte{0xa0, 0x1f}, levels),
		},
		"a union in depth": {`{"type": "record", "name": "L", "fields": [
			{"name": "next", "type": ["null", "L"]}]}`, append(bytes.Repeat([]byte{2}, 100_000), 0)},
	}
}

func TestJSONHasALimit(t *testing.T) {
	s := server(t)
	for name, test := range amplifiers() {
		t.Run(name, func(t *testing.T) {
			schema, err := codecs.ParseSchema(test.schema)
			if err != nil {
				return // twmb/avro refuses it, as it does fixed types without bytes in some versions
			}
			const limit = 1 << 20
			var out []byte
			bytes := allocated(func() { out, err = codecs.ToJSON(schema, test.data, limit) })
			if err == nil {
				t.Errorf("it became %d bytes", len(out))
			}
			if bytes > 8*limit {
				t.Errorf("%d bytes were allocated", bytes)
			}
		})
	}
	t.Run("and says so", func(t *testing.T) {
		test := amplifiers()["nulls in arrays in an array"]
		id := register(t, s, "nested", test.schema)
		_, _, err := client(t, s.URL()).ToJSON(t.Context(), wire(id, test.data...))
		if !errors.Is(err, codecs.ErrTooLarge) || reason(t, err) != codecs.ReasonTooLarge {
			t.Errorf("got %v", err)
		}
	})
	t.Run("at the limit", func(t *testing.T) {
		schema, err := codecs.ParseSchema(`{"type": "array", "items": "null"}`)
		if err != nil {
			t.Fatal(err)
		}
		const fits = len(`[null,null,null]`)
		if out, err := codecs.ToJSON(schema, append(block(3), 0), fits); err != nil || len(out) != fits {
			t.Errorf("got %s, %v", out, err)
		}
		if _, err := codecs.ToJSON(schema, append(block(3), 0), fits-1); !errors.Is(err, codecs.ErrTooLarge) {
			t.Errorf("got %v", err)
		}
	})
}

// Nested has items without bytes, and holds itself in an array and a map.
type Nested struct {
	Lists [][]Empty         `avro:"lists"`
	More  map[string]Nested `avro:"more"`
	Deep  []Nested          `avro:"deep"`
}

// Empty has nothing in it; in another version, a default.
type Empty struct{}

const nestedSchema = `{"type": "record", "name": "Nested", "fields": [
	{"name": "lists", "type": {"type": "array", "items": {"type": "array", "items":
		{"type": "record", "name": "Empty", "fields": []}}}},
	{"name": "more", "type": {"type": "map", "values": "Nested"}},
	{"name": "deep", "type": {"type": "array", "items": "Nested"}}]}`

// Padded are items with a large default.
type Padded struct {
	Items []Pad `avro:"items"`
}

// Pad is one of them.
type Pad struct {
	Flag bool   `avro:"flag"`
	Text string `avro:"text"`
}

const (
	paddedBefore = `{"type": "record", "name": "Padded", "fields": [{"name": "items", "type":
		{"type": "array", "items": {"type": "record", "name": "Pad", "fields": [
			{"name": "flag", "type": "boolean"}]}}}]}`
	paddedText = `{"type": "record", "name": "Padded", "fields": [{"name": "items", "type":
		{"type": "array", "items": {"type": "record", "name": "Pad", "fields": [
			{"name": "flag", "type": "boolean", "default": false},
			{"name": "text", "type": "string", "default": "%"}]}}}]}`
)

func paddedSchema() string { return strings.ReplaceAll(paddedText, "%", strings.Repeat("x", 10_000)) }

func TestDecodingHasALimit(t *testing.T) {
	s := server(t)
	older := register(t, s, "older", paddedBefore)
	types := set(t, client(t, s.URL()),
		codecs.Record[Nested](nestedSchema), codecs.Record[Padded](paddedSchema()))
	nested, err := types.Encode(Nested{})
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := codecs.SplitWire(nested)
	if err != nil {
		t.Fatal(err)
	}
	lists := append(append(block(300_000), bytes.Repeat(append(block(4096), 0), 300_000)...), 0, 0, 0)
	deep := bytes.Repeat(append([]byte{0, 0}, block(1000)...), 900)
	items := append(append(block(100_000), make([]byte, 100_000)...), 0)
	for name, test := range map[string]struct {
		b    []byte
		want codecs.Reason
	}{
		"items without bytes": {wire(id.Number, lists...), codecs.ReasonTooLarge},
		"levels that claim":   {wire(id.Number, deep...), codecs.ReasonUndecodable},
		"defaults":            {wire(older, items...), codecs.ReasonTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			bytes := allocated(func() { _, err = types.Decode(t.Context(), test.b) })
			if got := reason(t, err); got != test.want {
				t.Errorf("reason is %s: %v", got, err)
			}
			if got := errors.Is(err, codecs.ErrTooLarge); got != (test.want == codecs.ReasonTooLarge) {
				t.Errorf("got %v", err)
			}
			if bytes > 1<<20 {
				t.Errorf("%d bytes were allocated", bytes)
			}
		})
	}
	few := append(append(block(100), make([]byte, 100)...), 0)
	if v, err := types.Decode(t.Context(), wire(older, few...)); err != nil ||
		len(v.(Padded).Items[99].Text) != 10_000 {
		t.Errorf("got %v, want 100 items with their defaults", err)
	}
}

func TestDefaultsInJSONHaveALimit(t *testing.T) {
	types := set(t, client(t, server(t).URL()), codecs.Record[Padded](paddedSchema()))
	json := []byte(`{"items": [{}` + strings.Repeat(",{}", 100_000) + `]}`)
	var err error
	bytes := allocated(func() { _, err = types.FromJSON("Padded", json) })
	if wrong, is := errors.AsType[*codecs.JSONError](err); !is || len(wrong.Mistakes) != 1 ||
		!strings.Contains(err.Error(), "too many defaults") {
		t.Errorf("got %v", err)
	}
	if bytes > 200<<20 {
		t.Errorf("%d bytes were allocated", bytes)
	}
	if _, err := types.FromJSON("Padded", []byte(`{"items": [{}, {}]}`)); err != nil {
		t.Error(err)
	}
}
