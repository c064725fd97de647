package avrojson

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"refold/codecs/avrotype"
	"refold/codecs/excerpt"
	"refold/codecs/jsonvalue"
)

// Write returns Avro data of a type as JSON of at most limit bytes, in the form that [Codec.Read] takes. It
// allocates no more than that, and up to 16 times that for maps. A record's fields come in the schema's
// order, a map's keys sorted, so that equal values give equal texts.
//
// The error wraps [avrotype.ErrTooLarge], or an [avrotype.DataError], and says at which field.
func Write(t *avrotype.Type, data []byte, limit int) ([]byte, error) {
	w := writer{Reader: avrotype.Reader{Data: data}, limit: limit}
	err := w.write(t)
	if err == nil && len(w.Data) > 0 {
		err = fmt.Errorf("%d bytes are left over", len(w.Data))
	}
	if err != nil && !errors.Is(err, avrotype.ErrTooLarge) {
		err = &avrotype.DataError{Offset: len(data) - len(w.Data), Err: err}
	}
	switch {
	case err != nil && w.field != "":
		return nil, fmt.Errorf("at the field %s: %w", excerpt.Of(w.field, maxFoundBytes), err)
	case err != nil:
		return nil, err
	}
	return w.out, nil
}

// writer builds nothing between the data and the JSON, so that the limit of the JSON limits its memory: a
// few bytes may claim arrays of any number of nulls.
type writer struct {
	avrotype.Reader
	out   []byte
	limit int // of out, in bytes
	depth int
	moved int    // bytes that the sorting of maps has copied; nested maps copy their content again
	field string // the last field that was begun, for errors
}

func (w *writer) write(t *avrotype.Type) error {
	if err := w.plain(t); err != nil {
		return err
	}
	if len(w.out) > w.limit {
		return fmt.Errorf("%w: as JSON it has more than %d bytes", avrotype.ErrTooLarge, w.limit)
	}
	return nil
}

func (w *writer) plain(t *avrotype.Type) error {
	switch t.Kind {
	case avrotype.Null:
		w.out = append(w.out, "null"...)
		return nil
	case avrotype.Boolean:
		b, err := w.Take(1)
		if err == nil {
			w.out = strconv.AppendBool(w.out, b[0] == 1) // as twmb/avro and Java
		}
		return err
	case avrotype.Int, avrotype.Long, avrotype.Enum:
		return w.integer(t)
	case avrotype.Float:
		b, err := w.Take(4)
		if err == nil {
			f := math.Float32frombits(binary.LittleEndian.Uint32(b))
			w.out = jsonvalue.AppendFloat(w.out, float64(f), 32)
		}
		return err
	case avrotype.Double:
		b, err := w.Take(8)
		if err == nil {
			w.out = jsonvalue.AppendFloat(w.out, math.Float64frombits(binary.LittleEndian.Uint64(b)), 64)
		}
		return err
	case avrotype.Bytes, avrotype.String:
		b, err := w.Sized()
		if err == nil {
			w.text(t, b)
		}
		return err
	case avrotype.Fixed:
		b, err := w.Take(t.Size)
		if err == nil {
			w.text(t, b)
		}
		return err
	}
	return w.nested(t)
}

// nested writes a value that holds others.
func (w *writer) nested(t *avrotype.Type) error {
	if w.depth >= avrotype.MaxDepth {
		return avrotype.ErrTooDeep
	}
	w.depth++
	defer func() { w.depth-- }()
	switch t.Kind {
	case avrotype.Union:
		branch, err := w.Branch(t)
		if err != nil {
			return err
		}
		return w.write(branch)
	case avrotype.Record:
		return w.record(t)
	case avrotype.Array:
		return w.array(t)
	case avrotype.Map:
		return w.mapping(t)
	}
	return fmt.Errorf("the unknown kind %s", excerpt.Of(t.Kind, maxFoundBytes))
}

func (w *writer) record(t *avrotype.Type) error {
	w.out = append(w.out, '{')
	for i := range t.Fields {
		field := &t.Fields[i]
		w.field = field.Name
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.out = append(jsonvalue.AppendString(w.out, field.Name), ':')
		if err := w.write(field.Type); err != nil {
			return err
		}
	}
	w.out = append(w.out, '}')
	return nil
}

func (w *writer) array(t *avrotype.Type) error {
	w.out = append(w.out, '[')
	first := true
	err := w.Blocks(func() error {
		if !first {
			w.out = append(w.out, ',')
		}
		first = false
		return w.write(t.Items)
	})
	w.out = append(w.out, ']')
	return err
}

// mapEntry is where a map's entry stands in the output.
type mapEntry struct {
	key      string
	from, to int
}

func (w *writer) mapping(t *avrotype.Type) error {
	w.out = append(w.out, '{')
	start := len(w.out)
	var entries []mapEntry
	sorted := true
	err := w.Blocks(func() error {
		key, err := w.Sized()
		if err != nil {
			return err
		}
		e := mapEntry{key: string(key), from: len(w.out)}
		w.out = append(jsonvalue.AppendString(w.out, e.key), ':')
		if err := w.write(t.Items); err != nil {
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

// sortLimit limits how much the sorting of maps may copy, in times the limit of the output.
const sortLimit = 16

// sort orders a map's entries by key. Of entries with the same key the last one stays.
func (w *writer) sort(start int, entries []mapEntry) error {
	whole := w.out[start:]
	if w.moved += len(whole); w.moved > sortLimit*w.limit {
		return fmt.Errorf("%w: too many large maps within maps to put in order", avrotype.ErrTooLarge)
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

func (w *writer) integer(t *avrotype.Type) error {
	n, err := w.Varint()
	if err != nil {
		return err
	}
	if t.Kind == avrotype.Enum {
		if n < 0 || n >= int64(len(t.Symbols)) {
			return fmt.Errorf("symbol %d of an enum of %d", n, len(t.Symbols))
		}
		w.out = jsonvalue.AppendString(w.out, t.Symbols[n])
		return nil
	}
	if t.Kind == avrotype.Int && int64(int32(n)) != n {
		return fmt.Errorf("the int %d, which has more than 32 bits", n)
	}
	w.out = strconv.AppendInt(w.out, n, 10)
	return nil
}

func (w *writer) text(t *avrotype.Type, b []byte) {
	if t.Kind == avrotype.String {
		w.out = jsonvalue.AppendString(w.out, string(b))
	} else {
		w.out = jsonvalue.AppendBytes(w.out, b)
	}
}
