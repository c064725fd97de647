package audit

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"

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

// decode returns a value's record name and fields. The value begins with a zero byte and the
// schema's ID.
func (s *schemas) decode(ctx context.Context, value []byte) (string, map[string]any, error) {
	if len(value) < 5 || value[0] != 0 {
		return "", nil, fmt.Errorf("the value %x has no schema ID", value[:min(len(value), 16)])
	}
	found, err := s.schema(ctx, binary.BigEndian.Uint32(value[1:]))
	if err != nil {
		return "", nil, err
	}
	native, rest, err := found.codec.NativeFromBinary(value[5:])
	if err != nil {
		return "", nil, fmt.Errorf("decoding a %s: %w", found.name, err)
	}
	fields, is := native.(map[string]any)
	if !is || len(rest) > 0 {
		return "", nil, fmt.Errorf("a %s is a %T with %d bytes left", found.name, native, len(rest))
	}
	return found.name, fields, nil
}

func (s *schemas) schema(ctx context.Context, id uint32) (schema, error) {
	if found, known := s.known[id]; known {
		return found, nil
	}
	text, err := s.registry.SchemaByID(ctx, int(id))
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
