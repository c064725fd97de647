package avrotype

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Errors of data that is not of its type. They never wrap [ErrTooLarge].
var (
	// ErrTooDeep: values are nested deeper than [MaxDepth].
	ErrTooDeep  = fmt.Errorf("nested deeper than %d", MaxDepth)
	errNegative = errors.New("a negative length")
)

// DataError is an error of data that is not of its type, with its place.
type DataError struct {
	// Offset is that of the value that can't be read, or of what is left over, from the data's beginning.
	Offset int
	Err    error
}

// Error is the text of Err.
func (e *DataError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *DataError) Unwrap() error { return e.Err }

// Reader reads Avro data from its beginning. It copies nothing: what it returns shares the data's memory.
// After an error, what is left begins with the value that could not be read.
type Reader struct {
	Data []byte // what is left
}

// Varint reads an int, a long, or another number of that form.
func (r *Reader) Varint() (int64, error) {
	n, size := binary.Varint(r.Data)
	switch {
	case size == 0:
		return 0, io.ErrUnexpectedEOF
	case size < 0:
		return 0, errors.New("a number of more than 64 bits")
	}
	r.Data = r.Data[size:]
	return n, nil
}

// Branch reads which branch of a union the next value is of.
func (r *Reader) Branch(union *Type) (*Type, error) {
	before := r.Data
	at, err := r.Varint()
	if err != nil {
		return nil, err
	}
	if at < 0 || at >= int64(len(union.Branches)) {
		r.Data = before
		return nil, fmt.Errorf("branch %d of a union of %d", at, len(union.Branches))
	}
	return union.Branches[at], nil
}

// Sized reads bytes or a string.
func (r *Reader) Sized() ([]byte, error) {
	before := r.Data
	n, err := r.Varint()
	switch {
	case err != nil:
		return nil, err
	case n < 0:
		r.Data = before
		return nil, errNegative
	case n > int64(len(r.Data)):
		r.Data = before
		return nil, io.ErrUnexpectedEOF
	}
	return r.Take(int(n))
}

// Take reads n bytes.
func (r *Reader) Take(n int) ([]byte, error) {
	if n > len(r.Data) {
		return nil, io.ErrUnexpectedEOF
	}
	b := r.Data[:n]
	r.Data = r.Data[n:]
	return b, nil
}

// Blocks reads an array or a map, and calls item for each item, which it must read.
func (r *Reader) Blocks(item func() error) error {
	for {
		count, err := r.block()
		if err != nil || count == 0 {
			return err
		}
		for range count {
			if err := item(); err != nil {
				return err
			}
		}
	}
}

// block reads the beginning of a block of items, and returns how many it has.
func (r *Reader) block() (int64, error) {
	count, err := r.Varint()
	if err != nil || count >= 0 {
		return count, err
	}
	if _, err := r.Varint(); err != nil { // the block's size in bytes, for readers that skip it
		return 0, err
	}
	if count == math.MinInt64 {
		return 0, errNegative
	}
	return -count, nil
}
