package compat

import (
	"fmt"

	"refold/codecs/avrotype"
	"refold/codecs/protobuf"
)

// DiffFormat is [Diff] for two versions of any format. Versions of different formats have one change, which
// breaks both directions. The error says which of them can't be parsed.
func DiffFormat(older, newer Version) ([]Change, error) {
	if older.format() != newer.format() {
		_, root, err := parseVersion(newer)
		if err != nil {
			return nil, fmt.Errorf("the newer version: %w", err)
		}
		return []Change{{
			Path: root, What: "format", Was: string(older.format()), Is: string(newer.format()),
		}}, nil
	}
	switch newer.format() {
	case Protobuf:
		return diffOf(older, newer, func(v Version) (*protobuf.File, error) {
			return protobuf.Parse("", v.Text, v.Imports)
		}, DiffProtobuf)
	case JSONSchema:
		return diffOf(older, newer, func(v Version) (*JSONSchemaText, error) {
			return ParseJSONSchema(v.Text, v.Imports)
		}, DiffJSONSchemas)
	case Avro:
		return diffOf(older, newer, func(v Version) (*avrotype.Type, error) { return Parse(v.Text) }, Diff)
	}
	_, _, err := parseVersion(newer)
	return nil, err // there is no such format
}

func diffOf[T any](
	older, newer Version, parse func(Version) (T, error), diff func(older, newer T) []Change,
) ([]Change, error) {
	is, err := parse(newer)
	if err != nil {
		return nil, fmt.Errorf("the newer version: %w", err)
	}
	was, err := parse(older)
	if err != nil {
		return nil, fmt.Errorf("the older version: %w", err)
	}
	return diff(was, is), nil
}
