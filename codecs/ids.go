package codecs

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/sr"
)

// ID returns the ID of an Avro schema of ours under a subject. In mode [Register] it registers the
// schema if need be, in mode [LookUp] it never does. Known IDs cost no request.
func (r *Registry) ID(ctx context.Context, subject, schema string) (int, error) {
	return r.idOf(ctx, subject, &Schema{Format: Avro, Text: schema})
}

// idOf is ID of a schema of any format. Schemas that it refers to are registered, or looked up, before it:
// each under its name as the subject.
func (r *Registry) idOf(ctx context.Context, subject string, schema *Schema) (int, error) {
	key := subjectSchema{subject, schema.Format, schema.Text}
	if id, ok := r.known.id(key); ok {
		return id, nil
	}
	got, err := r.once(ctx, &r.ids, subject+"\x00"+string(schema.Format)+"\x00"+schema.Text,
		func(ctx context.Context) (any, error) {
			id, err := r.requestID(ctx, subject, schema)
			if err == nil {
				r.known.putID(key, id)
			}
			return id, err
		})
	if err != nil {
		return 0, fmt.Errorf("schema of subject %s: %w", subject, err)
	}
	return got.(int), nil
}

func (r *Registry) requestID(ctx context.Context, subject string, schema *Schema) (id int, err error) {
	text := sr.Schema{Schema: schema.Text}
	if err := text.Type.UnmarshalText([]byte(schema.Format)); err != nil {
		return 0, err //nolint:wrapcheck // idOf names the subject
	}
	if schema.notation != nil {
		if text.References, err = r.refer(ctx, text.Type, schema.notation.references()); err != nil {
			return 0, err
		}
	}
	q := idQuestion(subject, text)
	if r.settings.Mode == Register {
		q.operation, q.orNone = "register", false // there is one after it
		id, err = askRegistry(ctx, r, q, func(ctx context.Context, c *sr.Client) (int, error) {
			return c.RegisterSchema(ctx, subject, text, -1, -1)
		})
	} else {
		id, err = askRegistry(ctx, r, q, func(ctx context.Context, c *sr.Client) (int, error) {
			found, err := c.LookupSchema(ctx, subject, text)
			return found.ID, err
		})
		if errors.Is(err, ErrSchemaNotFound) {
			err = fmt.Errorf("%w; it is only looked up here (mode %q), never registered: "+
				"register it in a deployment step", err, LookUp)
		}
	}
	if err == nil && (id <= 0 || id > MaxSchemaID) {
		return 0, fmt.Errorf("%w: it gave the schema the ID %d, which is not 1 to %d; "+
			"check the URL and its path", ErrRegistryRefused, id, MaxSchemaID)
	}
	return id, err
}

// refer returns the references to schemas that are needed. In mode Register they are registered, each under
// its name as the subject, as Confluent's serializers do.
func (r *Registry) refer(
	ctx context.Context, format sr.SchemaType, all []needed,
) ([]sr.SchemaReference, error) {
	var references []sr.SchemaReference
	for _, n := range all {
		inner, err := r.refer(ctx, format, n.needs)
		if err != nil {
			return nil, err
		}
		text := sr.Schema{Schema: n.text, Type: format, References: inner}
		q := versionQuestion(n.name, text)
		ask := func(ctx context.Context, c *sr.Client) (sr.SubjectSchema, error) {
			if r.settings.Mode == Register {
				if _, err := c.RegisterSchema(ctx, n.name, text, -1, -1); err != nil {
					return sr.SubjectSchema{}, err
				}
			}
			return c.LookupSchema(ctx, n.name, text)
		}
		found, err := askRegistry(ctx, r, q, ask)
		if err != nil {
			return nil, fmt.Errorf("the schema %s, which it refers to: %w", n.name, err)
		}
		references = append(references, sr.SchemaReference{
			Name: n.name, Subject: n.name, Version: found.Version,
		})
	}
	return references, nil
}
