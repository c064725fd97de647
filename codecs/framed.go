package codecs

import (
	"fmt"
	"strconv"
	"time"

	"github.com/lovoo/goka"

	"refold/eventsourcing"
	"refold/kafka"
)

// Message is a record to be written.
type Message struct {
	Metadata *eventsourcing.Metadata // becomes headers
	Data     any                     // becomes the value
	Extra    []Header                // follow the headers of the metadata
}

// Header is a name and a value.
type Header struct{ Name, Value string }

// FramedCodec returns a Goka codec that encodes a *[Message] as a frame, headers and value in one.
// It decodes the value of a frame, as [Set.Codec] does. kafka.FramedCodec explains frames.
func (s *Set) FramedCodec() goka.Codec { return framedCodec{codec{s}} }

type framedCodec struct{ codec }

var _ kafka.FramedCodec = framedCodec{}

// Framed marks the codec.
func (framedCodec) Framed() {}

// Encode returns the frame of a *Message.
func (c framedCodec) Encode(v any) ([]byte, error) {
	m, is := v.(*Message)
	if !is {
		return nil, fmt.Errorf("a framed codec encodes a *codecs.Message, not a %T", v)
	}
	return encodeExactly(func(dst []byte) ([]byte, error) { return m.appendFrame(dst, c.set) })
}

// Decode decodes the frame's value.
func (c framedCodec) Decode(frame []byte) (any, error) {
	split, err := kafka.SplitFrame(nil, frame)
	if err != nil {
		return nil, err
	}
	return c.codec.Decode(split.Value)
}

func (m *Message) appendFrame(b []byte, set *Set) ([]byte, error) {
	b = appendHeaders(b, m.Metadata)
	for i := range m.Extra {
		b = kafka.AppendHeader(b, m.Extra[i].Name, m.Extra[i].Value)
	}
	return set.AppendEncode(kafka.EndHeaders(b), m.Data)
}

// appendHeaders adds what [Headers] returns, in a fixed order.
func appendHeaders(b []byte, m *eventsourcing.Metadata) []byte {
	b = kafka.AppendHeader(b, HeaderSpecVersion, specVersion)
	text := func(name, value string) {
		if value != "" {
			b = kafka.AppendHeader(b, name, value)
		}
	}
	text(HeaderID, m.ID)
	text(HeaderSource, m.Source)
	text(HeaderType, m.Type)
	text(HeaderSubject, m.Subject)
	text(HeaderCorrelationID, m.CorrelationID)
	text(HeaderCausationID, m.CausationID)
	text(HeaderTraceparent, m.Traceparent)
	var scratch [len("2006-01-02T15:04:05.999999999Z")]byte
	if !m.Time.IsZero() {
		b = kafka.AppendHeader(b, HeaderTime,
			m.Time.UTC().AppendFormat(scratch[:0], time.RFC3339Nano))
	}
	if m.Sequence != 0 {
		b = kafka.AppendHeader(b, HeaderSequence, strconv.AppendInt(scratch[:0], m.Sequence, 10))
	}
	if m.ExpectedSequence != nil {
		b = kafka.AppendHeader(b, HeaderExpectedSequence,
			strconv.AppendInt(scratch[:0], *m.ExpectedSequence, 10))
	}
	return b
}
