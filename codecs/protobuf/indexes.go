package protobuf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// MaxIndexes limits how deeply a message may stand within others: as deep as compilers allow.
const MaxIndexes = 32

var errTooManyIndexes = fmt.Errorf("more than %d message indexes", MaxIndexes)

// SplitIndexes takes the message indexes off the data of a record in Confluent's wire format, behind the
// schema's ID: their number and the indexes themselves as zigzag varints, or a single 0 for [0].
func SplitIndexes(data []byte) (indexes []int, rest []byte, err error) {
	count, rest, err := varint(data)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("number of message indexes: %w", err)
	case count == 0:
		return []int{0}, rest, nil
	case count < 0:
		return nil, nil, fmt.Errorf("%d message indexes", count)
	case count > MaxIndexes:
		return nil, nil, errTooManyIndexes
	}
	indexes = make([]int, count)
	for i := range indexes {
		var n int64
		n, rest, err = varint(rest)
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("message index %d of %d: %w", i+1, count, err)
		case n < 0 || n > math.MaxInt32:
			return nil, nil, fmt.Errorf("message index %d of %d is %d", i+1, count, n)
		}
		indexes[i] = int(n)
	}
	return indexes, rest, nil
}

func varint(data []byte) (int64, []byte, error) {
	n, size := binary.Varint(data)
	switch {
	case size == 0:
		return 0, nil, io.ErrUnexpectedEOF
	case size < 0:
		return 0, nil, errors.New("a number of more than 64 bits")
	}
	return n, data[size:], nil
}

// AppendIndexes appends message indexes as [SplitIndexes] takes them off. None are the same as [0].
func AppendIndexes(dst []byte, indexes []int) []byte {
	if len(indexes) == 0 || len(indexes) == 1 && indexes[0] == 0 {
		return append(dst, 0)
	}
	dst = binary.AppendVarint(dst, int64(len(indexes)))
	for _, i := range indexes {
		dst = binary.AppendVarint(dst, int64(i))
	}
	return dst
}
