package codecs

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Mistake is one place at which JSON does not fit its schema.
type Mistake struct {
	// Path leads to the value, such as lines[2].price; empty for the whole.
	Path string
	// Found is what is there, shortened; "nothing" if a field is missing.
	Found string
	// Allowed is what may be there instead.
	Allowed string
}

// String says it in one line.
func (m Mistake) String() string {
	if m.Path == "" {
		return fmt.Sprintf("found %s, allowed: %s", m.Found, m.Allowed)
	}
	return fmt.Sprintf("%s: found %s, allowed: %s", m.Path, m.Found, m.Allowed)
}

// JSONError lists every mistake in a piece of JSON, up to a hundred, in the order in which they
// stand there, missing fields after the others of their object.
type JSONError struct {
	Type     string // bare name of the record type
	Mistakes []Mistake
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

// FromJSON returns the value of a record type, by its bare or full name, that JSON describes. The
// type is that of the Go struct, as with [Set.Decode].
//
// The JSON is that which people write: a union is its value, or null, without the type's name. A
// field with a default may be left out. Bytes are a string of the characters U+0000 to U+00FF; a
// logical type is what it is stored as, such as milliseconds for timestamp-millis. Float and double
// also take "NaN", "Infinity" and "-Infinity".
//
// The error is a *[JSONError] or an *[UnknownTypeError]; nothing else is the caller's fault.
func (s *Set) FromJSON(typeName string, data []byte) (any, error) {
	t := s.find(typeName)
	if t == nil {
		return nil, &UnknownTypeError{Name: typeName, Known: s.Types()}
	}
	dynamic, err := t.schema.dynamic()
	if err != nil {
		return nil, fmt.Errorf("schema of %v: %w", t.goType, err)
	}
	native, mistakes := dynamic.shape.check(data, s.registry.settings.Limits)
	if len(mistakes) > 0 {
		return nil, &JSONError{Type: t.goType.Name(), Mistakes: mistakes}
	}
	b, err := dynamic.encode(native)
	if err != nil {
		return nil, fmt.Errorf("encode JSON as %v: %w", t.goType, err)
	}
	v, _, err := t.decode(t.schema.avro, b)
	if err != nil {
		// Such as a Go type that is narrower than what the schema allows.
		return nil, &JSONError{Type: t.goType.Name(), Mistakes: []Mistake{{
			Found: err.Error(), Allowed: "what " + t.goType.String() + " can hold",
		}}}
	}
	return v, nil
}

// ToJSON shows bytes of the wire format as JSON, as [Set.FromJSON] takes it, with the fields in the
// order of the schema that they were written with. The schema may be any that the registry knows.
// The name is the bare one if the record is of one of the Set's types, else the full one.
// The error is as that of [Set.Decode]; it wraps [ErrTooLarge], too, if the JSON would have more than
// Limits.ExpandedBytes.
func (s *Set) ToJSON(ctx context.Context, b []byte) (typeName string, json []byte, err error) {
	if limit := s.registry.settings.Limits.RecordBytes; len(b) > limit {
		return "", nil, tooLarge(b, limit)
	}
	name, json, err := s.registry.ToJSON(ctx, b)
	if t := s.byName[name]; t != nil {
		name = t.goType.Name()
	}
	return name, json, err
}

// ToJSON is [Set.ToJSON] for a topic of which nothing is known. The name is the full one.
func (r *Registry) ToJSON(ctx context.Context, b []byte) (typeName string, json []byte, err error) {
	id, data, err := SplitWire(b)
	if err != nil {
		return "", nil, err
	}
	schema, err := r.Schema(ctx, id)
	switch {
	case errors.Is(err, ErrSchemaNotFound):
		return "", nil, &Malformed{Reason: ReasonUnknownSchema, Bytes: b, Err: err}
	case errors.Is(err, ErrSchemaUnusable):
		return "", nil, &Malformed{Reason: ReasonUnusableSchema, Bytes: b, Err: err}
	case err != nil:
		return "", nil, err
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

// toJSON writes data of the schema as JSON of at most limit bytes, which is all that it allocates,
// beside some times that for maps. The error wraps [ErrTooLarge], or says what is wrong with the
// data.
func (s *Schema) toJSON(data []byte, limit int) ([]byte, error) {
	w := jsonWriter{data: data, limit: limit}
	err := w.write(s.shape())
	if err == nil && len(w.data) > 0 {
		err = fmt.Errorf("%d bytes are left over", len(w.data))
	}
	switch {
	case err != nil && w.field != "":
		return nil, fmt.Errorf("%s, at the field %s: %w", s.Name, Excerpt(w.field, maxFoundBytes), err)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return w.out, nil
}

func (d *dynamicCodec) encode(native any) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in goavro: %v", p)
		}
	}()
	return d.bytes.BinaryFromNative(nil, native)
}
