package foldtest

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
	"refold/codecs/released"
	"refold/processors"
)

// ReadsReleased checks that every version of every record in a folder of released schemas ("processor schemas
// freeze") is read as one of today's types: its example decodes, by upcasters where there are any (G9). It
// fails if the folder was edited, or if it lacks a type of the definitions.
func ReadsReleased(tb testing.TB, dir string, definitions ...processors.Definition) {
	tb.Helper()
	folder, err := released.Open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	fake := srfake.New()
	tb.Cleanup(fake.Close)
	sets, names := setsOf(tb, fake.URL(), definitions)
	frozen := map[string]bool{}
	for _, subject := range folder.Subjects() {
		frozen[subject] = true
		for _, v := range folder.Versions(subject) {
			id := register(tb, fake, subject, &v)
			record := append(codecs.AppendWireHeader(nil, id), v.Example...)
			if err := decodes(tb, sets, record); err != nil {
				tb.Errorf("version %d of %s is not read any more: %v", v.Number, subject, err)
			}
		}
	}
	for _, name := range names {
		if !frozen[name] {
			tb.Errorf("%s was never released; \"processor schemas freeze %s\" adds it", name, dir)
		}
	}
}

// register puts a version into a registry, after what it imports, and returns its ID.
func register(tb testing.TB, fake *srfake.Registry, subject string, v *released.Version) int {
	tb.Helper()
	schema := sr.Schema{Schema: v.Text}
	if err := schema.Type.UnmarshalText([]byte(v.Format)); err != nil {
		tb.Fatal(err)
	}
	for name, text := range v.Imports {
		_, number, err := fake.RegisterSchema(name, sr.Schema{Schema: text, Type: schema.Type})
		if err != nil {
			tb.Fatal(err)
		}
		schema.References = append(schema.References, sr.SchemaReference{
			Name: name, Subject: name, Version: number,
		})
	}
	id, _, err := fake.RegisterSchema(subject, schema)
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

// setsOf returns the codecs of all topics, and the full names of their types.
func setsOf(tb testing.TB, url string, all []processors.Definition) (sets []*codecs.Set, names []string) {
	tb.Helper()
	definitions, err := processors.Define(all...)
	if err != nil {
		tb.Fatal(err)
	}
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{URLs: []string{url}, Mode: codecs.LookUp})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(registry.Close)
	opened, err := definitions.Open(registry)
	if err != nil {
		tb.Fatal(err)
	}
	sets = append(sets, opened.Results)
	for _, a := range opened.Aggregates {
		sets = append(sets, a.Sets()...)
	}
	for _, set := range sets {
		for _, schema := range set.Schemas() {
			names = append(names, schema.Name)
		}
	}
	return sets, names
}

// decodes returns why none of the sets reads a record. A set that does not know the record's name says
// nothing of interest if another one does.
func decodes(tb testing.TB, sets []*codecs.Set, record []byte) error {
	tb.Helper()
	var known, unknown error
	for _, set := range sets {
		_, err := set.Decode(tb.Context(), record)
		var poison *codecs.Malformed
		switch {
		case err == nil:
			return nil
		case errors.As(err, &poison) && poison.Reason == codecs.ReasonUnknownType:
			unknown = err
		default:
			known = err
		}
	}
	if known != nil {
		return known
	}
	return unknown
}
