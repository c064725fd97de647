package codecs

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Limits of texts in mistakes.
const (
	maxFoundBytes = 60
	maxListed     = 30
)

// What may be found beside JSON values.
type (
	missingField struct{}
	unknownField struct{}
	wrongSize    int // of a fixed type's bytes
)

func describeValue(v any) string {
	switch v := v.(type) {
	case missingField:
		return "nothing"
	case unknownField:
		return "an unknown field"
	case wrongSize:
		return fmt.Sprintf("%d bytes", int(v))
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return Excerpt(v.String(), maxFoundBytes)
	case string:
		return quoted(v, maxFoundBytes)
	case []any:
		return "an array"
	}
	return "an object"
}

// describe says what a type allows, to a person.
func (s *shape) describe() string {
	text := s.describeKind()
	if unit := logicalUnits[s.logical]; unit != "" {
		return text + " (" + unit + ")"
	}
	return text
}

func (s *shape) describeKind() string {
	switch s.kind {
	case kindBoolean:
		return "true or false"
	case kindInt:
		return fmt.Sprintf("a whole number from %d to %d",
			math.MinInt32, math.MaxInt32)
	case kindLong:
		return fmt.Sprintf("a whole number from %d to %d",
			math.MinInt64, math.MaxInt64)
	case kindFloat:
		return "a number within the range of a 32-bit float"
	case kindDouble:
		return "a number within the range of a 64-bit float"
	case kindString:
		return "a string"
	case kindBytes:
		return "bytes as a string of the characters U+0000 to U+00FF"
	case kindFixed:
		return fmt.Sprintf("%d bytes as a string of the characters U+0000 to U+00FF", s.size)
	case kindEnum:
		return "one of " + list(s.symbols)
	case kindArray:
		return "an array"
	case kindMap:
		return "an object"
	case kindRecord:
		return s.describeRecord()
	case kindUnion:
		options := make([]string, len(s.branches))
		for i, branch := range s.branches {
			options[i] = branch.describe()
		}
		return strings.Join(options, ", or ")
	}
	return s.kind
}

func (s *shape) describeRecord() string {
	names := make([]string, len(s.fields))
	for i, field := range s.fields {
		names[i] = field.name
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

// logicalUnits tell what the number of a logical type counts.
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
