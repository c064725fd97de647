package codecs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"

	"refold/codecs/avrojson"
	"refold/codecs/avrotype"
)

// Schema is a schema of the registry, parsed. It never changes and is safe for concurrent use.
type Schema struct {
	// ID is what the registry calls it by; the zero value if it is not from a registry.
	ID SchemaID
	// Name is the full name of the record, enum or fixed type that it describes, or else the name
	// of the Avro type, such as "string" or "array".
	Name string
	// Text is the schema with everything it refers to in place.
	Text string

	avro *avro.Schema
	// Made when they are needed first.
	typ  func() *avrotype.Type
	json func() (*avrojson.Codec, error)
}

// ParseSchema parses the text of an Avro schema.
func ParseSchema(text string) (*Schema, error) { return parseSchema(SchemaID{}, text, nil) }

// parseSchema parses a schema after those that it refers to.
func parseSchema(id SchemaID, text string, references []string) (s *Schema, err error) {
	defer func() { // the text is foreign
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("%w: panic while parsing it: %v", ErrSchemaUnusable, p)
		}
	}()
	var parsed *avro.Schema
	if len(references) == 0 {
		parsed, err = avro.Parse(text)
	} else {
		var all avro.SchemaCache
		for _, reference := range references {
			if _, err = all.Parse(reference); err != nil {
				return nil, fmt.Errorf("%w: a schema it refers to: %w", ErrSchemaUnusable, err)
			}
		}
		parsed, err = all.Parse(text)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSchemaUnusable, err)
	}
	s = &Schema{ID: id, Name: schemaName(parsed), Text: parsed.String(), avro: parsed}
	s.typ = sync.OnceValue(func() *avrotype.Type { return avrotype.Of(parsed) })
	s.json = sync.OnceValues(func() (*avrojson.Codec, error) { return avrojson.NewCodec(parsed, s.typ()) })
	return s, nil
}

func schemaName(schema *avro.Schema) string {
	root := schema.Root()
	if root.Name == "" {
		return root.Type
	}
	return avrotype.FullName(root)
}

// toJSON writes data of the schema as JSON of at most limit bytes. The errors are those of avrojson.Write.
func (s *Schema) toJSON(data []byte, limit int) ([]byte, error) {
	json, err := avrojson.Write(s.typ(), data, limit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return json, nil
}

// maxReferences limits how many schemas a schema may refer to, directly and through others.
const maxReferences = 64

// fetcher gets the schemas that a schema refers to.
type fetcher struct {
	registry  *Registry
	bytesLeft int
	texts     []string                    // in the order in which they can be parsed
	seen      map[sr.SchemaReference]bool // true once it is in texts
}

func (f *fetcher) parse(ctx context.Context, id SchemaID, root sr.Schema) (*Schema, error) {
	if err := f.follow(ctx, root); err != nil {
		return nil, err
	}
	return parseSchema(id, root.Schema, f.texts)
}

// follow collects what a schema refers to, depth first, for a schema can only be parsed after all
// that it refers to.
func (f *fetcher) follow(ctx context.Context, schema sr.Schema) error {
	f.bytesLeft -= len(schema.Schema)
	switch {
	case schema.Schema == "":
		return fmt.Errorf("%w: the answer has no schema; check the URL and its path",
			ErrRegistryRefused)
	case schema.Type != sr.TypeAvro:
		return fmt.Errorf("%w: its type is %v, must be AVRO", ErrSchemaUnusable, schema.Type)
	case f.bytesLeft < 0:
		return fmt.Errorf("%w: it and the schemas it refers to have more than %d bytes",
			ErrSchemaUnusable, f.registry.settings.Limits.SchemaBytes)
	}
	for _, reference := range schema.References {
		reference.Name = "" // Avro refers by the names in the text
		done, begun := f.seen[reference]
		switch {
		case done:
			continue
		case begun:
			return fmt.Errorf("%w: it refers to itself through subject %s version %d",
				ErrSchemaUnusable, reference.Subject, reference.Version)
		case len(f.seen) >= maxReferences:
			return fmt.Errorf("%w: it refers to more than %d others",
				ErrSchemaUnusable, maxReferences)
		}
		if f.seen == nil {
			f.seen = map[sr.SchemaReference]bool{}
		}
		f.seen[reference] = false
		text, err := f.get(ctx, reference)
		if err != nil {
			return err
		}
		f.texts = append(f.texts, text)
		f.seen[reference] = true
	}
	return nil
}

func (f *fetcher) get(ctx context.Context, reference sr.SchemaReference) (string, error) {
	found, err := f.registry.version(ctx, "schema", reference.Subject, reference.Version)
	if errors.Is(err, ErrSchemaNotFound) {
		return "", fmt.Errorf("%w: it refers to subject %s version %d, which does not exist",
			ErrSchemaUnusable, reference.Subject, reference.Version)
	}
	if err != nil {
		return "", fmt.Errorf("subject %s version %d, which it refers to: %w",
			reference.Subject, reference.Version, err)
	}
	return found.Schema.Schema, f.follow(ctx, found.Schema)
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
