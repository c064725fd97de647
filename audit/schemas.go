package audit

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/sr"
)

// schemas decodes values with the schema they were written with, which the registry has.
type schemas struct {
	registry *sr.Client
	known    map[uint32]schema
}

type schema struct {
	name  string // without namespace
	codec *goavro.Codec
}

func newSchemas(url string) (*schemas, error) {
	registry, err := sr.NewClient(sr.URLs(url))
	if err != nil {
		return nil, fmt.Errorf("making a registry client: %w", err)
	}
	return &schemas{registry: registry, known: make(map[uint32]schema)}, nil
}

// schemaBytes is how long the beginning of a value is that names its schema: a zero byte and the
// schema's ID.
const schemaBytes = 5

// errUndecodable says that it is a value's own fault that it can't be decoded, not the registry's.
var errUndecodable = errors.New("undecodable")

// decode returns a value's schema and fields.
func (s *schemas) decode(ctx context.Context, value []byte) (schema, map[string]any, error) {
	if len(value) < schemaBytes || value[0] != 0 {
		return schema{}, nil, fmt.Errorf("%w: the value %x has no schema ID", errUndecodable,
			value[:min(len(value), 16)])
	}
	found, err := s.schema(ctx, binary.BigEndian.Uint32(value[1:]))
	if err != nil {
		return schema{}, nil, err
	}
	native, rest, err := found.codec.NativeFromBinary(value[schemaBytes:])
	if err != nil {
		return schema{}, nil, fmt.Errorf("%w: a %s: %w", errUndecodable, found.name, err)
	}
	fields, is := native.(map[string]any)
	if !is || len(rest) > 0 {
		return schema{}, nil, fmt.Errorf("%w: a %s is a %T with %d bytes left", errUndecodable,
			found.name, native, len(rest))
	}
	return found, fields, nil
}

func (s *schemas) schema(ctx context.Context, id uint32) (schema, error) {
	if found, known := s.known[id]; known {
		return found, nil
	}
	text, err := s.registry.SchemaByID(ctx, int(id))
	if refused, is := errors.AsType[*sr.ResponseError](err); is && refused.StatusCode == http.StatusNotFound {
		return schema{}, fmt.Errorf("%w: the registry has no schema %d", errUndecodable, id)
	}
	if err != nil {
		return schema{}, fmt.Errorf("asking the registry for schema %d: %w", id, err)
	}
	codec, err := goavro.NewCodec(text.Schema)
	if err != nil {
		return schema{}, fmt.Errorf("reading schema %d: %w", id, err)
	}
	var record struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal([]byte(text.Schema), &record); err != nil {
		return schema{}, fmt.Errorf("reading schema %d: %w", id, err)
	}
	found := schema{name: record.Name, codec: codec}
	s.known[id] = found
	return found, nil
}
