package codecs_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"refold/codecs"
)

func TestSubjectsAndVersions(t *testing.T) {
	s := server(t)
	r := client(t, s.URL())
	wider := strings.Replace(closedSchema, `"string"`, `"bytes"`, 1)
	register(t, s, "bank.Deposited", depositedSchema)
	first, second := register(t, s, "bank.Closed", closedSchema), register(t, s, "bank.Closed", wider)
	subjects, err := r.Subjects(t.Context())
	if err != nil || !slices.Equal(subjects, []string{"bank.Closed", "bank.Deposited"}) {
		t.Errorf("subjects are %v, %v", subjects, err)
	}
	versions, err := r.Versions(t.Context(), "bank.Closed")
	if err != nil || len(versions) != 2 {
		t.Fatalf("got %+v, %v", versions, err)
	}
	for i, want := range []codecs.SubjectVersion{
		{Subject: "bank.Closed", Version: 1, ID: first}, {Subject: "bank.Closed", Version: 2, ID: second},
	} {
		got := versions[i]
		if got.Schema == nil || got.Schema.Name != "bank.Closed" || got.Err != nil {
			t.Errorf("got %+v", got)
		}
		if got.Schema = nil; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if versions, err := r.Versions(t.Context(), "bank.Nobody"); err != nil || len(versions) > 0 {
		t.Errorf("a subject that does not exist: %v, %v", versions, err)
	}
}

func TestCompatibilityOfASubject(t *testing.T) {
	s := server(t)
	r := client(t, s.URL())
	register(t, s, "bank.Closed", closedSchema)
	if err := r.SetCompatibility(t.Context(), "bank.Closed", "FULL_TRANSITIVE"); err != nil {
		t.Fatal(err)
	}
	level, err := r.Compatibility(t.Context(), "bank.Closed")
	if err != nil || level != "FULL_TRANSITIVE" {
		t.Errorf("got %s, %v", level, err)
	}
	if err := r.SetCompatibility(t.Context(), "bank.Closed", "SIDEWAYS"); err == nil {
		t.Error("a level that does not exist is taken")
	}
	s.Close()
	if _, err := r.Compatibility(t.Context(), "bank.Closed"); !errors.Is(err, codecs.ErrRegistryUnavailable) {
		t.Errorf("the registry is away: %v", err)
	}
}

// A Set tells without a registry which schemas it reads, and gives an example of each of its types.
func TestReads(t *testing.T) {
	s, err := codecs.NewSet(client(t, "http://127.0.0.1:1"), codecs.Record[Moved](movedSchema))
	if err != nil {
		t.Fatal(err)
	}
	ours := s.Schemas()[0]
	if err := s.Reads(ours); err != nil {
		t.Error(err)
	}
	if !slices.Equal(ours.Aliases(), []string{"bank.Shifted"}) || ours.Type().Fields[0].Name != "to" {
		t.Errorf("aliases %v, type %+v", ours.Aliases(), ours.Type())
	}
	for name, text := range map[string]string{
		"cents is text":  strings.Replace(movedSchema, `"long"`, `"string"`, 1),
		"another record": closedSchema,
	} {
		written, err := codecs.ParseSchema(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Reads(written); err == nil || !strings.Contains(err.Error(), written.Name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if b, err := ours.Sample(); err != nil || string(b) != "\x021\x021\x02\x021" {
		t.Errorf("the sample is %q, %v", b, err)
	}
	endless, err := codecs.ParseSchema(
		`{"type": "record", "name": "E", "fields": [{"name": "e", "type": ["E", "null"]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := endless.Sample(); err != nil || len(b) == 0 {
		t.Errorf("the sample is %q, %v", b, err)
	}
}
