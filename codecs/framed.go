package codecs

import (
	"bytes"
	"cmp"
	"fmt"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs/protobuf"
	"refold/eventsourcing"
)

// HeaderValueSchemaID is the header in which the schema ID of a record's value may stand, instead of before
// the data, as Confluent Platform 8 has it. HeaderKeySchemaID is that of the key. Keys of this program's
// topics are plain text, so it is only shown.
const (
	HeaderValueSchemaID = "__value_schema_id"
	HeaderKeySchemaID   = "__key_schema_id"
)

// SchemaIDPlace says where the schema ID of a record that is written stands.
type SchemaIDPlace string

const (
	// InPrefix is the default: the ID stands before the data.
	InPrefix SchemaIDPlace = "prefix"
	// InHeader has it stand in the header [HeaderValueSchemaID].
	InHeader SchemaIDPlace = "header"
)

// Framed returns a record's value in the wire format, as [SplitWire] and [Set.Decode] take it. That is the
// value itself, unless the schema ID stands in a header: then it is a copy with the header's bytes in
// front, which are the ones that would stand there. A nil value stays nil. Of two headers with one name the
// last counts. A header that is too short for an ID leads to bytes that SplitWire refuses.
//
// It allocates nothing if there is no such header. Every value that comes from Kafka passes through here
// once, before it is decoded.
func Framed(headers []kgo.RecordHeader, value []byte) []byte {
	for i := len(headers) - 1; i >= 0; i-- {
		if headers[i].Key == HeaderValueSchemaID {
			return framed(headers[i].Value, value)
		}
	}
	return value
}

func framed(id, value []byte) []byte {
	if id == nil || value == nil {
		return value // Confluent's readers, too, take a header without a value for none
	}
	if _, _, err := SplitWire(id); err != nil {
		return bytes.Clone(id) // without the data, which might make up for what is missing
	}
	return append(append(make([]byte, 0, len(id)+len(value)), id...), value...)
}

// place puts an encoded value's schema ID where the registry's settings say: it returns the ID for the
// header, and the data behind it; no ID if the value stays as it is. Both share the value's memory. Of
// Protobuf the message indexes stand behind the ID, in the header as well (Confluent's SchemaId).
func (s *Set) place(value []byte) (id, data []byte) {
	if s.registry.settings.SchemaIDs != InHeader {
		return nil, value
	}
	at := wireNumberBytes
	if s.types[0].format == Protobuf { // as all types of a topic are
		if _, data, err := protobuf.SplitIndexes(value[at:]); err == nil {
			at = len(value) - len(data)
		}
	}
	return value[:at:at], value[at:]
}

// EncodeRecord returns a message as the value and the headers of a record, for clients that take headers as
// a map: value as [Set.Encode] has it, with its errors, and headers as [Headers] has them, with the type that
// is written (see [Set.WrittenType]), and with the schema ID if RegistrySettings.SchemaIDs says so.
func (s *Set) EncodeRecord(v any, m eventsourcing.Metadata) (value []byte, headers goka.Headers, err error) {
	encoded, err := s.Encode(v)
	if err != nil {
		return nil, nil, fmt.Errorf("encode %s %q: %w", m.Type, m.ID, err)
	}
	if s.WritesFormer() {
		m.Type = cmp.Or(s.WrittenType(v), m.Type)
	}
	headers = Headers(m)
	id, value := s.place(encoded)
	if id != nil {
		headers[HeaderValueSchemaID] = id
	}
	return value, headers, nil
}
