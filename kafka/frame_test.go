package kafka_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"refold/kafka"
)

func TestFramesHoldRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 0, 300), rapid.Just[[]byte](nil))
		want := &kgo.Record{Key: some.Draw(t, "key"), Value: some.Draw(t, "record's value")}
		for range rapid.IntRange(0, 20).Draw(t, "headers") {
			want.Headers = append(want.Headers, kgo.RecordHeader{
				Key: rapid.StringN(0, 3, -1).Draw(t, "name"), Value: some.Draw(t, "value"),
			})
		}
		frame := kafka.AppendFrame([]byte("before"), want)[len("before"):]
		if most := kafka.FrameBytes(want); len(frame) > most {
			t.Fatalf("%d bytes, said to be at most %d", len(frame), most)
		}
		got, err := kafka.SplitFrame(nil, frame)
		if err != nil {
			t.Fatal(err)
		}
		whole := kafka.Frame{Headers: want.Headers, Value: want.Value, NoKey: want.Key == nil}
		if diff := cmp.Diff(whole, got); diff != "" { // nil is not empty
			t.Fatal(diff)
		}
	})
}

// What splits makes a frame that splits into the same; everything else is an error.
func FuzzSplitFrame(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0})
	f.Add([]byte{1})
	f.Add([]byte{2})
	f.Add([]byte{3, 1})
	f.Add([]byte{5, 'a', 0, 3})
	f.Add([]byte{200, 1, 2})
	f.Add(append(kafka.EndHeaders(kafka.AppendHeader(nil, "ce_id", "1")), "value"...))
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		split, err := kafka.SplitFrame(nil, b)
		if err != nil {
			if !errors.Is(err, kafka.ErrNotFrame) {
				t.Fatal(err)
			}
			return
		}
		r := &kgo.Record{Headers: split.Headers, Value: split.Value}
		if !split.NoKey {
			r.Key = []byte{}
		}
		again, err := kafka.SplitFrame(nil, kafka.AppendFrame(nil, r))
		if diff := cmp.Diff(split, again); err != nil || diff != "" {
			t.Fatalf("%v, %s", err, diff)
		}
	})
}

// Splitting allocates nothing when there is room for the headers.
func TestSplitFrameCopiesNothing(t *testing.T) {
	frame := append(kafka.EndHeaders(kafka.AppendHeader(nil, "ce_id", "1")), "value"...)
	room := make([]kgo.RecordHeader, 0, 1)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := kafka.SplitFrame(room, frame); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
