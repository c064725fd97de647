package avrojson

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"refold/codecs/avrotype"
	"refold/codecs/excerpt"
	"refold/codecs/jsonvalue"
)

// Limits of texts in mistakes.
const (
	maxFoundBytes = 60
	maxListed     = 30
)

// found says what the next value is, where one of a type was expected.
func found(c jsonvalue.Cursor, t *avrotype.Type) string {
	if t.Kind == avrotype.Fixed && c.Peek() == '"' {
		ahead := c // Token goes on to the next value
		text := jsonvalue.Unquote(ahead.Token())
		tooHigh := func(r rune) bool { return r > math.MaxUint8 }
		if !bytes.ContainsFunc(text, tooHigh) {
			return fmt.Sprintf("%d bytes", utf8.RuneCount(text))
		}
	}
	return Found(c)
}

// Found says what the next value of a JSON text is, for Mistake.Found: the value itself, cut if it is long,
// or that it is an object or an array.
func Found(c jsonvalue.Cursor) string {
	switch c.Peek() {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return excerpt.Quoted(string(jsonvalue.Unquote(c.Token())), maxFoundBytes)
	}
	return excerpt.Of(string(c.Token()), maxFoundBytes)
}

// describe says in words what a type allows.
func describe(t *avrotype.Type) string {
	text := describeKind(t)
	if unit := logicalUnits[t.Logical]; unit != "" {
		return text + " (" + unit + ")"
	}
	return text
}

func describeKind(t *avrotype.Type) string {
	switch t.Kind {
	case avrotype.Boolean:
		return "true or false"
	case avrotype.Int:
		return fmt.Sprintf("a whole number from %d to %d",
			math.MinInt32, math.MaxInt32)
	case avrotype.Long:
		return fmt.Sprintf("a whole number from %d to %d",
			math.MinInt64, math.MaxInt64)
	case avrotype.Float:
		return "a number within the range of a 32-bit float"
	case avrotype.Double:
		return "a number within the range of a 64-bit float"
	case avrotype.String:
		return "a string"
	case avrotype.Bytes:
		return "bytes as a string of the characters U+0000 to U+00FF"
	case avrotype.Fixed:
		return fmt.Sprintf("%d bytes as a string of the characters U+0000 to U+00FF", t.Size)
	case avrotype.Enum:
		return "one of " + list(t.Symbols)
	case avrotype.Array:
		return "an array"
	case avrotype.Map:
		return "an object"
	case avrotype.Record:
		return describeRecord(t)
	case avrotype.Union:
		options := make([]string, len(t.Branches))
		for i, branch := range t.Branches {
			options[i] = describe(branch)
		}
		return strings.Join(options, ", or ")
	}
	return t.Kind
}

func describeRecord(t *avrotype.Type) string {
	names := make([]string, len(t.Fields))
	for i, field := range t.Fields {
		names[i] = field.Name
	}
	if len(names) == 0 {
		return "an object without fields"
	}
	return "an object with the fields " + list(names)
}

func list(names []string) string {
	if len(names) > maxListed {
		return strings.Join(names[:maxListed], ", ") + fmt.Sprintf(" and %d more",
			len(names)-maxListed)
	}
	return strings.Join(names, ", ")
}

// Unit says what a number or the bytes of a logical type count, such as "days since 1970-01-01"; "" if it
// is not one of the specification's.
func Unit(logicalType string) string { return logicalUnits[logicalType] }

// logicalUnits are the units of logical types.
var logicalUnits = map[string]string{
	"date":                   "days since 1970-01-01",
	"time-millis":            "milliseconds since midnight",
	"time-micros":            "microseconds since midnight",
	"timestamp-millis":       "milliseconds since 1970-01-01T00:00:00Z",
	"timestamp-micros":       "microseconds since 1970-01-01T00:00:00Z",
	"timestamp-nanos":        "nanoseconds since 1970-01-01T00:00:00Z",
	"local-timestamp-millis": "milliseconds since 1970-01-01T00:00:00, local time",
	"local-timestamp-micros": "microseconds since 1970-01-01T00:00:00, local time",
	"local-timestamp-nanos":  "nanoseconds since 1970-01-01T00:00:00, local time",
	"decimal":                "a decimal's unscaled value, two's complement, big endian",
	"uuid":                   "a UUID",
}
