package codecs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"

	"github.com/twmb/franz-go/pkg/sr"
)

// The questions to the registry that the cache on disk may answer while it is away.

func schemaQuestion(id SchemaID) question {
	return question{operation: "schema", key: fmt.Sprintf("schema %v", id)}
}

// errNoGUIDs says that the registry can't be asked for GUIDs. No schema of it was written under one, so it is
// as one that it does not have.
var errNoGUIDs = fmt.Errorf("%w: it has no GET /schemas/guids, which Confluent's registry has from Platform "+
	"8 on", ErrSchemaNotFound)

// schemaBy asks for a schema by its number or its GUID.
func schemaBy(ctx context.Context, c *sr.Client, id SchemaID) (sr.Schema, error) {
	if !id.HasGUID() {
		return c.SchemaByID(ctx, id.Number) //nolint:wrapcheck // Registry.request classifies it
	}
	found, err := c.SchemaByGUID(ctx, id.String())
	answer, is := errors.AsType[*sr.ResponseError](err)
	if is && answer.StatusCode == http.StatusNotFound && !sr.IsNotFoundError(answer.ErrorCode) {
		// A wrong path is answered like that, too. A registry answers this:
		if _, other := c.SupportedTypes(ctx); other == nil {
			return sr.Schema{}, errNoGUIDs
		}
	}
	return found.Schema, err //nolint:wrapcheck // Registry.request classifies it
}

// idQuestion asks for the ID of a schema under a subject. A program asks for schemas that the registry need
// not have, too: see Set.Prepare.
func idQuestion(subject string, schema sr.Schema) question {
	text := schema.Schema
	if schema.Type != sr.TypeAvro {
		text = schema.Type.String() + "\x00" + text // the same text may be a schema of another format
	}
	return question{
		operation: "look-up", orNone: true,
		key: fmt.Sprintf("the ID of a schema of subject %s (SHA-256 %x)", subject,
			sha256.Sum256([]byte(text))),
	}
}

// versionQuestion asks which version of a subject a schema is.
func versionQuestion(subject string, schema sr.Schema) question {
	q := idQuestion(subject, schema)
	q.key = "the version with " + q.key
	return q
}

// versions returns the numbers of the versions of a subject.
func (r *Registry) versions(ctx context.Context, subject string) ([]int, error) {
	q := question{
		operation: "versions", key: "the versions of subject " + subject, orNone: true, mayGrow: true,
	}
	return askRegistry(ctx, r, q,
		func(ctx context.Context, c *sr.Client) ([]int, error) { return c.SubjectVersions(ctx, subject) })
}

// version returns a version of a subject.
func (r *Registry) version(ctx context.Context, operation, subject string, version int,
) (sr.SubjectSchema, error) {
	return askRegistry(ctx, r,
		question{operation: operation, key: fmt.Sprintf("version %d of subject %s", version, subject)},
		func(ctx context.Context, c *sr.Client) (sr.SubjectSchema, error) {
			return c.SchemaByVersion(ctx, subject, version)
		})
}
