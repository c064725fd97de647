package codecs_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
)

// A frame has the headers of the metadata, and the value as Set.Encode writes it.
func TestFramedCodecSaysTheSame(t *testing.T) {
	events := set(t, client(t, server(t).URL()), bankTypes()...)
	full := metadata()
	full.ExpectedSequence = number(3)
	for name, message := range map[string]*codecs.Message{
		"no metadata": {Metadata: new(eventsourcing.Metadata), Data: deposited()},
		"all of it":   {Metadata: &full, Data: deposited()},
		"extra":       {Metadata: &full, Data: deposited(), Extra: []codecs.Header{{"a", "b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			frame, err := events.FramedCodec().Encode(message)
			if err != nil {
				t.Fatal(err)
			}
			split, err := kafka.SplitFrame(nil, frame)
			if err != nil {
				t.Fatal(err)
			}
			headers, value := split.Headers, split.Value
			got := goka.Headers{}
			for _, h := range headers {
				got[h.Key] = h.Value
			}
			want := codecs.Headers(*message.Metadata)
			for _, h := range message.Extra {
				want[h.Name] = []byte(h.Value)
			}
			if !reflect.DeepEqual(got, want) || len(headers) != len(want) {
				t.Errorf("headers: got %s, want %s", headers, want)
			}
			if want, _ := events.Encode(deposited()); !bytes.Equal(value, want) {
				t.Errorf("value: got %x, want %x", value, want)
			}
			if v, err := events.FramedCodec().Decode(frame); err != nil || v != deposited() {
				t.Errorf("decoded: %v, %v", v, err)
			}
			if m, err := codecs.MetadataFromRecord(headers); (err == nil) != (message.Metadata.ID != "") ||
				err == nil && !reflect.DeepEqual(m, *message.Metadata) {
				t.Errorf("metadata: %v, %v", m, err)
			}
		})
	}
}

func TestFramedCodecRefusesOthers(t *testing.T) {
	c := set(t, client(t, server(t).URL()), bankTypes()...).FramedCodec()
	if _, err := c.Encode(deposited()); err == nil {
		t.Error("no error for a value that is no message")
	}
	if _, err := c.Decode([]byte{1, 2, 3}); err == nil {
		t.Error("no error for bytes that are no frame")
	}
}

func BenchmarkFramedEncode(b *testing.B) {
	c := set(b, client(b, server(b).URL()), bankTypes()...).FramedCodec()
	m := metadata()
	message := &codecs.Message{Metadata: &m, Data: deposited()}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Encode(message); err != nil {
			b.Fatal(err)
		}
	}
}
