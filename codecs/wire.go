package codecs

import (
	"encoding/binary"
	"math"
)

// A record of the Confluent wire format begins with a magic byte, which is the format's version, and the ID
// of its schema.
const (
	wireNumber      = 0 // a number follows: four bytes, big endian
	wireNumberBytes = 5
	wireGUID        = 1 // a GUID follows: 16 bytes
	wireGUIDBytes   = 17
)

// MaxSchemaID is the largest schema ID of the wire format: Java reads it as a signed number.
const MaxSchemaID = math.MaxInt32

// AppendWireHeader appends the header of the Confluent wire format. The ID must be 0 to
// [MaxSchemaID].
func AppendWireHeader(dst []byte, schemaID int) []byte {
	return SchemaID{Number: schemaID}.append(dst)
}

// SplitWire splits bytes of the Confluent wire format into the ID of the schema they were written
// with and the data, which is shared with b. Of a record whose schema ID may be in a header, b is what
// [Framed] returns. The error is a *[Malformed].
func SplitWire(b []byte) (id SchemaID, data []byte, err error) {
	switch {
	case len(b) > 0 && b[0] == wireGUID:
		return splitGUID(b)
	case len(b) < wireNumberBytes:
		return id, nil, malformed(ReasonNotWireFormat, b, "%d bytes; the magic byte 0 and a schema ID "+
			"alone take %d, before the data or in the header %s",
			len(b), wireNumberBytes, HeaderValueSchemaID)
	case b[0] != wireNumber:
		return id, nil, malformed(ReasonNotWireFormat, b,
			"the first byte is %#02x, must be the magic byte 0x00 (a schema ID follows) or 0x01 (a GUID)",
			b[0])
	}
	number := binary.BigEndian.Uint32(b[1:wireNumberBytes])
	if number > MaxSchemaID {
		// Not asked of the registry: one that cannot read so large a number answers with an error
		// that looks like a fault, and the line would stand still on garbage.
		return id, nil, malformed(ReasonNotWireFormat, b,
			"schema ID %d; the largest possible is %d", number, MaxSchemaID)
	}
	return SchemaID{Number: int(number)}, b[wireNumberBytes:], nil
}

func splitGUID(b []byte) (id SchemaID, data []byte, err error) {
	if len(b) < wireGUIDBytes {
		return id, nil, malformed(ReasonNotWireFormat, b, "%d bytes; the magic byte 1 and a GUID alone "+
			"take %d, before the data or in the header %s", len(b), wireGUIDBytes, HeaderValueSchemaID)
	}
	copy(id.GUID[:], b[1:])
	if !id.HasGUID() {
		return id, nil, malformed(ReasonNotWireFormat, b, "the GUID of its schema is all zeros")
	}
	return id, b[wireGUIDBytes:], nil
}
