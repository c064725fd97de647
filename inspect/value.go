package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"refold/codecs/jsonvalue"
)

// valueOf returns the value of a decoded record as expressions see it: JSON with exact integers, a text, or
// the bytes.
func valueOf(r *Record) (any, error) {
	switch r.Format {
	case FormatNone:
		return nil, nil //nolint:nilnil // JSON's null
	case FormatText:
		return string(r.raw), nil
	case FormatBase64:
		return r.raw, nil
	case FormatWire, FormatJSON:
	}
	d := json.NewDecoder(bytes.NewReader(r.Value))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, fmt.Errorf("read the value: %w", err)
	}
	return exact(value), nil
}

// exact replaces the numbers in a value by those that expressions compare right.
func exact(value any) any {
	switch value := value.(type) {
	case json.Number:
		return number(string(value))
	case []any:
		for i := range value {
			value[i] = exact(value[i])
		}
	case map[string]any:
		for name := range value {
			value[name] = exact(value[name])
		}
	}
	return value
}

// number returns a JSON number as an int64 or a uint64 if it is an integer that fits, also one that is
// written as 3.0 or 3e0. Otherwise it is the nearest float64, infinite beyond the range.
func number(text string) any {
	if n, is := jsonvalue.ParseInteger(text, 64); is {
		return n
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return n
	}
	float, _ := strconv.ParseFloat(text, 64) // out of range: an infinity
	return float
}
