package asyncapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

// with returns the object with a member more, unless its value is empty: nothing, or without text, members or
// items.
func (o object) with(name string, value any) object {
	v := reflect.ValueOf(value)
	if !v.IsValid() || v.Kind() == reflect.String && v.Len() == 0 ||
		(v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0 {
		return o
	}
	return append(o, member{name, value})
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		for _, part := range []any{m.name, m.value} {
			if err := encoder.Encode(part); err != nil {
				return nil, fmt.Errorf("member %q: %w", m.name, err)
			}
			b.Truncate(b.Len() - 1) // the line's end
			b.WriteByte(':')
		}
		b.Truncate(b.Len() - 1)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func reference(to string) object { return object{{"$ref", "#/" + to}} }
