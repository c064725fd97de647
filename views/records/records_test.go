package records

import (
	"bytes"
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

// A record is read as it was written, headers sorted, the last of a name.
func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfDistinct(rapid.StringN(0, 5, -1), rapid.ID[string]).Draw(t, "names")
		r := &kgo.Record{
			Timestamp: time.UnixMilli(rapid.Int64Range(-1, 1<<42).Draw(t, "time")).UTC(),
			Value:     rapid.SliceOf(rapid.Byte()).Draw(t, "value"),
		}
		want := make(map[string]string)
		for _, name := range append(names, names...) {
			value := rapid.String().Draw(t, "header")
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
			want[name] = value
		}
		encoded := Encode(r)
		got, err := Decode(encoded)
		if err != nil || !got.Timestamp.Equal(r.Timestamp) || !bytes.Equal(got.Value, r.Value) {
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
		if !bytes.Equal(Encode(&shuffled), encoded) {
			t.Fatal("the bytes depend on the order of the headers")
		}
	})
}

// Whatever bytes a record is read from: nothing breaks, and what is read is written the same.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(Encode(&kgo.Record{Value: []byte("x"), Headers: []kgo.RecordHeader{{Key: "a"}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Decode(Encode(r))
		if err != nil || !bytes.Equal(again.Value, r.Value) {
			t.Errorf("%+v is read again as %+v, %v", r, again, err)
		}
	})
}
