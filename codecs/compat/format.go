package compat

import (
	"fmt"

	"refold/codecs/protobuf"
)

// Format is a way to describe records, by the name that schema registries have for it. The zero Format is
// Avro.
type Format string

// The formats.
const (
	Avro       Format = "AVRO"
	Protobuf   Format = "PROTOBUF"
	JSONSchema Format = "JSON"
)

// comparing returns all breaks between an older version and the schema that it was made of.
type comparing func(older Version) ([]Finding, error)

// parseVersion returns how other versions are compared with a schema, and the path of its root.
func parseVersion(v Version) (compare comparing, root string, err error) {
	switch v.format() {
	case Avro:
		ours, err := Parse(v.Text)
		if err != nil {
			return nil, "", err
		}
		return func(older Version) ([]Finding, error) {
			theirs, err := Parse(older.Text)
			if err != nil {
				return nil, err
			}
			return Compare(theirs, ours), nil
		}, rootPath(ours), nil
	case Protobuf:
		ours, err := protobuf.Parse("", v.Text, v.Imports)
		if err != nil {
			return nil, "", err //nolint:wrapcheck // it says what was being done
		}
		return func(older Version) ([]Finding, error) {
			theirs, err := protobuf.Parse("", older.Text, older.Imports)
			if err != nil {
				return nil, err //nolint:wrapcheck // it says what was being done
			}
			return CompareProtobuf(theirs, ours), nil
		}, string(ours.Descriptor().Package()), nil
	case JSONSchema:
		ours, err := ParseJSONSchema(v.Text, v.Imports)
		if err != nil {
			return nil, "", err
		}
		return func(older Version) ([]Finding, error) {
			theirs, err := ParseJSONSchema(older.Text, older.Imports)
			if err != nil {
				return nil, err
			}
			return CompareJSONSchemas(theirs, ours), nil
		}, jsonRoot, nil
	}
	return nil, "", fmt.Errorf("there is no schema format %q; there are %s, %s, %s",
		v.Format, Avro, Protobuf, JSONSchema)
}

// CheckFormat is [Check] for a schema of any format. A version of the history that is of another format is a
// break.
func CheckFormat(level Level, today Version, history []Version) ([]Break, error) {
	compare, root, err := parseVersion(today)
	if err != nil {
		return nil, err
	}
	latest := 0
	for _, v := range history {
		latest = max(latest, v.Number)
	}
	var breaks []Break
	for _, v := range history {
		if level == None || !level.Transitive() && v.Number != latest {
			continue
		}
		if v.format() != today.format() {
			breaks = append(breaks, Break{v.Number, otherFormat(root, v.format(), today.format())})
			continue
		}
		found, err := compare(v)
		if err != nil {
			breaks = append(breaks, Break{v.Number, unusable(root, today.format(), err)})
			continue
		}
		for _, f := range found {
			if level.Checks(f.Direction) {
				breaks = append(breaks, Break{v.Number, f})
			}
		}
	}
	return breaks, nil
}

// CompareFormat returns all breaks between an older and a newer version of the same format, those of records
// that are written by the older one first. The error says which of them can't be parsed.
func CompareFormat(older, newer Version) ([]Finding, error) {
	compare, root, err := parseVersion(newer)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the newer version: %w", err)
	case older.format() != newer.format():
		return []Finding{otherFormat(root, older.format(), newer.format())}, nil
	}
	found, err := compare(older)
	if err != nil {
		return nil, fmt.Errorf("the older version: %w", err)
	}
	return found, nil
}

// declarations are where the specifications say what a schema is.
var declarations = map[Format]string{
	Avro:       "Avro 1.12, Schema Declaration",
	Protobuf:   "Protobuf language specification",
	JSONSchema: "JSON Schema, Core",
}

func unusable(root string, format Format, err error) Finding {
	return Finding{
		Path: root, Direction: Backward, Kind: KindUnusable, Reason: err.Error(),
		Rule:   declarations[format],
		Remedy: "find out who registered the version, and whether records were written with it",
	}
}

func otherFormat(root string, was, is Format) Finding {
	return Finding{
		Path: root, Direction: Backward, Kind: KindFormat,
		Reason: fmt.Sprintf("old records are of the format %s, the new program reads %s", was, is),
		Rule:   "Confluent, schema formats: the versions of a subject have one format",
		Remedy: "keep the format, or write a new record type under a subject of its own",
	}
}
