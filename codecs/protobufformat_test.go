package codecs_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"refold/codecs"
	"refold/codecs/avrojson"
	"refold/codecs/internal/testpb"
	"refold/codecs/jsonvalue"
	"refold/codecs/protobuf"
)

func energyTypes() []codecs.Type {
	return []codecs.Type{
		codecs.ProtobufRecord[*testpb.MeterRead](testpb.Protos),
		codecs.ProtobufRecord[*testpb.MeterMoved](testpb.Protos),
		codecs.ProtobufRecord[*testpb.MeterRead_Fault](testpb.Protos),
	}
}

func meterRead() *testpb.MeterRead {
	return &testpb.MeterRead{
		Meter: "m-1", WattHours: 9_007_199_254_740_993, Unit: testpb.Unit_UNIT_HOUSE,
		ReadAt: timestamppb.New(booked().Since), Tariff: &testpb.Tariff{Name: "night", Cents: 12},
	}
}

// The messages of a file share its schema, and so its ID: the indexes in front of the data tell them apart.
func TestProtobufRecords(t *testing.T) {
	s := server(t)
	events := set(t, client(t, s.URL()), energyTypes()...)
	for _, test := range []struct {
		given         proto.Message
		indexes, json string
	}{
		{
			meterRead(), "\x00", `{"meter":"m-1","wattHours":"9007199254740993",` +
				`"readAt":"2026-01-31T23:59:59Z","unit":"UNIT_HOUSE","tariff":{"name":"night","cents":"12"}}`,
		},
		{&testpb.MeterMoved{House: "12"}, "\x02\x02", `{"house":"12"}`},
		{&testpb.MeterRead_Fault{Code: "E1"}, "\x04\x00\x00", `{"code":"E1"}`},
		{&testpb.MeterMoved{}, "\x02\x02", `{}`},
	} {
		b, err := events.Encode(test.given)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(b[5:]), test.indexes) {
			t.Errorf("%T has the indexes %x", test.given, b[5:])
		}
		got, err := events.Decode(t.Context(), b)
		if diff := cmp.Diff(any(test.given), got, protocmp.Transform()); err != nil || diff != "" {
			t.Errorf("%v; (-sent +got):\n%s", err, diff)
		}
		name, text, err := events.ToJSON(t.Context(), b)
		want := string(test.given.ProtoReflect().Descriptor().Name())
		if err != nil || name != want || string(text) != test.json {
			t.Errorf("got %s %s, %v; want %s %s", name, text, err, want, test.json)
		}
		again, err := events.FromJSON(name, text)
		if err != nil || !proto.Equal(again.(proto.Message), test.given) {
			t.Errorf("%s is read as %v, %v", text, again, err)
		}
	}
}

// The imports of a file are registered before it, and referred to.
func TestProtobufImportsAreRegistered(t *testing.T) {
	s := server(t)
	events := set(t, client(t, s.URL()), energyTypes()...)
	b, err := events.Encode(meterRead())
	if err != nil {
		t.Fatal(err)
	}
	found, err := sr.NewClient(sr.URLs(s.URL()))
	if err != nil {
		t.Fatal(err)
	}
	const tariff = "codecs/internal/testpb/tariff.proto"
	registered, err := found.SchemaByVersion(t.Context(), "energy.MeterRead", 1)
	if want := []sr.SchemaReference{{Name: tariff, Subject: tariff, Version: 1}}; err != nil ||
		registered.Type != sr.TypeProtobuf || !cmp.Equal(registered.References, want) {
		t.Errorf("got %+v, %v", registered, err)
	}
	for _, change := range []func(*codecs.RegistrySettings){lookUp, func(*codecs.RegistrySettings) {}} {
		other := set(t, client(t, s.URL(), change), energyTypes()...)
		got, err := other.Decode(t.Context(), b)
		if err != nil || !proto.Equal(got.(proto.Message), meterRead()) {
			t.Errorf("got %v, %v", got, err)
		}
	}
	if err := events.CheckVersions(t.Context()); err != nil {
		t.Error(err)
	}
}

// energy is a file with one message.
func energy(message string) string {
	return "syntax = \"proto3\";\npackage energy;\n" + message
}

// encoded is a record of a file's first message, as another program writes it.
func encoded(tb testing.TB, s *srfake.Registry, text, json string) []byte {
	tb.Helper()
	id := registerAs(tb, s, "energy.MeterMoved", sr.TypeProtobuf, text)
	file, err := protobuf.Parse("", text, nil)
	if err != nil {
		tb.Fatal(err)
	}
	first, err := file.Message(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return wire(id, append([]byte{0}, dataOf(tb, first, json)...)...)
}

func dataOf(tb testing.TB, message *protobuf.Type, json string) []byte {
	tb.Helper()
	text, err := jsonvalue.Parse([]byte(json), len(json))
	if err != nil {
		tb.Fatal(err)
	}
	data, mistakes, err := message.FromJSON(text, avrojson.Limits{Depth: 10})
	if err != nil || len(mistakes) > 0 {
		tb.Fatal(err, mistakes)
	}
	return data
}

// Fields are read by their numbers: G9 by Protobuf's own rules.
func TestProtobufOfOtherVersions(t *testing.T) {
	s := server(t)
	events := set(t, client(t, s.URL()), energyTypes()...)
	for _, test := range []struct{ text, json, want string }{
		{energy(`message MeterMoved {string to_house = 1;}`), `{"toHouse": "12"}`, `{"house":"12"}`},
		{
			energy(`message MeterMoved {string house = 1; int32 floor = 2;}`), `{"house": "1", "floor": 3}`,
			`{"house":"1"}`,
		},
		{energy(`message MeterMoved {bytes house = 1;}`), `{"house": "QQ=="}`, `{"house":"A"}`},
		{energy(`message MeterMoved {}`), `{}`, `{}`},
	} {
		got, err := events.Decode(t.Context(), encoded(t, s, test.text, test.json))
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		text, err := events.ExampleJSON(got)
		if err != nil || string(text) != test.want {
			t.Errorf("%s: got %s, %v", test.text, text, err)
		}
	}
	if err := events.CheckVersions(t.Context()); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]string{
		energy(`message MeterMoved {int64 house = 1;}`):           "is a string where a int64 was written",
		energy(`message MeterMoved {repeated string house = 1;}`): "one value where several were written",
	} {
		_, err := events.Decode(t.Context(), encoded(t, s, text, `{}`))
		if reason(t, err) != codecs.ReasonIncompatible || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", text, err)
		}
	}
	err := events.CheckVersions(t.Context())
	if err == nil || !strings.Contains(err.Error(), "version 6 of energy.MeterMoved") ||
		!strings.Contains(err.Error(), "number 1") {
		t.Errorf("got %v", err)
	}
}

// A message that has become another one is upcast.
func TestFormerProtobuf(t *testing.T) {
	s := server(t)
	options := codecs.StructOptions{Format: codecs.Protobuf, Protos: testpb.Protos}
	shifted := codecs.FormerOf(options, func(m *testpb.MeterShifted) *testpb.MeterMoved {
		return &testpb.MeterMoved{House: m.GetStreet()}
	})
	writer := set(t, client(t, s.URL()), shifted.Current())
	events := set(t, client(t, s.URL()), append(energyTypes(), shifted)...)
	b, err := writer.Encode(&testpb.MeterShifted{Street: "Elm Street"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := events.Decode(t.Context(), b)
	upcast, is := got.(codecs.Upcast)
	if err != nil || !is || upcast.Type != "MeterShifted" || len(upcast.Values) != 1 ||
		!proto.Equal(upcast.Values[0].(proto.Message), &testpb.MeterMoved{House: "Elm Street"}) {
		t.Errorf("got %v, %v", got, err)
	}
	shown, err := events.Show(t.Context(), b)
	if err != nil || string(shown.Data) != `{"street":"Elm Street"}` || len(shown.ReadAs) != 1 ||
		string(shown.ReadAs[0].Data) != `{"house":"Elm Street"}` {
		t.Errorf("got %+v, %v", shown, err)
	}
}

func TestProtobufPoison(t *testing.T) {
	events := set(t, client(t, server(t).URL()), energyTypes()...)
	good, err := events.Encode(meterRead())
	if err != nil {
		t.Fatal(err)
	}
	head := good[:5:5]
	for name, test := range map[string]struct {
		data string
		want codecs.Reason
	}{
		"no indexes":           {"", codecs.ReasonUndecodable},
		"indexes to nowhere":   {"\x02\x40", codecs.ReasonUndecodable},
		"too many indexes":     {"\x7e\x00", codecs.ReasonUndecodable},
		"a foreign message":    {"\x02\x04", codecs.ReasonUnknownType},
		"cut short":            {string(good[5 : len(good)-1]), codecs.ReasonUndecodable},
		"no UTF-8":             {"\x00\x0a\x01\xff", codecs.ReasonUndecodable},
		"not even a tag":       {"\x00\xff", codecs.ReasonUndecodable},
		"an end without begin": {"\x00\x0c", codecs.ReasonUndecodable},
	} {
		_, err := events.Decode(t.Context(), append(head, test.data...))
		if got := reason(t, err); got != test.want {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestProtobufMistakes(t *testing.T) {
	events := set(t, client(t, server(t).URL()), energyTypes()...)
	_, err := events.FromJSON("MeterRead", []byte(
		`{"meter": 1, "unit": "UNIT_SHED", "tariff": {"cents": 1.5}, "x": 0}`))
	wrong, is := errors.AsType[*codecs.JSONError](err)
	if !is || wrong.Type != "MeterRead" || len(wrong.Mistakes) != 4 {
		t.Fatalf("got %v", err)
	}
	for i, path := range []string{"meter", "unit", "tariff.cents", "x"} {
		if wrong.Mistakes[i].Path != path {
			t.Errorf("got %v, want it at %s", wrong.Mistakes[i], path)
		}
	}
	names := map[string]bool{}
	events.DescribeJSON("MeterRead", func(name string, _ *avrojson.Schema) string {
		names[name] = true
		return name
	})
	if !names["energy.MeterRead"] || !names["energy.Tariff"] {
		t.Errorf("got %v", names)
	}
}

func TestWrongProtobufTypes(t *testing.T) {
	r := client(t, server(t).URL())
	files := func(change func(fstest.MapFS)) fstest.MapFS {
		all := fstest.MapFS{}
		for _, name := range []string{"meter.proto", "tariff.proto"} {
			text, err := testpb.Protos.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = &fstest.MapFile{Data: text}
		}
		change(all)
		return all
	}
	edit := func(from, to string) fstest.MapFS {
		return files(func(all fstest.MapFS) {
			text := strings.Replace(string(all["meter.proto"].Data), from, to, 1)
			all["meter.proto"] = &fstest.MapFile{Data: []byte(text)}
		})
	}
	read := func(protos fstest.MapFS) codecs.Type { return codecs.ProtobufRecord[*testpb.MeterRead](protos) }
	options := codecs.StructOptions{Format: codecs.Protobuf, Protos: testpb.Protos}
	named, revised := options, options
	named.Name, revised.Revision = "Other", 2
	for name, test := range map[string]struct {
		of   codecs.Type
		want string
	}{
		"no files": {codecs.ProtobufRecord[*testpb.MeterRead](nil), ".proto files are missing"},
		"no file":  {read(files(func(all fstest.MapFS) { clear(all) })), "meter.proto"},
		"no import": {
			read(files(func(all fstest.MapFS) { delete(all, "tariff.proto") })), "tariff.proto",
		},
		"no syntax":     {read(edit("message MeterRead {", "massage MeterRead {")), "syntax error"},
		"another field": {read(edit("watt_hours = 2", "watts = 2")), "generate it again"},
		"another type": {
			read(edit("int64 watt_hours", "int32 watt_hours")), "watt_hours, number 2, differs",
		},
		"another enum": {read(edit("UNIT_HOUSE = 1", "UNIT_HOUSE = 2")), "enum value"},
		"no message": {
			read(edit("message MeterRead", "message MeterWrote")), "no message energy.MeterRead",
		},
		"another name": {codecs.RecordOf[*testpb.MeterRead](named), "must be Other"},
		"a revision":   {codecs.RecordOf[*testpb.MeterRead](revised), "no place"},
		"a struct": {
			codecs.RecordOf[testpb.MeterRead](options), "no message",
		},
		"comments only": {read(edit("MeterRead was read", "It")), ""},
		"no former message": {
			codecs.FormerOf(options, func(Closed) *testpb.MeterMoved { return nil }), "no message",
		},
	} {
		_, err := codecs.NewSet(r, test.of)
		if (test.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
	var none *testpb.MeterMoved
	events := set(t, r, energyTypes()...)
	if _, err := events.Encode(none); err == nil || !strings.Contains(err.Error(), "nil") {
		t.Errorf("got %v", err)
	}
}

// Each of the schemas can be parsed again from what a folder of released schemas keeps of it.
func TestSchemasAreWhole(t *testing.T) {
	types := append(energyTypes(), codecs.RecordOf[Booked](hotel("")), codecs.Record[Closed](closedSchema))
	events := set(t, client(t, server(t).URL()), types...)
	for _, schema := range events.Schemas() {
		again, err := codecs.ParseSchemaOf(schema.Format, schema.Text, maps.Clone(schema.References()))
		if err != nil {
			t.Fatal(err)
		}
		if again = again.Named(schema.Name); again == nil || events.Reads(again) != nil {
			t.Errorf("%s is not read", schema.Name)
		}
		if _, err := schema.Sample(); err != nil {
			t.Error(err)
		}
	}
}

func FuzzProtobufRecords(f *testing.F) {
	s := srfake.New()
	f.Cleanup(s.Close)
	events := set(f, client(f, s.URL()), energyTypes()...)
	b, err := events.Encode(meterRead())
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(b[5:]), "\x02\x02\x0a\x01a", "\x04\x00\x00", "\x00\x0a\x01\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := events.Decode(t.Context(), append(b[:5:5], data...))
		if err != nil {
			if _, poison := errors.AsType[*codecs.Malformed](err); !poison {
				t.Fatal(err)
			}
			return
		}
		again, err := events.Encode(got)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := events.Decode(t.Context(), again); err != nil ||
			!proto.Equal(back.(proto.Message), got.(proto.Message)) {
			t.Fatalf("%x was read as %v, and comes back as %v, %v", data, got, back, err)
		}
	})
}
