package codecs

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
)

// Schema is a schema of the registry, parsed. It never changes and is safe for concurrent use.
type Schema struct {
	// ID is what the registry calls it by; the zero value if it is not from a registry.
	ID SchemaID
	// Format is what the schema is written in.
	Format Format
	// Name is the full name of the record, enum or fixed type that it describes, or else the name
	// of the Avro type, such as "string" or "array". Of JSON Schema it is the title. Of a file of Protobuf
	// with several messages it is the first one's: see [Schema.Named].
	Name string
	// Text is the schema. Of Avro it has everything it refers to in place.
	Text string

	notation notation
}

// ParseSchema parses the text of an Avro schema.
func ParseSchema(text string) (*Schema, error) { return parseSchema(SchemaID{}, Avro, text, nil) }

// ParseSchemaOf parses the text of a schema of a format, and the texts that it refers to, by the names that
// it refers to them by: imports of Protobuf, and of JSON Schema what $ref names. A schema of Avro refers to
// nothing.
func ParseSchemaOf(format Format, text string, references map[string]string) (*Schema, error) {
	var all []reference
	for _, name := range slices.Sorted(maps.Keys(references)) {
		all = append(all, reference{name, references[name]})
	}
	return parseSchema(SchemaID{}, format, text, all)
}

// reference is a schema that another one refers to.
type reference struct{ name, text string }

// parseSchema parses a schema and those that it refers to, in the order in which they can be parsed.
func parseSchema(id SchemaID, format Format, text string, references []reference) (s *Schema, err error) {
	defer func() { // the text is foreign
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("%w: panic while parsing it: %v", ErrSchemaUnusable, p)
		}
	}()
	s = &Schema{ID: id, Format: format, Text: text}
	named, texts := map[string]string{}, make([]string, 0, len(references))
	for _, r := range references {
		named[r.name] = r.text
		texts = append(texts, r.text)
	}
	switch format {
	case Avro:
		var n *avroNotation
		if n, err = parseAvro(text, texts); err == nil {
			s.Text, s.notation = n.schema.String(), n
		}
	case JSONSchema:
		s.notation, err = parseJSONSchema(text, named)
	case Protobuf:
		s.notation, err = parseProtobuf(text, named)
	default:
		err = fmt.Errorf("its type is %s, must be %s, %s or %s", format, Avro, Protobuf, JSONSchema)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSchemaUnusable, err)
	}
	s.Name = s.notation.fullName()
	return s, nil
}

// formatOf returns the format of a notation.
func formatOf(n notation) Format {
	switch n.(type) {
	case *jsonNotation:
		return JSONSchema
	case *protobufNotation:
		return Protobuf
	}
	return Avro
}

// Named returns the schema of a record by its full name: of a file of Protobuf, that of the message. It is
// nil if the schema describes no such record.
func (s *Schema) Named(fullName string) *Schema { return s.part(s.notation.named(fullName)) }

// of returns the schema of data.
func (s *Schema) of(data []byte) (*Schema, error) {
	n, err := s.notation.of(data)
	if err != nil {
		return nil, fmt.Errorf("schema %d: %w", s.ID, err)
	}
	return s.part(n), nil
}

// part returns the schema with one of its notations.
func (s *Schema) part(n notation) *Schema {
	switch n {
	case nil:
		return nil
	case s.notation:
		return s
	}
	return &Schema{ID: s.ID, Format: s.Format, Name: n.fullName(), Text: s.Text, notation: n}
}

// toJSON writes data of the schema as JSON of at most limit bytes. The error wraps
// ErrTooLarge, or says what is wrong with the data and where.
func (s *Schema) toJSON(data []byte, limit int) ([]byte, error) {
	json, err := s.notation.toJSON(data, limit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return json, nil
}

// limitedTransport ends answers that are too large. JSON escapes make a schema larger on the way.
type limitedTransport struct {
	base  http.RoundTripper
	limit int64
}

func (t limitedTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.Body = &limitedBody{response.Body, 2*t.limit + 64<<10}
	return response, nil
}

type limitedBody struct {
	io.ReadCloser
	left int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errAnswerTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
