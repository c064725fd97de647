package records

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Encode returns a record's timestamp, headers and value as one value of a local store. The
// headers are sorted by name, of two with one name the last counts: the live tail has no order of
// headers to keep, and a restore must give the same bytes.
func Encode(r *kgo.Record) []byte {
	headers := slices.Clone(r.Headers)
	slices.SortStableFunc(headers, func(a, b kgo.RecordHeader) int { return cmp.Compare(a.Key, b.Key) })
	n := 0
	for i, h := range headers {
		if i+1 < len(headers) && headers[i+1].Key == h.Key {
			continue
		}
		headers[n] = h
		n++
	}
	headers = headers[:n]
	size := len(r.Value) + 2*binary.MaxVarintLen64
	for _, h := range headers {
		size += len(h.Key) + len(h.Value) + 2*binary.MaxVarintLen16
	}
	b := make([]byte, 0, size)
	b = binary.AppendVarint(b, r.Timestamp.UnixMilli())
	b = binary.AppendUvarint(b, uint64(len(headers)))
	for _, h := range headers {
		b = AppendText(b, h.Key)
		b = AppendText(b, h.Value)
	}
	return append(b, r.Value...)
}

// ErrDamaged says that a value of a store is not what this package has written.
var ErrDamaged = errors.New("damaged record in a local store")

// Decode is the opposite of Encode. The record shares the memory of b.
func Decode(b []byte) (*kgo.Record, error) {
	milliseconds, n := binary.Varint(b)
	if n <= 0 {
		return nil, ErrDamaged
	}
	b = b[n:]
	count, n := binary.Uvarint(b)
	if n <= 0 || count > uint64(len(b)) {
		return nil, ErrDamaged
	}
	b = b[n:]
	r := &kgo.Record{Timestamp: time.UnixMilli(milliseconds).UTC()}
	for range count {
		var name, value []byte
		var ok bool
		if name, b, ok = CutText(b); !ok {
			return nil, ErrDamaged
		}
		if value, b, ok = CutText(b); !ok {
			return nil, ErrDamaged
		}
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: string(name), Value: value})
	}
	r.Value = b
	return r, nil
}

// AppendText appends a text and, before it, its length.
func AppendText[T ~string | ~[]byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// CutText takes off what AppendText has appended.
func CutText(b []byte) (text, rest []byte, ok bool) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return nil, nil, false
	}
	return b[n : n+int(length)], b[n+int(length):], true
}

// AppendOrdered appends a text of any bytes such that keys with something behind it are in the
// order of the texts, and none that begins with another one gets among that one's: a zero byte
// becomes 0 255, and 0 1 is the end.
func AppendOrdered(b []byte, text string) []byte {
	for i := range len(text) {
		b = append(b, text[i])
		if text[i] == 0 {
			b = append(b, 0xff)
		}
	}
	return append(b, 0, 1)
}
