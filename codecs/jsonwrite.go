package codecs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

// appendJSON appends a value in goavro's form as JSON, a record's fields in the schema's order and
// a map's keys sorted, so that equal values give equal texts.
func (s *shape) appendJSON(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int32:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case float32:
		return appendFloat(dst, float64(v), 32), nil
	case float64:
		return appendFloat(dst, v, 64), nil
	case string:
		return appendText(dst, v), nil
	case []byte:
		runes := make([]rune, len(v))
		for i, b := range v {
			runes[i] = rune(b)
		}
		return appendText(dst, string(runes)), nil
	case []any:
		return s.appendArray(dst, v)
	case map[string]any:
		return s.appendObject(dst, v)
	}
	return nil, fmt.Errorf("goavro gave a %T for a %s", v, s.kind)
}

func (s *shape) appendArray(dst []byte, items []any) (_ []byte, err error) {
	if s.kind == kindUnion || s.items == nil {
		return nil, fmt.Errorf("goavro gave an array for a %s", s.kind)
	}
	dst = append(dst, '[')
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = s.items.appendJSON(dst, item); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func (s *shape) appendObject(dst []byte, values map[string]any) (_ []byte, err error) {
	switch s.kind {
	case kindUnion:
		for _, branch := range s.branches {
			if v, is := values[branch.branchName()]; is {
				return branch.appendJSON(dst, v)
			}
		}
		return nil, fmt.Errorf("goavro gave no branch of the union %s", s.describe())
	case kindRecord:
		dst = append(dst, '{')
		for i, field := range s.fields {
			dst = appendName(dst, field.name, i > 0)
			if dst, err = field.shape.appendJSON(dst, values[field.name]); err != nil {
				return nil, fmt.Errorf("%s: %w", field.name, err)
			}
		}
		return append(dst, '}'), nil
	case kindMap:
		dst = append(dst, '{')
		for i, key := range slices.Sorted(maps.Keys(values)) {
			dst = appendName(dst, key, i > 0)
			if dst, err = s.items.appendJSON(dst, values[key]); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
		}
		return append(dst, '}'), nil
	}
	return nil, fmt.Errorf("goavro gave an object for a %s", s.kind)
}

func appendName(dst []byte, name string, comma bool) []byte {
	if comma {
		dst = append(dst, ',')
	}
	return append(appendText(dst, name), ':')
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

// appendText appends a JSON string. What is not UTF-8 becomes U+FFFD.
func appendText(dst []byte, text string) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string into memory cannot fail
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}
