package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
)

// fakeRegistry knows schema 7, of a record with the JSON of its data, and is away for schema 9.
type fakeRegistry struct{ asked int }

var errAway = errors.New("connection refused")

func (f *fakeRegistry) ToJSON(_ context.Context, b []byte) (string, []byte, error) {
	f.asked++
	id, data, err := codecs.SplitWire(b)
	switch {
	case err != nil:
		return "", nil, err
	case id.Number == 9:
		return "", nil, errAway
	case id.Number != 7 && id.GUID != sevenGUID:
		return "", nil, &codecs.Malformed{Reason: codecs.ReasonUnknownSchema, Bytes: b}
	case !json.Valid(data):
		return "shop.Sold", nil, &codecs.Malformed{Reason: codecs.ReasonUndecodable, Bytes: b}
	}
	return "shop.Sold", data, nil
}

// sevenGUID is the GUID of schema 7.
var sevenGUID = [16]byte{7}

// A record's schema ID may stand in a header. What is shown says so.
func TestDecodeSchemaIDs(t *testing.T) {
	guid := append([]byte{1}, sevenGUID[:]...)
	const data, text = `{"price":5}`, "07000000-0000-0000-0000-000000000000"
	const short = "not-wire-format: 2 bytes; the magic byte 0 and a schema ID alone take 5, before the " +
		"data or in the header __value_schema_id"
	for name, test := range map[string]struct {
		header []byte
		value  string
		want   Record
	}{
		"in front": {nil, wire(7, data), Record{Format: FormatWire, SchemaID: 7, SchemaIn: "prefix"}},
		"in a header": {
			[]byte(wire(7, "")), data, Record{Format: FormatWire, SchemaID: 7, SchemaIn: "header"},
		},
		"a GUID in front": {
			nil, string(guid) + data, Record{Format: FormatWire, SchemaGUID: text, SchemaIn: "prefix"},
		},
		"a GUID in a header": {guid, data, Record{Format: FormatWire, SchemaGUID: text, SchemaIn: "header"}},
		"none":               {nil, data, Record{Format: FormatJSON}},
		"a broken header": {
			[]byte{0, 1}, data, Record{Format: FormatJSON, SchemaIn: "header", Undecodable: short},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := &kgo.Record{Value: []byte(test.value)}
			if test.header != nil {
				r.Headers = []kgo.RecordHeader{{Key: "__value_schema_id", Value: test.header}}
			}
			got := shown(t, &decoder{registry: &fakeRegistry{}}, r)
			brief := Record{
				Format: got.Format, SchemaID: got.SchemaID, SchemaGUID: got.SchemaGUID,
				SchemaIn: got.SchemaIn, Undecodable: got.Undecodable,
			}
			if diff := cmp.Diff(test.want, brief, cmpopts.IgnoreUnexported(Record{})); diff != "" {
				t.Error(diff)
			}
			if string(got.Value) != data {
				t.Errorf("the value is shown as %s", got.Value)
			}
		})
	}
}

func wire(id int, data string) string { return string(codecs.AppendWireHeader(nil, id)) + data }

func shown(t *testing.T, d *decoder, r *kgo.Record) *Record {
	t.Helper()
	got := envelope(r)
	d.decode(t.Context(), &got)
	return &got
}

// A value is shown in the first format that it has, and the format is named.
func TestDecodeValues(t *testing.T) {
	for name, test := range map[string]struct {
		value  string
		format Format
		want   string
		why    string
	}{
		"wire format":             {wire(7, `{"price":5}`), FormatWire, `{"price":5}`, ""},
		"JSON":                    {" {\"a\": [1, \"<\"]}\n", FormatJSON, `{"a":[1,"<"]}`, ""},
		"JSON, a large number":    {`9007199254740993`, FormatJSON, `9007199254740993`, ""},
		"two JSON values":         {`{} {}`, FormatText, `"{} {}"`, ""},
		"half a surrogate":        {`"\ud800"`, FormatText, `"\"\\ud800\""`, ""},
		"text":                    {"zürich <3", FormatText, `"zürich <3"`, ""},
		"text in lines":           {"a\tb\r\nc", FormatText, `"a\tb\r\nc"`, ""},
		"an escape sequence":      {"\x1b[31m", FormatBase64, `"G1szMW0="`, ""},
		"no UTF-8":                {"\xff\xfe", FormatBase64, `"//4="`, ""},
		"nothing":                 {"", FormatText, `""`, ""},
		"a short binary":          {"\x00\x01", FormatBase64, `"AAE="`, ""},
		"an unknown schema":       {wire(8, "x"), FormatBase64, `"AAAAAAh4"`, "unknown-schema"},
		"not what the schema has": {wire(7, "x"), FormatBase64, `"AAAAAAd4"`, "undecodable"},
	} {
		t.Run(name, func(t *testing.T) {
			got := shown(t, &decoder{registry: &fakeRegistry{}}, &kgo.Record{Value: []byte(test.value)})
			if got.Format != test.format || string(got.Value) != test.want || got.Undecodable != test.why {
				t.Errorf("%s %s %q, want %s %s %q", got.Format, got.Value, got.Undecodable,
					test.format, test.want, test.why)
			}
			if !json.Valid(got.Value) {
				t.Errorf("%s is no JSON", got.Value)
			}
		})
	}
}

func TestDecodeWithoutValueAndRegistry(t *testing.T) {
	got := shown(t, &decoder{}, &kgo.Record{})
	if got.Format != FormatNone || string(got.Value) != "null" || got.Key != nil ||
		got.KeyFormat != FormatNone {
		t.Errorf("%+v", got)
	}
	got = shown(t, &decoder{}, &kgo.Record{Value: []byte(wire(7, "{}"))})
	if got.Format != FormatBase64 || got.Undecodable != "there is no schema registry" {
		t.Errorf("%+v", got)
	}
}

// A registry that is away is asked once, not for each record.
func TestDecodeWhileTheRegistryIsAway(t *testing.T) {
	registry := &fakeRegistry{}
	d := &decoder{registry: registry}
	for range 3 {
		got := shown(t, d, &kgo.Record{Value: []byte(wire(9, ""))})
		if got.Undecodable != errAway.Error() || got.SchemaID != 9 {
			t.Errorf("%+v", got)
		}
	}
	if registry.asked != 1 {
		t.Errorf("it was asked %d times", registry.asked)
	}
	d.then = time.Now() // the pause is over
	if got := shown(t, d, &kgo.Record{Value: []byte(wire(7, "{}"))}); got.Format != FormatWire {
		t.Errorf("%+v", got)
	}
}

// Values that begin with a zero byte by chance do not cost a request each, and known schemas are still read.
func TestDecodeAsksForFewUnknownSchemas(t *testing.T) {
	registry := &fakeRegistry{}
	d := &decoder{registry: registry}
	shown(t, d, &kgo.Record{Value: []byte(wire(7, "{}"))})
	for id := range 5 * maxUnknown {
		shown(t, d, &kgo.Record{Value: []byte(wire(1000+id, ""))})
	}
	if registry.asked != maxUnknown+1 {
		t.Errorf("it was asked %d times", registry.asked)
	}
	if got := shown(t, d, &kgo.Record{Value: []byte(wire(7, "{}"))}); got.Format != FormatWire {
		t.Errorf("%+v", got)
	}
}

func TestEnvelope(t *testing.T) {
	got := envelope(&kgo.Record{
		Topic: "sales", Partition: 2, Offset: 5, Key: []byte{0xff}, Timestamp: time.UnixMilli(1),
		Headers: []kgo.RecordHeader{
			{Key: "ce_type", Value: []byte("Sold")}, {Key: "trace", Value: []byte{0}}, {Key: "empty"},
		},
	})
	key, sold, zero, empty := "/w==", "Sold", "AA==", ""
	want := Record{
		Topic: "sales", Partition: 2, Offset: 5, Timestamp: time.UnixMilli(1).UTC(), TimestampType: "create",
		Key: &key, KeyFormat: FormatBase64, Type: "Sold",
		Headers: []Header{
			{Name: "ce_type", Value: &sold},
			{Name: "trace", ValueBase64: &zero},
			{Name: "empty", Value: &empty},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Record{})); diff != "" {
		t.Error(diff)
	}
}

// Whatever the bytes are, there is a value that is JSON.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"a": 1}`))
	f.Add([]byte(wire(7, `{"price": 5}`)))
	f.Add([]byte("\xff\x00"))
	d := &decoder{registry: &fakeRegistry{}}
	where, err := NewWhere("value == null || value != null")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		got := shown(t, d, &kgo.Record{Value: value, Key: value})
		if !json.Valid(got.Value) {
			t.Errorf("%s is no JSON", got.Value)
		}
		if is, err := where.matches(t.Context(), got); !is || err != nil {
			t.Errorf("%v, %v", is, err)
		}
	})
}
