package avrojson_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"testing"

	"github.com/linkedin/goavro/v2"
	"pgregory.net/rapid"

	"refold/codecs/avrojson"
)

// anythingSchema has each kind of Avro type, in an order that tells them apart.
const anythingSchema = `{"type": "record", "name": "Anything", "fields": [
	{"name": "nothing", "type": "null"}, {"name": "flag", "type": "boolean"},
	{"name": "small", "type": "int"}, {"name": "large", "type": "long"},
	{"name": "ratio", "type": "float"}, {"name": "score", "type": "double"},
	{"name": "blob", "type": "bytes"}, {"name": "text", "type": "string"},
	{"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 3}},
	{"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "OLD"]}},
	{"name": "list", "type": {"type": "array", "items": "long"}},
	{"name": "labels", "type": {"type": "map", "values": "bytes"}},
	{"name": "next", "type": ["null", "Anything"]}]}`

// anything draws a value as goavro takes it, and the bytes of it.
func anything(t *rapid.T, depth int) map[string]any {
	text := rapid.String().Draw
	v := map[string]any{
		"nothing": nil, "flag": rapid.Bool().Draw(t, "flag"),
		"small": rapid.Int32().Draw(t, "small"), "large": rapid.Int64().Draw(t, "large"),
		"ratio": math.Float32frombits(rapid.Uint32().Draw(t, "ratio")),
		"score": math.Float64frombits(rapid.Uint64().Draw(t, "score")),
		"blob":  rapid.SliceOf(rapid.Byte()).Draw(t, "blob"), "text": text(t, "text"),
		"hash":  rapid.SliceOfN(rapid.Byte(), 3, 3).Draw(t, "hash"),
		"state": rapid.SampledFrom([]string{"NEW", "OLD"}).Draw(t, "state"),
	}
	var list []any
	for _, n := range rapid.SliceOfN(rapid.Int64(), 0, 5).Draw(t, "list") {
		list = append(list, n)
	}
	labels := map[string]any{}
	for key, b := range rapid.MapOfN(rapid.String(), rapid.SliceOf(rapid.Byte()), 0, 5).Draw(t, "labels") {
		labels[key] = b
	}
	v["list"], v["labels"], v["next"] = list, labels, nil
	if depth > 0 && rapid.Bool().Draw(t, "more") {
		v["next"] = map[string]any{"Anything": anything(t, depth-1)}
	}
	return v
}

// A value that goavro encodes becomes JSON, and goavro encodes the same value from it. (goavro writes maps in
// any order, and NaN has many bit patterns, so the test compares the JSON of both.)
func TestGoavroAgreesWithTheJSON(t *testing.T) {
	schema, reader := typeOf(t, anythingSchema), codecOf(t, anythingSchema)
	codec, err := goavro.NewCodec(anythingSchema)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		v := anything(t, 3)
		b, err := codec.BinaryFromNative(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		text, err := avrojson.Write(schema, b, 1<<20)
		if err != nil || !json.Valid(text) {
			t.Fatalf("%v became %s, %v", v, text, err)
		}
		again, err := read(reader, text)
		if err != nil {
			t.Fatalf("%s is refused: %v", text, err)
		}
		if back, err := avrojson.Write(schema, again, 1<<20); err != nil || !bytes.Equal(back, text) {
			t.Fatalf("%s came back as %s, %v", text, back, err)
		}
	})
}

// The entries of a map are sorted, and of those with the same key the last counts, as in goavro.
func TestMapsAreSorted(t *testing.T) {
	schema := typeOf(t, `{"type": "map", "values": {"type": "map", "values": "int"}}`)
	inner := func(keys string) []byte {
		b := binary.AppendVarint(nil, int64(len(keys)))
		for i := range len(keys) {
			b = append(b, 2, keys[i], byte(2*i))
		}
		return append(b, 0)
	}
	data := append([]byte{6, 2, 'b'}, inner("ba")...)
	data = append(append(data, 2, 'a'), inner("xyx")...)
	data = append(append(data, 2, 'b'), inner("q")...)
	data = append(data, 0)
	got, err := avrojson.Write(schema, data, 1000)
	if want := `{"a":{"x":2,"y":1},"b":{"q":0}}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// Strings are written as encoding/json writes them.
func TestTextIsAsEncodingJSONWritesIt(t *testing.T) {
	schema := typeOf(t, `"string"`)
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.OneOf(rapid.Byte(), rapid.Just(byte(0xe2)), rapid.ByteRange(0x80, 0xa9))
		text := string(rapid.SliceOf(some).Draw(t, "text")) + rapid.String().Draw(t, "more")
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(text)
		got, err := avrojson.Write(schema, append(binary.AppendVarint(nil, int64(len(text))), text...), 1<<20)
		if err != nil || !bytes.Equal(append(got, '\n'), want.Bytes()) {
			t.Fatalf("got %s, %v, want %s", got, err, want.Bytes())
		}
	})
}
