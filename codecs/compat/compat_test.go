package compat_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/avro"

	"refold/codecs/avrotype"
	"refold/codecs/compat"
	"refold/codecs/compat/compattest"
)

func parse(tb testing.TB, text string) *avrotype.Type {
	tb.Helper()
	parsed, err := compat.Parse(text)
	if err != nil {
		tb.Fatalf("%v\n%s", err, text)
	}
	return parsed
}

func kindsOf(findings []compat.Finding) (kinds []compat.Kind) {
	for _, f := range findings {
		kinds = append(kinds, f.Kind)
	}
	return kinds
}

// Every rule has a case, and the verdict is what the rule says.
func TestTable(t *testing.T) {
	for _, c := range compattest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			older, newer := parse(t, c.Older), parse(t, c.Newer)
			backward := compat.Read(older, newer, compat.Backward)
			forward := compat.Read(newer, older, compat.Forward)
			if !slices.Equal(kindsOf(backward), c.Backward) || len(backward) == 0 != c.Want.Backward {
				t.Errorf("backward: got %v, want %v, compatible: %v", backward, c.Backward, c.Want.Backward)
			}
			if !slices.Equal(kindsOf(forward), c.Forward) || len(forward) == 0 != c.Want.Forward {
				t.Errorf("forward: got %v, want %v, compatible: %v", forward, c.Forward, c.Want.Forward)
			}
			all := slices.Concat(backward, forward)
			for _, f := range all {
				if f.Reason == "" || f.Remedy == "" || !strings.HasPrefix(f.Rule, "Avro 1.12") {
					t.Errorf("a finding leaves something open: %+v", f)
				}
			}
			if len(all) > 0 && all[0].Path != c.Path || len(all) == 0 && c.Path != "" {
				t.Errorf("the path is %v, want %s", all, c.Path)
			}
		})
	}
}

// The verdict is what twmb/avro does: without a break it resolves, with one it refuses, or does
// silently what it should not.
func TestTableAgreesWithResolution(t *testing.T) {
	for _, c := range compattest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			agrees(t, c.Older, c.Newer)
			agrees(t, c.Newer, c.Older)
		})
	}
}

// agrees compares the verdict about a reader with resolution, and returns whether it is compatible.
func agrees(tb fataler, written, read string) bool {
	tb.Helper()
	w, err := avro.Parse(written)
	if err != nil {
		tb.Fatalf("%v\n%s", err, written)
	}
	r, err := avro.Parse(read)
	if err != nil {
		tb.Fatalf("%v\n%s", err, read)
	}
	found := compat.Read(avrotype.Of(w), avrotype.Of(r), compat.Backward)
	fails := slices.ContainsFunc(found, func(f compat.Finding) bool { return !f.Silent })
	resolved, err := avro.Resolve(w, r)
	if (err != nil) != fails {
		tb.Fatalf("resolution says %v, the checker %v\nwritten %s\nread    %s", err, found, written, read)
	}
	if len(found) > 0 {
		return false
	}
	var value any
	b := avrotype.Of(w).AppendSample(nil)
	if rest, err := resolved.Decode(b, &value); err != nil || len(rest) > 0 {
		tb.Fatalf("%x is read as %v, leaving %x: %v\nwritten %s\nread    %s",
			b, value, rest, err, written, read)
	}
	return true
}

// fataler is a testing.TB or a rapid.TB.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// A case that says what Java's library answers must say why, and must differ.
func TestDifferencesOfRegistriesHaveReasons(t *testing.T) {
	for _, c := range compattest.Cases() {
		if c.Java != nil && (c.Why == "" || *c.Java == c.Want) {
			t.Errorf("%s: %+v because of %q", c.Name, *c.Java, c.Why)
		}
	}
}

const (
	v1 = `{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}`
	v2 = `{"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]}`
	v3 = `{"type": "record", "name": "R", "fields": [{"name": "b", "type": "string", "default": ""}]}`
)

func TestLevels(t *testing.T) {
	history := []compat.Version{{Number: 2, Text: v2}, {Number: 1, Text: v1}}
	for level, want := range map[compat.Level][]string{
		compat.None:               nil,
		compat.BackwardOnly:       nil,
		compat.BackwardTransitive: nil,
		compat.ForwardOnly:        {"2 forward R.a"},
		compat.Full:               {"2 forward R.a"},
		compat.ForwardTransitive:  {"2 forward R.a", "1 forward R.a"},
		compat.FullTransitive:     {"2 forward R.a", "1 forward R.a"},
	} {
		breaks, err := compat.Check(level, v3, history)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range breaks {
			number, err := json.Marshal(b.Version)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(number)+" "+string(b.Direction)+" "+b.Path)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", level, got, want)
		}
		if parsed, err := compat.ParseLevel(strings.ToLower(string(level))); parsed != level || err != nil {
			t.Errorf("%s is read as %s, %v", level, parsed, err)
		}
	}
	_, err := compat.ParseLevel("SIDEWAYS")
	if err == nil || !strings.Contains(err.Error(), "FULL_TRANSITIVE") {
		t.Errorf("a level that does not exist: %v", err)
	}
}

func TestSchemasThatAreNone(t *testing.T) {
	if _, err := compat.Check(compat.Full, `{"type": "recor"}`, nil); err == nil {
		t.Error("today's schema is none, and nothing is said")
	}
	breaks, err := compat.Check(compat.Full, v1, []compat.Version{{Number: 1, Text: "{"}})
	if err != nil || len(breaks) != 1 || breaks[0].Kind != compat.KindUnusable {
		t.Errorf("got %v, %v", breaks, err)
	}
}

// The remedy depends on the reader: old records can be read by an alias, old programs can't be changed.
func TestRemedies(t *testing.T) {
	older := parse(t, `{"type": "record", "name": "R", "fields": [{"name": "owner", "type": "string"}]}`)
	newer := parse(t, `{"type": "record", "name": "R", "fields": [{"name": "holder", "type": "string"}]}`)
	found := compat.Compare(older, newer)
	if len(found) != 2 {
		t.Fatal(found)
	}
	const backward = `give holder a default; if it was called owner, give it the alias "owner"`
	if found[0].Remedy != backward {
		t.Errorf("got %q", found[0].Remedy)
	}
	if !strings.Contains(found[1].Remedy, "keep writing owner") ||
		!strings.Contains(found[1].Remedy, "If owner was renamed to holder") {
		t.Errorf("got %q", found[1].Remedy)
	}
	if text := found[0].String(); !strings.HasPrefix(text, "R.holder: backward (missing-default): ") {
		t.Errorf("got %s", text)
	}
}
