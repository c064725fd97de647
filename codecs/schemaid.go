package codecs

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// SchemaID names the schema that a record was written with: by the number that the registry gave it, or by
// its GUID, which is the same in all registries that know GUIDs.
type SchemaID struct {
	// Number is 0 to MaxSchemaID. It is 0 if there is a GUID.
	Number int
	// GUID is all zeros if the schema is named by its number.
	GUID [16]byte
}

// HasGUID reports whether the schema is named by its GUID.
func (id SchemaID) HasGUID() bool { return id.GUID != [16]byte{} }

// String returns the number, or the GUID in the form that registries print it in.
func (id SchemaID) String() string {
	if !id.HasGUID() {
		return strconv.Itoa(id.Number)
	}
	text := hex.EncodeToString(id.GUID[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// append appends the bytes that stand for the ID in a record.
func (id SchemaID) append(dst []byte) []byte {
	if id.HasGUID() {
		return append(append(dst, wireGUID), id.GUID[:]...)
	}
	return binary.BigEndian.AppendUint32(append(dst, wireNumber), uint32(id.Number))
}
