package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"refold/projections"
)

var ofValues = []promise{
	{name: "values are kept as they are", test: valuesAreKept},
	{name: "null is no value", test: nullIsNoValue},
	{name: "keys are told apart", test: keysAreToldApart},
	{name: "columns are called as they like", test: columnsAreCalledAsTheyLike},
	{name: "what is not kept is refused", test: notKeptIsRefused},
	{name: "a refused row takes its batch along", unless: []Lack{NoOneStep}, test: refusedRowTakesItsBatch},
}

// filled has something in every column.
func filled(key string) odd {
	text, whole, half, yes, at, raw := "text", int64(1), 0.5, true, moment(0), []byte("bytes")
	object := map[string]any{"a": 1}
	return odd{
		Key: key, At: 1, About: "alice", Other: "bob", Text: text, Integer: whole, Real: half, Boolean: yes,
		Time: at, Bytes: raw, JSON: []string{"json"},
		NoText: &text, NoInt: &whole, NoReal: &half, NoBool: &yes, NoTime: &at, NoBytes: &raw,
		NoJSON: &object,
	}
}

// texts are odd ones that every store keeps.
var texts = []string{
	"", " ", "\t\r\n", "'", `"`, `\`, `\'`, "''; DROP TABLE accounts; --", "%", "_", "?", "$1", ":a", "{b}",
	"null",
	"größe", "naïve", "日本語", "🦆\U0001f3f4\U000e0067\U000e007f", "é and e\u0301",
	"\u202e rtl", "\u2028", "\ufeff", "\U0010ffff", "\x01\x1f\x7f",
	"ends with spaces  ", "CamelCase", strings.Repeat("long ", 200_000),
}

// oddRows are rows that every store keeps, each with one odd value.
func oddRows() map[string]odd {
	all := make(map[string]odd)
	row := func(name string, change func(*odd)) {
		o := filled(name)
		change(&o)
		all[name] = o
	}
	for i, text := range texts {
		row(fmt.Sprint("text ", i), func(o *odd) { o.Text, o.NoText, o.JSON = text, &text, text })
	}
	for _, n := range []int64{0, -1, 1 << 53, 1<<53 + 1, math.MaxInt64, math.MinInt64} {
		row(fmt.Sprint("integer ", n), func(o *odd) { o.Integer, o.NoInt, o.JSON = n, &n, n })
	}
	for _, f := range []float64{
		0, math.Copysign(0, -1), 0.1, -1e300, math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 60, 2.5e-8,
		3,
	} {
		row(fmt.Sprint("real ", f), func(o *odd) { o.Real, o.NoReal, o.JSON = f, &f, f })
	}
	for _, at := range []time.Time{
		{},
		time.Unix(0, 0), time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(1883, 11, 18, 12, 3, 58, 1000, time.FixedZone("", -17762)),
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
		time.Date(2026, 3, 29, 2, 30, 0, 120_000_000, time.FixedZone("", 5400)), moment(1),
	} {
		row(fmt.Sprint("time ", at.Format(time.RFC3339Nano)), func(o *odd) { o.Time, o.NoTime = at, &at })
	}
	for _, raw := range [][]byte{{}, {0}, {0xff, 0xfe, 0}, []byte("text"), make([]byte, 100_000)} {
		row(fmt.Sprintf("bytes %d %.4x", len(raw), raw), func(o *odd) { o.Bytes, o.NoBytes = raw, &raw })
	}
	for _, text := range []string{
		`null`, `true`, `""`, `[]`, `{}`, `0.1`, `-0`, `1e2`, `1.50`, `123456789012345678901234567890.5`,
		`1E-30`,
		`{"b":1,"a":{"d":[],"c":null},"":2}`, `[[[[[[[[]]]]]]]]`, `"\"\\ \u00e9 \ud83e\udd86 <&> \u2028"`,
		`{"b":[1,"2",null,{"x":9007199254740993}]}`,
	} {
		row("json "+text, func(o *odd) { o.JSON = json.RawMessage(text) })
	}
	return all
}

func valuesAreKept(t *testing.T, s *suite) {
	b := s.newBank()
	w := s.newWriter(t, b)
	want := nothing()
	var puts []projections.Change
	for _, row := range oddRows() {
		puts, want = append(puts, b.odd.Put(row)), want.with(b.odd.Table, row)
	}
	w.write(t, puts...)
	s.mustHold(t, b, w.build, want)
	must(t, w.build.TakeOver(t.Context(), patience))
	for _, row := range oddRows() {
		found, err := s.LiveRow(t.Context(), &b.Projection, b.odd.Table, row.Key, row.At)
		must(t, err)
		for _, diff := range rowsDiffer(b.odd.Table, row.Key, b.odd.Values(row), found) {
			t.Errorf("the row as readers see it: %s", diff)
		}
	}
}

func nullIsNoValue(t *testing.T, s *suite) {
	b := s.newBank()
	w := s.newWriter(t, b)
	nulls, values := odd{Key: "a"}, filled("b")
	w.write(t, b.odd.Put(nulls), b.odd.Put(values))
	s.mustHold(t, b, w.build, nothing().with(b.odd.Table, nulls, values))
	nulls.Key, values.Key = "b", "a"
	values.At, nulls.At = 0, 1
	w.write(t, b.odd.Put(nulls), b.odd.Put(values)) // in turns
	s.mustHold(t, b, w.build, nothing().with(b.odd.Table, nulls, values))
}

// keys are pairs that a careless store takes for one another.
var keys = []odd{
	{Key: "", At: 0},
	{Key: "a", At: 1},
	{Key: "A", At: 1},
	{Key: "a ", At: 1},
	{Key: " a", At: 1},
	{Key: "a/1"},
	{Key: "a", At: 11},
	{Key: "a1", At: 1},
	{Key: "a:1", At: 1},
	{Key: "é"},
	{Key: "e\u0301"},
	{Key: "ß"},
	{Key: "ss"},
	{Key: "%2F"},
	{Key: "/"},
	{Key: "{a}"},
	{Key: "ı"},
	{Key: "i"},
	{Key: "I"},
	{Key: "a", At: -1},
	{Key: "a", At: math.MaxInt64},
	{Key: "a", At: math.MinInt64},
	{Key: "0"},
	{Key: "00"},
	{Key: "null"},
	{Key: "*"},
	{Key: "?"},
	{Key: "[a]"},
	{Key: "a\nb"},
	{Key: "日本語"},
}

func keysAreToldApart(t *testing.T, s *suite) {
	b := s.newBank()
	w := s.newWriter(t, b)
	want := nothing()
	puts := make([]projections.Change, len(keys))
	rows := make([]odd, len(keys))
	for i, row := range keys {
		row.Text = fmt.Sprint("row ", i)
		rows[i], puts[i], want = row, b.odd.Put(row), want.with(b.odd.Table, row)
	}
	w.write(t, puts...)
	s.mustHold(t, b, w.build, want)
	must(t, w.build.Look(t.Context(), func(v projections.View) error {
		for _, row := range rows {
			found, err := v.Row(t.Context(), b.odd.Table, row.Key, row.At)
			if err != nil {
				return err
			}
			for _, diff := range rowsDiffer(b.odd.Table, row.Key, b.odd.Values(row), found) {
				t.Error(diff)
			}
		}
		return nil
	}))
	for i, row := range rows {
		if i%2 == 0 {
			w.write(t, b.odd.Delete(row))
			delete(want.rows[b.odd.Table], b.odd.Key(b.odd.Values(row)))
		}
	}
	s.mustHold(t, b, w.build, want)
}

// reserved has columns that are words of the languages that stores speak, or names of their own columns.
type reserved struct {
	Select string  `column:"select,key"`
	From   int64   `column:"from,key"`
	User   string  `column:"user"`
	Where  int64   `column:"where"`
	Null   *string `column:"null"`
	Table  bool    `column:"table"`
	ID     string  `column:"id"`
	Row    string  `column:"rowid"`
	Number int64   `column:"number"`
	Key    string  `column:"key"`
	Seq    int64   `column:"sequence"`
	Excl   string  `column:"excluded"`
	T      string  `column:"t"`
	Value  string  `column:"value"`
	Ctid   string  `column:"version"`
}

func columnsAreCalledAsTheyLike(t *testing.T, s *suite) {
	b := s.newBank()
	table := projections.NewTable[reserved](b.odd.Name)
	b.Tables = projections.Tables{table.Table}
	w := s.newWriter(t, b)
	row := reserved{Select: "s", From: 1, User: "u", ID: "i", Row: "r", Seq: 7, Excl: "e", T: "t", Ctid: "c"}
	w.write(t, table.Put(row))
	row.Where, row.Table = 2, true
	if s.can(NoMerge) {
		w.write(t, table.Merge(row, "where", "table"))
	} else {
		w.write(t, table.Put(row))
	}
	s.mustHold(t, b, w.build, nothing().with(table.Table, row))
}

// strange are rows that some stores can't keep. Those refuse them.
func strange() map[string]odd {
	noise := make([]byte, 20_000) // is not compressed away
	random := rand.NewChaCha8([32]byte{})
	for i := range noise {
		noise[i] = 'a' + byte(random.Uint64()%26)
	}
	long, deep := string(noise), strings.Repeat("[", 5000)+strings.Repeat("]", 5000)
	object := map[string]any{"NUL": "\x00"}
	return map[string]odd{
		"a NUL in a text":    {Key: "a", Text: "NUL \x00 NUL"},
		"a NUL in a key":     {Key: "NUL \x00 NUL"},
		"a NUL in a subject": {Key: "a", About: "NUL \x00 NUL"},
		"a NUL in JSON":      {Key: "a", NoJSON: &object},
		"half a character":   {Key: "a", JSON: json.RawMessage(`"\ud83e"`)},
		"a huge number":      {Key: "a", JSON: json.RawMessage(`1e400`)},
		"a monstrous number": {Key: "a", JSON: json.RawMessage(`1e999999999`)},
		"deep JSON":          {Key: "a", JSON: json.RawMessage(deep)},
		"a long key":         {Key: long},
		"a long subject":     {Key: "a", About: long},
	}
}

// A row is kept, or the store says at once that it never will be. It is neither changed nor tried for ever.
func notKeptIsRefused(t *testing.T, s *suite) {
	for name, row := range strange() {
		t.Run(name, func(t *testing.T) {
			b := s.newBank()
			w := s.newWriter(t, b)
			advance := step(w.progress, 5)
			err := w.build.Write(t.Context(), batch(t, 1, advance, b.odd.Put(row)))
			if err == nil {
				s.mustHold(t, b, w.build, nothing().with(b.odd.Table, row).at(advance))
				return
			}
			mustBePoison(t, err)
			s.mustHold(t, b, w.build, contents{progress: []projections.Progress{w.progress}})
			w.write(t, b.odd.Put(odd{Key: "a"})) // and it goes on
			s.mustHold(t, b, w.build, nothing().with(b.odd.Table, odd{Key: "a"}))
		})
	}
}

func mustBePoison(tb testing.TB, err error) {
	tb.Helper()
	if _, is := errors.AsType[*projections.Poison](err); !is {
		tb.Fatalf("the error is %v; it must be a *projections.Poison", err)
	}
}

func refusedRowTakesItsBatch(t *testing.T, s *suite) {
	for name, row := range strange() {
		t.Run(name, func(t *testing.T) {
			b := s.newBank()
			w := s.newWriter(t, b)
			w.write(t, b.put(account{ID: "alice", Balance: 1}))
			row.Key += " last"
			all := attempt(t, b, step(w.progress, 5))
			all.Changes = append(all.Changes, sorted(t, 2, b.odd.Put(filled("first")), b.odd.Put(row))...)
			before := look(t, b, w.build, "alice", "bob")
			if err := w.build.Write(t.Context(), all); err != nil {
				mustBePoison(t, err)
				mustEqual(t, b, before, look(t, b, w.build, "alice", "bob"))
			}
		})
	}
}
