package codecs_test

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"refold/codecs"
)

func everything(tb testing.TB) *codecs.Set {
	tb.Helper()
	return set(tb, client(tb, server(tb).URL()), codecs.Record[Everything](everythingSchema))
}

const everythingJSON = `{"flag":true,"small":-7,"ratio":0.5,"score":1.25e+100,"blob":"\u0000ÿ",` +
	`"state":"OLD","hash":"abc\u0001","parts":[{"name":"ink","cents":9007199254740993}],` +
	`"labels":{"a":"1","b":"2"},"note":"<hello>","main":{"name":"cup","cents":-5},"next":null,` +
	`"at":1700000000123,"day":20000,"took":500,"price":"\u0007Ï",` +
	`"key":"0190e2a5-3c4f-7d7e-9a3e-0d1c2b3a4f5e","plain":"none","nothing":null}`

func TestFromJSON(t *testing.T) {
	s := everything(t)
	got, err := s.FromJSON("Everything", []byte(everythingJSON))
	if err != nil {
		t.Fatal(err)
	}
	note := "<hello>"
	want := Everything{
		Flag: true, Small: -7, Ratio: 0.5, Score: 1.25e100, Blob: []byte{0, 255}, State: "OLD",
		Hash: [4]byte{'a', 'b', 'c', 1}, Parts: []Part{{"ink", 9007199254740993}},
		Labels: map[string]string{"a": "1", "b": "2"}, Note: &note, Main: &Part{"cup", -5},
		At: time.UnixMilli(1_700_000_000_123).UTC(), Day: time.Unix(20000*24*60*60, 0).UTC(),
		Took: 500 * time.Millisecond, Price: big.NewRat(1999, 100),
		Key: "0190e2a5-3c4f-7d7e-9a3e-0d1c2b3a4f5e", Plain: "none",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDefaultsAreFilledIn(t *testing.T) {
	s := everything(t)
	got, err := s.FromJSON("Everything", []byte(`{
		"flag": false, "small": 0, "ratio": 0, "score": -0, "blob": "", "state": "NEW",
		"hash": "1234", "parts": [], "labels": {}, "at": 0, "day": 0, "took": 0, "price": "\u0001",
		"key": "", "nothing": null}`))
	if err != nil {
		t.Fatal(err)
	}
	if e := got.(Everything); e.Plain != "none" || e.Note != nil || e.Main != nil || e.Next != nil {
		t.Errorf("got %+v", e)
	}
}

// Defaults is all defaults, of every kind.
type Defaults struct {
	Flag   bool             `avro:"flag"`
	Big    int64            `avro:"big"`
	Ratio  float32          `avro:"ratio"`
	Blob   []byte           `avro:"blob"`
	State  string           `avro:"state"`
	Hash   [2]byte          `avro:"hash"`
	Names  []string         `avro:"names"`
	Counts map[string]int64 `avro:"counts"`
	Part   Part             `avro:"part"`
	Either *int64           `avro:"either"`
	Again  []Part           `avro:"again"`
}

const defaultsSchema = `{
		"type": "record", "name": "Defaults", "fields": [
		{"name": "flag", "type": "boolean", "default": true},
		{"name": "big", "type": "long", "default": 9007199254740993},
		{"name": "ratio", "type": "float", "default": 0.1},
		{"name": "blob", "type": "bytes", "default": "\u00ff"},
		{"name": "state", "type": {"type": "enum", "name": "S", "symbols": ["A", "B"]},
			"default": "B"},
		{"name": "hash", "type": {"type": "fixed", "name": "H", "size": 2},
			"default": "\u0001\u0002"},
		{"name": "names", "type": {"type": "array", "items": "string"}, "default": ["x"]},
		{"name": "counts", "type": {"type": "map", "values": "long"}, "default": {"y": 1}},
		{"name": "part", "type": {"type": "record", "name": "Part", "fields": [
			{"name": "name", "type": "string", "default": "cup"},
			{"name": "cents", "type": "long"}]}, "default": {"cents": 7}},
		{"name": "either", "type": ["long", "null"], "default": 5},
		{"name": "again", "type": {"type": "array", "items": "Part"}, "default": [{"cents": 8}]}
	]}`

func TestDefaultsOfEveryKind(t *testing.T) {
	s := set(t, client(t, server(t).URL()), codecs.Record[Defaults](defaultsSchema))
	got, err := s.FromJSON("Defaults", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults{
		Flag: true, Big: 9007199254740993, Ratio: 0.1, Blob: []byte{255}, State: "B",
		Hash: [2]byte{1, 2}, Names: []string{"x"}, Counts: map[string]int64{"y": 1},
		Part: Part{"cup", 7}, Either: number(5), Again: []Part{{"cup", 8}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// mistakes returns what is wrong with JSON, one string for each.
func mistakes(tb testing.TB, s *codecs.Set, typeName, json string) []string {
	tb.Helper()
	v, err := s.FromJSON(typeName, []byte(json))
	wrong, is := errors.AsType[*codecs.JSONError](err)
	if !is {
		tb.Fatalf("got %+v, %v, want a *JSONError", v, err)
	}
	texts := make([]string, len(wrong.Mistakes))
	for i, m := range wrong.Mistakes {
		texts[i] = m.String()
	}
	return texts
}

func TestEveryMistakeAtOnce(t *testing.T) {
	const longRange = "a whole number from -9223372036854775808 to 9223372036854775807"
	got := mistakes(t, everything(t), "Everything", `{
		"flag": "yes", "flag": true,
		"small": 2147483648, "ratio": 1e39, "score": "5", "blob": "Ā", "state": "USED",
		"hash": "abc", "parts": [{"name": "a", "cents": 1.5}, {"name": 5, "price": 1}, 7],
		"labels": {"a": null, "a": "b"}, "note": {"string": "x"}, "main": {"name": "cup"},
		"next": {"flag": null}, "at": "2026-01-01T00:00:00Z", "day": 1e-3, "took": -2147483649,
		"price": 19.99, "key": null, "colour": "red", "nothing": 0
	}`)
	want := []string{
		`flag: found "yes", allowed: true or false`,
		`flag: found the field again, allowed: each field once`,
		`small: found 2147483648, allowed: a whole number from -2147483648 to 2147483647`,
		`ratio: found 1e39, allowed: a number within the range of a 32-bit float`,
		`score: found "5", allowed: a number within the range of a 64-bit float`,
		`blob: found "Ā", allowed: bytes as a string of the characters U+0000 to U+00FF`,
		`state: found "USED", allowed: one of NEW, OLD`,
		`hash: found 3 bytes, allowed: 4 bytes as a string of the characters U+0000 to U+00FF`,
		`parts[0].cents: found 1.5, allowed: ` + longRange,
		`parts[1].name: found 5, allowed: a string`,
		`parts[1].price: found an unknown field, allowed: an object with the fields name, cents`,
		`parts[1].cents: found nothing, allowed: ` + longRange,
		`parts[2]: found 7, allowed: an object with the fields name, cents`,
		`labels.a: found null, allowed: a string`,
		`labels.a: found the key again, allowed: each key once`,
		`note: found an object, allowed: null, or a string`,
		`main.cents: found nothing, allowed: ` + longRange,
		`next.flag: found null, allowed: true or false`,
	}
	if len(got) < len(want) {
		t.Fatalf("got\n%s", strings.Join(got, "\n"))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got  %s\nwant %s", got[i], want[i])
		}
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{
		"next.small: found nothing",
		`at: found "2026-01-01T00:00:00Z", allowed: ` + longRange +
			" (milliseconds since 1970-01-01T00:00:00Z)",
		"day: found 1e-3", "took: found -2147483649", "price: found 19.99", "key: found null",
		"colour: found an unknown field, allowed: an object with the fields flag, small, ratio",
		"nothing: found 0, allowed: null",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is missing in\n%s", want, all)
		}
	}
}

func TestNoJSON(t *testing.T) {
	s := set(t, client(t, server(t).URL(), func(s *codecs.RegistrySettings) {
		s.Limits.RecordBytes, s.Limits.JSONDepth = 200, 4
	}), bankTypes()...)
	for name, test := range map[string]struct{ json, want string }{
		"nothing":        {" \n", "found nothing"},
		"not JSON":       {`{"reason": 'x'}`, "line 1, column 12"},
		"cut short":      {"{\n  \"reason\": \"x", "line 2, column 15"},
		"trailing":       {"{\"reason\": \"x\"}\n}", "line 2, column 1"},
		"two values":     {`{"reason": "x"} {}`, "line 1, column 17"},
		"not UTF-8":      {"{\"reason\": \"\xff\"}", "the byte 0xff at line 1, column 13"},
		"too large":      {`{"reason": "` + strings.Repeat("x", 200) + `"}`, "214 bytes"},
		"too deep":       {`{"reason": [[[[[]]]]]}`, "nesting deeper than 4 at line 1, column 15"},
		"array":          {`[]`, "found an array, allowed: an object with the fields reason"},
		"null":           {`null`, "found null"},
		"another case":   {`{"Reason": "x"}`, "Reason: found an unknown field"},
		"number":         {`{"reason": 01}`, "line 1, column 13"},
		"comma":          {`{"reason": "x",}`, "line 1, column 16"},
		"byte order":     {"\ufeff{}", "line 1, column 1"},
		"half surrogate": {`{"reason": "\ud800"}`, "half a surrogate pair"},
	} {
		t.Run(name, func(t *testing.T) {
			got := mistakes(t, s, "Closed", test.json)
			if !strings.Contains(got[0], test.want) {
				t.Errorf("got %q, want it to say %q", got[0], test.want)
			}
		})
	}
}

func TestUnknownType(t *testing.T) {
	s := set(t, client(t, server(t).URL()), bankTypes()...)
	_, err := s.FromJSON("Opened", []byte(`{}`))
	unknown, is := errors.AsType[*codecs.UnknownTypeError](err)
	if !is || unknown.Error() != `unknown type "Opened"; known are Deposited, Closed` {
		t.Errorf("got %v", err)
	}
}

func TestMistakesAreLimited(t *testing.T) {
	s := everything(t)
	got := mistakes(t, s, "Everything", `{"parts": [`+strings.Repeat("0,", 10_000)+`0]}`)
	if len(got) != 100 {
		t.Errorf("%d mistakes", len(got))
	}
	long := strings.Repeat("x", 100_000)
	for _, text := range mistakes(t, s, "Everything", `{"flag": "`+long+`", "`+long+`": 0}`) {
		if len(text) > 500 {
			t.Errorf("a mistake of %d bytes", len(text))
		}
	}
}

// Choice has a union of all kinds.
type Choice struct {
	Value any `avro:"value"`
}

const choiceSchema = `{"type": "record", "name": "Choice", "fields": [{"name": "value", "type": [
	"null", "boolean", "double", "long", "int", "string",
	{"type": "array", "items": "int"},
	{"type": "record", "name": "Point", "fields": [
		{"name": "x", "type": "int"}, {"name": "y", "type": "int"}]},
	{"type": "record", "name": "Named", "fields": [{"name": "name", "type": "string"}]}
]}]}`

func TestUnions(t *testing.T) {
	s := set(t, client(t, server(t).URL()), codecs.Record[Choice](choiceSchema))
	for json, want := range map[string]any{
		`null`:                 nil,
		`true`:                 true,
		`5`:                    int64(5), // a whole number, though double comes first
		`5.5`:                  5.5,
		`5e3`:                  5e3,
		`1e400`:                nil,
		`99999999999999999999`: 1e20, // no long, but a double
		`"5"`:                  "5",
		`[1, 2]`:               []any{int32(1), int32(2)},
		`{"x": 1, "y": 2}`:     map[string]any{"x": int32(1), "y": int32(2)},
		`{"name": "n"}`:        map[string]any{"name": "n"},
	} {
		t.Run(json, func(t *testing.T) {
			v, err := s.FromJSON("Choice", []byte(`{"value": `+json+`}`))
			if json == `1e400` {
				if err == nil {
					t.Errorf("got %v", v)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := v.(Choice).Value; !reflect.DeepEqual(got, want) {
				t.Errorf("got %v (%T), want %v (%T)", got, got, want, want)
			}
		})
	}
	// Of what fits no branch, the nearest is explained.
	got := mistakes(t, s, "Choice", `{"value": {"x": 1, "y": "2"}}`)
	if len(got) != 1 || !strings.HasPrefix(got[0], `value.y: found "2", allowed: a whole number`) {
		t.Errorf("got %v", got)
	}
}

// Ambiguous records in a union, nested: every branch at every level, if nobody counted.
func TestUnionsCannotBeMadeExpensive(t *testing.T) {
	schema, err := codecs.ParseSchema(`{
		"type": "record", "name": "Left", "fields": [{"name": "next", "type": ["null", "Left",
			{"type": "record", "name": "Right", "fields": [{"name": "next", "type":
				["null", "Left", "Right"]}]}]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	const depth = 60
	json := strings.Repeat(`{"next":`, depth) + "0" + strings.Repeat("}", depth)
	limits := codecs.Limits{RecordBytes: 1000, JSONDepth: depth}
	got := codecs.CheckJSON(schema, []byte(json), limits)
	if len(got) == 0 {
		t.Error("no mistake")
	}
}

type Measured struct {
	A float64  `avro:"a"`
	B float32  `avro:"b"`
	C *float64 `avro:"c"`
}

func ExampleSet_FromJSON() {
	registry, _ := codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{"http://localhost:8081"},
	})
	defer registry.Close()
	events, _ := codecs.NewSet(registry, codecs.Record[Closed](closedSchema))
	_, err := events.FromJSON("Closed", []byte(`{"reasons": "moved away"}`))
	fmt.Println(err)
	// Output:
	// JSON does not fit Closed:
	//   reasons: found an unknown field, allowed: an object with the fields reason
	//   reason: found nothing, allowed: a string
}
