package schemas

import (
	"context"
	"strings"

	"refold/codecs"
	"refold/codecs/compat"
	"refold/codecs/released"
	"refold/installation/schemadiff"
	"refold/processors"
)

// version is a version of a subject: of a registry, or as it was released.
type version struct {
	number, id int // no id in a folder
	text       string
	schema     *codecs.Schema // nil if it can't be parsed
	err        error
}

// history has the earlier versions of subjects.
type history interface {
	name() string
	subjects(ctx context.Context) ([]string, error)
	// versions returns those of a subject, the oldest first; none if there is no such subject.
	versions(ctx context.Context, subject string) ([]version, error)
}

// inRegistry is the history that a registry has.
type inRegistry struct {
	*codecs.Registry
	types *processors.Catalog
}

func (h inRegistry) name() string { return "registry " + strings.Join(h.URLs(), ",") }

func (h inRegistry) subjects(ctx context.Context) ([]string, error) {
	return h.Subjects(ctx) //nolint:wrapcheck // it says what it was doing
}

func (h inRegistry) versions(ctx context.Context, subject string) ([]version, error) {
	found, err := h.Versions(ctx, subject)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the subject
	}
	record := subject
	if t := h.types.Of(subject); t != nil {
		record = t.Schema.Name // the subject may be named after the topic, or have a prefix
	}
	versions := make([]version, len(found))
	for i, v := range found {
		versions[i] = version{
			number: v.Version, id: v.ID, schema: schemadiff.Record(v.Schema, record), err: v.Err,
		}
		if v.Schema != nil {
			versions[i].text = v.Schema.Text
		}
	}
	return versions, nil
}

// inFolder is the history of what was released.
type inFolder struct {
	*released.Folder
	dir string
}

func (h inFolder) name() string { return "folder " + h.dir }

func (h inFolder) subjects(context.Context) ([]string, error) { return h.Subjects(), nil }

func (h inFolder) versions(_ context.Context, subject string) ([]version, error) {
	found := h.Versions(subject)
	versions := make([]version, len(found))
	for i, v := range found {
		versions[i] = version{number: v.Number, text: v.Text}
		schema, err := codecs.ParseSchemaOf(codecs.Format(v.Format), v.Text, v.Imports)
		versions[i].schema, versions[i].err = schemadiff.Record(schema, subject), err
	}
	return versions, nil
}

// searched is a history as package processors takes it.
type searched struct{ of history }

func (s searched) Subjects(ctx context.Context) ([]string, error) { return s.of.subjects(ctx) }

func (s searched) Versions(ctx context.Context, subject string) ([]codecs.SubjectVersion, error) {
	found, err := s.of.versions(ctx, subject)
	versions := make([]codecs.SubjectVersion, len(found))
	for i, v := range found {
		versions[i] = codecs.SubjectVersion{
			Subject: subject, Version: v.number, ID: v.id, Schema: v.schema, Err: v.err,
		}
	}
	return versions, err
}

// compared returns versions as package compat takes them.
func compared(versions []version) []compat.Version {
	all := make([]compat.Version, len(versions))
	for i, v := range versions {
		all[i] = compat.Version{Number: v.number, Text: v.text}
		if v.schema != nil {
			all[i] = schemadiff.Version(v.number, v.schema)
		}
	}
	return all
}
