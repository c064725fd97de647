package eventsourcing_test

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"refold/eventsourcing"
)

func TestRecent_empty(t *testing.T) {
	var r eventsourcing.Recent
	if _, found := r.Find("c1"); found || r.Len() != 0 || r.Bytes() != nil {
		t.Errorf("the zero ring is not empty: %x", r.Bytes())
	}
	if r = r.Add("c1", eventsourcing.Entry{Code: "no"}, 0); r.Len() != 0 {
		t.Errorf("a ring of size 0 remembers something: %x", r.Bytes())
	}
}

// The bytes are stored in every row of every table: this test fails when their form changes. The
// hashes are what sha256sum says.
func TestRecent_format(t *testing.T) {
	r := eventsourcing.Recent{}.
		Add("c1", eventsourcing.Entry{FirstSequence: 300, LastSequence: 301}, 16).
		Add("c2", eventsourcing.Entry{Code: "no"}, 16)
	want := "\x01" +
		"\x03" + "\xd0\xf6\x31\xca\x1d\xdb\xa8\xdb\x3b\xcf\xcb\x9e\x05\x7c\xdc\x98" + "\xac\x02\x02" +
		"\x82" + "\x9c\x0a\xbe\x51\xc6\xe6\x65\x5d\x81\xde\x2d\x04\x4d\x4f\xb1\x94" + "no"
	if got := string(r.Bytes()); got != want {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

// An older ring is part of an older snapshot, which an aborted transaction goes back to.
func TestRecent_isAValue(t *testing.T) {
	entry := eventsourcing.Entry{Code: "no"}
	old := eventsourcing.Recent{}.Add("c1", entry, 2)
	kept := bytes.Clone(old.Bytes())
	one, other := old.Add("c2", entry, 2), old.Add("c3", entry, 2)
	if !bytes.Equal(old.Bytes(), kept) {
		t.Error("Add changed the ring that it was called on")
	}
	if _, found := one.Find("c3"); found {
		t.Error("two rings made from one share an entry")
	}
	if _, found := other.Find("c3"); !found {
		t.Error("the second ring lacks its own entry")
	}
}

// The ring against a slice of all that was added.
func TestRecent_property(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ring eventsourcing.Recent
		var model []told
		for i := range rapid.IntRange(0, 40).Draw(t, "commands") {
			o := told{strconv.Itoa(i), drawEntry(t)}
			size := rapid.IntRange(-1, 20).Draw(t, "size")
			ring = ring.Add(o.id, o.entry, size)
			model = append(model, o)
			model = model[max(0, len(model)-max(0, size)):]
		}
		if ring.Len() != len(model) {
			t.Fatalf("the ring has %d entries, the model %d", ring.Len(), len(model))
		}
		for _, o := range model {
			if got, found := ring.Find(o.id); !found || got != o.entry {
				t.Fatalf("%+v was added, found is %+v, %t", o, got, found)
			}
		}
		if _, found := ring.Find("never added"); found {
			t.Fatal("found what was never added")
		}
		parsed, err := eventsourcing.ParseRecent(bytes.Clone(ring.Bytes()))
		if err != nil || !parsed.Equal(ring) {
			t.Fatalf("parsed again it is %x, %v; was %x", parsed.Bytes(), err, ring.Bytes())
		}
	})
}

func drawEntry(t *rapid.T) eventsourcing.Entry {
	if rapid.Bool().Draw(t, "rejected") {
		return eventsourcing.Entry{Code: rapid.StringN(1, 64, 64).Draw(t, "code")}
	}
	first := rapid.Int64Range(1, math.MaxInt64).Draw(t, "first")
	return eventsourcing.Entry{
		FirstSequence: first,
		LastSequence:  rapid.Int64Range(first-1, math.MaxInt64).Draw(t, "last"),
	}
}

func TestEntry_Validate(t *testing.T) {
	for _, test := range []struct {
		entry eventsourcing.Entry
		want  string
	}{
		{eventsourcing.Entry{FirstSequence: 1, LastSequence: 1}, ""},
		{eventsourcing.Entry{FirstSequence: 1, LastSequence: 0}, ""},
		{eventsourcing.Entry{FirstSequence: math.MaxInt64, LastSequence: math.MaxInt64}, ""},
		{eventsourcing.Entry{Code: strings.Repeat("x", 64)}, ""},
		{eventsourcing.Entry{}, "accepted with sequences 0 to 0"},
		{eventsourcing.Entry{FirstSequence: 3, LastSequence: 1}, "accepted with sequences 3 to 1"},
		{
			eventsourcing.Entry{FirstSequence: math.MinInt64, LastSequence: math.MaxInt64},
			"accepted with sequences -9223372036854775808 to",
		},
		{eventsourcing.Entry{Code: strings.Repeat("x", 65)}, "code has 65 bytes, at most 64"},
		{eventsourcing.Entry{Code: "no", LastSequence: 1}, `rejected with "no", but with sequences`},
	} {
		err := test.entry.Validate()
		if test.want == "" && err != nil ||
			test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%+v: got %v, want %q", test.entry, err, test.want)
		}
		panics := false
		func() {
			defer func() { panics = recover() != nil }()
			eventsourcing.Recent{}.Add("c1", test.entry, 1)
		}()
		if panics != (err != nil) {
			t.Errorf("%+v: Add panics: %t, Validate says %v", test.entry, panics, err)
		}
	}
}

func TestParseRecent_malformed(t *testing.T) {
	hash := strings.Repeat("h", 16)
	tooMany := "\x01" + strings.Repeat("\x81"+hash+"x", eventsourcing.MaxRecentSize+1)
	last := "\xff\xff\xff\xff\xff\xff\xff\xff\x7f" // as a varint, the last sequence there is
	for _, test := range []struct{ name, bytes, want string }{
		{"unknown format", "\x02", "its format is 2, known is 1"},
		{"format without an entry", "\x01", "entry 0, at byte 1: cut off"},
		{"entry cut off in its hash", "\x01\x81" + hash[:15], "entry 0, at byte 1: cut off"},
		{"entry cut off in its code", "\x01\x82" + hash + "n", "entry 0, at byte 1: cut off"},
		{"second entry cut off", "\x01\x81" + hash + "x\x02", "entry 1, at byte 19: cut off"},
		{"empty code", "\x01\x80" + hash, "a code of 0 bytes"},
		{"long code", "\x01\xc1" + hash + strings.Repeat("x", 65), "a code of 65 bytes"},
		{"no numbers", "\x01\x00" + hash, "no two numbers"},
		{"one number", "\x01\x01" + hash + "\x01", "no two numbers"},
		{"three numbers", "\x01\x03" + hash + "\x01\x01\x01", "no two numbers"},
		{"number longer than needed", "\x01\x03" + hash + "\x81\x00\x01", "no two numbers"},
		{"number that does not end", "\x01\x02" + hash + "\x01\x81", "no two numbers"},
		{"sequence 0", "\x01\x02" + hash + "\x00\x01", "1 events from sequence 0 on"},
		{
			"beyond the last sequence", "\x01\x0a" + hash + last + "\x02",
			"2 events from sequence 9223372036854775807 on",
		},
		{"too many entries", tooMany, "more than 1024 entries"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := eventsourcing.ParseRecent([]byte(test.bytes))
			if !errors.Is(err, eventsourcing.ErrMalformedRecent) ||
				!strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if r.Len() != 0 {
				t.Errorf("beside the error came a ring with %d entries", r.Len())
			}
		})
	}
}

func FuzzParseRecent(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(full().Bytes())
	f.Add(full().Bytes()[:100])
	f.Add([]byte("\x01\x02hhhhhhhhhhhhhhhh\x01\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := eventsourcing.ParseRecent(b)
		if err != nil {
			if !errors.Is(err, eventsourcing.ErrMalformedRecent) {
				t.Fatalf("the error can't be told: %v", err)
			}
			return
		}
		if !bytes.Equal(r.Bytes(), b) {
			t.Fatalf("%x became %x", b, r.Bytes())
		}
		entry := eventsourcing.Entry{FirstSequence: 7, LastSequence: 8}
		more := r.Add("c1", entry, r.Len()+1)
		if got, found := more.Find("c1"); !found || got.Validate() != nil {
			t.Fatalf("added to %x and found %+v, %t", b, got, found)
		}
		if _, err := eventsourcing.ParseRecent(more.Bytes()); err != nil {
			t.Fatalf("added to %x it can't be parsed: %v", b, err)
		}
	})
}
