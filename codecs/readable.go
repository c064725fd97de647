package codecs

import (
	"fmt"

	"refold/codecs/avrotype"
	"refold/codecs/protobuf"
)

// Type returns the Avro type that the schema describes; nil of a schema of another format.
func (s *Schema) Type() *avrotype.Type {
	if n, is := s.notation.(*avroNotation); is {
		return n.typ()
	}
	return nil
}

// File returns the .proto file that the schema is of; nil of a schema of another format.
func (s *Schema) File() *protobuf.File {
	if n, is := s.notation.(*protobufNotation); is {
		return n.typ.File()
	}
	return nil
}

// References are the texts that the schema refers to, by name: see [ParseSchemaOf].
func (s *Schema) References() map[string]string {
	return texts(s.notation.references(), map[string]string{})
}

// Aliases returns the full names that the record had before, as far as the schema says.
func (s *Schema) Aliases() []string { return s.notation.aliases() }

// Schemas returns the schemas of the Set's types, in the order in which the types were given. Their IDs are
// 0.
func (s *Set) Schemas() []*Schema {
	schemas := make([]*Schema, len(s.types))
	for i, t := range s.types {
		schemas[i] = t.schema
	}
	return schemas
}

// Reads returns why records that were written with a schema can't be read as one of the Set's types; nil if
// they can. It asks no registry.
func (s *Set) Reads(written *Schema) error {
	if poison := s.resolve(written).poison; poison != nil {
		return fmt.Errorf("read records of %s: %w", written.Name, poison.Err)
	}
	return nil
}

// Upcasts reports whether records that were written with a schema are read by a former version. It asks no
// registry.
func (s *Set) Upcasts(written *Schema) bool {
	r := s.resolve(written)
	return r.typ != nil && r.typ.upcast != nil
}

// Sample returns the data of a small value of the schema, without the wire format's header: as little zero in
// it as possible, and the same bytes every time.
func (s *Schema) Sample() ([]byte, error) {
	b, err := s.notation.sample()
	if err != nil {
		return nil, fmt.Errorf("make a value of %s: %w", s.Name, err)
	}
	return b, nil
}
