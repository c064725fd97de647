package protobuf

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"refold/codecs/jsonvalue"
)

// wellKnown reads the next value into a message that has a JSON of its own, and reports whether it is one.
func (r *reader) wellKnown(m protoreflect.Message) bool {
	desc := m.Descriptor()
	fields := desc.Fields()
	if f := wrapped(desc); f != nil {
		if v, ok := r.scalar(f); ok {
			m.Set(f, v)
		}
		return true
	}
	switch standardName(desc) {
	case timestampName:
		r.fromText(desc, func(text string) bool {
			at, ok := parseTime(text)
			setNumbers(m, at.Unix(), int64(at.Nanosecond()))
			return ok
		})
	case durationName:
		r.fromText(desc, func(text string) bool {
			seconds, nanos, ok := parseDuration(text)
			setNumbers(m, seconds, nanos)
			return ok
		})
	case fieldMaskName:
		r.fromText(desc, func(text string) bool {
			if text == "" {
				return true
			}
			paths := m.Mutable(fields.ByNumber(1)).List()
			for path := range strings.SplitSeq(text, ",") {
				paths.Append(protoreflect.ValueOfString(snakePath(path)))
			}
			return matches(fieldMaskPattern, text)
		})
	case structName, listName:
		if want := map[protoreflect.FullName]byte{structName: '{', listName: '['}; r.in.Peek() !=
			want[desc.FullName()] {
			r.misfit(describeMessage(desc))
			break
		}
		r.field(m, fields.ByNumber(1))
	case valueName:
		r.anyValue(m)
	case anyName:
		r.misfit("no google.protobuf.Any, which has no schema")
	default:
		return false
	}
	return true
}

// fromText hands the content of a string to read, which reports whether it fits.
func (r *reader) fromText(desc protoreflect.MessageDescriptor, read func(text string) bool) {
	before := r.in
	if r.in.Peek() == '"' && read(string(jsonvalue.Unquote(r.in.Token()))) {
		return
	}
	r.in = before
	r.misfit(describeMessage(desc))
}

func setNumbers(m protoreflect.Message, seconds, nanos int64) {
	fields := m.Descriptor().Fields()
	m.Set(fields.ByNumber(1), protoreflect.ValueOfInt64(seconds))
	m.Set(fields.ByNumber(2), protoreflect.ValueOfInt32(int32(nanos)))
}

func parseTime(text string) (time.Time, bool) {
	if !matches(timestampPattern, text) || matches(outOfYears, text) {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	return at, err == nil
}

func parseDuration(text string) (seconds, nanos int64, ok bool) {
	if !matches(durationPattern, text) {
		return 0, 0, false
	}
	unsigned, negative := strings.CutPrefix(strings.TrimSuffix(text, "s"), "-")
	whole, part, _ := strings.Cut(unsigned, ".")
	seconds, _ = strconv.ParseInt(whole, 10, 64)
	nanos, _ = strconv.ParseInt((part + "000000000")[:9], 10, 64)
	if negative {
		seconds, nanos = -seconds, -nanos
	}
	return seconds, nanos, true
}

// anyValue reads any JSON.
func (r *reader) anyValue(m protoreflect.Message) {
	kinds := map[byte]protoreflect.Name{
		'n': "null_value", 't': "bool_value", 'f': "bool_value", '"': "string_value", '{': "struct_value",
		'[': "list_value",
	}
	name, known := kinds[r.in.Peek()]
	if !known {
		name = "number_value"
	}
	r.field(m, m.Descriptor().Fields().ByName(name))
}

// describeMessage says in words how a message is written.
func describeMessage(m protoreflect.MessageDescriptor) string {
	if f := wrapped(m); f != nil {
		return describeField(f)
	}
	switch standardName(m) {
	case timestampName:
		return `a time such as "2026-11-29T12:00:00Z"`
	case durationName:
		return `a duration in seconds such as "1.5s"`
	case fieldMaskName:
		return `paths of fields such as "owner,address.street"`
	case listName:
		return "an array"
	case structName:
		return "an object"
	case valueName:
		return "any JSON"
	}
	names := make([]string, m.Fields().Len())
	for i := range names {
		names[i] = m.Fields().Get(i).JSONName()
	}
	if len(names) == 0 {
		return "an object without fields"
	}
	return "an object with the fields " + list(names)
}

func list(names []string) string {
	const most = 30
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
