package compat

import (
	"fmt"

	"github.com/twmb/avro"

	"refold/codecs/avrotype"
)

// Version is a version of a schema, as a registry or a folder of released schemas has it.
type Version struct {
	Number int
	Text   string
	// Format is that of the text. The zero Format is Avro.
	Format Format
	// Imports are the texts of schemas that the text refers to, by the names that it has for them. Of
	// Protobuf and JSON Schema only.
	Imports map[string]string
}

func (v Version) format() Format {
	if v.Format == "" {
		return Avro
	}
	return v.Format
}

// Break is a finding against one version.
type Break struct {
	Version int `json:"version"`
	Finding
}

// Parse returns the type that a schema describes. The error says what is wrong with the text.
func Parse(text string) (t *avrotype.Type, err error) {
	defer func() { // the text may be foreign
		if p := recover(); p != nil {
			t, err = nil, fmt.Errorf("parse an Avro schema: panic: %v", p)
		}
	}()
	schema, err := avro.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("parse an Avro schema: %w", err)
	}
	return avrotype.Of(schema), nil
}

// Compare returns all breaks between an older and a newer version, those of records that are written by the
// older one first. A named type that several fields have is reported at the first of them. The cost grows
// with the product of the two schemas' types at worst.
func Compare(older, newer *avrotype.Type) []Finding {
	return append(Read(older, newer, Backward), Read(newer, older, Forward)...)
}

// Read returns all breaks of a reader's type that reads what a writer's type wrote.
func Read(writer, reader *avrotype.Type, d Direction) []Finding {
	r := &reading{direction: d, seen: map[pair]bool{}}
	r.types(writer, reader, rootPath(reader))
	return r.found
}

func rootPath(t *avrotype.Type) string {
	if t.Name != "" {
		return unqualified(t.Name)
	}
	return t.Kind
}

// Check compares today's Avro schema with its history at a level. Versions may be in any order. The error
// says that today's schema can't be parsed; a version that can't be is a break.
func Check(level Level, today string, history []Version) ([]Break, error) {
	return CheckFormat(level, Version{Text: today}, history)
}
