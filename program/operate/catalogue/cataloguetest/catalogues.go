package cataloguetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"refold/codecs"
	"refold/config"
	"refold/installation"
	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/orders"
	"refold/program/operate/catalogue"
)

// Small returns the catalogue of a small program with one of everything. Its topics have a prefix, and its
// history has versions that are read in each way, and one that is not.
func Small(tb testing.TB) *catalogue.Catalogue {
	tb.Helper()
	history := past{versions: map[string][]catalogue.SchemaVersion{
		"theatre.SeatTaken": {version(tb, 1, `{"type": "record", "name": "theatre.SeatTaken", "fields": [
			{"name": "guest", "type": "string"}, {"name": "place", "type": "string"}]}`)},
		"theatre.GuestGreeted": {version(tb, 3, `{"type": "record", "name": "theatre.GuestGreeted",
			"fields": [
			{"name": "by", "type": "string", "default": "usher"}]}`)},
		"theatre.GreetGuest": {{Number: 1, Err: errors.New("it has no <end>")}},
		"theatre.Forgotten": {version(tb, 2, `{"type": "record", "name": "theatre.Forgotten",
			"doc": "Nobody knows.", "fields": []}`)},
		"elsewhere.Unheard": {version(tb, 1, `{"type": "record", "name": "elsewhere.Unheard",
			"fields": []}`)},
	}}
	return newCatalogue(tb, "v1.2.3", &history, theatre()...)
}

// All returns catalogues of several programs, with and without a history and processes.
func All(tb testing.TB) map[string]*catalogue.Catalogue {
	tb.Helper()
	return map[string]*catalogue.Catalogue{
		"small": Small(tb),
		"accounts and orders": newCatalogue(tb, "", nil,
			accounts.Definition, orders.Definition, orders.Payments),
		"one aggregate": newCatalogue(tb, "", &past{}, doors()),
	}
}

func newCatalogue(
	tb testing.TB, version string, history *past, all ...processors.Definition,
) *catalogue.Catalogue {
	tb.Helper()
	definitions, err := processors.Define(all...)
	if err != nil {
		tb.Fatal(err)
	}
	loaded, err := installation.Options(definitions).Load(config.LoadOptions{
		Defaults: map[string]string{"topics.prefix": "eu."},
	})
	if err != nil {
		tb.Fatal(err)
	}
	in := installation.Installation{Config: loaded.Config, Definitions: definitions}
	registry, opened, err := in.Open(nil)
	if err != nil {
		tb.Fatal(err)
	}
	defer registry.Close()
	input := catalogue.Input{
		Title: "The <catalogue>", Version: version, Prefix: in.Prefix(), Opened: opened,
		TopicsOf: in.Topics, Topics: in.TopicSpecs(), Level: in.Compatibility,
		Servers: catalogue.Servers{
			Brokers: []string{"kafka:9092"}, Registries: []string{"http://registry:8081"},
		},
	}
	if history != nil {
		input.History = history
	}
	c, err := catalogue.New(context.Background(), input)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func version(tb testing.TB, number int, text string) catalogue.SchemaVersion {
	tb.Helper()
	schema, err := codecs.ParseSchema(text)
	if err != nil {
		tb.Fatal(err)
	}
	return catalogue.SchemaVersion{Number: number, Schema: schema}
}

// past is a history in memory.
type past struct {
	versions map[string][]catalogue.SchemaVersion
}

// Name says what it is.
func (p *past) Name() string { return "past" }

// Subjects returns the names.
func (p *past) Subjects(context.Context) (subjects []string, err error) {
	for subject := range p.versions {
		subjects = append(subjects, subject)
	}
	slices.Sort(subjects)
	return subjects, nil
}

// Versions returns those of a subject.
func (p *past) Versions(_ context.Context, subject string) ([]catalogue.SchemaVersion, error) {
	return p.versions[subject], nil
}
