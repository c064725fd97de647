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

func TestValues(t *testing.T) {
	table := projections.NewTable[everything]("everything")
	at := time.Date(1969, 7, 20, 21, 17, 40, 1999, time.FixedZone("", 3600))
	raw := []byte("raw")
	row := everything{
		ID: "a", I8: -128, U32: math.MaxUint32, Elapsed: time.Second, F32: 0.5, Bool: true, At: at, Raw: raw,
		JSON: json.RawMessage(`{"a": [1e2, "x"]}`), Pair: [2]int{1, 2},
		Map: map[string]int{"b": 1, "a": 2}, NoAt: &at,
	}
	canonical := time.Date(1969, 7, 20, 20, 17, 40, 1000, time.UTC)
	want := []any{
		"a", int64(-128), int64(math.MaxUint32), int64(time.Second), 0.5, true, canonical, []byte("raw"),
		json.RawMessage(`{"a":[1e2,"x"]}`), json.RawMessage(`[]`), json.RawMessage(`[1,2]`),
		json.RawMessage(`{"a":2,"b":1}`), json.RawMessage(`{"A":0}`), json.RawMessage(`null`), canonical,
		nil, nil,
	}
	values := table.Values(row)
	if diff := cmp.Diff(want, values); diff != "" {
		t.Fatalf("the values differ (- wanted, + found):\n%s", diff)
	}
	raw[0] = 'R' // is the row's, not the change's
	if diff := cmp.Diff(want, values); diff != "" {
		t.Errorf("the values share memory with the row:\n%s", diff)
	}
	zero := table.Values(everything{})
	for i, c := range table.Columns {
		if !c.Key && c.Name != "pair" && c.Name != "struct" && !c.Equal(c.Zero(), zero[i]) {
			t.Errorf("column %s: Zero is %#v, and the value of a zero field %#v", c.Name, c.Zero(), zero[i])
		}
	}
}

// A value that some store would not keep as it is can't be put in any.
func TestValuesThatNoStoreKeeps(t *testing.T) {
	table := projections.NewTable[everything]("everything")
	for name, c := range map[string]struct {
		row  everything
		want string
	}{
		"no number": {
			everything{F32: float32(math.NaN())}, "column f32 is NaN; it must be a finite number",
		},
		"infinity": {everything{F32: float32(math.Inf(-1))}, "column f32 is -Inf"},
		"no text":  {everything{ID: "a\xff"}, `column id is "a\xff"; it must be valid UTF-8`},
		"the far past": {
			everything{At: time.Date(0, 12, 31, 23, 0, 0, 0, time.UTC)}, "column at is of the year 0",
		},
		"the far future": {
			everything{At: time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -7200))},
			"column at is of the year 10000; it must be one from 1 to 9999",
		},
		"no JSON": {everything{JSON: json.RawMessage("{")}, "column json"},
	} {
		t.Run(name, func(t *testing.T) { mustPanic(t, c.want, func() { table.Put(c.row) }) })
	}
}

func mustPanic(t *testing.T, want string, call func()) {
	t.Helper()
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, want) {
			t.Errorf("the panic says %q; it must say %q", text, want)
		}
	}()
	call()
}

func TestRead(t *testing.T) {
	columns := make(map[string]projections.Column)
	for _, c := range projections.NewTable[everything]("everything").Columns {
		columns[c.Name] = c
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	for _, c := range []struct {
		column string
		stored any
		want   any // nil: an error
	}{
		{"id", "text", "text"},
		{"id", []byte("text"), "text"},
		{"id", int64(1), nil},
		{"id", nil, nil},
		{"i8", int64(-1), int64(-1)},
		{"i8", "1", nil},
		{"i8", 1.5, nil},
		{"f32", 1.5, 1.5},
		{"f32", int64(2), float64(2)},
		{"bool", true, true},
		{"bool", int64(1), true},
		{"bool", int64(0), false},
		{"bool", "true", nil},
		{"at", at, at},
		{"at", at.In(time.FixedZone("", 3600)), at},
		{"at", "2026-01-02T03:04:05.000006Z", at},
		{"at", []byte("2026-01-02T04:04:05.000006+01:00"), at},
		{"at", "yesterday", nil},
		{"raw", []byte("\xff"), []byte("\xff")},
		{"raw", "text", []byte("text")},
		{"json", `{"a": 1}`, json.RawMessage(`{"a": 1}`)},
		{"json", []byte(`1`), json.RawMessage(`1`)},
		{"json", true, nil},
		{"list", struct{}{}, nil},
	} {
		column := columns[c.column]
		found, err := column.Read(c.stored)
		switch {
		case c.want == nil:
			mustSay(t, err, "column "+c.column)
		case err != nil:
			t.Error(err)
		default:
			if diff := cmp.Diff(c.want, found); diff != "" {
				t.Errorf("column %s of %#v differs (- wanted, + found):\n%s", c.column, c.stored, diff)
			}
		}
	}
	null := columns["no_at"]
	if found, err := null.Read(nil); found != nil || err != nil {
		t.Errorf("null is read as %v (%v)", found, err)
	}
}

func TestEqual(t *testing.T) {
	at := time.Unix(0, 0)
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	var column projections.Column
	for _, c := range []struct {
		a, b any
		want bool
	}{
		{"a", "a", true},
		{"a", "b", false},
		{"a", nil, false},
		{nil, nil, true},
		{int64(1), int64(1), true},
		{int64(1), float64(1), false},
		{at, at.UTC(), true},
		{at, at.Add(time.Microsecond), false},
		{at, "a", false},
		{[]byte("a"), []byte("a"), true},
		{[]byte("a"), "a", false},
		{[]byte{}, nil, false},
		{raw(`{"a":1,"b":[]}`), raw(`{"b": [], "a": 1}`), true},
		{raw(`[1,2]`), raw(`[2,1]`), false},
		{raw(`1e2`), raw(`100`), true},
		{raw(`[1.50]`), raw(`[15E-1]`), true},
		{raw(`-0`), raw(`0.0e7`), true},
		{raw(`0.001`), raw(`1e-3`), true},
		{raw(`-1`), raw(`1`), false},
		{raw(`1`), raw(`"1"`), false},
		{raw(`10`), raw(`1`), false},
		{raw(`12345678901234567890.5`), raw(`12345678901234567890.4`), false},
		{raw(`1e99999999999999999999`), raw(`1e99999999999999999999`), true},
		{raw(`1e99999999999999999999`), raw(`2e99999999999999999999`), false},
		{raw(`null`), nil, false},
		{raw(`{`), raw(`{`), true},
		{raw(`{`), raw(`[`), false},
	} {
		if column.Equal(c.a, c.b) != c.want || column.Equal(c.b, c.a) != c.want {
			t.Errorf("Equal(%s, %s) must be %v both ways", c.a, c.b, c.want)
		}
	}
}
