package codecs_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
	"google.golang.org/protobuf/proto"

	"refold/codecs"
	"refold/codecs/internal/testpb"
	"refold/eventsourcing"
)

func inHeader(s *codecs.RegistrySettings) { s.SchemaIDs = codecs.InHeader }

// guidOf returns what a record has in front, or in its header, that names a schema by its GUID.
func guidOf(tb testing.TB, s *srfake.Registry, subject, schema string) (prefix []byte, guid string) {
	tb.Helper()
	register(tb, s, subject, schema)
	cl, err := sr.NewClient(sr.URLs(s.URL()))
	if err != nil {
		tb.Fatal(err)
	}
	found, err := cl.SchemaByVersion(tb.Context(), subject, 1)
	if err != nil || found.GUID == "" {
		tb.Fatalf("%+v, %v", found, err)
	}
	prefix = []byte{1}
	for _, digits := range strings.Split(found.GUID, "-") {
		for i := 0; i < len(digits); i += 2 {
			prefix = append(prefix, unhex(digits[i])<<4|unhex(digits[i+1]))
		}
	}
	return prefix, found.GUID
}

func unhex(digit byte) byte { return byte(strings.IndexByte("0123456789abcdef", digit)) }

func TestFramed(t *testing.T) {
	header := func(name string, value []byte) kgo.RecordHeader {
		return kgo.RecordHeader{Key: name, Value: value}
	}
	number := []byte{0, 0, 0, 0, 7}
	guid := append([]byte{1}, bytes.Repeat([]byte{9}, 16)...)
	id := func(value []byte) kgo.RecordHeader { return header(codecs.HeaderValueSchemaID, value) }
	ofKey := header(codecs.HeaderKeySchemaID, number)
	data := []byte("data")
	closed := func(front []byte) []byte { return append(bytes.Clone(front), "data"...) }
	for name, test := range map[string]struct {
		headers     []kgo.RecordHeader
		value, want []byte
	}{
		"no headers":                  {nil, data, data},
		"other headers":               {[]kgo.RecordHeader{header("ce_id", number)}, data, data},
		"the header of the key":       {[]kgo.RecordHeader{ofKey}, data, data},
		"a number":                    {[]kgo.RecordHeader{id(number)}, data, closed(number)},
		"a GUID":                      {[]kgo.RecordHeader{id(guid)}, data, closed(guid)},
		"data of no bytes":            {[]kgo.RecordHeader{id(number)}, []byte{}, number},
		"the last of two":             {[]kgo.RecordHeader{id(guid), id(number)}, data, closed(number)},
		"a header without a value":    {[]kgo.RecordHeader{id(nil)}, data, data},
		"a tombstone":                 {[]kgo.RecordHeader{id(number)}, nil, nil},
		"a number that is cut short":  {[]kgo.RecordHeader{id(number[:3])}, data, number[:3]},
		"a GUID that is cut short":    {[]kgo.RecordHeader{id(guid[:16])}, data, guid[:16]},
		"a header of no bytes":        {[]kgo.RecordHeader{id([]byte{})}, number, []byte{}},
		"a version that is not known": {[]kgo.RecordHeader{id([]byte{2, 0})}, data, []byte{2, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			got := codecs.Framed(test.headers, test.value)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if (got == nil) != (test.value == nil) {
				t.Errorf("%v has become %v", test.value, got)
			}
		})
	}
}

// Framed puts a record together again whose schema ID is in a header, and its bytes are those of the prefix.
func TestSchemaIDsInHeaders(t *testing.T) {
	s := server(t)
	plain := set(t, client(t, s.URL()), bankTypes()...)
	other := set(t, client(t, s.URL(), inHeader), bankTypes()...)
	want, err := plain.Encode(deposited())
	if err != nil {
		t.Fatal(err)
	}
	m := eventsourcing.Metadata{ID: "1", Type: "Deposited"}
	var buffer codecs.Buffer
	encoded, err := other.EncodeMessage(&buffer, &codecs.Message{
		Metadata: &m, Data: deposited(), Extra: []codecs.Header{{Name: "extra", Value: "x"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	value, headers, err := other.EncodeRecord(deposited(), m)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]kgo.Record{
		"EncodeMessage": {Headers: encoded.Headers, Value: encoded.Value},
		"EncodeRecord": {Value: value, Headers: []kgo.RecordHeader{
			{Key: codecs.HeaderValueSchemaID, Value: headers[codecs.HeaderValueSchemaID]},
		}},
	} {
		last := r.Headers[len(r.Headers)-1]
		if last.Key != codecs.HeaderValueSchemaID || !bytes.Equal(last.Value, want[:5]) ||
			!bytes.Equal(r.Value, want[5:]) {
			t.Errorf("%s: %q is %x, the value %x", name, last.Key, last.Value, r.Value)
		}
		if got, err := plain.Decode(t.Context(), codecs.Framed(r.Headers, r.Value)); got != any(deposited()) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	if row, err := other.Encode(deposited()); err != nil || !bytes.Equal(row, want) {
		t.Errorf("without headers, the value is %x, %v", row, err)
	}
}

// The message indexes of Protobuf stand in the header, behind the ID.
func TestMessageIndexesInHeaders(t *testing.T) {
	s := server(t)
	plain := set(t, client(t, s.URL()), energyTypes()...)
	other := set(t, client(t, s.URL(), inHeader), energyTypes()...)
	moved := &testpb.MeterMoved{House: "12"}
	want, err := plain.Encode(moved)
	if err != nil {
		t.Fatal(err)
	}
	value, headers, err := other.EncodeRecord(moved, eventsourcing.Metadata{ID: "1", Type: "MeterMoved"})
	if err != nil {
		t.Fatal(err)
	}
	id := headers[codecs.HeaderValueSchemaID]
	if !bytes.Equal(id, want[:7]) || !bytes.Equal(value, want[7:]) {
		t.Errorf("the header is %x, the value %x, of %x", id, value, want)
	}
	framed := codecs.Framed([]kgo.RecordHeader{{Key: codecs.HeaderValueSchemaID, Value: id}}, value)
	if got, err := plain.Decode(t.Context(), framed); err != nil || !proto.Equal(got.(proto.Message), moved) {
		t.Errorf("got %v, %v", got, err)
	}
}

// A schema that is named by its GUID is asked for by that, and known from then on, also by the cache on disk.
func TestGUID(t *testing.T) {
	s := server(t)
	prefix, guid := guidOf(t, s, "bank.Closed", closedSchema)
	record := append(bytes.Clone(prefix), 4, 'o', 'k')
	disk := cachedIn(t.TempDir())
	r := client(t, s.URL(), disk)
	events := set(t, r, bankTypes()...)
	got, err := events.Decode(t.Context(), record)
	if err != nil || got != any(Closed{"ok"}) {
		t.Fatalf("got %+v, %v", got, err)
	}
	name, json, err := r.ToJSON(t.Context(), record)
	if name != "bank.Closed" || string(json) != `{"reason":"ok"}` {
		t.Errorf("shown as %s %s, %v", name, json, err)
	}
	id, _, err := codecs.SplitWire(record)
	if err != nil || id.String() != guid || !id.HasGUID() {
		t.Errorf("the ID is %v, %v; want %s", id, err, guid)
	}
	r.Close()
	s.Close()
	got, err = set(t, client(t, s.URL(), disk), bankTypes()...).Decode(t.Context(), record)
	if err != nil || got != any(Closed{"ok"}) {
		t.Errorf("while the registry is away: %+v, %v", got, err)
	}
}

// Nothing stands still by a GUID that the registry does not have, or by one that knows no GUIDs at all.
func TestUnknownGUID(t *testing.T) {
	record := append([]byte{1}, bytes.Repeat([]byte{9}, 16)...)
	for name, test := range map[string]struct {
		server func(w http.ResponseWriter, r *http.Request)
		want   codecs.Reason // empty: a fault
		text   string
	}{
		"no such schema": {
			answer(http.StatusNotFound, `{"error_code": 40403, "message": "Schema not found"}`),
			codecs.ReasonUnknownSchema, "09090909-0909-0909-0909-090909090909",
		},
		"a registry without GUIDs": {
			func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/schemas/types") {
					answer(http.StatusOK, `["AVRO", "JSON"]`)(w, r)
					return
				}
				answer(http.StatusNotFound, `{"error_code": 404, "message": "HTTP 404 Not Found"}`)(w, r)
			},
			codecs.ReasonUnknownSchema, "has no GET /schemas/guids",
		},
		"no registry at all": {
			answer(http.StatusNotFound, `<html>`), "", "check the URL and its path",
		},
		"a registry that is away": {answer(http.StatusServiceUnavailable, `{}`), "", "503"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(test.server))
			defer s.Close()
			events, err := codecs.NewSet(client(t, s.URL), bankTypes()...)
			if err != nil {
				t.Fatal(err)
			}
			_, err = events.Decode(t.Context(), record)
			poison, is := errors.AsType[*codecs.Malformed](err)
			switch {
			case err == nil || !strings.Contains(err.Error(), test.text):
				t.Errorf("the error is %v", err)
			case test.want == "" && (is || !errors.Is(err, codecs.ErrRegistryUnavailable)):
				t.Errorf("it is no fault: %v", err)
			case test.want != "" && (!is || poison.Reason != test.want):
				t.Errorf("it is no poison: %v", err)
			}
		})
	}
}

func answer(status int, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// Whatever a header holds, the record is one of the schema that it names, or none.
func FuzzFramed(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 7}, []byte("data"))
	f.Add([]byte{1, 2, 3}, []byte{0, 0, 0, 0, 7, 8})
	f.Add([]byte{}, []byte{0, 0, 0, 0, 7, 8})
	f.Fuzz(func(t *testing.T, header, value []byte) {
		b := codecs.Framed([]kgo.RecordHeader{{Key: codecs.HeaderValueSchemaID, Value: header}}, value)
		want, _, wrong := codecs.SplitWire(header)
		got, _, err := codecs.SplitWire(b)
		if header != nil && value != nil && ((wrong == nil) != (err == nil) || got != want) {
			t.Fatalf("the header %x is %v, %v; the record is %v, %v", header, want, wrong, got, err)
		}
	})
}
