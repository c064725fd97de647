package history

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

// Events of one aggregate are together, the newest first, whatever bytes are in its ID; the sequence comes
// out of the key.
func TestKeysOfEvents(t *testing.T) {
	ids := rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 255}), 0, 3).Draw(t, "id"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := ids.Draw(t, "a"), ids.Draw(t, "b")
		m, n := rapid.Int64Min(1).Draw(t, "m"), rapid.Int64Min(1).Draw(t, "n")
		first, second := eventKey(a, m), eventKey(b, n)
		if among := bytes.HasPrefix(second, eventsOf(a)); among != (a == b) {
			t.Fatalf("event %d of %q is among those of %q: %v", n, b, a, among)
		}
		if a == b && bytes.Compare(first, second) < 0 != (m > n) {
			t.Fatalf("events %d and %d of %q are in the wrong order", m, n, a)
		}
		if got, is := sequenceIn(first); !is || got != m {
			t.Fatalf("event %d of %q is read as %d, %v", m, a, got, is)
		}
	})
	if _, is := sequenceIn([]byte("short")); is {
		t.Error("a key without a sequence has one")
	}
}

// A history keeps what has a key and a sequence from 1 on.
func TestWhatHasASequence(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "9223372036854775807": 1<<63 - 1, "0": 0, "-1": 0, "": 0, "x": 0, "9223372036854775808": 0,
	} {
		sequence := kgo.RecordHeader{Key: "ce_sequence", Value: []byte(text)}
		r := &kgo.Record{Key: []byte("a"), Headers: []kgo.RecordHeader{sequence}}
		if got, is := Sequence(r); is != (want > 0) || is && got != want {
			t.Errorf("%q is %d, %v", text, got, is)
		}
		r.Key = nil
		if _, is := Sequence(r); is {
			t.Errorf("%q without a key has a sequence", text)
		}
	}
}
