package codecs_test

import (
	"math"
	"testing"

	"refold/codecs"
)

func TestToJSON(t *testing.T) {
	s := everything(t)
	v, err := s.FromJSON("all.Everything", []byte(everythingJSON))
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	name, json, err := s.ToJSON(t.Context(), b)
	if err != nil || name != "Everything" || string(json) != everythingJSON {
		t.Errorf("got %s\n%s\nwant\n%s\n%v", name, json, everythingJSON, err)
	}
}

func TestNotFiniteNumbers(t *testing.T) {
	s := set(t, client(t, server(t).URL()), codecs.Record[Measured](`{
		"type": "record", "name": "Measured", "fields": [
			{"name": "a", "type": "double"}, {"name": "b", "type": "float"},
			{"name": "c", "type": ["null", "double"]}]}`))
	const json = `{"a":"-Infinity","b":"NaN","c":"Infinity"}`
	v, err := s.FromJSON("Measured", []byte(json))
	if err != nil {
		t.Fatal(err)
	}
	m := v.(Measured)
	if !math.IsInf(m.A, -1) || m.B == m.B || !math.IsInf(*m.C, 1) {
		t.Errorf("got %+v", m)
	}
	b, err := s.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	if _, got, err := s.ToJSON(t.Context(), b); err != nil || string(got) != json {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestToJSONOfAnySchema(t *testing.T) {
	s := server(t)
	r := client(t, s.URL())
	bank := set(t, r, bankTypes()...)
	foreign := register(t, s, "x", `{"type": "record", "name": "Foreign", "namespace": "far",
		"fields": [{"name": "n", "type": "long"}]}`)
	number := register(t, s, "y", `"long"`)
	for name, test := range map[string]struct {
		b        []byte
		typeName string
		json     string
	}{
		"ours":      {wire(2, 2, 'r'), "Closed", `{"reason":"r"}`},
		"a foreign": {wire(foreign, 84), "far.Foreign", `{"n":42}`},
		"a number":  {wire(number, 1), "long", `-1`},
		"not UTF-8": {wire(2, 2, 0xff), "Closed", `{"reason":"\ufffd"}`},
	} {
		t.Run(name, func(t *testing.T) {
			typeName, json, err := bank.ToJSON(t.Context(), test.b)
			if err != nil || typeName != test.typeName || string(json) != test.json {
				t.Errorf("got %s %s, %v, want %s %s", typeName, json, err, test.typeName, test.json)
			}
		})
	}
	for name, test := range map[string]struct {
		b    []byte
		want codecs.Reason
	}{
		"garbage":   {[]byte("garbage"), codecs.ReasonNotWireFormat},
		"unknown":   {wire(99), codecs.ReasonUnknownSchema},
		"cut short": {wire(foreign), codecs.ReasonUndecodable},
		"left over": {wire(foreign, 84, 0), codecs.ReasonUndecodable},
		"too large": {make([]byte, 2<<20), codecs.ReasonTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := bank.ToJSON(t.Context(), test.b)
			if got := reason(t, err); got != test.want {
				t.Errorf("reason is %s, want %s", got, test.want)
			}
		})
	}
}

// A few bytes that claim to be much, or deeply nested, would end the process in goavro alone.
func TestToJSONCannotBeMadeExpensive(t *testing.T) {
	s := server(t)
	r := client(t, s.URL())
	nulls := register(t, s, "nulls", `{"type": "array", "items": "null"}`)
	list := register(t, s, "list", `{"type": "record", "name": "List", "fields": [
		{"name": "next", "type": ["null", "List"]}]}`)
	deep := wire(list)
	for range 500_000 {
		deep = append(deep, 2)
	}
	for name, test := range map[string]struct {
		b    []byte
		want codecs.Reason
	}{
		"nulls": {wire(nulls, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0), codecs.ReasonTooLarge},
		"deep":  {append(deep, 0), codecs.ReasonUndecodable},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := r.ToJSON(t.Context(), test.b)
			if got := reason(t, err); got != test.want {
				t.Errorf("reason is %s", got)
			}
		})
	}
}
