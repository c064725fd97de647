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
//	frame  = header header … end value
//	header = length of the name + 4, name, length of the value + 1 (0: nil), value
//	end    = 0, + 1 if the value is nil, + 2 if the key is nil           numbers as varints
//
// Frames keep what Goka loses of a record: the order of the headers, two of the same name, and
// what is nil rather than empty. A record without a value comes as a frame, too.
type FramedCodec interface{ Framed() }

// The ends of a frame's headers.
const (
	endValue = 0 // and bits for what is nil:
	nilValue = 1 << 0
	nilKey   = 1 << 1
	ends     = 1 << 2 // how many there are: lengths begin here
)

// AppendHeader adds a header to the frame in b.
func AppendHeader[V string | []byte](b []byte, name string, value V) []byte {
	b = binary.AppendUvarint(b, uint64(len(name))+ends)
	b = append(b, name...)
	b = binary.AppendUvarint(b, uint64(len(value))+1)
	return append(b, value...)
}

// AppendRecordHeader adds a record's header to the frame in b. Its value may be nil.
func AppendRecordHeader(b []byte, h *kgo.RecordHeader) []byte {
	if h.Value != nil {
		return AppendHeader(b, h.Key, h.Value)
	}
	b = binary.AppendUvarint(b, uint64(len(h.Key))+ends)
	return append(append(b, h.Key...), 0)
}

// EndHeaders adds the end of the headers to the frame in b. The value follows, up to its end; the
// key is not nil.
func EndHeaders(b []byte) []byte { return append(b, endValue) }

// EndFrame adds the end of the headers and the value. Either may be nil: that of the key, which is
// not part of a frame, is only noted.
func EndFrame(b, key, value []byte) []byte {
	end := byte(endValue)
	if value == nil {
		end |= nilValue
	}
	if key == nil {
		end |= nilKey
	}
	return append(append(b, end), value...)
}

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
		b = AppendRecordHeader(b, &r.Headers[i])
	}
	return EndFrame(b, r.Key, r.Value)
}

// ErrNotFrame says that bytes are no frame.
var ErrNotFrame = errors.New("not a frame of headers and value")

// Frame is a frame that was taken apart.
type Frame struct {
	Headers []kgo.RecordHeader
	Value   []byte
	// NoKey: the record's key is nil, and not merely empty.
	NoKey bool
}

// SplitFrame takes a frame apart. It appends the headers to those that it is given, in their order.
// Nothing is copied, names included: all of it shares the frame's memory, which must not be changed
// any more. The error is ErrNotFrame.
func SplitFrame(headers []kgo.RecordHeader, frame []byte) (Frame, error) {
	for at := 0; ; {
		length, n := binary.Uvarint(frame[at:])
		if n <= 0 || length > uint64(len(frame)-at-n)+ends {
			return Frame{Headers: headers}, ErrNotFrame
		}
		at += n
		if length < ends {
			split := Frame{Headers: headers, NoKey: length&nilKey != 0}
			switch {
			case length&nilValue == 0:
				split.Value = frame[at:len(frame):len(frame)]
			case at < len(frame):
				return split, ErrNotFrame
			}
			return split, nil
		}
		h := kgo.RecordHeader{}
		name := frame[at : at+int(length-ends)]
		at += len(name)
		// Never changed, as promised above, so that it can serve as a string.
		h.Key = unsafe.String(unsafe.SliceData(name), len(name)) //nolint:gosec // see above
		length, n = binary.Uvarint(frame[at:])
		if n <= 0 || length > uint64(len(frame)-at-n)+1 {
			return Frame{Headers: headers}, ErrNotFrame
		}
		at += n
		if length > 0 {
			to := at + int(length-1)
			h.Value = frame[at:to:to]
			at = to
		}
		headers = append(headers, h)
	}
}
