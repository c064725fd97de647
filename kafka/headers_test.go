package kafka_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"refold/kafka"
)

func TestPackedHeadersComeBackInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []kgo.RecordHeader
		var packed []byte
		for range rapid.IntRange(0, 20).Draw(t, "headers") {
			h := kgo.RecordHeader{
				Key:   rapid.String().Draw(t, "name"),
				Value: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "value"),
			}
			want = append(want, h)
			packed = kafka.AppendPackedHeader(packed, h.Key, h.Value)
		}
		got, err := kafka.UnpackHeaders(nil, packed)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Whatever is unpacked packs to bytes that unpack to the same; everything else is an error.
func FuzzUnpackHeaders(f *testing.F) {
	f.Add([]byte{})
	f.Add(kafka.AppendPackedHeader(nil, "ce_id", []byte("1")))
	f.Add([]byte{200, 1, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		headers, err := kafka.UnpackHeaders(nil, b)
		if err != nil {
			if !errors.Is(err, kafka.ErrNotPacked) {
				t.Fatal(err)
			}
			return
		}
		var packed []byte
		for _, h := range headers {
			packed = kafka.AppendPackedHeader(packed, h.Key, h.Value)
		}
		again, err := kafka.UnpackHeaders(nil, packed)
		if err != nil || len(again) != len(headers) {
			t.Fatalf("%v, %v", again, err)
		}
		for i := range again {
			if again[i].Key != headers[i].Key || !bytes.Equal(again[i].Value, headers[i].Value) {
				t.Fatalf("%v is %v", headers[i], again[i])
			}
		}
	})
}
