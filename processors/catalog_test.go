package processors_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
	"refold/processors"
)

// Types that were registered and that no definition has or reads any more are named; those that are upcast,
// and those of other programs, are not.
func TestDroppedTypes(t *testing.T) {
	fake := srfake.New()
	defer fake.Close()
	for subject, schema := range map[string]string{
		"purses.Added": `{"type": "record", "name": "Added", "namespace": "purses", "fields": [
			{"name": "euros", "type": "long"}]}`,
		"purses.Burned": `{"type": "record", "name": "Burned", "namespace": "purses", "fields": []}`,
		"purses.Passed": `{"type": "record", "name": "Passed", "namespace": "purses", "fields": []}`,
		"others.Burned": `{"type": "record", "name": "Burned", "namespace": "others", "fields": []}`,
		"plain":         `"string"`,
	} {
		_, _, err := fake.RegisterSchema(subject, sr.Schema{Schema: schema})
		must(t, err)
	}
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{URLs: []string{fake.URL()}})
	must(t, err)
	defer registry.Close()
	definitions, err := processors.Define(purse())
	must(t, err)
	opened, err := definitions.Open(registry)
	must(t, err)
	catalog := opened.Catalog(registry.SubjectNames())
	ignored := func(subject string) bool { return subject == "purses.Passed" }
	dropped, err := catalog.Dropped(t.Context(), registry, ignored)
	if err != nil || len(dropped) != 1 || dropped[0].Subject != "purses.Burned" {
		t.Errorf("dropped are %v, %v", dropped, err)
	}
}
