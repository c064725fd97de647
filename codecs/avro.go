package codecs

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	"github.com/twmb/avro"

	"refold/codecs/avrojson"
	"refold/codecs/avrotype"
	"refold/codecs/jsonvalue"
)

// avroNotation is an Avro schema.
type avroNotation struct {
	schema *avro.Schema
	name   string
	// Made when they are needed first.
	typ  func() *avrotype.Type
	json func() (*avrojson.Codec, error)
}

// parseAvro parses a schema after the texts that it refers to.
func parseAvro(text string, references []string) (n *avroNotation, err error) {
	var parsed *avro.Schema
	if len(references) == 0 {
		parsed, err = avro.Parse(text)
	} else {
		var all avro.SchemaCache
		for _, reference := range references {
			if _, err = all.Parse(reference); err != nil {
				return nil, fmt.Errorf("a schema it refers to: %w", err)
			}
		}
		parsed, err = all.Parse(text)
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // parseSchema does
	}
	n = &avroNotation{schema: parsed, name: schemaName(parsed)}
	n.typ = sync.OnceValue(func() *avrotype.Type { return avrotype.Of(parsed) })
	n.json = sync.OnceValues(func() (*avrojson.Codec, error) { return avrojson.NewCodec(parsed, n.typ()) })
	return n, nil
}

func schemaName(schema *avro.Schema) string {
	root := schema.Root()
	if root.Name == "" {
		return root.Type
	}
	return avrotype.FullName(root)
}

func (n *avroNotation) fullName() string { return n.name }

func (n *avroNotation) aliases() []string {
	root := n.schema.Root()
	var full []string
	for _, alias := range root.Aliases {
		if !strings.Contains(alias, ".") && root.Namespace != "" {
			alias = root.Namespace + "." + alias
		}
		full = append(full, alias)
	}
	return full
}

func (n *avroNotation) revision() int64 {
	switch r := n.schema.Root().Props[revisionProperty].(type) {
	case int64:
		return r
	case int:
		return int64(r)
	}
	return 0
}

// references are none: those of a schema of the registry are in its text.
func (n *avroNotation) references() []needed { return nil }

func (n *avroNotation) toJSON(data []byte, limit int) ([]byte, error) {
	return avrojson.Write(n.typ(), data, limit) //nolint:wrapcheck // Schema.toJSON does
}

func (n *avroNotation) fromJSON(
	text jsonvalue.Text, limits avrojson.Limits,
) ([]byte, []avrojson.Mistake, error) {
	codec, err := n.json()
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // it says what goavro can't use
	}
	return codec.Read(text, limits) //nolint:wrapcheck // Set.fromText does
}

func (n *avroNotation) describe(named func(string, *avrojson.Schema) string) *avrojson.Schema {
	return avrojson.Describe(n.typ(), named)
}

func (n *avroNotation) sample() ([]byte, error) {
	b := n.typ().AppendSample(nil)
	var value any
	_, err := n.schema.Decode(b, &value)
	return b, err //nolint:wrapcheck // Schema.Sample does
}

func (n *avroNotation) same(other notation) bool {
	o, is := other.(*avroNotation)
	return is && bytes.Equal(n.schema.Canonical(), o.schema.Canonical())
}

func (n *avroNotation) read(written notation) (*reading, error) {
	w, is := written.(*avroNotation)
	if !is {
		return nil, mismatch(Avro, formatOf(written))
	}
	resolved := n.schema
	if w != n {
		var err error
		if resolved, err = avro.Resolve(w.schema, n.schema); err != nil {
			return nil, err //nolint:wrapcheck // it names the field
		}
	}
	return &reading{avro: resolved, growth: avrotype.NewGrowth(w.typ(), n.typ())}, nil
}

func (n *avroNotation) of([]byte) (notation, error) { return n, nil }

func (n *avroNotation) named(fullName string) notation {
	if fullName != n.name {
		return nil
	}
	return n
}
