package kafka_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"refold/kafka"
)

func TestFramesHoldRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SliceOfN(rapid.Byte(), 0, 300)
		want := &kgo.Record{Value: some.Draw(t, "record's value")}
		for range rapid.IntRange(0, 20).Draw(t, "headers") {
			want.Headers = append(want.Headers, kgo.RecordHeader{
				Key: rapid.String().Draw(t, "name"), Value: some.Draw(t, "value"),
			})
		}
		frame := kafka.AppendFrame([]byte("before"), want)[len("before"):]
		if most := kafka.FrameBytes(want); len(frame) > most {
			t.Fatalf("%d bytes, said to be at most %d", len(frame), most)
		}
		headers, value, err := kafka.SplitFrame(nil, frame)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Headers, headers, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(want.Value, value, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// What splits makes a frame that splits into the same; everything else is an error.
func FuzzSplitFrame(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0})
	f.Add([]byte{1})
	f.Add([]byte{200, 1, 2})
	f.Add(append(kafka.EndHeaders(kafka.AppendHeader(nil, "ce_id", "1")), "value"...))
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		headers, value, err := kafka.SplitFrame(nil, b)
		if err != nil {
			if !errors.Is(err, kafka.ErrNotFrame) {
				t.Fatal(err)
			}
			return
		}
		frame := kafka.AppendFrame(nil, &kgo.Record{Headers: headers, Value: value})
		again, valueAgain, err := kafka.SplitFrame(nil, frame)
		if diff := cmp.Diff(headers, again, cmpopts.EquateEmpty()); err != nil || diff != "" ||
			!bytes.Equal(value, valueAgain) {
			t.Fatalf("%v, %q %q, %s", err, value, valueAgain, diff)
		}
	})
}

// Splitting allocates nothing when there is room for the headers.
func TestSplitFrameCopiesNothing(t *testing.T) {
	frame := append(kafka.EndHeaders(kafka.AppendHeader(nil, "ce_id", "1")), "value"...)
	room := make([]kgo.RecordHeader, 0, 1)
	if n := testing.AllocsPerRun(100, func() {
		if _, _, err := kafka.SplitFrame(room, frame); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
