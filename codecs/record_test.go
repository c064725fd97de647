package codecs_test

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"refold/codecs"
)

// Embedded and Misfit are what the mistakes below are made of.
type Embedded struct {
	ID string `avro:"id"`
}

type Misfit struct {
	Embedded
	Lines  []Line `avro:"lines"`
	Unsent string `avro:"-"`
	hidden string //nolint:unused // must be ignored
}

type Line struct {
	Product string `avro:"product"`
	Extra   string
}

func TestNewSetNamesEveryMistake(t *testing.T) {
	fields := func(name, fields string) string {
		return `{"type": "record", "name": "` + name + `", "fields": [` + fields + `]}`
	}
	for name, test := range map[string]struct {
		typ  codecs.Type
		want []string
	}{
		"no JSON":   {codecs.Record[Closed](`{"type": `), []string{"Closed", "not JSON"}},
		"no schema": {codecs.Record[Closed](`{"type": "recor"}`), []string{"codecs_test.Closed"}},
		"no record": {codecs.Record[Closed](`"string"`), []string{"must be a record"}},
		"another name": {
			codecs.Record[Closed](fields("Shut", "")), []string{"named Shut", "must be Closed"},
		},
		"nothing":         {codecs.Type{}, []string{"make it with codecs.Record"}},
		"no struct":       {codecs.Record[int](`"int"`), []string{"must be a named struct"}},
		"no named struct": {codecs.Record[struct{}](`"int"`), []string{"must be a named struct"}},
		"fields on one side": {
			codecs.Record[Misfit](fields("Misfit", `{"name": "new", "type": "int"},
				{"name": "lines", "type": {"type": "array", "items": {
					"type": "record", "name": "Line", "fields": [
						{"name": "product", "type": "string"},
						{"name": "cents", "type": "int"}]}}}`)),
			[]string{
				"Misfit has the field new, but codecs_test.Misfit has not", "has the field id",
				"Line has the field Extra", "Line has the field cents",
			},
		},
		"another type": {
			codecs.Record[Closed](fields("Closed", `{"name": "reason", "type": "long"}`)),
			[]string{"codecs_test.Closed cannot hold", "reason"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := codecs.NewSet(client(t, "http://unused"), test.typ)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
	if _, err := codecs.NewSet(nil); err == nil {
		t.Error("a Set of nothing is no error")
	}
	types := append(bankTypes(), bankTypes()...)
	if _, err := codecs.NewSet(client(t, "http://unused"), types...); err == nil ||
		!strings.Contains(err.Error(), "two record types are named Closed") {
		t.Errorf("got %v", err)
	}
}

// Everything has a field of each kind that Avro knows.
type Everything struct {
	Flag    bool              `avro:"flag"`
	Small   int32             `avro:"small"`
	Ratio   float32           `avro:"ratio"`
	Score   float64           `avro:"score"`
	Blob    []byte            `avro:"blob"`
	State   string            `avro:"state"`
	Hash    [4]byte           `avro:"hash"`
	Parts   []Part            `avro:"parts"`
	Labels  map[string]string `avro:"labels"`
	Note    *string           `avro:"note"`
	Main    *Part             `avro:"main"`
	Next    *Everything       `avro:"next"`
	At      time.Time         `avro:"at"`
	Day     time.Time         `avro:"day"`
	Took    time.Duration     `avro:"took"`
	Price   *big.Rat          `avro:"price"`
	Key     string            `avro:"key"`
	Plain   string            `avro:"plain"`
	Nothing any               `avro:"nothing"`
}

type Part struct {
	Name  string `avro:"name"`
	Cents int64  `avro:"cents"`
}

const everythingSchema = `{"type": "record", "name": "Everything", "namespace": "all", "fields": [
	{"name": "flag", "type": "boolean"},
	{"name": "small", "type": "int"},
	{"name": "ratio", "type": "float"},
	{"name": "score", "type": "double"},
	{"name": "blob", "type": "bytes"},
	{"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "OLD"]}},
	{"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 4}},
	{"name": "parts", "type": {"type": "array", "items": {"type": "record", "name": "Part",
		"fields": [{"name": "name", "type": "string"}, {"name": "cents", "type": "long"}]}}},
	{"name": "labels", "type": {"type": "map", "values": "string"}},
	{"name": "note", "type": ["null", "string"], "default": null},
	{"name": "main", "type": ["null", "Part"], "default": null},
	{"name": "next", "type": ["null", "Everything"], "default": null},
	{"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
	{"name": "day", "type": {"type": "int", "logicalType": "date"}},
	{"name": "took", "type": {"type": "int", "logicalType": "time-millis"}},
	{"name": "price", "type": {"type": "bytes", "logicalType": "decimal",
		"precision": 9, "scale": 2}},
	{"name": "key", "type": {"type": "string", "logicalType": "uuid"}},
	{"name": "plain", "type": ["string", "null"], "default": "none"},
	{"name": "nothing", "type": "null"}
]}`

func TestEveryKindFits(t *testing.T) {
	set(t, client(t, server(t).URL()), codecs.Record[Everything](everythingSchema))
}
