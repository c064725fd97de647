package protobuf

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"refold/codecs/avrotype"
	"refold/codecs/excerpt"
	"refold/codecs/jsonvalue"
)

// The ranges of times and durations, in seconds.
const (
	minSeconds  = -62135596800 // 0001-01-01T00:00:00Z
	maxSeconds  = 253402300799 // 9999-12-31T23:59:59Z
	maxDuration = 315576000000 // some 10,000 years
)

// wellKnown writes a message that has a JSON of its own, and reports whether it is one.
func (w *writer) wellKnown(m protoreflect.Message, depth int) (bool, error) {
	desc := m.Descriptor()
	if f := wrapped(desc); f != nil {
		return true, w.single(f, m.Get(f), depth)
	}
	switch standardName(desc) {
	case timestampName:
		return true, w.timestamp(numbers(m))
	case durationName:
		return true, w.duration(numbers(m))
	case fieldMaskName:
		return true, w.fieldMask(m.Get(desc.Fields().ByNumber(1)).List())
	case structName:
		f := desc.Fields().ByNumber(1)
		return true, w.mapping(f, m.Get(f).Map(), depth)
	case listName:
		f := desc.Fields().ByNumber(1)
		return true, w.list(f, m.Get(f).List(), depth)
	case valueName:
		return true, w.anyValue(m, depth)
	case anyName:
		return true, w.any(m, depth)
	}
	return false, nil
}

// numbers returns the fields of a time or a duration.
func numbers(m protoreflect.Message) (seconds, nanos int64) {
	fields := m.Descriptor().Fields()
	return m.Get(fields.ByNumber(1)).Int(), m.Get(fields.ByNumber(2)).Int()
}

func (w *writer) timestamp(seconds, nanos int64) error {
	if seconds < minSeconds || seconds > maxSeconds || nanos < 0 || nanos >= int64(time.Second) {
		return fmt.Errorf("a time of %d seconds and %d nanoseconds is none", seconds, nanos)
	}
	text := time.Unix(seconds, 0).UTC().Format("2006-01-02T15:04:05")
	w.out = jsonvalue.AppendString(w.out, text+fraction(nanos)+"Z")
	return nil
}

func (w *writer) duration(seconds, nanos int64) error {
	const second = int64(time.Second)
	mixed := seconds > 0 && nanos < 0 || seconds < 0 && nanos > 0
	if seconds < -maxDuration || seconds > maxDuration || nanos <= -second || nanos >= second || mixed {
		return fmt.Errorf("a duration of %d seconds and %d nanoseconds is none", seconds, nanos)
	}
	sign := ""
	if seconds < 0 || nanos < 0 {
		sign, seconds, nanos = "-", -seconds, -nanos
	}
	w.out = jsonvalue.AppendString(w.out, sign+strconv.FormatInt(seconds, 10)+fraction(nanos)+"s")
	return nil
}

// fraction returns nanoseconds with 0, 3, 6 or 9 digits.
func fraction(nanos int64) string {
	text := fmt.Sprintf(".%09d", nanos)
	for range 3 {
		text = strings.TrimSuffix(text, "000")
	}
	return strings.TrimSuffix(text, ".")
}

func (w *writer) fieldMask(paths protoreflect.List) error {
	texts := make([]string, paths.Len())
	for i := range texts {
		path := paths.Get(i).String()
		texts[i] = camelPath(path)
		if snakePath(texts[i]) != path || !protoreflect.FullName(path).IsValid() {
			return fmt.Errorf("the path %s of a field mask has no JSON", excerpt.Quoted(path, maxFoundBytes))
		}
	}
	w.out = jsonvalue.AppendString(w.out, strings.Join(texts, ","))
	return nil
}

// camelPath turns order_line.price into orderLine.price, snakePath turns it back.
func camelPath(path string) string {
	var b strings.Builder
	after := false
	for i := range len(path) {
		c := path[i]
		if c != '_' {
			if after && c >= 'a' && c <= 'z' {
				c -= 'a' - 'A'
			}
			b.WriteByte(c)
		}
		after = c == '_'
	}
	return b.String()
}

func snakePath(path string) string {
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

func (w *writer) anyValue(m protoreflect.Message, depth int) error {
	f := m.WhichOneof(m.Descriptor().Oneofs().Get(0))
	if f == nil {
		return errors.New("a google.protobuf.Value that is nothing, not even null")
	}
	if n := m.Get(f); f.Kind() == protoreflect.DoubleKind &&
		(math.IsNaN(n.Float()) || math.IsInf(n.Float(), 0)) {
		return fmt.Errorf("a google.protobuf.Value that is the number %v, which JSON lacks", n.Float())
	}
	return w.single(f, m.Get(f), depth)
}

// any writes a message whose type is named in the data. Only those of the file and of its imports are known.
func (w *writer) any(m protoreflect.Message, depth int) error {
	fields := m.Descriptor().Fields()
	url, data := m.Get(fields.ByNumber(1)).String(), m.Get(fields.ByNumber(2)).Bytes()
	if url == "" && len(data) == 0 {
		w.out = append(w.out, "{}"...)
		return nil
	}
	found, err := w.file.resolver().FindMessageByURL(url)
	if err != nil {
		return fmt.Errorf("a google.protobuf.Any of the type %s, which the schema does not import",
			excerpt.Quoted(url, maxFoundBytes))
	}
	desc := found.Descriptor()
	if err := checkGrowth(desc, data, w.limit); err != nil {
		return err
	}
	inner, err := decode(desc, data)
	if err != nil {
		return err
	}
	if depth >= avrotype.MaxDepth {
		return avrotype.ErrTooDeep
	}
	w.out = append(w.out, `{"@type":`...)
	w.out = jsonvalue.AppendString(w.out, url)
	if HasOwnJSON(desc) {
		w.out = append(w.out, `,"value":`...)
		if err := w.message(inner, depth+1); err != nil {
			return err
		}
	} else if err := w.fields(inner, depth+1); err != nil {
		return err
	}
	w.out = append(w.out, '}')
	return nil
}

// HasOwnJSON reports whether a message is one of google/protobuf that is not written as an object of its
// fields.
func HasOwnJSON(m protoreflect.MessageDescriptor) bool {
	switch standardName(m) {
	case anyName, timestampName, durationName, fieldMaskName, structName, listName, valueName:
		return true
	}
	return wrapped(m) != nil
}
