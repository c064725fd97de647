package codecs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"refold/codecs/avrojson"
	"refold/codecs/jsonschema"
	"refold/codecs/jsonvalue"
)

// jsonNotation is a JSON Schema.
type jsonNotation struct {
	schema *jsonschema.Schema
	others []needed
}

func parseJSONSchema(text string, references map[string]string) (*jsonNotation, error) {
	schema, err := jsonschema.Parse(text, references)
	if err != nil {
		return nil, err //nolint:wrapcheck // parseSchema does
	}
	n := &jsonNotation{schema: schema}
	for _, name := range slices.Sorted(maps.Keys(references)) {
		n.others = append(n.others, needed{name: name, text: references[name]})
	}
	return n, nil
}

func (n *jsonNotation) fullName() string     { return n.schema.Title }
func (n *jsonNotation) aliases() []string    { return nil }
func (n *jsonNotation) revision() int64      { return n.schema.Revision }
func (n *jsonNotation) references() []needed { return n.others }

// toJSON returns the data without white space. It need not fit the schema: a reader shows what is there.
func (n *jsonNotation) toJSON(data []byte, limit int) ([]byte, error) {
	text, err := jsonvalue.Parse(data, len(data))
	if err != nil {
		return nil, err //nolint:wrapcheck // Schema.toJSON does
	}
	if err := text.CheckDepth(maxJSONDepth); err != nil {
		return nil, err //nolint:wrapcheck // Schema.toJSON does
	}
	var out bytes.Buffer
	if err := json.Compact(&out, data); err != nil {
		return nil, err //nolint:wrapcheck // Schema.toJSON does
	}
	if out.Len() > limit {
		return nil, fmt.Errorf("%w: as JSON it has more than %d bytes", ErrTooLarge, limit)
	}
	return out.Bytes(), nil
}

func (n *jsonNotation) fromJSON(
	text jsonvalue.Text, limits avrojson.Limits,
) ([]byte, []avrojson.Mistake, error) {
	i, mistakes := jsonschema.Read(text, limits.Depth)
	if len(mistakes) == 0 {
		mistakes = n.schema.Check(i, jsonschema.Strict)
	}
	return i.Canonical, mistakes, nil
}

func (n *jsonNotation) describe(named func(string, *avrojson.Schema) string) *avrojson.Schema {
	return n.schema.Describe(named)
}

func (n *jsonNotation) sample() ([]byte, error) {
	return n.schema.Sample(false) //nolint:wrapcheck // it names the record
}

func (n *jsonNotation) same(other notation) bool {
	o, is := other.(*jsonNotation)
	return is && n.schema.Same(o.schema)
}

// read lets what another version has written be read if it fits that version, and ours but for members that
// ours lacks. Whether all that fits one fits the other can't be decided of two JSON Schemas in general, so
// values of theirs are tried: one with the required members, and one with all.
func (n *jsonNotation) read(written notation) (*reading, error) {
	w, is := written.(*jsonNotation)
	if !is {
		return nil, mismatch(JSONSchema, formatOf(written))
	}
	if n.same(w) {
		return &reading{json: []jsonCheck{{n.schema, jsonschema.Strict}}}, nil
	}
	for _, full := range []bool{false, true} {
		sample, err := w.schema.Sample(full)
		if errors.Is(err, jsonschema.ErrNoSample) {
			continue // only its records can tell
		}
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the record
		}
		if _, err := readJSON(sample, maxJSONDepth, jsonCheck{n.schema, jsonschema.Open}); err != nil {
			return nil, fmt.Errorf("a record of it does not fit ours: %w", err)
		}
	}
	return &reading{json: []jsonCheck{{w.schema, jsonschema.Written}, {n.schema, jsonschema.Open}}}, nil
}

func (n *jsonNotation) of([]byte) (notation, error) { return n, nil }

func (n *jsonNotation) named(fullName string) notation {
	if fullName != n.schema.Title {
		return nil
	}
	return n
}

// readJSON returns the canonical text of JSON that passes all checks. The error lists every mistake of the
// first check that it does not pass.
func readJSON(data []byte, depth int, checks ...jsonCheck) ([]byte, error) {
	text, err := jsonvalue.Parse(data, len(data))
	if err != nil {
		return nil, err //nolint:wrapcheck // it says where
	}
	i, mistakes := jsonschema.Read(text, depth)
	for _, check := range checks {
		if len(mistakes) == 0 {
			mistakes = check.schema.Check(i, check.use)
		}
	}
	if len(mistakes) == 0 {
		return i.Canonical, nil
	}
	lines := make([]string, len(mistakes))
	for i, m := range mistakes {
		lines[i] = m.String()
	}
	return nil, errors.New(strings.Join(lines, "; "))
}

// JSONRecord returns the record type of a Go struct T that is written as JSON, as encoding/json does, and of
// its JSON Schema, of draft 7 to 2020-12. The schema's title is the record's full name, whose last part is
// that of T. It refers to nothing outside of it. [NewSet] reports what does not fit.
//
// A value that does not fit the schema is not encoded. A record is decoded if it fits the schema that it was
// written with and, but for members that T's schema does not know, T's own. Names of members that differ
// from those of T by upper and lower case alone are taken for them.
func JSONRecord[T any](schema string) Type {
	return Type{&recordType{
		format: JSONSchema,
		goType: reflect.TypeFor[T](),
		text:   schema,
		encode: func(dst []byte, own *reading, v any) ([]byte, error) {
			if p, is := v.(*T); is && p == nil {
				return dst, fmt.Errorf("cannot encode a nil %T", p)
			}
			data, err := json.Marshal(v)
			if err == nil {
				data, err = readJSON(data, maxJSONDepth, own.json...)
			}
			if err != nil {
				return dst, err
			}
			return append(dst, data...), nil
		},
		decode: func(r *reading, data []byte) (any, []byte, error) {
			canonical, err := readJSON(data, r.limits.JSONDepth, r.json...)
			if err != nil {
				return nil, nil, err
			}
			var value T
			if err := json.Unmarshal(canonical, &value); err != nil {
				return nil, nil, fmt.Errorf("read JSON that fits its schema: %w", err)
			}
			return value, nil, nil
		},
	}}
}

// jsonRecordOf is RecordOf of the format JSONSchema.
func jsonRecordOf[T any](o StructOptions) Type {
	t := JSONRecord[T]("")
	goType := t.goType
	t.name = o.Name
	title := t.bareName()
	if o.Namespace != "" {
		title = o.Namespace + "." + title
	}
	t.text, t.err = jsonschema.OfStruct(goType, jsonschema.Options{
		Title: title, Description: o.Doc, Revision: o.Revision, Docs: o.Docs,
		Keywords: o.Properties,
	})
	return t
}
