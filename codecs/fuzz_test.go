package codecs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"refold/codecs"
)

// What decodes is encoded again, and decodes to the same; what does not is poison, never a panic
// and never a fault.
func FuzzDecode(f *testing.F) {
	s := server(f)
	events := set(f, client(f, s.URL()), append(bankTypes(),
		codecs.Record[Tagged](taggedSchema), codecs.Record[Moved](movedSchema))...)
	older := register(f, s, "older", writtenSwapped)
	for _, v := range []any{
		deposited(),
		Closed{Reason: "r"},
		Tagged{[]string{"a"}, map[string]int64{"b": 1}, number(1)},
		Moved{"to", "from", 5, "EUR"},
	} {
		b, err := events.Encode(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(wire(older, swapped...))
	f.Add(wire(2, 0xff, 0xff, 0xff, 0xff, 0x0f))
	f.Add(wire(999))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := events.Decode(t.Context(), b)
		if err != nil {
			if reason(t, err) == codecs.ReasonBadHeader || v != nil {
				t.Fatalf("got %v, %v", v, err)
			}
			return
		}
		again, err := events.Encode(v)
		if err != nil {
			t.Fatalf("%+v decodes, but is not encoded: %v", v, err)
		}
		back, err := events.Decode(t.Context(), again)
		if err != nil || !reflect.DeepEqual(back, v) {
			t.Fatalf("%+v comes back as %+v, %v", v, back, err)
		}
		// Not of b: goavro refuses a boolean that is neither 0 nor 1, which Java takes as false.
		if _, _, err := events.ToJSON(t.Context(), again); err != nil {
			t.Fatalf("%+v decodes, but has no JSON: %v", v, err)
		}
	})
}

// What is taken is written again, and taken again as the same; what is not is explained.
func FuzzFromJSON(f *testing.F) {
	s := set(f, client(f, server(f).URL()),
		codecs.Record[Everything](everythingSchema), codecs.Record[Defaults](defaultsSchema))
	f.Add("Everything", []byte(everythingJSON))
	f.Add("Everything", []byte(`{"flag": 1, "flag": [], "small": 1e9, "parts": [{"name": null}]}`))
	f.Add("Defaults", []byte(`{}`))
	f.Add("Defaults", []byte(`{"big": -9223372036854775808, "blob": "\u00ff", "counts": {"": 0}}`))
	f.Add("Defaults", []byte(`{"state": "\ud83d\ude00", "ratio": "NaN", "either": null}`))
	f.Add("Other", []byte(`[[[`))
	f.Fuzz(func(t *testing.T, typeName string, data []byte) {
		v, err := s.FromJSON(typeName, data)
		if err != nil {
			wrong, is := errors.AsType[*codecs.JSONError](err)
			_, unknown := errors.AsType[*codecs.UnknownTypeError](err)
			if v != nil || is == unknown || is && len(wrong.Mistakes) == 0 {
				t.Fatalf("got %v, %v", v, err)
			}
			return
		}
		first := jsonOf(t, s, v)
		again, err := s.FromJSON(typeName, first)
		if err != nil {
			t.Fatalf("%s became %s, which is refused: %v", data, first, err)
		}
		if second := jsonOf(t, s, again); !bytes.Equal(second, first) {
			t.Fatalf("%s became %s, and that %s", data, first, second)
		}
	})
}

func jsonOf(t *testing.T, s *codecs.Set, v any) []byte {
	t.Helper()
	b, err := s.Encode(v)
	if err != nil {
		t.Fatalf("%+v is not encoded: %v", v, err)
	}
	_, json, err := s.ToJSON(t.Context(), b)
	if err != nil {
		t.Fatalf("%+v has no JSON: %v", v, err)
	}
	return json
}

// A schema is anybody's who may write to the registry.
func FuzzParseSchema(f *testing.F) {
	f.Add(everythingSchema, []byte{0})
	f.Add(defaultsSchema, []byte{0})
	f.Add(choiceSchema, []byte{2, 1})
	f.Add(`["null", "int"]`, []byte{2, 1})
	f.Add(`{"type": "record", "name": "a.b", "fields": [{"name": "c", "type": ["null", "b"]}]}`,
		[]byte{2, 2, 0})
	f.Add(`{"type": "array", "items": "null"}`, []byte{0xfe, 0xff, 0xff, 0xff, 0x0f, 0})
	for _, a := range amplifiers() {
		if len(a.data) < 5000 { // larger ones take the fuzzer too long
			f.Add(a.schema, a.data)
		}
	}
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		schema, err := codecs.ParseSchema(text)
		if err != nil {
			if !errors.Is(err, codecs.ErrSchemaUnusable) {
				t.Fatal(err)
			}
			return
		}
		if _, err := codecs.ParseSchema(schema.Text); err != nil {
			t.Fatalf("%s is parsed, but not its text %s: %v", text, schema.Text, err)
		}
		const limit = 64 << 10
		out, err := codecs.ToJSON(schema, data, limit)
		switch {
		case err == nil && (len(out) > limit || !json.Valid(out)):
			t.Fatalf("%x of %s became %d bytes: %.200q", data, text, len(out), out)
		case err != nil && len(out) > 0:
			t.Fatalf("%v, and %d bytes", err, len(out))
		}
		_ = codecs.CheckJSON(schema, data, codecs.Limits{RecordBytes: 1 << 20, JSONDepth: 64})
	})
}
