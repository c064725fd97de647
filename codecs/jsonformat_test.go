package codecs_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
	"refold/codecs/avrojson"
)

// Booked is a record that is written as JSON.
type Booked struct {
	Guest  string    `json:"guest" minLength:"1" doc:"Who sleeps there."`
	Nights int64     `json:"nights" minimum:"1"`
	Since  time.Time `json:"since"`
	Extras []Extra   `json:"extras,omitempty" nullable:"false"`
	Note   *string   `json:"note,omitempty"`
}

type Extra struct {
	Name  string `json:"name"`
	Cents int64  `json:"cents"`
}

func hotel(name string) codecs.StructOptions {
	return codecs.StructOptions{Format: codecs.JSONSchema, Namespace: "hotel", Name: name}
}

func booked() Booked {
	return Booked{
		Guest: "Ada", Nights: 9_007_199_254_740_993, Since: time.Date(2026, 1, 31, 23, 59, 59, 0, time.UTC),
		Extras: []Extra{{"breakfast", 900}},
	}
}

// registerAs puts a schema of a type into the registry, as another program would.
func registerAs(
	tb testing.TB, s *srfake.Registry, subject string, kind sr.SchemaType, schema string,
	references ...sr.SchemaReference,
) int {
	tb.Helper()
	id, _, err := s.RegisterSchema(subject, sr.Schema{Schema: schema, Type: kind, References: references})
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

func TestJSONRecords(t *testing.T) {
	s := server(t)
	events := set(t, client(t, s.URL()), codecs.RecordOf[Booked](hotel("")))
	for _, given := range []any{booked(), new(booked())} {
		b, err := events.Encode(given)
		if err != nil {
			t.Fatal(err)
		}
		got, err := events.Decode(t.Context(), b)
		if diff := cmp.Diff(any(booked()), got); err != nil || diff != "" {
			t.Errorf("%v; (-sent +got):\n%s", err, diff)
		}
		name, text, err := events.ToJSON(t.Context(), b)
		want := `{"guest":"Ada","nights":9007199254740993,"since":"2026-01-31T23:59:59Z",` +
			`"extras":[{"name":"breakfast","cents":900}]}`
		if err != nil || name != "Booked" || string(text) != want {
			t.Errorf("got %s %s, %v; want %s", name, text, err, want)
		}
	}
	found, err := sr.NewClient(sr.URLs(s.URL()))
	if err != nil {
		t.Fatal(err)
	}
	registered, err := found.SchemaByVersion(t.Context(), "hotel.Booked", 1)
	if err != nil || registered.Type != sr.TypeJSON ||
		!strings.Contains(registered.Schema.Schema, "Who sleeps") {
		t.Errorf("got %+v, %v", registered, err)
	}
}

// Every mistake is reported at once, with its path.
func TestJSONMistakes(t *testing.T) {
	events := set(t, client(t, server(t).URL()), codecs.RecordOf[Booked](hotel("")))
	for text, want := range map[string][]string{
		`{"guest": "", "nights": 0, "since": "yesterday", "vip": true,
			"extras": [{"name": "x", "cents": 1.5}]}`: {
			`extras[0].cents: found 1.5, allowed: integer`, `guest: found "", allowed: `,
			`nights: found 0, allowed: `, `since: found "yesterday", allowed: the format date-time`,
			`vip: found true, allowed: no member of that name`,
		},
		`{"extras": null}`: {
			`extras: found null, allowed: array`, `guest: found nothing, allowed: a value: it is required`,
			`nights: found nothing, allowed: a value: it is required`,
			`since: found nothing, allowed: a value: it is required`,
		},
		`[]`: {`found an array, allowed: object`},
		`{"guest": "a", "guest": "b", "nights": 1e-999999999}`: {
			`guest: found the member twice, allowed: one member`,
			`nights: found 1e-999999999, allowed: a number that a double can hold`,
		},
		`{"guest": `: {`found unexpected end of JSON input at line 1`},
		strings.Repeat("[", 65) + strings.Repeat("]", 65): {`found nesting deeper than 64`},
	} {
		_, err := events.FromJSON("Booked", []byte(text))
		wrong, is := errors.AsType[*codecs.JSONError](err)
		if !is || len(wrong.Mistakes) != len(want) {
			t.Errorf("%.60s: got %v", text, err)
			continue
		}
		for i, m := range wrong.Mistakes {
			if !strings.HasPrefix(m.String(), want[i]) {
				t.Errorf("%.60s: got %s, want %s", text, m, want[i])
			}
		}
	}
	got, err := events.FromJSON("Booked",
		[]byte(`{"guest": "Ada", "nights": 3.0, "since": "2026-01-31T23:59:59Z"}`))
	if want := (Booked{"Ada", 3, booked().Since, nil, nil}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}

// A value that its own schema refuses would be poison to all who read it.
func TestJSONThatDoesNotFitIsNotEncoded(t *testing.T) {
	events := set(t, client(t, server(t).URL()), codecs.RecordOf[Booked](hotel("")))
	if _, err := events.Encode(Booked{Guest: "Ada"}); err == nil || !strings.Contains(err.Error(), "nights") {
		t.Errorf("got %v", err)
	}
}

const (
	bookedWithoutNights = `{"title": "hotel.Booked", "type": "object", "properties": {
		"guest": {"type": "string"}, "since": {"type": "string", "format": "date-time"}},
		"required": ["guest", "since"]}`
	bookedWithMore = `{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "hotel.Booked",
		"type": "object", "properties": {"guest": {"type": "string", "minLength": 1},
		"nights": {"type": "integer", "minimum": 1}, "since": {"type": "string", "format": "date-time"},
		"room": {"type": "string"}}, "required": ["guest", "nights", "since", "room"],
		"additionalProperties": false}`
	bookedByNumber = `{"title": "hotel.Booked", "type": "object", "properties": {
		"guest": {"type": "integer"}},
		"required": ["guest"]}`
)

// Records of other versions are checked by the schema that they were written with, and by ours, but for
// members that ours lacks.
func TestJSONOfOtherVersions(t *testing.T) {
	s := server(t)
	events := set(t, client(t, s.URL()), codecs.RecordOf[Booked](hotel("")))
	newer := registerAs(t, s, "hotel.Booked", sr.TypeJSON, bookedWithMore)
	const same = `{"guest": "Ada", "nights": 2, "since": "2026-01-31T23:59:59Z", "room": "12"}`
	got, err := events.Decode(t.Context(), wire(newer, []byte(same)...))
	if want := (Booked{"Ada", 2, booked().Since, nil, nil}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{
		`{"guest": "Ada", "nights": 2, "since": "2026-01-31T23:59:59Z"}`,
		`{"guest": "Ada", "nights": 2, "since": "today", "room": "12"}`,
		strings.TrimSuffix(same, "}"),
	} {
		_, err := events.Decode(t.Context(), wire(newer, []byte(text)...))
		if reason(t, err) != codecs.ReasonUndecodable {
			t.Errorf("%s: got %v", text, err)
		}
	}
	for name, schema := range map[string]string{
		"nights": bookedWithoutNights, "guest": bookedByNumber,
	} {
		id := registerAs(t, s, "hotel.Booked", sr.TypeJSON, schema)
		_, err := events.Decode(t.Context(), wire(id, []byte("{}")...))
		if reason(t, err) != codecs.ReasonIncompatible || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v", err)
		}
	}
	err = events.CheckVersions(t.Context())
	for _, want := range []string{"version 3", "version 4", "guest: found 0, allowed: string"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A schema may refer to others, which the registry has under the names in its references.
func TestJSONSchemaThatRefersToAnother(t *testing.T) {
	s := server(t)
	registerAs(t, s, "guest", sr.TypeJSON, `{"type": "string", "pattern": "^[A-Z]"}`)
	id := registerAs(t, s, "hotel.Left", sr.TypeJSON, `{"$id": "https://example.com/left.json",
		"title": "hotel.Left", "properties": {"guest": {"$ref": "guest.json"}}, "required": ["guest"]}`,
		sr.SchemaReference{Name: "guest.json", Subject: "guest", Version: 1})
	type Left struct {
		Guest string `json:"guest"`
	}
	events := set(t, client(t, s.URL()), codecs.RecordOf[Left](hotel("")))
	got, err := events.Decode(t.Context(), wire(id, []byte(`{"guest": "Ada"}`)...))
	if err != nil || got != (Left{"Ada"}) {
		t.Errorf("got %v, %v", got, err)
	}
	_, err = events.Decode(t.Context(), wire(id, []byte(`{"guest": "ada"}`)...))
	if reason(t, err) != codecs.ReasonUndecodable || !strings.Contains(err.Error(), "^[A-Z]") {
		t.Errorf("got %v", err)
	}
}

type booked1 struct {
	Name string `json:"name"`
	Days int64  `json:"days"`
}

// A former version of a JSON record, and one that was written in Avro, are upcast as any other.
func TestFormerJSON(t *testing.T) {
	s := server(t)
	avro := codecs.StructOptions{Namespace: "hotel", Name: "Booked"}
	type bookedAvro struct {
		Name string `avro:"name"`
	}
	today := func(name string, nights int64) Booked {
		return Booked{Guest: name, Nights: nights, Since: booked().Since}
	}
	former := codecs.FormerOf(hotel("Booked"), func(b booked1) Booked { return today(b.Name, b.Days) })
	oldest := codecs.FormerOf(avro, func(b bookedAvro) booked1 { return booked1{b.Name, 1} })
	writer := set(t, client(t, s.URL()), former.Current())
	before := set(t, client(t, s.URL()), oldest.Current())
	events := set(t, client(t, s.URL()), codecs.RecordOf[Booked](hotel("")), oldest, former)
	for _, test := range []struct {
		set   *codecs.Set
		given any
		want  Booked
	}{
		{writer, booked1{"Ada", 4}, today("Ada", 4)}, {before, bookedAvro{"Bob"}, today("Bob", 1)},
	} {
		b, err := test.set.Encode(test.given)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := events.Decode(t.Context(), b); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("got %v, %v; want %v", got, err, test.want)
		}
	}
	if err := events.CheckVersions(t.Context()); err != nil {
		t.Error(err)
	}
	if got, err := events.FromJSON("Booked", []byte(`{"name": "Ada", "days": 4}`)); err != nil ||
		!reflect.DeepEqual(got, today("Ada", 4)) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestWrongJSONTypes(t *testing.T) {
	r := client(t, server(t).URL())
	for name, test := range map[string]struct {
		of   codecs.Type
		want string
	}{
		"no title":     {codecs.JSONRecord[Extra](`{"type": "object"}`), "no title"},
		"another name": {codecs.JSONRecord[Extra](`{"title": "hotel.Booked"}`), "must be Extra"},
		"no JSON":      {codecs.JSONRecord[Extra](`{"title`), "not JSON"},
		"no schema":    {codecs.JSONRecord[Extra](`{"title": "Extra", "type": "objekt"}`), "type"},
		"another type": {
			codecs.JSONRecord[Extra](`{"title": "Extra", "type": "object", "properties": {
				"cents": {"type": "string"}}, "required": ["cents"]}`), "cannot hold",
		},
		"a member that the schema lacks": {
			codecs.JSONRecord[Extra](`{"title": "Extra", "type": "object", "properties": {
				"cents": {"type": "integer"}}, "additionalProperties": false}`), "name: found",
		},
		"no sample": {
			codecs.JSONRecord[Extra](`{"title": "Extra", "type": "object", "required": ["name"],
				"properties": {"name": {"type": "string", "pattern": "x"}}}`), "give the schema examples",
		},
	} {
		if _, err := codecs.NewSet(r, test.of); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}

// The description is the schema itself, its definitions by name.
func TestDescribeJSONSchema(t *testing.T) {
	events := set(t, client(t, server(t).URL()), codecs.RecordOf[Booked](hotel("")))
	parts := map[string]*avrojson.Schema{}
	root := events.DescribeJSON("Booked", func(name string, schema *avrojson.Schema) string {
		parts[name] = schema
		return "#/components/schemas/" + name
	})
	text, err := json.Marshal([]any{root, parts})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`[{"$ref":"#/components/schemas/hotel.Booked"}`, `"minLength":1`, `"description":"Who sleeps there."`,
		`"items":{"$ref":"#/components/schemas/hotel.Booked.Extra"}`, `"hotel.Booked.Extra":{`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	if strings.Contains(string(text), "$defs") || len(parts) != 2 {
		t.Errorf("got %s", text)
	}
}

func FuzzJSONRecords(f *testing.F) {
	s := srfake.New()
	f.Cleanup(s.Close)
	events := set(f, client(f, s.URL()), codecs.RecordOf[Booked](hotel("")))
	b, err := events.Encode(booked())
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(b[5:]), `{"guest": 1e400}`, `[1.0, -0, null]`, `"\ud83d\ude00"`, "\xff",
	} {
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
			t.Fatalf("%q was read as %v: %v", data, got, err)
		}
		if back, err := events.Decode(t.Context(), again); err != nil || !reflect.DeepEqual(back, got) {
			t.Fatalf("%q was read as %v, and comes back as %v, %v", data, got, back, err)
		}
	})
}
