package codecs_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/eventsourcing"
)

// A message becomes the headers of its metadata, and the value as Set.Encode writes it.
func TestEncodeMessageSaysTheSame(t *testing.T) {
	events := set(t, client(t, server(t).URL()), bankTypes()...)
	var buffer codecs.Buffer
	full := metadata()
	full.ExpectedSequence = number(3)
	for name, message := range map[string]*codecs.Message{
		"no metadata": {Metadata: new(eventsourcing.Metadata), Data: deposited()},
		"all of it":   {Metadata: &full, Data: deposited()},
		"extra":       {Metadata: &full, Data: deposited(), Extra: []codecs.Header{{"a", "b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			encoded, err := events.EncodeMessage(&buffer, message)
			if err != nil {
				t.Fatal(err)
			}
			headers, value := encoded.Headers, encoded.Value
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
			if m, err := codecs.MetadataFromRecord(headers); (err == nil) != (message.Metadata.ID != "") ||
				err == nil && !reflect.DeepEqual(m, *message.Metadata) {
				t.Errorf("metadata: %v, %v", m, err)
			}
		})
	}
}

// Messages that are encoded one after the other don't disturb each other, whatever the buffer had before.
func TestBuffersAreUsedAgain(t *testing.T) {
	events := set(t, client(t, server(t).URL()), bankTypes()...)
	var buffer codecs.Buffer
	for range 3 {
		var all []codecs.Encoded
		var want []eventsourcing.Metadata
		for i := range 20 {
			m := metadata()
			m.ID, m.Time = strings.Repeat("x", 1+i*17), m.Time.Add(time.Duration(i/3)*time.Millisecond)
			encoded, err := events.EncodeMessage(&buffer, &codecs.Message{Metadata: &m, Data: deposited()})
			if err != nil {
				t.Fatal(err)
			}
			all, want = append(all, encoded), append(want, m)
		}
		for i, encoded := range all {
			got, err := codecs.MetadataFromRecord(encoded.Headers)
			if err != nil || !reflect.DeepEqual(got, want[i]) {
				t.Errorf("message %d: %+v, %v; want %+v", i, got, err, want[i])
			}
			if v, err := events.Decode(t.Context(), encoded.Value); err != nil || v != deposited() {
				t.Errorf("message %d: %v, %v", i, v, err)
			}
		}
		buffer.Reset()
	}
}

func BenchmarkEncodeMessage(b *testing.B) {
	events := set(b, client(b, server(b).URL()), bankTypes()...)
	var buffer codecs.Buffer
	m := metadata()
	message := &codecs.Message{Metadata: &m, Data: deposited()}
	b.ReportAllocs()
	for b.Loop() {
		buffer.Reset()
		if _, err := events.EncodeMessage(&buffer, message); err != nil {
			b.Fatal(err)
		}
	}
}
