package codecs

import (
	"encoding/binary"
	"math"
)

const (
	wireMagic       = 0
	wireHeaderBytes = 5 // the magic byte and the schema ID, four bytes, big endian
)

// MaxSchemaID is the largest schema ID of the wire format: Java reads it as a signed number.
const MaxSchemaID = math.MaxInt32

// AppendWireHeader appends the header of the Confluent wire format. The ID must be 0 to
// [MaxSchemaID].
func AppendWireHeader(dst []byte, schemaID int) []byte {
	dst = append(dst, wireMagic)
	return binary.BigEndian.AppendUint32(dst, uint32(schemaID))
}

// SplitWire splits bytes of the Confluent wire format into the ID of the schema they were written
// with and the Avro data, which is shared with b. The error is a *[Malformed].
func SplitWire(b []byte) (schemaID int, data []byte, err error) {
	switch {
	case len(b) < wireHeaderBytes:
		return 0, nil, malformed(ReasonNotWireFormat, b,
			"%d bytes; the magic byte 0 and a schema ID alone take %d", len(b), wireHeaderBytes)
	case b[0] != wireMagic:
		return 0, nil, malformed(ReasonNotWireFormat, b,
			"the first byte is %#02x, must be the magic byte 0x00", b[0])
	}
	id := binary.BigEndian.Uint32(b[1:wireHeaderBytes])
	if id > MaxSchemaID {
		// Not asked of the registry: one that cannot read so large a number answers with an error
		// that looks like a fault, and the line would stand still on garbage.
		return 0, nil, malformed(ReasonNotWireFormat, b,
			"schema ID %d; the largest possible is %d", id, MaxSchemaID)
	}
	return int(id), b[wireHeaderBytes:], nil
}
