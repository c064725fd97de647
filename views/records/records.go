package records

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
)

// Encode returns a record's timestamp, offset, headers and value as one value of a local store. The store's
// key holds the rest: the record's key and its sequence. Headers that follow from these take one byte each.
//
// Of two headers with one name the last counts, and their order is lost: the live tail has none to keep, and
// a restore must give the same bytes.
func Encode(r *kgo.Record, sequence int64) []byte {
	var known [len(names)][]byte
	var others []kgo.RecordHeader
	for _, h := range r.Headers {
		value := h.Value
		if value == nil {
			value = []byte{} // a header without a value is still there
		}
		if n := numberOf(h.Key); n > 0 {
			known[n] = value
		} else {
			others = append(others, h)
		}
	}
	f := facts{key: r.Key, sequence: sequence, timestamp: r.Timestamp.UnixMilli()}
	b := make([]byte, 0, 128+len(r.Value))
	b = binary.AppendVarint(b, f.timestamp)
	b = binary.AppendUvarint(b, uint64(r.Offset))
	for n, value := range known {
		if value != nil {
			b = f.append(b, n, value)
		}
	}
	b = appendOthers(b, others)
	return append(append(b, end), r.Value...)
}

// appendOthers appends the headers that have no number, sorted by name.
func appendOthers(b []byte, others []kgo.RecordHeader) []byte {
	slices.SortStableFunc(others, func(x, y kgo.RecordHeader) int { return cmp.Compare(x.Key, y.Key) })
	for i, h := range others {
		if i+1 == len(others) || others[i+1].Key != h.Key {
			b = AppendText(AppendText(append(b, other), h.Key), h.Value)
		}
	}
	return b
}

// ErrDamaged says that a value of a store is not what this package has written.
var ErrDamaged = errors.New("damaged record in a local store")

// Decode is the opposite of Encode, given what the store's key holds. The record shares the memory of b and
// of key.
func Decode(b, key []byte, sequence int64) (*kgo.Record, error) {
	timestamp, n := binary.Varint(b)
	if n <= 0 {
		return nil, ErrDamaged
	}
	b = b[n:]
	offset, n := binary.Uvarint(b)
	if n <= 0 {
		return nil, ErrDamaged
	}
	b = b[n:]
	r := &kgo.Record{
		Key: key, Timestamp: time.UnixMilli(timestamp).UTC(), Offset: int64(offset),
		Headers: make([]kgo.RecordHeader, 0, len(names)),
	}
	f := facts{key: key, sequence: sequence, timestamp: timestamp}
	for {
		if len(b) == 0 {
			return nil, ErrDamaged
		}
		code := b[0]
		b = b[1:]
		if code == end {
			r.Value = b
			return r, nil
		}
		header, rest, ok := f.header(code, b)
		if !ok {
			return nil, ErrDamaged
		}
		if header.Key == codecs.HeaderCausationID {
			f.causation = header.Value
		}
		r.Headers, b = append(r.Headers, header), rest
	}
}

// The bytes that begin a header: end, other, or the number of its name and the form of its value.
const (
	end   = 0
	other = 1 // followed by name and value

	formBits = 2

	asText     = 0 // followed by the value
	asExpected = 1 // the value that follows from the facts
	asPacked   = 2 // followed by fewer bytes than the value has: see pack
)

// names are the headers of CloudEvents that have numbers, their indices. A change is another format.
var names = [...]string{
	"", codecs.HeaderSpecVersion, codecs.HeaderID, codecs.HeaderSource, codecs.HeaderType,
	codecs.HeaderSubject, codecs.HeaderTime, codecs.HeaderCausationID, codecs.HeaderCorrelationID,
	codecs.HeaderSequence, codecs.HeaderExpectedSequence, codecs.HeaderTraceparent,
}

func numberOf(name string) int {
	switch name { // faster than a map
	case codecs.HeaderSpecVersion:
		return 1
	case codecs.HeaderID:
		return 2
	case codecs.HeaderSource:
		return 3
	case codecs.HeaderType:
		return 4
	case codecs.HeaderSubject:
		return 5
	case codecs.HeaderTime:
		return 6
	case codecs.HeaderCausationID:
		return 7
	case codecs.HeaderCorrelationID:
		return 8
	case codecs.HeaderSequence:
		return 9
	case codecs.HeaderExpectedSequence:
		return 10
	case codecs.HeaderTraceparent:
		return 11
	}
	return 0
}

// facts are what headers of a record follow from.
type facts struct {
	key       []byte
	sequence  int64
	timestamp int64  // in milliseconds
	causation []byte // the causation ID, which is before the correlation ID; nil: there is none
}

// append appends the header with a number.
func (f *facts) append(b []byte, number int, value []byte) []byte {
	if names[number] == codecs.HeaderCausationID {
		f.causation = value
	}
	code := byte(number) << formBits
	var buffer [128]byte
	if expected, is := f.expected(buffer[:0], number); is && bytes.Equal(expected, value) {
		return append(b, code|asExpected)
	}
	if packed, is := f.pack(append(b, code|asPacked), number, value); is {
		return packed
	}
	return AppendText(append(b, code|asText), value)
}

// header reads a header behind its first byte.
func (f *facts) header(code byte, b []byte) (h kgo.RecordHeader, rest []byte, ok bool) {
	if code == other {
		name, b, ok := CutText(b)
		if !ok {
			return h, nil, false
		}
		value, b, ok := CutText(b)
		return kgo.RecordHeader{Key: string(name), Value: value}, b, ok
	}
	number := int(code >> formBits)
	if number == 0 || number >= len(names) {
		return h, nil, false
	}
	h.Key = names[number]
	switch code & (1<<formBits - 1) {
	case asText:
		h.Value, b, ok = CutText(b)
	case asExpected:
		h.Value, ok = f.expected(nil, number)
	case asPacked:
		h.Value, b, ok = f.unpack(b, number)
	}
	return h, b, ok
}

// expected appends the value that follows from the facts, if one does.
func (f *facts) expected(b []byte, number int) (value []byte, is bool) {
	switch names[number] {
	case codecs.HeaderSpecVersion:
		return append(b, "1.0"...), true
	case codecs.HeaderID:
		return strconv.AppendInt(append(append(b, f.key...), '/'), f.sequence, 10), true
	case codecs.HeaderSubject:
		return append(b, f.key...), true
	case codecs.HeaderCorrelationID:
		return append(b, f.causation...), f.causation != nil
	case codecs.HeaderSequence:
		return strconv.AppendInt(b, f.sequence, 10), true
	}
	return nil, false
}

// pack appends a value in fewer bytes, if it can: a time by its distance from the timestamp in
// milliseconds, a UUID by its bits.
func (f *facts) pack(b []byte, number int, value []byte) (packed []byte, is bool) {
	if names[number] != codecs.HeaderTime {
		return appendUUID(b, value)
	}
	at, err := codecs.ParseTime(string(value))
	if err != nil {
		return nil, false
	}
	var buffer [64]byte
	if !bytes.Equal(appendTime(buffer[:0], at.UnixMilli()), value) {
		return nil, false
	}
	return binary.AppendVarint(b, at.UnixMilli()-f.timestamp), true
}

func (f *facts) unpack(b []byte, number int) (value, rest []byte, is bool) {
	if names[number] != codecs.HeaderTime {
		return cutUUID(b)
	}
	distance, n := binary.Varint(b)
	if n <= 0 {
		return nil, nil, false
	}
	return appendTime(nil, f.timestamp+distance), b[n:], true
}

func appendTime(b []byte, milliseconds int64) []byte {
	return time.UnixMilli(milliseconds).UTC().AppendFormat(b, time.RFC3339Nano)
}
