package records

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

// Keys are in the order of their texts, whatever is behind them, and none is among another's.
func TestOrderedTexts(t *testing.T) {
	text := rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 2, 'a', 254, 255}), 0, 5).Draw(t, "text"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		behindA, behindB := text.Draw(t, "behind a"), text.Draw(t, "behind b")
		keyA := append(AppendOrdered(nil, a), behindA...)
		keyB := append(AppendOrdered(nil, b), behindB...)
		if want := strings.Compare(a, b); want != 0 && bytes.Compare(keyA, keyB) != want {
			t.Fatalf("%q is compared with %q as %d", keyA, keyB, bytes.Compare(keyA, keyB))
		}
		if a != b && bytes.HasPrefix(keyA, AppendOrdered(nil, b)) {
			t.Fatalf("%q is among the keys of %q", keyA, b)
		}
	})
}

// A text that was put into a key comes out of it, and so does what is behind it.
func TestOrderedTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.SampledFrom([]byte{0, 1, 2, 'a', 255})).Draw(t, "text"))
		behind := rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "behind")
		got, rest, ok := CutOrdered(append(AppendOrdered(nil, text), behind...))
		if !ok || got != text || !bytes.Equal(rest, behind) {
			t.Fatalf("%q with %q behind it is read as %q, %q, %v", text, behind, got, rest, ok)
		}
	})
}

// ids are UUIDs, texts that nearly are, and others.
var ids = rapid.OneOf(
	rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
	rapid.StringMatching(`[0-9a-fA-Fg]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}[-_][0-9a-f]{12}`),
	rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 2, 'a', 255}), 0, 4).Draw(t, "other"))
	}),
)

// No two IDs have one key, none is among the keys of another, and each comes out of its own.
func TestIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := ids.Draw(t, "a"), ids.Draw(t, "b")
		behind := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "behind")
		key := append(AppendID(nil, a), behind...)
		if among := bytes.HasPrefix(key, AppendID(nil, b)); among != (a == b) {
			t.Fatalf("%q is among the keys of %q: %v", a, b, among)
		}
		if got, rest, ok := CutID(key); !ok || got != a || !bytes.Equal(rest, behind) {
			t.Fatalf("%q with %q behind it is read as %q, %q, %v", a, behind, got, rest, ok)
		}
	})
	if key := AppendID(nil, "0190b6a5-7c5e-7d3a-8f4e-0123456789ab"); len(key) != 18 {
		t.Errorf("a UUID has %d bytes", len(key))
	}
}

// Behind a prefix are exactly the keys that are greater and don't begin with it.
func TestBehind(t *testing.T) {
	bytesOf := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 254, 255}), 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		prefix, key := bytesOf.Draw(t, "prefix"), bytesOf.Draw(t, "key")
		behind := Behind(prefix)
		want := bytes.Compare(key, prefix) > 0 && !bytes.HasPrefix(key, prefix)
		if is := behind != nil && bytes.Compare(key, behind) >= 0; is != want {
			t.Fatalf("%v is behind %v: %v", key, prefix, is)
		}
	})
}

// recordsDrawn are records whose headers often follow from their keys, and the sequences of these.
func recordsDrawn(t *rapid.T) (r *kgo.Record, sequence int64) {
	sequence = rapid.Int64Range(1, 12).Draw(t, "sequence")
	r = &kgo.Record{
		Key:       []byte(rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "key")),
		Timestamp: time.UnixMilli(rapid.Int64Range(-1, 1<<42).Draw(t, "timestamp")).UTC(),
		Offset:    rapid.Int64Range(0, 1<<40).Draw(t, "offset"),
		Value:     rapid.SliceOf(rapid.Byte()).Draw(t, "value"),
	}
	value := rapid.OneOf(ids, rapid.String(), rapid.SampledFrom([]string{
		"", "1.0", string(r.Key), fmt.Sprint(sequence), fmt.Sprintf("%s/%d", r.Key, sequence),
		r.Timestamp.Format(time.RFC3339Nano), r.Timestamp.Add(-time.Second).Format(time.RFC3339Nano),
		"2026-11-29T08:00:00.000Z", "2026-11-29T09:00:00+01:00", "2026-11-29T08:00:00.123456Z",
	}))
	name := rapid.OneOf(rapid.SampledFrom(names[1:]), rapid.StringN(0, 3, -1))
	for range rapid.IntRange(0, 14).Draw(t, "headers") {
		r.Headers = append(r.Headers, kgo.RecordHeader{
			Key: name.Draw(t, "name"), Value: []byte(value.Draw(t, "header")),
		})
	}
	return r, sequence
}

// A record is read as it was written, the last header of a name.
func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, sequence := recordsDrawn(t)
		want := make(map[string]string)
		for _, h := range r.Headers {
			want[h.Key] = string(h.Value)
		}
		encoded := Encode(r, sequence)
		got, err := Decode(encoded, r.Key, sequence)
		if err != nil || !got.Timestamp.Equal(r.Timestamp) || got.Offset != r.Offset ||
			!bytes.Equal(got.Key, r.Key) || !bytes.Equal(got.Value, r.Value) {
			t.Fatalf("got %+v, %v", got, err)
		}
		headers := make(map[string]string)
		for _, h := range got.Headers {
			headers[h.Key] = string(h.Value)
		}
		if !reflect.DeepEqual(headers, want) || len(got.Headers) != len(want) {
			t.Fatalf("got %v, want %v", got.Headers, want)
		}
		shuffled := *r
		shuffled.Headers = rapid.Permutation(got.Headers).Draw(t, "order")
		if !bytes.Equal(Encode(&shuffled, sequence), encoded) {
			t.Fatal("the bytes depend on the order of the headers")
		}
	})
}

// Each header that has a number is found by it.
func TestNumbersOfHeaders(t *testing.T) {
	for number, name := range names {
		if numberOf(name) != number {
			t.Errorf("%q has the number %d, want %d", name, numberOf(name), number)
		}
	}
}

// What follows from an event's key and its time takes a byte or few; G2's IDs are such.
func TestOrdinaryEventIsSmall(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_123).UTC()
	const command = "0190b6a5-7c5e-7d3a-8f4e-0123456789ab"
	r := &kgo.Record{Key: []byte("account-1"), Timestamp: at.Add(5 * time.Millisecond), Offset: 1 << 20}
	for name, value := range map[string]string{
		"ce_specversion": "1.0", "ce_id": "account-1/7", "ce_subject": "account-1", "ce_sequence": "7",
		"ce_time": at.Format(time.RFC3339Nano), "ce_causationid": command, "ce_correlationid": command,
	} {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
	}
	// The timestamp, the offset, five headers, the time, the causation, the end.
	if got := len(Encode(r, 7)); got > 6+3+5+2+17+1 {
		t.Errorf("an event without type, source and value takes %d bytes", got)
	}
}

// Whatever bytes a record is read from: nothing breaks, and what is read is written the same.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(Encode(&kgo.Record{Value: []byte("x"), Headers: []kgo.RecordHeader{{Key: "a"}}}, 3))
	f.Add(Encode(&kgo.Record{Key: []byte("a"), Headers: []kgo.RecordHeader{
		{Key: "ce_id", Value: []byte("a/3")},
		{Key: "ce_time", Value: []byte("2026-11-29T08:00:00Z")},
		{Key: "ce_causationid", Value: []byte("0190b6a5-7c5e-7d3a-8f4e-0123456789ab")},
		{Key: "ce_correlationid", Value: []byte("0190b6a5-7c5e-7d3a-8f4e-0123456789ab")},
	}}, 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b, []byte("a"), 3)
		if err != nil {
			return
		}
		again, err := Decode(Encode(r, 3), []byte("a"), 3)
		if err != nil || !bytes.Equal(again.Value, r.Value) || again.Offset != r.Offset {
			t.Errorf("%+v is read again as %+v, %v", r, again, err)
		}
	})
}
