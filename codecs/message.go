package codecs

import (
	"cmp"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/eventsourcing"
)

// Message is a record to be written.
type Message struct {
	Metadata *eventsourcing.Metadata // becomes headers
	Data     any                     // becomes the value
	Extra    []Header                // follow the headers of the metadata
}

// Header is a name and a value.
type Header struct{ Name, Value string }

// Encoded is a message as headers and value. Its memory is the Buffer's.
type Encoded struct {
	Headers []kgo.RecordHeader
	Value   []byte
}

// Buffer is memory that messages are encoded into, to be used again. Its zero value is empty.
type Buffer struct {
	bytes   []byte
	headers []kgo.RecordHeader
	// time is what timeText says: the messages of a command, and many that follow, have the same.
	time     time.Time
	timeText []byte
}

// maxBufferBytes keeps one large record from holding its memory for good.
const maxBufferBytes = 64 << 10

// Reset empties the buffer. What was encoded must not be used any more.
func (b *Buffer) Reset() {
	if cap(b.bytes) > maxBufferBytes {
		b.bytes = nil
	}
	clear(b.headers)
	b.bytes, b.headers = b.bytes[:0], b.headers[:0]
}

// EncodeMessage encodes a message into a buffer: the metadata as [Headers] has it, in a fixed order, with the
// type that is written (see [Set.WrittenType]); then the extra headers; the data as [Set.Encode] has it, with
// its errors, or with its schema ID as the last header if RegistrySettings.SchemaIDs says so. It allocates
// nothing if there is room.
func (s *Set) EncodeMessage(b *Buffer, m *Message) (Encoded, error) {
	start := len(b.headers)
	typeName := m.Metadata.Type
	if s.WritesFormer() {
		typeName = cmp.Or(s.WrittenType(m.Data), typeName)
	}
	b.metadata(m.Metadata, typeName)
	for i := range m.Extra {
		addText(b, m.Extra[i].Name, m.Extra[i].Value)
	}
	value := len(b.bytes)
	bytes, err := s.AppendEncode(b.bytes, m.Data)
	if err != nil {
		return Encoded{}, err
	}
	b.bytes = bytes
	id, data := s.place(b.bytes[value:len(b.bytes):len(b.bytes)])
	if id != nil {
		b.headers = append(b.headers, kgo.RecordHeader{Key: HeaderValueSchemaID, Value: id})
	}
	return Encoded{Headers: b.headers[start:len(b.headers):len(b.headers)], Value: data}, nil
}

// addText adds a header. What was added before stays where it is when the buffer grows.
func addText[V string | []byte](b *Buffer, name string, value V) {
	start := len(b.bytes)
	b.bytes = append(b.bytes, value...)
	b.add(name, start)
}

// add adds a header whose value has been appended to the bytes.
func (b *Buffer) add(name string, start int) {
	value := b.bytes[start:len(b.bytes):len(b.bytes)]
	b.headers = append(b.headers, kgo.RecordHeader{Key: name, Value: value})
}

// metadata adds what [Headers] returns, in a fixed order.
func (b *Buffer) metadata(m *eventsourcing.Metadata, typeName string) {
	b.headers = append(b.headers, kgo.RecordHeader{Key: HeaderSpecVersion, Value: specVersionBytes})
	text := func(name, value string) {
		if value != "" {
			addText(b, name, value)
		}
	}
	text(HeaderID, m.ID)
	text(HeaderSource, m.Source)
	text(HeaderType, typeName)
	text(HeaderSubject, m.Subject)
	text(HeaderCorrelationID, m.CorrelationID)
	text(HeaderCausationID, m.CausationID)
	text(HeaderTraceparent, m.Traceparent)
	if !m.Time.IsZero() {
		if !m.Time.Equal(b.time) {
			b.time, b.timeText = m.Time, m.Time.UTC().AppendFormat(b.timeText[:0], time.RFC3339Nano)
		}
		addText(b, HeaderTime, b.timeText)
	}
	number := func(name string, n int64) {
		start := len(b.bytes)
		b.bytes = strconv.AppendInt(b.bytes, n, 10)
		b.add(name, start)
	}
	if m.Sequence != 0 {
		number(HeaderSequence, m.Sequence)
	}
	if m.ExpectedSequence != nil {
		number(HeaderExpectedSequence, *m.ExpectedSequence)
	}
}
