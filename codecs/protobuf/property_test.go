package protobuf_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"pgregory.net/rapid"

	"refold/codecs/avrojson"
	"refold/codecs/protobuf"
)

// drawMessage fills a message with values, some of which have no JSON.
func drawMessage(t *rapid.T, m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		set := rapid.IntRange(0, 3).Draw(t, "set") == 0
		if !set && f.Cardinality() != protoreflect.Required || f.Message() != nil && depth <= 0 {
			continue
		}
		switch {
		case f.IsList():
			l := m.Mutable(f).List()
			for range rapid.IntRange(0, 3).Draw(t, "items") {
				l.Append(drawValue(t, f, depth, l.NewElement))
			}
		case f.IsMap():
			all := m.Mutable(f).Map()
			for range rapid.IntRange(0, 3).Draw(t, "entries") {
				key := drawValue(t, f.MapKey(), 0, nil).MapKey()
				all.Set(key, drawValue(t, f.MapValue(), depth, all.NewValue))
			}
		default:
			m.Set(f, drawValue(t, f, depth, func() protoreflect.Value { return m.NewField(f) }))
		}
	}
}

func drawValue(
	t *rapid.T, f protoreflect.FieldDescriptor, depth int, empty func() protoreflect.Value,
) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		v := empty()
		drawMessage(t, v.Message(), depth-1)
		return v
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, "bool"))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(rapid.Int32().Draw(t, "int32"))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(rapid.Int64().Draw(t, "int64"))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(rapid.Uint32().Draw(t, "uint32"))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(rapid.Uint64().Draw(t, "uint64"))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(math.Float32frombits(rapid.Uint32().Draw(t, "float")))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(math.Float64frombits(rapid.Uint64().Draw(t, "double")))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(rapid.String().Draw(t, "string"))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
	default: // an enum
	}
	values := f.Enum().Values()
	n := values.Get(rapid.IntRange(0, values.Len()-1).Draw(t, "enum")).Number()
	if !f.Enum().IsClosed() && f.Enum().FullName() != "google.protobuf.NullValue" {
		n += protoreflect.EnumNumber(rapid.IntRange(0, 1).Draw(t, "unknown number"))
	}
	return protoreflect.ValueOfEnum(n)
}

// sameJSON reports whether two texts are the same value: protojson puts spaces where it likes.
func sameJSON(t *rapid.T, a, b []byte) bool {
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatalf("%v in %s", err, a)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return reflect.DeepEqual(x, y)
}

// ToJSON writes the JSON that protojson writes, and FromJSON reads it; both have no JSON for the same values.
func TestProtojsonAgrees(t *testing.T) {
	types := []*protobuf.Type{typeOf(t, everything, ""), typeOf(t, old, "")}
	shown := 0
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom(types).Draw(t, "type")
		m := dynamicpb.NewMessage(typ.Descriptor())
		drawMessage(t, m, 3)
		data, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := typ.ToJSON(data, 1<<20)
		want, refused := protojson.Marshal(m)
		if (err == nil) != (refused == nil) {
			t.Fatalf("ToJSON: %s, %v\nprotojson: %s, %v", got, err, want, refused)
		}
		if err != nil {
			return
		}
		shown++
		if !sameJSON(t, got, want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
		for _, options := range []protojson.MarshalOptions{
			{}, {UseProtoNames: true}, {UseEnumNumbers: true}, {EmitDefaultValues: true},
		} {
			text, err := options.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			again, err := read(typ, string(text))
			if err != nil {
				t.Fatalf("%s is refused: %v", text, err)
			}
			if back, err := typ.ToJSON(again, 1<<20); err != nil || !bytes.Equal(back, got) {
				t.Fatalf("%s came back as\n%s of\n%s, %v", text, back, got, err)
			}
		}
	})
	if shown < 5 {
		t.Errorf("%d messages had JSON: this shows little", shown)
	}
}

// validator returns the published JSON Schema of a type, as a library understands it.
func validator(tb testing.TB, t *protobuf.Type) *jsonschema.Schema {
	tb.Helper()
	definitions := map[string]*avrojson.Schema{}
	root := t.Describe(func(name string, schema *avrojson.Schema) string {
		definitions[name] = schema
		return "#/$defs/" + name
	})
	text, err := json.Marshal(map[string]any{"allOf": []any{root}, "$defs": definitions})
	if err != nil {
		tb.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		tb.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		tb.Fatal(err)
	}
	return schema
}

// The values at which kinds of fields differ.
var values = []string{
	"null", "true", "[]", "{}", `[null]`, `{"a":1}`, `[{}]`, "0", "-0", "1", "-1.0", "1.5", "1e2", "-3", "7",
	"150e-1",
	"2147483647", "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296",
	"9223372036854775807",
	"9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
	"18446744073709551616", "1.8446744073709551615e19", "3.4028235e38", "3.4028236e38",
	"1.7976931348623158e308",
	"1e309", `""`, `"a"`, `"0"`, `"-0"`, `"01"`, `"1"`, `"-1"`, `"1.0"`, `"2147483648"`, `"-2147483649"`,
	`"4294967296"`, `"9223372036854775807"`, `"9223372036854775808"`, `"-9223372036854775809"`,
	`"18446744073709551615"`, `"18446744073709551616"`, `"NaN"`, `"Infinity"`, `"nan"`, `"OPEN"`, `"HIGH"`,
	`"NULL_VALUE"`, `"true"`, `"AQ=="`, `"AQ"`, `"AQ="`, `"AR=="`, `"A"`, `"-_8="`, `"+_8="`, `"A\nQ=="`,
	`"2024-02-29T00:00:00Z"`, `"2023-02-29T00:00:00Z"`, `"1900-02-29T00:00:00Z"`,
	`"2000-02-29T23:59:59.123456789Z"`,
	`"2024-01-01T00:00:00+01:00"`, `"0001-01-01T00:00:00Z"`, `"0001-01-01T00:00:00+00:00"`,
	`"0000-01-01T00:00:00Z"`,
	`"9999-12-31T23:59:59Z"`, `"9999-12-31T23:59:59-01:00"`, `"2024-01-01t00:00:00z"`,
	`"2024-01-01T24:00:00Z"`,
	`"1.5s"`, `"-0.000000001s"`, `"315576000000s"`, `"315576000001s"`, `"1s "`, `".5s"`, `"a,b.cD"`, `"a,,b"`,
	`"a_b"`,
}

// drawer draws JSON that is more or less of a message.
type drawer struct{ t *rapid.T }

func (d drawer) message(m protoreflect.MessageDescriptor, depth int) string {
	names := []string{"unknown"}
	known := map[string]protoreflect.FieldDescriptor{}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		known[f.JSONName()], known[f.TextName()] = f, f
		names = append(names, f.JSONName(), f.JSONName(), f.TextName())
	}
	seen := map[string]bool{}
	var members []string
	for range rapid.IntRange(0, 4).Draw(d.t, "members") {
		name := rapid.SampledFrom(names).Draw(d.t, "name")
		if seen[name] || name == "unknown" && rapid.IntRange(0, 5).Draw(d.t, "really") > 0 {
			continue
		}
		seen[name] = true
		members = append(members, fmt.Sprintf("%q:%s", name, d.field(known[name], depth)))
	}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		if f.Cardinality() == protoreflect.Required && !seen[f.JSONName()] &&
			rapid.Bool().Draw(d.t, "required") {
			members = append(members, fmt.Sprintf("%q:%s", f.JSONName(), d.field(f, depth)))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (d drawer) field(f protoreflect.FieldDescriptor, depth int) string {
	if f == nil || rapid.IntRange(0, 7).Draw(d.t, "other") == 0 {
		return rapid.SampledFrom(values).Draw(d.t, "anything")
	}
	switch {
	case f.IsList():
		return "[" + d.single(f, depth) + "," + d.single(f, depth) + "]"
	case f.IsMap():
		key := rapid.SampledFrom([]string{`"a"`, `"1"`, `"-1"`, `"-0"`, `"true"`, `"9223372036854775808"`})
		return "{" + key.Draw(d.t, "key") + ":" + d.single(f.MapValue(), depth) + "}"
	}
	return d.single(f, depth)
}

func (d drawer) single(f protoreflect.FieldDescriptor, depth int) string {
	if f.Message() != nil && f.Message().ParentFile().Package() != "google.protobuf" && depth > 0 {
		return d.message(f.Message(), depth-1)
	}
	if f.Kind() == protoreflect.StringKind && rapid.Bool().Draw(d.t, "text") {
		return `"a"`
	}
	return rapid.SampledFrom(values).Draw(d.t, "value")
}

// JSON is valid by the published schema if and only if FromJSON takes it; and what it takes, ToJSON writes.
func TestTheSchemaDescribesWhatIsRead(t *testing.T) {
	types := []*protobuf.Type{
		typeOf(t, everything, ""), typeOf(t, old, ""), typeOf(t, everything, "shop.v1.Second"),
	}
	schemas := map[*protobuf.Type]*jsonschema.Schema{}
	for _, typ := range types {
		schemas[typ] = validator(t, typ)
	}
	taken, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom(types).Draw(t, "type")
		for range 30 {
			document := drawer{t}.message(typ.Descriptor(), 2)
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
			if err != nil {
				t.Fatalf("%s: %v", document, err)
			}
			data, wrong := read(typ, document)
			if says := schemas[typ].Validate(value); (says == nil) != (wrong == nil) {
				t.Fatalf("%s\nJSON Schema: %v\nFromJSON: %v", document, says, wrong)
			}
			if wrong != nil {
				refused++
				continue
			}
			taken++
			out, err := typ.ToJSON(data, 1<<20)
			if err != nil {
				t.Fatalf("%s became %x, which can't be written: %v", document, data, err)
			}
			if again, err := read(typ, string(out)); err != nil || !bytes.Equal(again, data) {
				t.Fatalf("%s was written as %s, and that is %x instead of %x: %v", document, out, again, data,
					err)
			}
		}
	})
	if min(taken, refused) < 20 {
		t.Errorf("%d were taken, %d refused: this shows little", taken, refused)
	}
}

// Whatever the data is, ToJSON ends within its limit, and what it writes is JSON that protojson reads.
func FuzzToJSON(f *testing.F) {
	typ, second := typeOf(f, everything, ""), typeOf(f, old, "")
	f.Add(typ.Sample())
	f.Add(second.Sample())
	f.Add([]byte{0xfa, 1, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, typ := range []*protobuf.Type{typ, second} {
			const limit = 10_000
			text, err := typ.ToJSON(data, limit)
			if err != nil {
				continue
			}
			if len(text) > limit || !json.Valid(text) {
				t.Errorf("%x became %d bytes: %s", data, len(text), text)
			}
			if err := protojson.Unmarshal(text, dynamicpb.NewMessage(typ.Descriptor())); err != nil {
				t.Errorf("protojson refuses %s: %v", text, err)
			}
		}
	})
}

// Protojson takes the JSON that FromJSON takes, as the same data.
func FuzzFromJSON(f *testing.F) {
	typ := typeOf(f, everything, "")
	for _, v := range values {
		f.Add(`{"small":` + v + `,"anything":` + v + `,"at":` + v + `}`)
	}
	f.Fuzz(func(t *testing.T, text string) {
		data, err := read(typ, text)
		if err != nil {
			return
		}
		m := dynamicpb.NewMessage(typ.Descriptor())
		if err := protojson.Unmarshal([]byte(text), m); err != nil {
			t.Fatalf("protojson refuses %s: %v", text, err)
		}
		want, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil || !bytes.Equal(data, want) {
			t.Errorf("%s is read as %x, by protojson as %x, %v", text, data, want, err)
		}
	})
}
