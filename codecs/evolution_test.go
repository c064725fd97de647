package codecs_test

import (
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/avro"

	"refold/codecs"
)

// Moved is today's type: since it was first written, a field was added, one renamed, one dropped,
// one widened, and two have swapped places. The record itself was called Shifted.
type Moved struct {
	To       string `avro:"to"`
	From     string `avro:"from"`
	Cents    int64  `avro:"cents"`
	Currency string `avro:"currency"`
}

const movedSchema = `{
	"type": "record", "name": "Moved", "namespace": "bank", "aliases": ["Shifted"], "fields": [
		{"name": "to", "type": "string"},
		{"name": "from", "type": "string"},
		{"name": "cents", "type": "long", "aliases": ["amount"]},
		{"name": "currency", "type": "string", "default": "EUR"}
	]}`

// G9: what was written with any earlier schema is read as today's type.
func TestOldSchemasAreRead(t *testing.T) {
	for name, test := range map[string]struct {
		schema string
		data   []byte
		want   Moved
	}{
		"field added with a default": {
			`{"type": "record", "name": "Moved", "namespace": "bank", "fields": [
				{"name": "to", "type": "string"}, {"name": "from", "type": "string"},
				{"name": "cents", "type": "long"}]}`,
			[]byte{2, 't', 2, 'f', 10},
			Moved{"t", "f", 5, "EUR"},
		},
		"field renamed and widened": {
			`{"type": "record", "name": "Moved", "namespace": "bank", "fields": [
				{"name": "to", "type": "string"}, {"name": "from", "type": "string"},
				{"name": "amount", "type": "int"}]}`,
			[]byte{2, 't', 2, 'f', 10},
			Moved{"t", "f", 5, "EUR"},
		},
		"field dropped, fields swapped": {
			`{"type": "record", "name": "Moved", "namespace": "bank", "fields": [
				{"name": "from", "type": "string"}, {"name": "fee", "type": ["null", "long"]},
				{"name": "to", "type": "string"}, {"name": "cents", "type": "long"},
				{"name": "currency", "type": "string"}]}`,
			[]byte{2, 'f', 2, 4, 2, 't', 10, 6, 'U', 'S', 'D'},
			Moved{"t", "f", 5, "USD"},
		},
		"record renamed": {
			`{"type": "record", "name": "Shifted", "namespace": "bank", "fields": [
				{"name": "to", "type": "string"}, {"name": "from", "type": "string"},
				{"name": "cents", "type": "long"}]}`,
			[]byte{2, 't', 2, 'f', 10},
			Moved{"t", "f", 5, "EUR"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t)
			events := set(t, client(t, s.URL()), codecs.Record[Moved](movedSchema))
			id := register(t, s, "old", test.schema)
			got, err := events.Decode(t.Context(), wire(id, test.data...))
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// A newer program's records are read by this one, too: a worker that is not yet replaced.
func TestNewerSchemaIsRead(t *testing.T) {
	s := server(t)
	events := set(t, client(t, s.URL()), codecs.Record[Moved](movedSchema))
	newer := register(t, s, "bank.Moved", strings.Replace(movedSchema, `{"name": "to"`,
		`{"name": "note", "type": "string", "default": ""}, {"name": "to"`, 1))
	b := wire(newer, 2, 'n', 2, 't', 2, 'f', 10, 6, 'U', 'S', 'D')
	got, err := events.Decode(t.Context(), b)
	if want := (Moved{"t", "f", 5, "USD"}); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

// writtenSwapped is Moved with its first two fields in the other order, and a value written so.
const writtenSwapped = `{
	"type": "record", "name": "Moved", "namespace": "bank", "fields": [
		{"name": "from", "type": "string"},
		{"name": "to", "type": "string"},
		{"name": "cents", "type": "long"},
		{"name": "currency", "type": "string"}
	]}`

var swapped = []byte{8, 'm', 'i', 'n', 'e', 10, 'y', 'o', 'u', 'r', 's', 10, 6, 'E', 'U', 'R'}

// Design §2, fact 8: decoding with another schema than the writer's gives wrong values, no error.
func TestSwappedFields_reproduction(t *testing.T) {
	codec, err := goavro.NewCodec(movedSchema)
	if err != nil {
		t.Fatal(err)
	}
	native, _, err := codec.NativeFromBinary(swapped)
	if err != nil {
		t.Fatal(err)
	}
	if got := native.(map[string]any); got["from"] != "yours" || got["to"] != "mine" {
		t.Errorf("goavro gave %v; it is not fooled any more", got)
	}
	// So does twmb/avro, unless it is told the writer's schema.
	var got Moved
	_, err = avro.MustParse(movedSchema).Decode(swapped, &got)
	if err != nil || got.From != "yours" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSwappedFields_prevention(t *testing.T) {
	s := server(t)
	events := set(t, client(t, s.URL()), codecs.Record[Moved](movedSchema))
	b := wire(register(t, s, "bank.Moved", writtenSwapped), swapped...)
	got, err := events.Decode(t.Context(), b)
	if want := (Moved{"yours", "mine", 5, "EUR"}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	_, json, err := events.ToJSON(t.Context(), b)
	if want := `{"from":"mine","to":"yours","cents":5,"currency":"EUR"}`; string(json) != want {
		t.Errorf("got %s, %v, want %s", json, err, want)
	}
}
