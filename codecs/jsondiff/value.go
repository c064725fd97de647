package jsondiff

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Kind is what a value is.
type Kind string

// The kinds of values.
const (
	Object Kind = "object"
	Array  Kind = "array"
	Text   Kind = "text"
	Number Kind = "number"
	Bool   Kind = "bool"
	Null   Kind = "null"
)

// Value is a JSON value.
type Value struct {
	Kind    Kind
	Text    string   // a text without quotes; a number, true, false or null as written
	Members []Member // of an object, in the order in which they came
	Items   []*Value // of an array
}

// Member is a member of an object.
type Member struct {
	Name  string
	Value *Value
}

// MaxDepth is how deep a value may be; no state of ours is.
const MaxDepth = 200

// ErrTooDeep says that a value is deeper than MaxDepth.
var ErrTooDeep = errors.New("the JSON is too deep")

// Parse reads a value. Of a member that comes twice, the last one counts.
func Parse(raw []byte) (*Value, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	v, err := parse(decoder, 0)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more behind the JSON value")
	}
	return v, nil
}

func parse(decoder *json.Decoder, depth int) (*Value, error) {
	if depth > MaxDepth {
		return nil, ErrTooDeep
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	switch token := token.(type) {
	case json.Delim:
		v := &Value{Kind: Array}
		if token == '{' {
			v.Kind = Object
		}
		err := v.fill(decoder, depth)
		return v, err
	case string:
		return &Value{Kind: Text, Text: token}, nil
	case json.Number:
		return &Value{Kind: Number, Text: token.String()}, nil
	case bool:
		return &Value{Kind: Bool, Text: fmt.Sprint(token)}, nil
	default:
		return &Value{Kind: Null, Text: "null"}, nil
	}
}

// fill reads what is in an object or an array, and its end.
func (v *Value) fill(decoder *json.Decoder, depth int) error {
	for decoder.More() {
		name := ""
		if v.Kind == Object {
			token, err := decoder.Token()
			if err != nil {
				return fmt.Errorf("read JSON: %w", err)
			}
			name, _ = token.(string)
		}
		inner, err := parse(decoder, depth+1)
		if err != nil {
			return err
		}
		if v.Kind == Array {
			v.Items = append(v.Items, inner)
		} else {
			v.set(name, inner)
		}
	}
	if _, err := decoder.Token(); err != nil {
		return fmt.Errorf("read JSON: %w", err)
	}
	return nil
}

// Member returns a member of an object by its name; nil if there is none.
func (v *Value) Member(name string) *Value {
	if i := v.index(name); i >= 0 {
		return v.Members[i].Value
	}
	return nil
}

func (v *Value) index(name string) int {
	for i := range v.Members {
		if v.Members[i].Name == name {
			return i
		}
	}
	return -1
}

func (v *Value) set(name string, to *Value) {
	if i := v.index(name); i >= 0 {
		v.Members[i].Value = to
		return
	}
	v.Members = append(v.Members, Member{name, to})
}

// IsLeaf reports whether a value has no others in it.
func (v *Value) IsLeaf() bool { return v.Kind != Object && v.Kind != Array }

// Equal reports whether two values are the same; the order of members does not count. Nil is equal to nil.
func (v *Value) Equal(other *Value) bool {
	if v == nil || other == nil {
		return v == other
	}
	if v.Kind != other.Kind || v.Text != other.Text || len(v.Members) != len(other.Members) ||
		len(v.Items) != len(other.Items) {
		return false
	}
	for i := range v.Members {
		if !v.Members[i].Value.Equal(other.Member(v.Members[i].Name)) {
			return false
		}
	}
	for i := range v.Items {
		if !v.Items[i].Equal(other.Items[i]) {
			return false
		}
	}
	return true
}

// String writes the value as JSON, without spaces.
func (v *Value) String() string {
	var b bytes.Buffer
	v.write(&b)
	return b.String()
}

func (v *Value) write(b *bytes.Buffer) {
	switch v.Kind {
	case Object:
		b.WriteByte('{')
		for i, m := range v.Members {
			if i > 0 {
				b.WriteByte(',')
			}
			writeText(b, m.Name)
			b.WriteByte(':')
			m.Value.write(b)
		}
		b.WriteByte('}')
	case Array:
		b.WriteByte('[')
		for i, item := range v.Items {
			if i > 0 {
				b.WriteByte(',')
			}
			item.write(b)
		}
		b.WriteByte(']')
	case Text:
		writeText(b, v.Text)
	case Number, Bool, Null:
		b.WriteString(v.Text)
	}
}

func writeText(b *bytes.Buffer, text string) {
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a text can always be encoded
	b.Truncate(b.Len() - 1)  // without the line break
}
