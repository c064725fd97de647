package kafka

import (
	"encoding/binary"
	"errors"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"
)

// FramedCodec marks a Goka codec whose bytes are frames: a record's headers and its value in one
// piece. Goka keeps headers in maps, of which it makes three for each record that a callback emits
// and one for each that it takes in; with ten headers a record, as CloudEvents have, the maps cost
// more than everything else that is done for the record. Package exactlyonce asks the codecs of a
// graph's inputs and outputs whether they are framed; it makes frames of what it reads for them,
// and records of the frames that they write. Goka's own headers are then empty.
//
//	frame  = header header … 0 value
//	header = length of the name + 1, name, length of the value, value    lengths as varints
type FramedCodec interface{ Framed() }

// AppendHeader adds a header to the frame in b.
func AppendHeader[V string | []byte](b []byte, name string, value V) []byte {
	b = binary.AppendUvarint(b, uint64(len(name))+1)
	b = append(b, name...)
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

// EndHeaders adds the end of the headers to the frame in b. The value follows, up to its end.
func EndHeaders(b []byte) []byte { return append(b, 0) }

// FrameBytes returns how many bytes the record's frame takes at most.
func FrameBytes(r *kgo.Record) int {
	n := 1 + len(r.Value)
	for i := range r.Headers {
		h := &r.Headers[i]
		n += 2*binary.MaxVarintLen32 + len(h.Key) + len(h.Value)
	}
	return n
}

// AppendFrame adds the record's frame to b.
func AppendFrame(b []byte, r *kgo.Record) []byte {
	for i := range r.Headers {
		b = AppendHeader(b, r.Headers[i].Key, r.Headers[i].Value)
	}
	return append(EndHeaders(b), r.Value...)
}

// ErrNotFrame says that bytes are no frame.
var ErrNotFrame = errors.New("not a frame of headers and value")

// SplitFrame appends the frame's headers to headers, in their order, and returns them and the
// value. Nothing is copied, names included: all of it shares the frame's memory, which must not be
// changed any more. The error is ErrNotFrame.
func SplitFrame(headers []kgo.RecordHeader, frame []byte) ([]kgo.RecordHeader, []byte, error) {
	for at := 0; ; {
		length, n := binary.Uvarint(frame[at:])
		if n <= 0 || length > uint64(len(frame)-at-n)+1 {
			return headers, nil, ErrNotFrame
		}
		at += n
		if length == 0 {
			return headers, frame[at:len(frame):len(frame)], nil
		}
		name := frame[at : at+int(length)-1]
		at += len(name)
		length, n = binary.Uvarint(frame[at:])
		if n <= 0 || length > uint64(len(frame)-at-n) {
			return headers, nil, ErrNotFrame
		}
		from, to := at+n, at+n+int(length)
		headers = append(headers, kgo.RecordHeader{
			// Never changed, as promised above, so that it can serve as a string.
			Key:   unsafe.String(unsafe.SliceData(name), len(name)), //nolint:gosec // see above
			Value: frame[from:to:to],
		})
		at = to
	}
}
