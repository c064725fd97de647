package audit

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

// schemas decodes values with the schema they were written with, which the registry has.
type schemas struct {
	registry *sr.Client
	known    map[schemaID]schema
}

// schemaID is the number of a schema, or its GUID.
type schemaID struct {
	number uint32
	guid   [16]byte
}

type schema struct {
	name  string // without namespace
	codec *goavro.Codec
}

func newSchemas(url string, access RegistryAccess) (*schemas, error) {
	client, err := access.client(url)
	if err != nil {
		return nil, err
	}
	registry, err := sr.NewClient(sr.URLs(url), sr.HTTPClient(client))
	if err != nil {
		return nil, fmt.Errorf("making a registry client: %w", err)
	}
	return &schemas{registry: registry, known: make(map[schemaID]schema)}, nil
}

// schemaBytes is how long the beginning of a value is that names its schema by its number: a zero byte and
// four for the number. By its GUID: a byte that is one, and the GUID.
const (
	schemaBytes = 5
	guidBytes   = 17
)

// schemaHeader is where the beginning stands in records of which the value is the data alone.
const schemaHeader = "__value_schema_id"

// errUndecodable says that it is a value's own fault that it can't be decoded, not the registry's.
var errUndecodable = errors.New("undecodable")

// decode returns the schema and the fields of a record.
func (s *schemas) decode(ctx context.Context, record *kgo.Record) (schema, map[string]any, error) {
	id, data, has := idOf(record.Value)
	if header := value(record, schemaHeader); header != nil {
		var rest []byte
		if id, rest, has = idOf(header); len(rest) > 0 {
			has = false
		}
		data = record.Value
	}
	if !has {
		return schema{}, nil, fmt.Errorf("%w: the value %x has no schema ID", errUndecodable,
			record.Value[:min(len(record.Value), 16)])
	}
	found, err := s.schema(ctx, id)
	if err != nil {
		return schema{}, nil, err
	}
	native, rest, err := found.codec.NativeFromBinary(data)
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

// idOf splits a value, or a header, behind the schema ID.
func idOf(b []byte) (id schemaID, data []byte, has bool) {
	switch {
	case len(b) >= schemaBytes && b[0] == 0:
		return schemaID{number: binary.BigEndian.Uint32(b[1:])}, b[schemaBytes:], true
	case len(b) >= guidBytes && b[0] == 1:
		return schemaID{guid: [16]byte(b[1:guidBytes])}, b[guidBytes:], true
	}
	return id, nil, false
}

// String is the ID as registries write it.
func (id schemaID) String() string {
	if g := id.guid; g != [16]byte{} {
		return fmt.Sprintf("%x-%x-%x-%x-%x", g[:4], g[4:6], g[6:8], g[8:10], g[10:])
	}
	return strconv.FormatUint(uint64(id.number), 10)
}

// ask asks the registry for a schema.
func (s *schemas) ask(ctx context.Context, id schemaID) (sr.Schema, error) {
	if id.guid == [16]byte{} {
		return s.registry.SchemaByID(ctx, int(id.number)) //nolint:wrapcheck // schema says what was asked
	}
	found, err := s.registry.SchemaByGUID(ctx, id.String())
	return found.Schema, err //nolint:wrapcheck // the same
}

func (s *schemas) schema(ctx context.Context, id schemaID) (schema, error) {
	if found, known := s.known[id]; known {
		return found, nil
	}
	text, err := s.ask(ctx, id)
	if refused, is := errors.AsType[*sr.ResponseError](err); is && refused.StatusCode == http.StatusNotFound {
		return schema{}, fmt.Errorf("%w: the registry has no schema %v", errUndecodable, id)
	}
	if err != nil {
		return schema{}, fmt.Errorf("asking the registry for schema %v: %w", id, err)
	}
	codec, err := goavro.NewCodec(text.Schema)
	if err != nil {
		return schema{}, fmt.Errorf("reading schema %v: %w", id, err)
	}
	var record struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal([]byte(text.Schema), &record); err != nil {
		return schema{}, fmt.Errorf("reading schema %v: %w", id, err)
	}
	found := schema{name: record.Name, codec: codec}
	s.known[id] = found
	return found, nil
}
