package processors_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

// Counter is the counter's state as a struct, of which a row can be made.
type Counter struct {
	Total int64 `avro:"total" json:"total"`
}

// counting defines the counter.
func counting() processors.Aggregate[Counter, Count, Counted] {
	return processors.Aggregate[Counter, Count, Counted]{
		Name: "counter", Plural: "counters",
		Decide: func(_ eventsourcing.Context, _ Counter, c Count) ([]Counted, error) {
			return []Counted{{c.By}}, nil
		},
		Evolve: func(c Counter, e eventsourcing.Recorded[Counted]) Counter {
			return Counter{c.Total + e.Event.By}
		},
		Commands: []processors.Message{processors.Of(Count{By: 2}, "Counts.")},
		Events:   []processors.Message{processors.Of(Counted{}, "Was counted.")},
		Rejections: map[string]string{
			"zero": "There is nothing to count.", "by-not-positive": "It must be more than 0.",
		},
	}
}

func carryingOver(of processors.Aggregate[Counter, Count, Counted]) processors.Process[Counted] {
	return processors.Process[Counted]{
		Name: "carry", Of: of, React: carry.React, Conclude: carry.Conclude,
		Commands: []processors.AggregateDefinition{of}, Results: []processors.AggregateDefinition{of},
	}
}

func registryOf(t *testing.T) *codecs.Registry {
	t.Helper()
	fake := srfake.New()
	t.Cleanup(fake.Close)
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{fake.URL()}, Mode: codecs.Register,
	})
	must(t, err)
	t.Cleanup(registry.Close)
	return registry
}

// A program works with what the definition says, and with defaults for the rest.
func TestDefinition(t *testing.T) {
	definitions, err := processors.Define(counting(), carryingOver(counting()))
	must(t, err)
	opened, err := definitions.Open(registryOf(t))
	must(t, err)
	must(t, opened.Prepare(t.Context()))
	a := opened.Aggregates[0]
	equal(t, "namespace", a.Namespace, "counters")
	row := a.SchemaText("CounterRow")
	equal(t, "row's schema", strings.Contains(row, `"name":"total","type":"long"`), true)
	equal(t, "example", string(a.CommandExamples["Count"]), `{"By":2}`)
	equal(t, "rejections", a.Rejections, []processors.Rejection{
		{Code: "by-not-positive", Meaning: "It must be more than 0."},
		{Code: "zero", Meaning: "There is nothing to count."},
	})
	equal(t, "traffic", a.Traffic(7, nil), any(Count{By: 2}))
	encoded, err := a.Table.Encode(eventsourcing.Snapshot[Counter]{State: Counter{5}, Sequence: 3})
	must(t, err)
	sequence, state, err := a.Row(encoded)
	must(t, err)
	equal(t, "row", state, any(Counter{5}))
	equal(t, "sequence", sequence, int64(3))
	totals, err := counting().Totalled(json.RawMessage(`{"total": 5}`))
	must(t, err)
	equal(t, "totals", totals, []processors.Total{{Name: "counters", Amount: 1}})
	equal(t, "schemas", opened.SchemaCount(), 4)
	equal(t, "target", opened.Targets("p-")["counter"].Topic, "p-counter-commands")
}

// Every mistake in a definition is named.
func TestDefinitionsThatCannotBe(t *testing.T) {
	type definition = processors.Aggregate[Counter, Count, Counted]
	for want, change := range map[string]func(*definition){
		"Decide and Evolve must be set": func(a *definition) { a.Evolve = nil },
		"Events is empty":               func(a *definition) { a.Events = nil },
		"Commands[0] is a processors_test.Counted; it must be a processors_test.Count": func(a *definition) {
			a.Commands = []processors.Message{processors.Of(Counted{}, "An event.")}
		},
		"RecentCommands is 2000": func(a *definition) {
			a.Defaults.RecentCommands = 2000
		},
		`Format is "CSV"`: func(a *definition) { a.Format = "CSV" },
		`Protos is set`:   func(a *definition) { a.Protos = os.DirFS(".") },
		`Count is no message that protoc-gen-go has generated`: func(a *definition) {
			a.Format = codecs.Protobuf
		},
		`Rejections has ""`: func(a *definition) {
			a.Rejections = map[string]string{"": "Nothing."}
		},
	} {
		a := counting()
		change(&a)
		if _, err := a.Open(registryOf(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	process := carryingOver(counting())
	process.Conclude = nil
	for want, all := range map[string][]processors.Definition{
		"at least one is needed":                               nil,
		`process "carry" needs the aggregate "counter"`:        {carryingOver(counting())},
		`is called "counter", and so is`:                       {counting(), counting()},
		`process "carry": Conclude (or no Results) is missing`: {counting(), process},
	} {
		definitions, err := processors.Define(all...)
		if err == nil {
			_, err = definitions.Open(registryOf(t))
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// A state with other fields needs another fold version.
func TestStateThatChanges(t *testing.T) {
	registry := registryOf(t)
	opened, err := counting().Open(registry)
	must(t, err)
	must(t, opened.Prepare(t.Context()))
	type renamed struct {
		Sum int64 `avro:"sum"`
	}
	a := processors.Aggregate[renamed, Count, Counted]{
		Name: "counter", Plural: "counters",
		Decide:   func(eventsourcing.Context, renamed, Count) ([]Counted, error) { return nil, nil },
		Evolve:   func(s renamed, _ eventsourcing.Recorded[Counted]) renamed { return s },
		Commands: counting().Commands, Events: counting().Events,
	}
	changed, err := a.Open(registry)
	must(t, err)
	if err := changed.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "FoldVersion") {
		t.Errorf("the error is %v", err)
	}
	a.FoldVersion = 2
	changed, err = a.Open(registry)
	must(t, err)
	must(t, changed.Prepare(t.Context()))
}
