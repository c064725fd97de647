package projections_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refold/projections"
)

type word string

// everyType has a column of each type.
type everyType struct {
	ID       string          `column:"id,key"`
	Kind     word            `column:"kind"`
	Small    int8            `column:"small"`
	Unsigned uint32          `column:"unsigned"`
	Share    float32         `column:"share"`
	Open     bool            `column:"open"`
	At       time.Time       `column:"at"`
	Ended    *time.Time      `column:"ended"`
	Note     *word           `column:"note"`
	Digest   []byte          `column:"digest"`
	Tags     []string        `column:"tags"`
	Raw      json.RawMessage `column:"raw"`
	Unstored string          `column:"-"`
}

var everyTable = projections.NewTable[everyType]("every_type")

// A row that is made of values has the values.
func TestRow(t *testing.T) {
	note := word("late")
	ended := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	for name, row := range map[string]everyType{
		"zero values": {Digest: []byte{}, Tags: []string{}, Raw: json.RawMessage("null")},
		"all values": {
			ID: "a/b", Kind: "x", Small: -128, Unsigned: math.MaxUint32, Share: 0.5, Open: true,
			At: time.Date(2026, 1, 31, 23, 59, 59, 1000, time.UTC), Ended: &ended, Note: &note,
			Digest: []byte{0, 255}, Tags: []string{"a", "b"}, Raw: json.RawMessage(`{"n":1}`),
		},
	} {
		got, err := everyTable.Row(everyTable.Values(row))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(row, got); diff != "" {
			t.Errorf("%s differ (- wanted, + found):\n%s", name, diff)
		}
	}
}

// Values that are none of the columns' are refused, by the column's name.
func TestRow_refused(t *testing.T) {
	for column, value := range map[int]any{
		0: int64(1), 1: nil, 2: int64(128), 3: int64(-1), 4: "0.5", 5: int64(1), 6: "2026-01-31", 9: "text",
		10: json.RawMessage(`{`), 11: "null",
	} {
		values := everyTable.Values(everyType{})
		values[column] = value
		_, err := everyTable.Row(values)
		if err == nil || !strings.Contains(err.Error(), everyTable.Columns[column].Name) {
			t.Errorf("%v in column %d gives %v", value, column, err)
		}
	}
	if _, err := everyTable.Row(nil); err == nil {
		t.Error("a row without values was made")
	}
}
