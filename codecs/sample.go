package codecs

import (
	"errors"
	"fmt"
	"reflect"

	"refold/codecs/avrojson"
)

// FormerSchemas returns the schemas of the Set's former versions ([Former]), in the order in which they were
// given. Their IDs are 0.
func (s *Set) FormerSchemas() []*Schema {
	schemas := make([]*Schema, len(s.formers))
	for i, t := range s.formers {
		schemas[i] = t.schema
	}
	return schemas
}

// DescribeJSON returns the JSON Schema of the JSON that records are shown as, in any format: see
// [Set.DescribeJSON].
func (s *Schema) DescribeJSON(
	named func(fullName string, schema *avrojson.Schema) (ref string),
) *avrojson.Schema {
	return s.notation.describe(named)
}

// SampleOf returns the value of [Schema.Sample] of a record type, by its bare or its full name. It asks no
// registry. The error is an *[UnknownTypeError], or says what can't be made.
func (s *Set) SampleOf(typeName string) (any, error) {
	t := s.find(typeName)
	if t == nil {
		return nil, &UnknownTypeError{Name: typeName, Known: s.Types()}
	}
	data, err := t.schema.Sample()
	if err != nil {
		return nil, err
	}
	v, _, err := t.decode(t.made, data)
	if err != nil {
		return nil, fmt.Errorf("make a value of %s: %w", t.schema.Name, err)
	}
	return v, nil
}

// ShowSample is [Set.Show] of the value of [Schema.Sample], for a schema that need not be in the registry. It
// asks no registry. The error also says why records of the schema can't be read.
func (s *Set) ShowSample(written *Schema) (Shown, error) {
	data, err := written.Sample()
	if err != nil {
		return Shown{}, err
	}
	r := s.resolve(written)
	if r.poison != nil {
		return Shown{}, fmt.Errorf("read records of %s: %w", written.Name, r.poison.Err)
	}
	text, err := written.toJSON(data, r.limits.ExpandedBytes)
	if err != nil {
		return Shown{}, err
	}
	shown := Shown{Type: bareName(written.Name), Data: text}
	if r.typ.upcast == nil {
		return shown, nil
	}
	shown.ReadAs, err = r.parts(data, data)
	if poison, is := errors.AsType[*Malformed](err); is {
		err = poison.Err // the bytes are ours: nothing is malformed
	}
	return shown, err
}

// parts returns what the data of a record b of a former version is read as.
func (r *reader) parts(b, data []byte) ([]Part, error) {
	v, err := r.decode(b, data)
	if err != nil {
		return nil, err
	}
	values := Values(v)
	parts := make([]Part, len(values))
	left := r.limits.ExpandedBytes
	for i, value := range values {
		t := r.set.byGo[reflect.TypeOf(value)]
		encoded, err := t.encode(nil, t.own, value)
		if err != nil {
			return nil, malformed(ReasonIncompatible, b, "encode what it is upcast to, a %T: %w", value, err)
		}
		text, err := t.schema.toJSON(encoded, left)
		if err != nil {
			return nil, malformed(ReasonTooLarge, b, "show what it is upcast to: %w", err)
		}
		left -= len(text)
		parts[i] = Part{t.bareName(), text}
	}
	return parts, nil
}
