package codecs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"refold/codecs/avrojson"
	"refold/codecs/jsonvalue"
)

// JSONError lists every mistake in a piece of JSON, up to a hundred, in the order in which they
// stand there, missing fields after the others of their object.
type JSONError struct {
	Type     string // bare name of the record type
	Mistakes []avrojson.Mistake
}

// Error lists the mistakes, one a line.
func (e *JSONError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "JSON does not fit %s:", e.Type)
	for _, m := range e.Mistakes {
		text.WriteString("\n  ")
		text.WriteString(m.String())
	}
	return text.String()
}

// UnknownTypeError says that a Set has no record type of a name.
type UnknownTypeError struct {
	Name  string
	Known []string // bare names
}

// Error lists the known types.
func (e *UnknownTypeError) Error() string {
	return fmt.Sprintf("unknown type %q; known are %s", e.Name, strings.Join(e.Known, ", "))
}

// FromJSON returns the value of a record type, by its bare or full name, that JSON describes, in the form
// of package avrojson. The type is that of the Go struct, as with [Set.Decode]. JSON that does not fit
// today's type, and fits a former version of that name, is read as that version, if one value has become of
// it. It keeps data no longer than the call.
//
// The error is a *[JSONError] or an *[UnknownTypeError]; any other error is not the caller's fault.
func (s *Set) FromJSON(typeName string, data []byte) (any, error) {
	text, err := jsonvalue.Parse(data, s.registry.settings.Limits.RecordBytes)
	if err != nil {
		if s.find(typeName) == nil && len(s.formersNamed(typeName)) == 0 {
			return nil, &UnknownTypeError{Name: typeName, Known: s.Types()}
		}
		mistakes := []avrojson.Mistake{avrojson.SyntaxMistake(err)}
		return nil, &JSONError{Type: bareName(typeName), Mistakes: mistakes}
	}
	_, v, err := s.FromText(typeName, text)
	return v, err
}

// FromText is FromJSON of a text that was checked before, such as a part of a larger one. It also returns the
// bare name of the value's type: another one for a former version that was called otherwise.
func (s *Set) FromText(typeName string, text jsonvalue.Text) (today string, v any, err error) {
	var first error
	if t := s.find(typeName); t != nil {
		v, err := s.fromText(t, text)
		if _, mistaken := errors.AsType[*JSONError](err); !mistaken {
			return t.bareName(), v, err
		}
		first = err
	}
	for _, t := range s.formersNamed(typeName) {
		v, err := s.fromText(t, text)
		if err == nil {
			if v, err = s.becomes(t, v); err != nil {
				err = t.mistaken(avrojson.Mistake{
					Found: err.Error(), Allowed: "a former version that is one value today",
				})
			}
		}
		if err == nil {
			return s.byGo[reflect.TypeOf(v)].bareName(), v, nil
		}
		first = cmp.Or(first, err)
	}
	if first == nil {
		return "", nil, &UnknownTypeError{Name: typeName, Known: s.Types()}
	}
	return "", nil, first
}

func (s *Set) fromText(t *setType, text jsonvalue.Text) (any, error) {
	limits := s.registry.settings.Limits
	if size := len(text.Bytes()); size > limits.RecordBytes {
		return nil, t.mistaken(avrojson.Mistake{
			Found:   fmt.Sprintf("%d bytes", size),
			Allowed: fmt.Sprintf("at most %d bytes", limits.RecordBytes),
		})
	}
	data, mistakes, err := t.schema.notation.fromJSON(text, avrojson.Limits{
		Depth: limits.JSONDepth, DefaultBytes: limits.ExpandedBytes,
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("encode JSON as %v: %w", t.goType, err)
	case len(mistakes) > 0:
		return nil, t.mistaken(mistakes...)
	}
	v, _, err := t.decode(t.made, data)
	if err != nil {
		// Such as a Go type that is narrower than its schema.
		return nil, t.mistaken(avrojson.Mistake{
			Found: err.Error(), Allowed: "what " + t.goType.String() + " can hold",
		})
	}
	return v, nil
}

func (t *setType) mistaken(mistakes ...avrojson.Mistake) error {
	return &JSONError{Type: t.bareName(), Mistakes: mistakes}
}

// DescribeJSON returns the JSON Schema of the JSON that FromJSON takes for a record type, by its bare or
// full name, as avrojson.Describe does; nil if the Set has no such type. FromJSON also refuses values that
// the Go type can't hold, where it is narrower than its schema.
func (s *Set) DescribeJSON(
	typeName string, named func(fullName string, schema *avrojson.Schema) (ref string),
) *avrojson.Schema {
	t := s.find(typeName)
	if t == nil {
		return nil
	}
	return t.schema.notation.describe(named)
}

// ToJSON returns bytes of the wire format as JSON, in the form that [Set.FromJSON] takes, with the fields in
// the order of the schema that they were written with. The schema may be any that the registry knows.
// The name is the bare one if the record is of one of the Set's types, otherwise the full one.
// The error is as that of [Set.Decode]; it wraps [ErrTooLarge], too, if the JSON would have more than
// Limits.ExpandedBytes.
func (s *Set) ToJSON(ctx context.Context, b []byte) (typeName string, json []byte, err error) {
	if limit := s.registry.settings.Limits.RecordBytes; len(b) > limit {
		return "", nil, tooLarge(b, limit)
	}
	name, json, err := s.registry.ToJSON(ctx, b)
	if t := s.byName[name]; t != nil {
		name = t.bareName()
	}
	return name, json, err
}

// ToJSON is [Set.ToJSON] of a record of any type. The name is the full one.
func (r *Registry) ToJSON(ctx context.Context, b []byte) (typeName string, json []byte, err error) {
	id, data, err := SplitWire(b)
	if err != nil {
		return "", nil, err
	}
	schema, err := r.SchemaOf(ctx, id)
	switch {
	case errors.Is(err, ErrSchemaNotFound):
		return "", nil, &Malformed{Reason: ReasonUnknownSchema, Bytes: b, Err: err}
	case errors.Is(err, ErrSchemaUnusable):
		return "", nil, &Malformed{Reason: ReasonUnusableSchema, Bytes: b, Err: err}
	case err != nil:
		return "", nil, err
	}
	if schema, err = schema.of(data); err != nil {
		return "", nil, &Malformed{Reason: ReasonUndecodable, Bytes: b, Err: err}
	}
	json, err = schema.toJSON(data, r.settings.Limits.ExpandedBytes)
	switch {
	case errors.Is(err, ErrTooLarge):
		return schema.Name, nil, &Malformed{Reason: ReasonTooLarge, Bytes: b, Err: err}
	case err != nil:
		return schema.Name, nil, &Malformed{Reason: ReasonUndecodable, Bytes: b, Err: err}
	}
	return schema.Name, json, nil
}
