package avrotest_test

import (
	"fmt"
	"math/big"
	"testing"
	"time"

	"refold/codecs/avrotest"
)

const orderSchema = `{
  "type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "string"},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["OPEN", "PAID"]}},
    {"name": "lines", "type": {"type": "array", "items": {
      "type": "record", "name": "Line", "fields": [
        {"name": "product", "type": "string"}, {"name": "cents", "type": "long"}
      ]}}},
    {"name": "tags", "type": {"type": "map", "values": "string"}},
    {"name": "note", "type": ["null", "string"], "default": null},
    {"name": "gift", "type": ["null", "Line"], "default": null},
    {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 4}},
    {"name": "blob", "type": "bytes"},
    {"name": "paid", "type": "boolean"},
    {"name": "count", "type": "int"},
    {"name": "ratio", "type": "float"},
    {"name": "score", "type": "double"},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "day", "type": {"type": "int", "logicalType": "date"}},
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12,
      "scale": 2}}
  ]}`

type Line struct {
	Product string `avro:"product"`
	Cents   int64  `avro:"cents"`
}

type Order struct {
	ID    string            `avro:"id"`
	State string            `avro:"state"`
	Lines []Line            `avro:"lines"`
	Tags  map[string]string `avro:"tags"`
	Note  *string           `avro:"note"`
	Gift  *Line             `avro:"gift"`
	Hash  [4]byte           `avro:"hash"`
	Blob  []byte            `avro:"blob"`
	Paid  bool              `avro:"paid"`
	Count int32             `avro:"count"`
	Ratio float32           `avro:"ratio"`
	Score float64           `avro:"score"`
	At    time.Time         `avro:"at"`
	Day   time.Time         `avro:"day"`
	Price *big.Rat          `avro:"price"`
}

func TestCrossCheck(t *testing.T) {
	note := "with care"
	avrotest.CrossCheck(t, orderSchema,
		Order{
			ID: "1", State: "PAID", Lines: []Line{{"pen", 120}, {"ink", -5}},
			Tags: map[string]string{"a": "b", "ä": "ö", "c": ""},
			Note: &note, Gift: &Line{"cup", 0},
			Hash: [4]byte{1, 2, 3, 255}, Blob: []byte{0, 255}, Paid: true, Count: -7, Ratio: 0.1,
			Score: 1e300, At: time.UnixMicro(1_700_000_000_123_456).UTC(),
			Day: time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC), Price: big.NewRat(1999, 100),
		},
		Order{
			State: "OPEN", Lines: []Line{}, Tags: map[string]string{}, Blob: []byte{},
			At: time.UnixMicro(-1).UTC(), Day: time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC),
			Price: big.NewRat(-5, 100),
		},
	)
}

func TestCrossCheckSchema(t *testing.T) {
	for name, schema := range map[string]string{
		"order": orderSchema,
		"all kinds in a union": `{"type": "record", "name": "R", "namespace": "n", "fields": [
			{"name": "u", "type": ["null", "boolean", "int", "long", "float", "double", "bytes",
				"string", {"type": "enum", "name": "E", "symbols": ["A", "B"]},
				{"type": "fixed", "name": "F", "size": 3}, {"type": "array", "items": "int"},
				{"type": "map", "values": ["null", "E"]},
				{"type": "record", "name": "Inner", "fields": [{"name": "f", "type": "F"}]}]}]}`,
		"recursive": `{"type": "record", "name": "Tree", "namespace": "n", "fields": [
			{"name": "value", "type": "long"},
			{"name": "children", "type": {"type": "array", "items": "Tree"}},
			{"name": "next", "type": ["null", "Tree"]}]}`,
		"logical": `{"type": "record", "name": "L", "fields": [
			{"name": "a", "type": {"type": "long", "logicalType": "timestamp-millis"}},
			{"name": "b", "type": ["null", {"type": "int", "logicalType": "date"}]},
			{"name": "c", "type": {"type": "string", "logicalType": "uuid"}}]}`,
		"nested containers": `{"type": "record", "name": "N", "fields": [
			{"name": "a", "type": {"type": "map", "values": {"type": "array", "items":
				{"type": "map", "values": "bytes"}}}}]}`,
	} {
		t.Run(name, func(t *testing.T) { avrotest.CrossCheckSchema(t, schema) })
	}
}

// failures is a testing.TB that remembers instead of failing.
type failures struct {
	testing.TB
	texts []string
}

func (f *failures) Helper() {}

func (f *failures) Errorf(format string, args ...any) {
	f.texts = append(f.texts, fmt.Sprintf(format, args...))
}

func TestCrossCheckFindsLoss(t *testing.T) {
	type Narrow struct {
		Cents int8 `avro:"cents"`
		Text  string
	}
	const schema = `{"type": "record", "name": "Narrow", "fields": [
		{"name": "cents", "type": "int"}]}`
	found := &failures{TB: t}
	avrotest.CrossCheck(found, schema, Narrow{Cents: 1, Text: "is not in the schema"})
	if len(found.texts) != 1 {
		t.Fatalf("found %d mistakes, want 1: %v", len(found.texts), found.texts)
	}
}
