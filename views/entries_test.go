package views

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"refold/eventsourcing"
)

func times(t *rapid.T) time.Time {
	return time.UnixMilli(rapid.Int64Range(-1<<40, 1<<50).Draw(t, "time")).UTC()
}

var value = rapid.SliceOfN(rapid.Byte(), 0, 20)

// An entry of an index is read as it was written, its key too.
func TestEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := entry{
			typeName: rapid.OneOf(rapid.String(), rapid.Just(resultType)).Draw(t, "type"), time: times(t),
			value: value.Draw(t, "value"), repeated: rapid.Bool().Draw(t, "repeated"),
			plain: rapid.Bool().Draw(t, "plain"), source: rapid.String().Draw(t, "source"),
		}
		got, err := decodeEntry(want.encode())
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(entry{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
		id, subject := rapid.String().Draw(t, "id"), rapid.String().Draw(t, "subject")
		offset := rapid.Int64Min(0).Draw(t, "offset")
		key := binary.BigEndian.AppendUint64(commandPrefix(subject, id), uint64(offset))
		gotID, gotSubject, gotOffset, err := decodeKey(key)
		if err != nil || gotID != id || gotSubject != subject || gotOffset != offset {
			t.Fatalf("the key of %q to %q at %d is read as %q, %q, %d, %v", id, subject, offset,
				gotID, gotSubject, gotOffset, err)
		}
	})
}

// A message of a trace is read as it was written, with the ID that follows from the rest or another one.
func TestTraceEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(label string) string { return rapid.String().Draw(t, label) }
		want := traceEntry{
			id: text("id"), causation: text("causation"), correlation: text("correlation"),
			subject: text("subject"), typeName: text("type"), reason: text("reason"), time: times(t),
			sequence: rapid.Int64().Draw(t, "sequence"), repeated: rapid.Bool().Draw(t, "repeated"),
			origin: Place{text("topic"), rapid.Int32().Draw(t, "partition"), rapid.Int64().Draw(t, "offset")},
			value:  value.Draw(t, "value"),
		}
		if rapid.Bool().Draw(t, "ordinary") {
			want.id = want.idByRest()
		}
		got, err := decodeTraceEntry(want.encode())
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(traceEntry{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
	})
}

// The bounds of an index are read as they were written.
func TestBoundsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := bounds{
			start: rapid.Int64().Draw(t, "start"), swept: rapid.Int64().Draw(t, "swept"),
			kept: rapid.Bool().Draw(t, "kept"),
		}
		if got, err := decodeBounds(want.encode()); err != nil || got != want {
			t.Fatalf("%+v is read as %+v, %v", want, got, err)
		}
	})
}

// Whatever bytes an entry, a key, a message or bounds are read from: nothing breaks, and what is read is
// written the same.
func FuzzEntries(f *testing.F) {
	f.Add([]byte(nil))
	f.Add((&entry{typeName: "Add", time: time.UnixMilli(1), value: []byte("x"), plain: true}).encode())
	f.Add((&entry{typeName: resultType, repeated: true}).encode())
	f.Add((&traceEntry{id: "c/result", causation: "c", time: time.UnixMilli(1)}).encode())
	f.Add((&traceEntry{id: "a/1", sequence: 1, subject: "a", typeName: "Added"}).encode())
	f.Add((&traceEntry{id: "x", reason: "bug", origin: Place{"topic", 1, 2}}).encode())
	f.Add(bounds{start: 5, swept: 3, kept: true}.encode())
	f.Add(append(commandPrefix("a", "0190b6a5-7c5e-7d3a-8f4e-0123456789ab"), make([]byte, offsetBytes)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := decodeEntry(b); err == nil {
			if again, err := decodeEntry(e.encode()); err != nil || !cmp.Equal(e, again,
				cmp.AllowUnexported(entry{}), cmpopts.EquateEmpty()) {
				t.Errorf("%+v is read again as %+v, %v", e, again, err)
			}
		}
		if e, err := decodeTraceEntry(b); err == nil {
			if again, err := decodeTraceEntry(e.encode()); err != nil || !cmp.Equal(e, again,
				cmp.AllowUnexported(traceEntry{}), cmpopts.EquateEmpty()) {
				t.Errorf("%+v is read again as %+v, %v", e, again, err)
			}
		}
		if limits, err := decodeBounds(b); err == nil && !bytes.Equal(limits.encode(), b) {
			t.Errorf("%v is read as %+v", b, limits)
		}
		if id, subject, offset, err := decodeKey(b); err == nil {
			key := binary.BigEndian.AppendUint64(commandPrefix(subject, id), uint64(offset))
			gotID, gotSubject, gotOffset, err := decodeKey(key)
			if err != nil || gotID != id || gotSubject != subject || gotOffset != offset {
				t.Errorf("the key of %q to %q at %d is read as %q, %q, %d, %v", id, subject, offset,
					gotID, gotSubject, gotOffset, err)
			}
		}
	})
}

// Spans that results name are joined such that each event that may be is in exactly one.
func TestJoinedSpans(t *testing.T) {
	sequences := rapid.OneOf(rapid.Int64Range(-2, 12), rapid.Int64())
	rapid.Check(t, func(t *rapid.T) {
		spans := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) span {
			return span{
				partition: rapid.Int32Range(0, 1).Draw(t, "partition"),
				subject:   rapid.SampledFrom([]string{"a", "b"}).Draw(t, "subject"),
				first:     sequences.Draw(t, "first"), last: sequences.Draw(t, "last"),
			}
		}), 0, 6).Draw(t, "spans")
		in := func(spans []span, of span, sequence int64) (n int) {
			for _, s := range spans {
				if s.partition == of.partition && s.subject == of.subject &&
					s.first <= sequence && sequence <= s.last {
					n++
				}
			}
			return n
		}
		joined := joinedSpans(slices.Clone(spans))
		for _, s := range joined {
			if s.first > s.last || s.first < 1 || s.last > maxSequence {
				t.Fatalf("%+v is joined to %+v", spans, joined)
			}
		}
		for _, s := range spans {
			drawn := rapid.Int64Range(1, 12).Draw(t, "sequence")
			for _, sequence := range []int64{s.first, s.last, 1, drawn} {
				want := min(1, in(spans, s, sequence))
				if sequence < 1 || sequence > maxSequence {
					want = 0
				}
				if got := in(joined, s, sequence); got != want {
					t.Fatalf("%+v is joined to %+v: event %d of %s is in %d", spans, joined, sequence,
						s.subject, got)
				}
			}
		}
	})
}

// Of an ordinary command there are three rows, one of each topic, whatever is kept of it; and they are small.
func TestRowsOfCommands(t *testing.T) {
	c := openCopies(t)
	const commands = 500
	for i, records := range makeCommands(0, commands) {
		must(t, c.parts[i].Apply(records[0]))
		for _, r := range records[1:] {
			must(t, c.parts[i].Apply(r))
		}
	}
	rows, size := c.count(t)
	if rows != 3*commands {
		t.Errorf("%d commands take %d rows", commands, rows)
	}
	if most := 320 * commands; size > most {
		t.Errorf("%d commands take %d bytes, more than %d", commands, size, most)
	}
}

// Headers of which an index is made say which messages need no row of their own.
func TestPlainMessages(t *testing.T) {
	of := func(id, causation, correlation string) heads {
		return heads{id: []byte(id), causation: []byte(causation), correlation: []byte(correlation)}
	}
	result := eventsourcing.ResultID("c")
	for _, test := range []struct {
		kind Kind
		heads
		want bool
	}{
		{KindCommand, of("c", "", ""), true},
		{KindCommand, of("c", "", "c"), true},
		{KindCommand, of("c", "", "d"), false},
		{KindCommand, of("c", "d", "c"), false},
		{KindCommand, of("", "", ""), false},
		{KindResult, of(result, "c", "c"), true},
		{KindResult, of(result, "c", "d"), false},
		{KindResult, of("other", "c", "c"), false},
		{KindResult, of(eventsourcing.ResultID(""), "", ""), false},
		{KindEvent, of("a/1", "c", "c"), true},
		{KindEvent, of("a/1", "c", "d"), false},
		{KindEvent, of("a/1", "", ""), false},
		{KindEvent, of("", "c", "c"), false},
		{KindDeadLetter, of("a/1", "c", "c"), false},
	} {
		if got := test.plain(test.kind); got != test.want {
			t.Errorf("%v %+v: plain is %v", test.kind, test.heads, got)
		}
	}
}
