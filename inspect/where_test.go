package inspect

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestWhere(t *testing.T) {
	d := &decoder{registry: &fakeRegistry{}}
	sold := shown(t, d, &kgo.Record{
		Partition: 3, Offset: 57, Key: []byte("alice"), Timestamp: time.UnixMilli(1_800_000_000_000),
		Value: []byte(wire(7, `{"price": 9007199254740993, "most": 18446744073709551615, "ratio": 2.5,
			"whole": 3.0, "huge": 1e300, "items": [{"n": 1}, {"n": 2}], "note": null, "on": true}`)),
		Headers: []kgo.RecordHeader{
			{Key: "ce_type", Value: []byte("Sold")},
			{Key: "a", Value: []byte("1")},
			{Key: "a", Value: []byte("2")},
		},
	})
	text := shown(t, d, &kgo.Record{Value: []byte("hello\nworld")})
	binary := shown(t, d, &kgo.Record{Value: []byte{0xff, 0}})
	tombstone := shown(t, d, &kgo.Record{})
	for _, test := range []struct {
		expression string
		record     *Record
		want       bool
		err        string
	}{
		{`value.price > 9007199254740992`, sold, true, ""},
		{`value.price == 9007199254740992`, sold, false, ""},
		{`value.price == 9007199254740993`, sold, true, ""},
		{`value.most == 18446744073709551615u`, sold, true, ""},
		{`value.most > 18446744073709551614u`, sold, true, ""},
		{`value.most > 5`, sold, true, ""},
		{`value.ratio < 3 && value.ratio > 2`, sold, true, ""},
		{`value.whole == 3 && value.whole + 1 == 4`, sold, true, ""},
		{`value.huge > 1e299`, sold, true, ""},
		{`value.items.exists(i, i.n == 2)`, sold, true, ""},
		{`value.note == null && value.on`, sold, true, ""},
		{`has(value.none)`, sold, false, ""},
		{`value.none == 1`, sold, false, "no such key: none"},
		{`value.price > "a"`, sold, false, "no such overload"},
		{`value.price`, sold, false, "must be true or false"},
		{
			`key.startsWith("ali") && type == "Sold" && headers["a"] == "2" && headers.ce_type == type`,
			sold, true, "",
		},
		{`headers["b"] == ""`, sold, false, "no such key: b"},
		{`partition == 3 && offset == 57 && format == "wire"`, sold, true, ""},
		{`time > timestamp("2026-11-29T00:00:00Z")`, sold, true, ""},
		{`time + duration("1h") > timestamp("2027-01-15T08:59:00Z")`, sold, true, ""},
		{`format == "text" && value.contains("world") && key == ""`, text, true, ""},
		{`format == "base64" && value == b"\xff\x00"`, binary, true, ""},
		{`format == "none" && value == null`, tombstone, true, ""},
		{`type(value) == map`, sold, true, ""},
		{nested(5, 40) + `.size() > 0`, sold, false, "cost limit exceeded"},
	} {
		where, err := NewWhere(test.expression)
		if err != nil {
			t.Errorf("%s: %v", test.expression, err)
			continue
		}
		got, err := where.matches(t.Context(), test.record)
		if got != test.want || (err == nil) != (test.err == "") ||
			err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %v, %v; want %v, %s", test.expression, got, err, test.want, test.err)
		}
	}
}

// nested is a list comprehension in a list comprehension, so many deep, over lists of so many elements.
func nested(depth, elements int) string {
	list := "[" + strings.TrimSuffix(strings.Repeat("1,", elements), ",") + "]"
	if depth == 0 {
		return list
	}
	return list + ".map(x" + strings.Repeat("x", depth) + ", " + nested(depth-1, elements) + ")"
}

// A mistake names its place.
func TestWhereMistakes(t *testing.T) {
	for expression, want := range map[string]string{
		`vlue.price > 1`:                 "line 1, column 1: undeclared reference to 'vlue'",
		"key == \"a\" &&\n  offset == x": "line 2, column 13: undeclared reference to 'x'",
		`key == 1`:                       "line 1, column 5: found no matching overload",
		`key ==`:                         "line 1, column 7: Syntax error",
		`key`:                            "the expression is a string; it must be true or false",
		strings.Repeat("1", 1<<15):       "the expression has 32768 bytes; at most 16384 are allowed",
		" ":                              "the expression is empty",
		`value.a.matches("(")`:           "error parsing regexp",
	} {
		if _, err := NewWhere(expression); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", expression, err, want)
		}
	}
}
