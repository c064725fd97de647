package kafka

import (
	"encoding/binary"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"
)

// PackedHeaders is the name of a header that holds other headers. Goka copies the map of headers
// twice for each record that a callback emits, and a map of ten costs a microsecond each time;
// packed they are a map of one. Whoever writes the record unpacks them (package exactlyonce does),
// so that nobody else ever sees this name.
const PackedHeaders = "refold_packed"

// AppendPackedHeader adds a header to the packed ones in b.
func AppendPackedHeader[V string | []byte](b []byte, name string, value V) []byte {
	b = binary.AppendUvarint(b, uint64(len(name)))
	b = append(b, name...)
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

// ErrNotPacked says that bytes are no packed headers.
var ErrNotPacked = errors.New("not packed headers")

// UnpackHeaders appends what is packed in b to headers, in the order of packing. The values share
// b's memory.
func UnpackHeaders(headers []kgo.RecordHeader, b []byte) ([]kgo.RecordHeader, error) {
	text := string(b) // names are cut from here: one allocation for all
	for at := 0; at < len(b); {
		nameAt, valueAt, ok := nextField(b, at)
		if !ok {
			return headers, ErrNotPacked
		}
		from, next, ok := nextField(b, valueAt)
		if !ok {
			return headers, ErrNotPacked
		}
		headers = append(headers, kgo.RecordHeader{
			Key: text[nameAt:valueAt], Value: b[from:next:next],
		})
		at = next
	}
	return headers, nil
}

// nextField finds the field that begins with its length at an index.
func nextField(b []byte, at int) (from, next int, ok bool) {
	length, n := binary.Uvarint(b[at:])
	if n <= 0 || length > uint64(len(b)-at-n) {
		return 0, 0, false
	}
	from = at + n
	return from, from + int(length), true
}
