package codecs_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
)

type (
	spot struct {
		Level int64 `avro:"level" doc:"From 0."`
	}
	Parked struct {
		Plate string            `avro:"plate" doc:"The car's."`
		Spots []spot            `avro:"spots"`
		Tags  map[string]string `avro:"tags"`
		Since *int64            `avro:"since"`
		Fee   float64           `avro:"fee,default=1.5"`
	}
	Chained struct {
		Next *Chained `avro:"next"`
	}
	Unmarshalable struct {
		C chan int `avro:"c"`
	}
)

func (spot) AvroDoc() string { return "Where a car is." }

func structRegistry(t *testing.T) *codecs.Registry {
	t.Helper()
	registry, _ := structRegistries(t)
	return registry
}

// structRegistries are two clients of one registry: one registers schemas, the other looks them up.
func structRegistries(t *testing.T) (registers, looksUp *codecs.Registry) {
	t.Helper()
	fake := srfake.New()
	t.Cleanup(fake.Close)
	open := func(mode codecs.Mode) *codecs.Registry {
		registry, err := codecs.NewRegistry(codecs.RegistrySettings{URLs: []string{fake.URL()}, Mode: mode})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(registry.Close)
		return registry
	}
	return open(codecs.Register), open(codecs.LookUp)
}

// The schema has what the struct says, in the order in which people write schemas.
func TestRecordOfMakesTheSchema(t *testing.T) {
	set, err := codecs.NewSet(structRegistry(t),
		codecs.RecordOf[Parked](codecs.StructOptions{Namespace: "garages", Doc: "A car."}))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"type":"record","name":"Parked","namespace":"garages","doc":"A car.","fields":[` +
		`{"name":"plate","type":"string","doc":"The car's."},` +
		`{"name":"spots","type":{"type":"array","items":{"type":"record","name":"spot",` +
		`"doc":"Where a car is.","fields":[{"name":"level","type":"long","doc":"From 0."}]}}},` +
		`{"name":"tags","type":{"type":"map","values":"string"}},` +
		`{"name":"since","type":["null","long"],"default":null},` +
		`{"name":"fee","type":"double","default":1.5}]}`
	if got := set.SchemaText("Parked"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	example, err := set.ExampleJSON(Parked{Plate: "B-1", Spots: []spot{{2}}})
	if err != nil || !strings.Contains(string(example), `"plate":"B-1"`) {
		t.Fatalf("the example is %s, %v", example, err)
	}
	if _, err := set.FromJSON("Parked", example); err != nil {
		t.Errorf("the example is refused: %v", err)
	}
}

// With Defaults, every field of every record has one, and the given ones stay.
func TestRecordOfGivesDefaults(t *testing.T) {
	set, err := codecs.NewSet(structRegistry(t), codecs.RecordOf[Parked](codecs.StructOptions{
		Namespace: "garages", Defaults: true, Docs: map[string]string{"fee": "In euros."},
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"default":""`, `"default":[]`, `"default":{}`, `"default":null`, `"default":1.5`,
		`"fields":[{"name":"level","type":"long","doc":"From 0.","default":0}]`, `"doc":"In euros."`,
	} {
		if got := set.SchemaText("Parked"); !strings.Contains(got, want) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
}

// What no schema can be made of is an error of NewSet, with the type's name.
func TestRecordOfRefuses(t *testing.T) {
	_, err := codecs.NewSet(structRegistry(t), codecs.RecordOf[Unmarshalable](codecs.StructOptions{}))
	if err == nil || !strings.Contains(err.Error(), "Unmarshalable") {
		t.Errorf("the error is %v", err)
	}
	if _, err = codecs.NewSet(structRegistry(t),
		codecs.RecordOf[Chained](codecs.StructOptions{Namespace: "n", Defaults: true})); err != nil {
		t.Errorf("a type that contains itself behind a pointer: %v", err)
	}
}

// A record that has other fields at the same revision is refused: zero would be taken for the truth.
func TestSameRevision(t *testing.T) {
	registry, looking := structRegistries(t)
	prepared := func(set *codecs.Set, err error) error {
		t.Helper()
		if err == nil {
			err = set.CheckVersions(t.Context())
		}
		if err == nil {
			err = set.Prepare(t.Context())
		}
		return err
	}
	options := codecs.StructOptions{Namespace: "garages", Defaults: true, Revision: 1}
	of := func(o codecs.StructOptions) codecs.Type { return codecs.RecordOf[Parked](o) }
	if err := prepared(codecs.NewSet(registry, of(options))); err != nil {
		t.Fatal(err)
	}
	options.Doc = "Other words are no other fields."
	if err := prepared(codecs.NewSet(registry, of(options))); err != nil {
		t.Errorf("another text: %v", err)
	}
	renamed := func(o codecs.StructOptions) codecs.Type {
		type Parked struct {
			Number string `avro:"number"`
		}
		return codecs.RecordOf[Parked](o)
	}
	err := prepared(codecs.NewSet(registry, renamed(options)))
	if !errors.Is(err, codecs.ErrSameRevision) || !strings.Contains(err.Error(), "FoldVersion") {
		t.Errorf("a renamed field: %v", err)
	}
	options.Revision = 2
	if err := prepared(codecs.NewSet(registry, renamed(options))); err != nil {
		t.Errorf("a renamed field, another revision: %v", err)
	}
	options.Revision = 1
	if err := prepared(codecs.NewSet(registry, of(options))); err != nil {
		t.Errorf("back to the first: %v", err)
	}
	// Another revision of the same fields need not be registered: it is read alike.
	options.Revision = 3
	if err := prepared(codecs.NewSet(looking, of(options))); err != nil {
		t.Errorf("another revision of the same fields: %v", err)
	}
	options.Revision = 0
	if err := prepared(codecs.NewSet(looking, of(options))); err == nil {
		t.Error("a schema without a revision was found, and is not registered")
	}
}

// The enum as it was, and as it is today.
type (
	fuel1 string
	Fuel  string

	Refuelled1 struct {
		Fuel fuel1  `avro:"fuel"`
		Last *tank1 `avro:"last"`
	}
	tank1 struct {
		Litres int64 `avro:"litres"`
	}
	Refuelled struct {
		Fuel   Fuel   `avro:"fuel" doc:"What it takes."`
		Before []Fuel `avro:"before"`
		Last   *Tank  `avro:"last"`
	}
	Tank struct {
		Litres int64 `avro:"litres"`
	}
)

func (tank1) AvroName() string { return "Tank" }

func (fuel1) AvroName() string { return "Fuel" }

func (fuel1) AvroSymbols() (symbols []string, unknown string) {
	return []string{"OTHER", "PETROL"}, "OTHER"
}

func (Fuel) AvroSymbols() (symbols []string, unknown string) {
	return []string{"OTHER", "PETROL", "ELECTRIC"}, "OTHER"
}

func (Fuel) AvroDoc() string { return "What a car takes." }

// A string type that has symbols is an enum, which is described once, however often it is used.
func TestRecordOfMakesEnums(t *testing.T) {
	set, err := codecs.NewSet(structRegistry(t),
		codecs.RecordOf[Refuelled](codecs.StructOptions{Namespace: "garages"}))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"type":"record","name":"Refuelled","namespace":"garages","fields":[` +
		`{"name":"fuel","type":{"type":"enum","name":"Fuel","doc":"What a car takes.",` +
		`"symbols":["OTHER","PETROL","ELECTRIC"],"default":"OTHER"},"doc":"What it takes."},` +
		`{"name":"before","type":{"type":"array","items":"garages.Fuel"}},` +
		`{"name":"last","type":["null",{"type":"record","name":"Tank","fields":[` +
		`{"name":"litres","type":"long"}]}],"default":null}]}`
	if got := set.SchemaText("Refuelled"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	b, err := set.Encode(Refuelled{Fuel: "ELECTRIC", Before: []Fuel{"PETROL"}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := set.Decode(t.Context(), b)
	if r, is := got.(Refuelled); err != nil || !is || r.Fuel != "ELECTRIC" || r.Before[0] != "PETROL" {
		t.Errorf("it comes back as %#v, %v", got, err)
	}
	for _, none := range []Fuel{"", "HYDROGEN"} {
		if _, err := set.Encode(Refuelled{Fuel: none}); err == nil {
			t.Errorf("%q is written", none)
		}
	}
}

// An older program reads the default in the place of a symbol that it does not know. In rows, that is the
// field's default, too. The types inside a former version have the names that they had in the schema.
func TestEnumsAreReadByOlderPrograms(t *testing.T) {
	registry := structRegistry(t)
	o := codecs.StructOptions{Namespace: "garages", Name: "Refuelled", Defaults: true}
	newer, err := codecs.NewSet(registry, codecs.RecordOf[Refuelled](o))
	if err != nil {
		t.Fatal(err)
	}
	const field = `"doc":"What it takes.","default":"OTHER"`
	if text := newer.SchemaText("Refuelled"); !strings.Contains(text, field) {
		t.Errorf("the field has no default: %s", text)
	}
	older, err := codecs.NewSet(registry, codecs.RecordOf[Refuelled1](o))
	if err != nil {
		t.Fatal(err)
	}
	b, err := newer.Encode(Refuelled{Fuel: "ELECTRIC", Last: &Tank{40}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := older.Decode(t.Context(), b)
	r, is := got.(Refuelled1)
	if err != nil || !is || r.Fuel != "OTHER" || r.Last == nil || r.Last.Litres != 40 {
		t.Errorf("it is read as %#v, %v", got, err)
	}
}
