package codecs

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/sr"
)

// maxReferences limits how many schemas a schema may refer to, directly and through others.
const maxReferences = 64

// fetcher gets the schemas that a schema refers to.
type fetcher struct {
	registry  *Registry
	bytesLeft int
	found     []reference                 // in the order in which they can be parsed
	seen      map[sr.SchemaReference]bool // true once it is in found
}

func (f *fetcher) parse(ctx context.Context, id SchemaID, root sr.Schema) (*Schema, error) {
	if err := f.follow(ctx, root); err != nil {
		return nil, err
	}
	return parseSchema(id, Format(root.Type.String()), root.Schema, f.found)
}

// follow collects what a schema refers to, depth first, for a schema can only be parsed after all
// that it refers to.
func (f *fetcher) follow(ctx context.Context, schema sr.Schema) error {
	f.bytesLeft -= len(schema.Schema)
	switch {
	case schema.Schema == "":
		return fmt.Errorf("%w: the answer has no schema; check the URL and its path",
			ErrRegistryRefused)
	case f.bytesLeft < 0:
		return fmt.Errorf("%w: it and the schemas it refers to have more than %d bytes",
			ErrSchemaUnusable, f.registry.settings.Limits.SchemaBytes)
	}
	for _, to := range schema.References {
		name := to.Name
		if schema.Type == sr.TypeAvro {
			to.Name = "" // Avro refers by the names in the text
		}
		done, begun := f.seen[to]
		switch {
		case done:
			continue
		case begun:
			return fmt.Errorf("%w: it refers to itself through subject %s version %d",
				ErrSchemaUnusable, to.Subject, to.Version)
		case len(f.seen) >= maxReferences:
			return fmt.Errorf("%w: it refers to more than %d others",
				ErrSchemaUnusable, maxReferences)
		}
		if f.seen == nil {
			f.seen = map[sr.SchemaReference]bool{}
		}
		f.seen[to] = false
		text, err := f.get(ctx, to)
		if err != nil {
			return err
		}
		f.found = append(f.found, reference{name, text})
		f.seen[to] = true
	}
	return nil
}

func (f *fetcher) get(ctx context.Context, to sr.SchemaReference) (string, error) {
	found, err := f.registry.version(ctx, "schema", to.Subject, to.Version)
	if errors.Is(err, ErrSchemaNotFound) {
		return "", fmt.Errorf("%w: it refers to subject %s version %d, which does not exist",
			ErrSchemaUnusable, to.Subject, to.Version)
	}
	if err != nil {
		return "", fmt.Errorf("subject %s version %d, which it refers to: %w",
			to.Subject, to.Version, err)
	}
	return found.Schema.Schema, f.follow(ctx, found.Schema)
}
