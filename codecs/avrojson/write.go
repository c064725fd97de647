package codecs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth limits how deeply a value may be nested in a record: as deep as twmb/avro decodes. A
// type that holds itself could go on without taking a byte.
const maxDepth = 1000

var (
	errTooDeep  = fmt.Errorf("nested deeper than %d", maxDepth)
	errNegative = errors.New("a negative length")
)

// jsonWriter writes Avro data as JSON, value by value. It builds nothing in between, so that the
// limit of its output is the limit of what it takes: a few bytes may claim arrays of any number of
// nulls.
//
// A record's fields come in the schema's order and a map's keys sorted, so that equal values give
// equal texts.
type jsonWriter struct {
	data  []byte // what is left to read
	out   []byte
	limit int // of out, in bytes
	depth int
	// moved is how many bytes the sorting of maps has copied; nested maps copy their content again.
	moved int
	field string // the last one that was begun, for errors
}

// write writes the next value, which is of the shape.
func (w *jsonWriter) write(s *shape) error {
	if err := w.plain(s); err != nil {
		return err
	}
	if len(w.out) > w.limit {
		return fmt.Errorf("%w: as JSON it has more than %d bytes", ErrTooLarge, w.limit)
	}
	return nil
}

func (w *jsonWriter) plain(s *shape) error {
	switch s.kind {
	case kindNull:
		w.out = append(w.out, "null"...)
		return nil
	case kindBoolean:
		b, err := w.take(1)
		if err == nil {
			w.out = strconv.AppendBool(w.out, b[0] == 1) // as twmb/avro and Java
		}
		return err
	case kindInt, kindLong, kindEnum:
		return w.integer(s)
	case kindFloat:
		b, err := w.take(4)
		if err == nil {
			w.out = appendFloat(w.out, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), 32)
		}
		return err
	case kindDouble:
		b, err := w.take(8)
		if err == nil {
			w.out = appendFloat(w.out, math.Float64frombits(binary.LittleEndian.Uint64(b)), 64)
		}
		return err
	case kindBytes, kindString:
		b, err := w.sized()
		if err == nil {
			w.text(s, b)
		}
		return err
	case kindFixed:
		b, err := w.take(s.size)
		if err == nil {
			w.text(s, b)
		}
		return err
	}
	return w.nested(s)
}

// nested writes what holds other values.
func (w *jsonWriter) nested(s *shape) error {
	if w.depth >= maxDepth {
		return errTooDeep
	}
	w.depth++
	defer func() { w.depth-- }()
	switch s.kind {
	case kindUnion:
		at, err := w.varint()
		if err != nil {
			return err
		}
		if at < 0 || at >= int64(len(s.branches)) {
			return fmt.Errorf("branch %d of a union of %d", at, len(s.branches))
		}
		return w.write(s.branches[at])
	case kindRecord:
		return w.record(s)
	case kindArray:
		return w.array(s)
	case kindMap:
		return w.mapping(s)
	}
	return fmt.Errorf("the unknown kind %s", Excerpt(s.kind, maxFoundBytes))
}

func (w *jsonWriter) record(s *shape) error {
	w.out = append(w.out, '{')
	for i := range s.fields {
		field := &s.fields[i]
		w.field = field.name
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.out = append(appendText(w.out, field.name), ':')
		if err := w.write(field.shape); err != nil {
			return err
		}
	}
	w.out = append(w.out, '}')
	return nil
}

func (w *jsonWriter) array(s *shape) error {
	w.out = append(w.out, '[')
	first := true
	err := w.blocks(func() error {
		if !first {
			w.out = append(w.out, ',')
		}
		first = false
		return w.write(s.items)
	})
	w.out = append(w.out, ']')
	return err
}

// mapEntry is where a map's entry stands in the output.
type mapEntry struct {
	key      string
	from, to int
}

func (w *jsonWriter) mapping(s *shape) error {
	w.out = append(w.out, '{')
	start := len(w.out)
	var entries []mapEntry
	sorted := true
	err := w.blocks(func() error {
		key, err := w.sized()
		if err != nil {
			return err
		}
		e := mapEntry{key: string(key), from: len(w.out)}
		w.out = append(appendText(w.out, e.key), ':')
		if err := w.write(s.items); err != nil {
			return err
		}
		w.out = append(w.out, ',')
		e.to = len(w.out)
		sorted = sorted && (len(entries) == 0 || entries[len(entries)-1].key < e.key)
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return err
	}
	if !sorted {
		if err := w.sort(start, entries); err != nil {
			return err
		}
	}
	if len(entries) > 0 {
		w.out = w.out[:len(w.out)-1] // the last comma
	}
	w.out = append(w.out, '}')
	return nil
}

// sortLimit is how often the limit of the output may be copied while maps are sorted.
const sortLimit = 16

// sort puts a map's entries in the order of their keys. Of those with the same key the last counts.
func (w *jsonWriter) sort(start int, entries []mapEntry) error {
	whole := w.out[start:]
	if w.moved += len(whole); w.moved > sortLimit*w.limit {
		return fmt.Errorf("%w: too many large maps within maps to put in order", ErrTooLarge)
	}
	whole = slices.Clone(whole)
	slices.SortStableFunc(entries, func(a, b mapEntry) int { return strings.Compare(a.key, b.key) })
	w.out = w.out[:start]
	for i, e := range entries {
		if i+1 < len(entries) && entries[i+1].key == e.key {
			continue
		}
		w.out = append(w.out, whole[e.from-start:e.to-start]...)
	}
	return nil
}

// blocks calls item for each item of an array or a map.
func (w *jsonWriter) blocks(item func() error) error {
	for {
		count, err := w.block()
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
func (w *jsonWriter) block() (int64, error) {
	count, err := w.varint()
	if err != nil || count >= 0 {
		return count, err
	}
	if _, err := w.varint(); err != nil { // the size in bytes, for those who skip it
		return 0, err
	}
	if count == math.MinInt64 {
		return 0, errNegative
	}
	return -count, nil
}

func (w *jsonWriter) integer(s *shape) error {
	n, err := w.varint()
	if err != nil {
		return err
	}
	if s.kind == kindEnum {
		if n < 0 || n >= int64(len(s.symbols)) {
			return fmt.Errorf("symbol %d of an enum of %d", n, len(s.symbols))
		}
		w.out = appendText(w.out, s.symbols[n])
		return nil
	}
	if s.kind == kindInt && int64(int32(n)) != n {
		return fmt.Errorf("the int %d, which has more than 32 bits", n)
	}
	w.out = strconv.AppendInt(w.out, n, 10)
	return nil
}

func (w *jsonWriter) varint() (int64, error) {
	n, size := binary.Varint(w.data)
	switch {
	case size == 0:
		return 0, io.ErrUnexpectedEOF
	case size < 0:
		return 0, errors.New("a number of more than 64 bits")
	}
	w.data = w.data[size:]
	return n, nil
}

func (w *jsonWriter) sized() ([]byte, error) {
	n, err := w.varint()
	switch {
	case err != nil:
		return nil, err
	case n < 0:
		return nil, errNegative
	case n > int64(len(w.data)):
		return nil, io.ErrUnexpectedEOF
	}
	return w.take(int(n))
}

func (w *jsonWriter) take(n int) ([]byte, error) {
	if n > len(w.data) {
		return nil, io.ErrUnexpectedEOF
	}
	b := w.data[:n]
	w.data = w.data[n:]
	return b, nil
}

// text writes a string, or bytes as the characters U+0000 to U+00FF.
func (w *jsonWriter) text(s *shape, b []byte) {
	if s.kind == kindString {
		w.out = appendText(w.out, string(b))
		return
	}
	w.out = append(w.out, '"')
	for _, c := range b {
		if c < utf8.RuneSelf {
			w.out = appendASCII(w.out, c)
		} else {
			w.out = utf8.AppendRune(w.out, rune(c))
		}
	}
	w.out = append(w.out, '"')
}

func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, bits)
}

// appendText appends a JSON string, as encoding/json writes it without HTML in mind. What is not
// UTF-8 becomes U+FFFD.
func appendText(dst []byte, text string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			if !plainASCII(c) {
				dst = appendASCII(append(dst, text[start:i]...), c)
				start = i + 1
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(append(dst, text[start:i]...), `\ufffd`...)
			start = i + size
		case r == '\u2028', r == '\u2029': // no line breaks in JavaScript, once
			dst = append(append(dst, text[start:i]...), `\u202`...)
			dst = append(dst, hexDigits[r&0xf])
			start = i + size
		}
		i += size
	}
	return append(append(dst, text[start:]...), '"')
}

const hexDigits = "0123456789abcdef"

func plainASCII(c byte) bool { return c >= ' ' && c != '"' && c != '\\' }

// appendASCII appends a character as it is written within a JSON string.
func appendASCII(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	if plainASCII(c) {
		return append(dst, c)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}
