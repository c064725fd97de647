package views

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/snapshots"
)

// encodeRecord returns a record's timestamp, headers and value as one value of a local store. The
// headers are sorted by name, of two with one name the last counts: the live tail has no order of
// headers to keep, and a restore must give the same bytes.
func encodeRecord(r *kgo.Record) []byte {
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
		b = appendText(b, h.Key)
		b = appendText(b, h.Value)
	}
	return append(b, r.Value...)
}

var errRecord = errors.New("damaged record in a local store")

// decodeRecord is the opposite of encodeRecord. The record shares the memory of b.
func decodeRecord(b []byte) (*kgo.Record, error) {
	milliseconds, n := binary.Varint(b)
	if n <= 0 {
		return nil, errRecord
	}
	b = b[n:]
	count, n := binary.Uvarint(b)
	if n <= 0 || count > uint64(len(b)) {
		return nil, errRecord
	}
	b = b[n:]
	r := &kgo.Record{Timestamp: time.UnixMilli(milliseconds).UTC()}
	for range count {
		var name, value []byte
		var ok bool
		if name, b, ok = cutText(b); !ok {
			return nil, errRecord
		}
		if value, b, ok = cutText(b); !ok {
			return nil, errRecord
		}
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: string(name), Value: value})
	}
	r.Value = b
	return r, nil
}

// appendText appends a text and, before it, its length.
func appendText[T ~string | ~[]byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// cutText takes off what appendText has appended.
func cutText(b []byte) (text, rest []byte, ok bool) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return nil, nil, false
	}
	return b[n : n+int(length)], b[n+int(length):], true
}

// appendOrdered appends a text of any bytes such that keys with something behind it are in the
// order of the texts, and none that begins with another one gets among that one's: a zero byte
// becomes 0 255, and 0 1 is the end.
func appendOrdered(b []byte, text string) []byte {
	for i := range len(text) {
		b = append(b, text[i])
		if text[i] == 0 {
			b = append(b, 0xff)
		}
	}
	return append(b, 0, 1)
}

// joined files records in several ways at once, each of which has keys of its own. None keeps
// records as they are.
func joined(projections ...snapshots.Projection) snapshots.Projection {
	if len(projections) == 0 {
		return snapshots.Projection{}
	}
	var versions []string
	for _, p := range projections {
		versions = append(versions, p.Version)
	}
	return snapshots.Projection{
		Version: strings.Join(versions, ", "),
		File: func(w snapshots.Writer, r *kgo.Record) error {
			for _, p := range projections {
				if err := p.File(w, r); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
