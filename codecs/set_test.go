package codecs_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"refold/codecs"
	"refold/codecs/avrotest"
)

func bankTypes() []codecs.Type {
	return []codecs.Type{
		codecs.Record[Deposited](depositedSchema), codecs.Record[Closed](closedSchema),
	}
}

func TestTypesShareATopic(t *testing.T) {
	events := set(t, client(t, server(t).URL()), bankTypes()...)
	for _, v := range []any{deposited(), Closed{Reason: "moved away"}, Closed{}} {
		b, err := events.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		back, err := events.Decode(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if back != v {
			t.Errorf("%+v comes back as %+v", v, back)
		}
	}
	if got := events.Types(); !reflect.DeepEqual(got, []string{"Deposited", "Closed"}) {
		t.Errorf("types are %v", got)
	}
	for _, name := range []string{"Closed", "bank.Closed"} {
		if text := events.SchemaText(name); !strings.Contains(text, `"reason"`) {
			t.Errorf("the schema of %s is %q", name, text)
		}
	}
	if text := events.SchemaText("Opened"); text != "" {
		t.Errorf("the schema of an unknown type is %q", text)
	}
}

func TestCrossCheck(t *testing.T) {
	avrotest.CrossCheck(t, depositedSchema, deposited(), Deposited{})
	avrotest.CrossCheckSchema(t, depositedSchema)
	avrotest.CrossCheck(t, closedSchema, Closed{Reason: "ä"})
}

func TestEncodeTakesPointers(t *testing.T) {
	events := set(t, client(t, server(t).URL()), bankTypes()...)
	v := deposited()
	byPointer, err := events.Encode(&v)
	if err != nil {
		t.Fatal(err)
	}
	byValue, err := events.Encode(v)
	if err != nil || !bytes.Equal(byPointer, byValue) {
		t.Errorf("got %x and %x, %v", byPointer, byValue, err)
	}
	if got, err := events.AppendEncode([]byte("before"), v); err != nil ||
		!bytes.Equal(got, append([]byte("before"), byValue...)) {
		t.Errorf("got %x, %v", got, err)
	}
	var none *Deposited
	for _, v := range []any{none, nil, struct{}{}, "text"} {
		if b, err := events.Encode(v); err == nil || b != nil {
			t.Errorf("%T is encoded: %x, %v", v, b, err)
		}
	}
	if _, err := events.Encode("text"); !strings.Contains(err.Error(), "Deposited, Closed") {
		t.Errorf("%q does not name the types", err)
	}
}

// A prepared Set needs the registry no more.
func TestPreparedSetOutlivesTheRegistry(t *testing.T) {
	s := server(t)
	events := set(t, client(t, s.URL()), bankTypes()...)
	s.Close()
	b, err := events.Encode(deposited())
	if err != nil {
		t.Fatal(err)
	}
	if v, err := events.Decode(t.Context(), b); err != nil || v != deposited() {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestUnpreparedSetAsksWithTheFirstValue(t *testing.T) {
	events, err := codecs.NewSet(client(t, server(t).URL()), bankTypes()...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := events.Encode(Closed{})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := events.Decode(t.Context(), b); err != nil || v != (Closed{}) {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestPrepareListsWhatIsNotRegistered(t *testing.T) {
	s := server(t)
	events, err := codecs.NewSet(client(t, s.URL(), lookUp), bankTypes()...)
	if err != nil {
		t.Fatal(err)
	}
	err = events.Prepare(t.Context())
	if !errors.Is(err, codecs.ErrSchemaNotFound) {
		t.Fatalf("got %v, want ErrSchemaNotFound", err)
	}
	for _, subject := range []string{"bank.Deposited", "bank.Closed"} {
		if !strings.Contains(err.Error(), subject) {
			t.Errorf("%q does not name %s", err, subject)
		}
	}
}

func TestPoison(t *testing.T) {
	s := server(t)
	events := set(t, client(t, s.URL()), bankTypes()...)
	good, err := events.Encode(deposited())
	if err != nil {
		t.Fatal(err)
	}
	other := register(t, s, "bank.Other", strings.ReplaceAll(closedSchema, "Closed", "Other"))
	number := register(t, s, "number", `"long"`)
	changed := register(t, s, "bank.Closed", `{"type": "record", "name": "Closed",
		"namespace": "bank", "fields": [{"name": "reason", "type": "long"}]}`)
	ofType := func(subject, schema string, kind sr.SchemaType) int {
		id, _, err := s.RegisterSchema(subject, sr.Schema{Schema: schema, Type: kind})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	untitled := ofType("json", `{}`, sr.TypeJSON)
	unusable := ofType("json-unusable", `{"$ref": "file:///etc/hostname"}`, sr.TypeJSON)
	inJSON := ofType("json-closed", `{"title": "bank.Closed"}`, sr.TypeJSON)
	for name, test := range map[string]struct {
		b    []byte
		want codecs.Reason
		text string
	}{
		"nothing":        {nil, codecs.ReasonNotWireFormat, "0 bytes"},
		"JSON":           {[]byte(`{"reason": ""}`), codecs.ReasonNotWireFormat, "0x7b"},
		"unknown schema": {wire(999), codecs.ReasonUnknownSchema, "schema 999"},
		"foreign type":   {wire(other, 0), codecs.ReasonUnknownType, "bank.Other"},
		"not a record":   {wire(number, 2), codecs.ReasonUnknownType, "long"},
		"untitled":       {wire(untitled), codecs.ReasonUnknownType, ""},
		"unusable":       {wire(unusable), codecs.ReasonUnusableSchema, "none of the references"},
		"another format": {wire(inJSON), codecs.ReasonIncompatible, "the format JSON; ours is AVRO"},
		"another type":   {wire(changed, 2), codecs.ReasonIncompatible, "reason"},
		"cut short":      {good[:len(good)-1], codecs.ReasonUndecodable, "Deposited"},
		"header only":    {good[:5], codecs.ReasonUndecodable, ""},
		"something after": {
			append(bytes.Clone(good), 1, 2), codecs.ReasonUndecodable, "2 bytes are left",
		},
		"too large": {append(good, make([]byte, 1<<20)...), codecs.ReasonTooLarge, "1048576"},
		"endless string": {
			wire(2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
			codecs.ReasonUndecodable, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // the second time what was learned is used
				v, err := events.Decode(t.Context(), test.b)
				if got := reason(t, err); got != test.want || v != nil {
					t.Fatalf("got %v, reason %s, want %s", v, got, test.want)
				}
				if !strings.Contains(err.Error(), test.text) {
					t.Errorf("%q does not say %q", err, test.text)
				}
				poison, _ := errors.AsType[*codecs.Malformed](err)
				if !bytes.Equal(poison.Bytes, test.b) {
					t.Error("the bytes are not the record's")
				}
			}
		})
	}
}

// wire returns data in the wire format.
func wire(id int, data ...byte) []byte { return append(codecs.AppendWireHeader(nil, id), data...) }

func TestTooLargeToEncode(t *testing.T) {
	r := client(t, server(t).URL(), func(s *codecs.RegistrySettings) { s.Limits.RecordBytes = 100 })
	events := set(t, r, bankTypes()...)
	if _, err := events.Encode(Closed{Reason: strings.Repeat("x", 93)}); err != nil {
		t.Errorf("100 bytes are refused: %v", err)
	}
	_, err := events.Encode(Closed{Reason: strings.Repeat("x", 94)})
	if err == nil || !strings.Contains(err.Error(), "at most 100") {
		t.Errorf("got %v", err)
	}
}

// Narrow cannot hold all that a long can.
type Narrow struct {
	Cents int8 `avro:"cents"`
}

func TestValueThatTheGoTypeCannotHold(t *testing.T) {
	narrow := set(t, client(t, server(t).URL()), codecs.Record[Narrow](
		`{"type": "record", "name": "Narrow", "fields": [{"name": "cents", "type": "long"}]}`))
	_, err := narrow.Decode(t.Context(), wire(1, 0x80, 0x04)) // 256
	if got := reason(t, err); got != codecs.ReasonUndecodable {
		t.Errorf("reason is %s", got)
	}
}

// The structs that decoding works in are used again; nothing of one value may show in the next.
func TestDecodedValuesShareNothing(t *testing.T) {
	type pair struct{ first, second Tagged }
	tags := set(t, client(t, server(t).URL()), codecs.Record[Tagged](taggedSchema))
	var got pair
	for _, into := range []struct {
		in  Tagged
		out *Tagged
	}{
		{Tagged{[]string{"a", "b", "c"}, map[string]int64{"a": 1, "b": 2}, number(7)}, &got.first},
		{Tagged{[]string{"x"}, map[string]int64{"c": 3}, nil}, &got.second},
	} {
		b, err := tags.Encode(into.in)
		if err != nil {
			t.Fatal(err)
		}
		v, err := tags.Decode(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		*into.out = v.(Tagged)
	}
	want := pair{
		Tagged{[]string{"a", "b", "c"}, map[string]int64{"a": 1, "b": 2}, number(7)},
		Tagged{[]string{"x"}, map[string]int64{"c": 3}, nil},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

// Tagged has what memory could be shared through.
type Tagged struct {
	Names  []string         `avro:"names"`
	Counts map[string]int64 `avro:"counts"`
	Limit  *int64           `avro:"limit"`
}

const taggedSchema = `{"type": "record", "name": "Tagged", "fields": [
	{"name": "names", "type": {"type": "array", "items": "string"}},
	{"name": "counts", "type": {"type": "map", "values": "long"}},
	{"name": "limit", "type": ["null", "long"], "default": null}]}`

func TestConcurrentUse(t *testing.T) {
	s := server(t)
	events := set(t, client(t, s.URL()), bankTypes()...)
	written, err := events.Encode(deposited())
	if err != nil {
		t.Fatal(err)
	}
	// Other schemas of the same type, that all learn at the same time.
	var older [][]byte
	for i := range 20 {
		id := register(t, s, "bank.Closed", fmt.Sprintf(`{"type": "record", "name": "Closed",
			"namespace": "bank", "fields": [{"name": "gone%d", "type": "string"},
			{"name": "reason", "type": "string"}]}`, i))
		older = append(older, wire(id, 2, 'g', 2, 'r'))
	}
	decodes := func(b []byte, want any) {
		if v, err := events.Decode(t.Context(), b); err != nil || v != want {
			t.Errorf("got %v, %v", v, err)
		}
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, b := range older {
				decodes(b, Closed{"r"})
				decodes(written, deposited())
				if b, err := events.Encode(deposited()); err != nil || !bytes.Equal(b, written) {
					t.Errorf("got %x, %v", b, err)
				}
			}
		})
	}
	all.Wait()
}

func TestMoreSchemasThanTheLimit(t *testing.T) {
	s := server(t)
	r := client(t, s.URL(), func(s *codecs.RegistrySettings) { s.Limits.Schemas = 2 })
	events := set(t, r, bankTypes()...)
	written, err := events.Encode(deposited())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		id := register(t, s, "bank.Closed", strings.Replace(closedSchema, `"reason", `,
			fmt.Sprintf(`"reason", "doc": "%d", `, i), 1))
		v, err := events.Decode(t.Context(), wire(id, 2, 'r'))
		if err != nil || v != (Closed{"r"}) {
			t.Errorf("got %v, %v", v, err)
		}
	}
	if v, err := events.Decode(t.Context(), written); err != nil || v != deposited() {
		t.Errorf("got %v, %v", v, err)
	}
}
