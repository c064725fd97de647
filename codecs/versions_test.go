package codecs_test

import (
	"errors"
	"strings"
	"testing"

	"refold/codecs"
)

// A version without a field that ours has no default for can't be read: that is found before a record is, and
// said with the field's name.
func TestCheckVersions(t *testing.T) {
	const (
		before = `{"type": "record", "name": "Closed", "namespace": "bank", "fields": []}`
		odd    = `{"type": "record", "name": "Closed", "namespace": "bank", "fields": [
			{"name": "reason", "type": "int"}]}`
		foreign = `{"type": "record", "name": "Other", "fields": []}`
		newer   = `{"type": "record", "name": "Closed", "namespace": "bank", "fields": [
			{"name": "reason", "type": "string"}, {"name": "by", "type": "string"}]}`
	)
	s := server(t)
	register(t, s, "bank.Closed", newer)
	types := set(t, client(t, s.URL()), bankTypes()...)
	if err := types.CheckVersions(t.Context()); err != nil {
		t.Fatalf("what a newer program adds can be left out: %v", err)
	}
	var want []string
	for schema, text := range map[string]string{
		before:  "give reason a default",
		odd:     "reason",
		foreign: "is Other",
	} {
		register(t, s, "bank.Closed", schema)
		want = append(want, text)
	}
	err := types.CheckVersions(t.Context())
	if _, is := errors.AsType[*codecs.VersionError](err); !is {
		t.Fatalf("got %v", err)
	}
	for _, text := range append(want, "version 3 of bank.Closed", "version 4", "version 5") {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want it to say %s", err, text)
		}
	}
	s.Close()
	if err := types.CheckVersions(t.Context()); !errors.Is(err, codecs.ErrRegistryUnavailable) {
		t.Errorf("got %v, want ErrRegistryUnavailable", err)
	}
}
