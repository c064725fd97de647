package protobuf_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"refold/codecs/avrotype"
	"refold/codecs/jsonvalue"
)

// Each kind of field is written in the one form that ProtoJSON prefers, and read in all of its forms.
func TestFormsOfValues(t *testing.T) {
	order := typeOf(t, everything, "shop.v1.Order")
	for _, test := range []struct{ in, want string }{
		{`{}`, `{}`},
		{
			`{"customerId": "a", "small": 3.0, "large": 9007199254740993, "total": "18446744073709551615"}`,
			`{"customerId":"a","small":3,"large":"9007199254740993","total":"18446744073709551615"}`,
		},
		{`{"customer_id": "by its name in the file"}`, `{"customerId":"by its name in the file"}`},
		{`{"named": "x"}`, `{"calledLikeThis":"x"}`},
		{`{"small": null, "lines": null, "card": null, "cashAmount": "7"}`, `{"cashAmount":"7"}`},
		{
			`{"state": 1, "byFlag": {"true": "CLOSED", "false": 77}}`,
			`{"state":"OPEN","byFlag":{"false":77,"true":"CLOSED"}}`,
		},
		{`{"receipt": "-_8"}`, `{"receipt":"+/8="}`},
		{`{"ratio": "NaN", "score": "-Infinity"}`, `{"ratio":"NaN","score":"-Infinity"}`},
		{`{"byNumber": {"10": "b", "9": "a", "-1": "c"}}`, `{"byNumber":{"-1":"c","9":"a","10":"b"}}`},
		{
			`{"at": "2026-11-29T13:00:00.50+01:00", "took": "-1.25s"}`,
			`{"at":"2026-11-29T12:00:00.500Z","took":"-1.250s"}`,
		},
		{`{"mask": "customerId,lines.priceCents"}`, `{"mask":"customerId,lines.priceCents"}`},
		{
			`{"extra": {"a": [1, null, {"b": "c"}]}, "list": [true]}`,
			`{"extra":{"a":[1,null,{"b":"c"}]},"list":[true]}`,
		},
		{`{"anything": null, "other": null}`, `{"other":null,"anything":null}`},
		{
			`{"note": "", "weight": 5, "blob": "AQ==", "empty": {}}`,
			`{"note":"","weight":"5","blob":"AQ==","empty":{}}`,
		},
		{`{"rating": 0, "small": 0}`, `{"rating":0}`},
		{
			`{"previous": {"previous": {}}, "lines": [{}, {"priceCents": 1}]}`,
			`{"lines":[{},{"priceCents":"1"}],"previous":{"previous":{}}}`,
		},
		{
			`{"times": ["2024-02-29T00:00:00Z"], "doubles": [1.5, "Infinity"]}`,
			`{"times":["2024-02-29T00:00:00Z"],"doubles":[1.5,"Infinity"]}`,
		},
	} {
		in, want := test.in, test.want
		data, err := read(order, in)
		if err != nil {
			t.Errorf("%s is refused: %v", in, err)
			continue
		}
		if got, err := order.ToJSON(data, 1000); err != nil || string(got) != want {
			t.Errorf("%s came back as\n%s, %v, want\n%s", in, got, err, want)
		}
	}
}

// Every mistake is reported, with its path.
func TestMistakes(t *testing.T) {
	order := typeOf(t, everything, "shop.v1.Order")
	for in, want := range map[string][]string{
		`[]`: {"found an array, allowed: an object with the fields customerId, small"},
		`{"customerId": 5, "small": 2147483648, "count": -1, "total": "18446744073709551616"}`: {
			"customerId: found 5, allowed: a string",
			"small: found 2147483648, allowed: a whole number from -2147483648",
			"count: found -1, allowed: a whole number from 0 to 4294967295",
			`total: found "18446744073709551616", allowed: a whole number from 0 to 18446744073709551615`,
		},
		`{"lines": [{"item": "a"}, {"item": {}, "colour": 1}], "stat": 1}`: {
			"lines[1].item: found an object, allowed: a string",
			"lines[1].colour: found an unknown field, allowed: an object with the fields item, priceCents",
			"stat: found an unknown field",
		},
		`{"state": "SHUT"}`: {
			`state: found "SHUT", allowed: one of STATE_UNSPECIFIED, OPEN, CLOSED`,
		},
		`{"card": "1", "cashAmount": 2}`: {
			"cashAmount: found a second choice of payment, beside card, allowed: one of card",
		},
		`{"small": 1, "small": null}`:          {"small: found the field again"},
		`{"customerId": "", "customer_id":""}`: {"customer_id: found the field again"},
		`{"byNumber": {"01": "a", "b": "c"}}`: {
			`byNumber.01: found the key "01", allowed: a key that is a whole number`,
			`byNumber.b: found the key "b"`,
		},
		`{"byName": {"a": {}, "a": {}}}`: {"byName.a: found the key again"},
		`{"numbers": [1, null, 1.5]}`:    {"numbers[1]: found null", "numbers[2]: found 1.5"},
		`{"at": "2023-02-29T00:00:00Z"}`: {
			`at: found "2023-02-29T00:00:00Z", allowed: a time`,
		},
		`{"at": "0001-01-01T00:00:00+01:00"}`:          {"at: found"},
		`{"took": "315576000001s", "mask": "a_b"}`:     {"took: found", "mask: found"},
		`{"receipt": "A", "blob": "=", "paid": "yes"}`: {"receipt: found", "blob: found", "paid: found"},
		`{"extra": [], "list": {}}`: {
			"extra: found an array, allowed: an object", "list: found an object",
		},
		`{"nothing": "null"}`: {`nothing: found "null"`},
	} {
		_, err := read(order, in)
		var got []string
		if err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		same := len(got) == len(want)
		for i := range min(len(got), len(want)) {
			same = same && strings.HasPrefix(got[i], want[i])
		}
		if !same {
			t.Errorf("%s: got\n%s\nwant\n%s", in, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestRequiredFields(t *testing.T) {
	order := typeOf(t, old, "shop.old.Order")
	_, err := read(order, `{"customer_id": null, "previous": {"number": 1, "customerId": ""}}`)
	const want = "customerId: found nothing, allowed: a string\n" +
		"number: found nothing, allowed: a whole number from -2147483648 to 2147483647"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	data, err := read(order,
		`{"customerId": "a", "number": 1, "level": "HIGH", "part": [{"name": "b"}], "packed": [1]}`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := order.ToJSON(data, 1000)
	if string(got) != `{"customerId":"a","number":1,"level":"HIGH","packed":[1],"part":[{"name":"b"}]}` {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := order.ToJSON(nil, 1000); err == nil || !strings.Contains(err.Error(), "required") {
		t.Errorf("data without its required fields: %v", err)
	}
	if _, err := read(order, `{"customerId": "a", "number": 1, "level": 5}`); err == nil {
		t.Error("a number that a closed enum lacks is taken")
	}
}

// Data of the type of a field that is unknown, or of no message at all, is left out.
func TestUnknownFieldsAreLeftOut(t *testing.T) {
	line := typeOf(t, everything, "shop.v1.Order.Line")
	data := protowire.AppendTag(nil, 99, protowire.BytesType)
	data = protowire.AppendString(data, "from the future")
	if got, err := line.ToJSON(data, 100); string(got) != "{}" {
		t.Errorf("got %s, %v", got, err)
	}
}

// A google.protobuf.Any is shown if the schema has its type, and never read.
func TestAny(t *testing.T) {
	const text = `syntax = "proto3"; package p; import "google/protobuf/any.proto";
		import "google/protobuf/duration.proto";
		message M { google.protobuf.Any any = 1; } 
		message In { int64 n = 1; google.protobuf.Duration d = 2; }`
	m := typeOf(t, text, "p.M")
	inAny := func(url string, data []byte) []byte {
		held := protowire.AppendTag(nil, 1, protowire.BytesType)
		held = protowire.AppendString(held, url)
		held = protowire.AppendTag(held, 2, protowire.BytesType)
		held = protowire.AppendBytes(held, data)
		return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), held)
	}
	for url, want := range map[string]string{
		"type.example/p.In":           `{"any":{"@type":"type.example/p.In","n":"5"}}`,
		"x/google.protobuf.Duration":  `{"any":{"@type":"x/google.protobuf.Duration","value":"5s"}}`,
		"x/unknown.Message":           "",
		"x/google.protobuf.NullValue": "",
	} {
		got, err := m.ToJSON(inAny(url, []byte{8, 5}), 1000)
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %s, %v", url, got, err)
		}
	}
	if _, err := read(m, `{"any": {"@type": "type.example/p.In"}}`); err == nil {
		t.Error("an Any is read")
	}
}

// The limit holds while the text is written, and for what the data takes in memory before.
func TestToJSONIsLimited(t *testing.T) {
	order := typeOf(t, everything, "shop.v1.Order")
	lines := bytes.Repeat([]byte{0x8a, 1, 0}, 1_000_000)
	packed := protowire.AppendBytes([]byte{0x92, 1}, make([]byte, 1_000_000))
	text := protowire.AppendBytes([]byte{0x0a}, bytes.Repeat([]byte{1}, 100_000))
	for name, data := range map[string][]byte{
		"empty messages": lines, "a packed list": packed, "a text": text,
	} {
		if got, err := order.ToJSON(data, 100_000); !errors.Is(err, avrotype.ErrTooLarge) {
			t.Errorf("%s: got %d bytes, %v", name, len(got), err)
		}
	}
	deep := []byte{}
	for range 400 {
		deep = protowire.AppendBytes([]byte{0xb2, 2}, deep)
	}
	if got, err := order.ToJSON(deep, 1<<20); err != nil || bytes.Count(got, []byte("previous")) != 400 {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	for range 700 {
		deep = protowire.AppendBytes([]byte{0xb2, 2}, deep)
	}
	if got, err := order.ToJSON(deep, 1<<20); err == nil || errors.Is(err, avrotype.ErrTooLarge) {
		t.Errorf("1,100 levels: got %d bytes, %v", len(got), err)
	}
}

func TestDepthOfJSONIsLimited(t *testing.T) {
	text, err := jsonvalue.Parse([]byte(strings.Repeat(`{"previous":`, 65)+"{}"+strings.Repeat("}", 65)),
		1<<20)
	if err != nil {
		t.Fatal(err)
	}
	order := typeOf(t, everything, "shop.v1.Order")
	if _, mistakes, err := order.FromJSON(text, limits); err != nil || len(mistakes) != 1 {
		t.Errorf("got %v, %v", mistakes, err)
	}
}

// A sample has a value in every field, is JSON, and comes back.
func TestSample(t *testing.T) {
	for text, name := range map[string]string{everything: "shop.v1.Order", old: "shop.old.Order"} {
		typ := typeOf(t, text, name)
		sample := typ.Sample()
		out, err := typ.ToJSON(sample, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		again, err := read(typ, string(out))
		if err != nil || !bytes.Equal(again, sample) {
			t.Errorf("%s came back as %x of %x, %v", out, again, sample, err)
		}
		for i := range typ.Descriptor().Fields().Len() {
			f := typ.Descriptor().Fields().Get(i)
			chosen := f.ContainingOneof() == nil || f.ContainingOneof().Fields().Get(0) == f
			if null := f.Name() == "nothing"; chosen && !null &&
				!bytes.Contains(out, []byte(`"`+f.JSONName()+`"`)) {
				t.Errorf("the sample lacks %s: %s", f.Name(), out)
			}
		}
		if !bytes.Equal(typ.Sample(), sample) {
			t.Error("another sample")
		}
	}
}
