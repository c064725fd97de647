package codecs_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"refold/codecs"
)

// Paid is today's type. Its amount was a number of euros once, then a text with the currency; and a tip was
// part of it.
type Paid struct {
	Money Money `avro:"money"`
}

type Money struct {
	Cents    int64  `avro:"cents"`
	Currency string `avro:"currency"`
}

// Tipped was a part of Paid.
type Tipped struct {
	Cents int64 `avro:"cents"`
}

type paid1 struct {
	Euros int64 `avro:"euros"`
	Tip   int64 `avro:"tip"`
}

type paid2 struct {
	Money string `avro:"money"`
	Tip   int64  `avro:"tip"`
}

// Greeted is a type that nobody writes any more, and that means nothing.
type greeted struct {
	Name string `avro:"name"`
}

func bank(name string) codecs.StructOptions {
	return codecs.StructOptions{Namespace: "bank", Name: name}
}

// payments are all versions, the oldest first.
func payments() []codecs.Type {
	return []codecs.Type{
		codecs.RecordOf[Paid](bank("")), codecs.RecordOf[Tipped](bank("")),
		codecs.FormerOf(bank("Paid"), func(p paid1) paid2 {
			return paid2{Money: strings.Repeat("1", int(p.Euros)) + " EUR", Tip: p.Tip}
		}),
		codecs.Former(bank("Paid"), func(p paid2) []any {
			number, currency, _ := strings.Cut(p.Money, " ")
			parts := []any{Paid{Money{100 * int64(len(number)), currency}}}
			if p.Tip > 0 {
				parts = append(parts, Tipped{p.Tip})
			}
			return parts
		}),
		codecs.Former(bank("Greeted"), func(greeted) []any { return nil }),
	}
}

const (
	schemaPaid1 = `{"type": "record", "name": "Paid", "namespace": "bank", "fields": [
		{"name": "euros", "type": "long"}, {"name": "tip", "type": "long"}]}`
	schemaPaid2 = `{"type": "record", "name": "Paid", "namespace": "bank", "fields": [
		{"name": "money", "type": "string"}, {"name": "tip", "type": "long"}]}`
	// Nobody has released it: an operator's tool wrote it.
	schemaPaidOdd = `{"type": "record", "name": "Paid", "namespace": "bank", "fields": [
		{"name": "euros", "type": "int"}, {"name": "tip", "type": "int"}, {"name": "by", "type": "string"}]}`
	schemaGreeted = `{"type": "record", "name": "Greeted", "namespace": "bank", "fields": [
		{"name": "name", "type": "string"}]}`
)

// G9: what Avro can't make today's type of is upcast, version by version.
func TestFormerVersionsAreUpcast(t *testing.T) {
	s := server(t)
	events := set(t, client(t, s.URL()), payments()...)
	for name, test := range map[string]struct {
		schema string
		data   []byte
		want   any
		readAs string
	}{
		"from the version before": {
			schemaPaid2,
			[]byte{8, '1', ' ', 'C', 'H', 0},
			Paid{Money{100, "CH"}},
			`Paid {"money":{"cents":100,"currency":"CH"}}`,
		},
		"split": {
			schemaPaid2,
			[]byte{8, '1', ' ', 'C', 'H', 14},
			codecs.Upcast{Type: "Paid", Values: []any{Paid{Money{100, "CH"}}, Tipped{7}}},
			`Paid {"money":{"cents":100,"currency":"CH"}}, Tipped {"cents":7}`,
		},
		"over two versions": {
			schemaPaid1,
			[]byte{4, 0},
			Paid{Money{200, "EUR"}},
			`Paid {"money":{"cents":200,"currency":"EUR"}}`,
		},
		"a schema of nobody, that fits the first version": {
			schemaPaidOdd,
			[]byte{4, 2, 2, 'x'},
			codecs.Upcast{Type: "Paid", Values: []any{Paid{Money{200, "EUR"}}, Tipped{1}}},
			`Paid {"money":{"cents":200,"currency":"EUR"}}, Tipped {"cents":1}`,
		},
		"dropped": {schemaGreeted, []byte{4, 'h', 'i'}, codecs.Upcast{Type: "Greeted", Values: nil}, ``},
	} {
		t.Run(name, func(t *testing.T) {
			b := wire(register(t, s, "bank.Any", test.schema), test.data...)
			got, err := events.Decode(t.Context(), b)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, %v; want %+v", got, err, test.want)
			}
			shown, err := events.Show(t.Context(), b)
			if err != nil || shown.ReadAs == nil || len(shown.Data) == 0 {
				t.Fatalf("shown as %+v, %v", shown, err)
			}
			var parts []string
			for _, p := range shown.ReadAs {
				parts = append(parts, p.Type+" "+string(p.Data))
			}
			if diff := cmp.Diff(test.readAs, strings.Join(parts, ", ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Today's records are read and shown as they were written.
func TestTodaysVersionIsNoFormerOne(t *testing.T) {
	s := server(t)
	events := set(t, client(t, s.URL()), payments()...)
	b, err := events.Encode(Paid{Money{5, "EUR"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := events.Decode(t.Context(), b); err != nil || got != (Paid{Money{5, "EUR"}}) {
		t.Errorf("got %+v, %v", got, err)
	}
	shown, err := events.Show(t.Context(), b)
	if err != nil || shown.ReadAs != nil || shown.Type != "Paid" {
		t.Errorf("shown as %+v, %v", shown, err)
	}
	if _, err := events.Encode(paid2{}); err == nil {
		t.Error("a former version was written")
	}
}

// JSON of a former version is read as today's type, if it does not fit that, and is one value. Mistakes are
// those in today's type.
func TestFormerVersionsInJSON(t *testing.T) {
	s := server(t)
	commands := set(t, client(t, s.URL()), append(payments(),
		codecs.FormerOf(bank("Bought"), func(p paidOnce) Paid { return Paid{Money{p.Cents, "EUR"}} }))...)
	for name, test := range map[string]struct {
		typeName, data string
		want           any
		wrong          string
	}{
		"today's":          {"Paid", `{"money": {"cents": 1, "currency": "CH"}}`, Paid{Money{1, "CH"}}, ""},
		"a former version": {"Paid", `{"euros": 2, "tip": 0}`, Paid{Money{200, "EUR"}}, ""},
		"by its full name": {"bank.Paid", `{"euros": 2, "tip": 0}`, Paid{Money{200, "EUR"}}, ""},
		"a former name":    {"Bought", `{"cents": 3}`, Paid{Money{3, "EUR"}}, ""},
		"several values":   {"Paid", `{"euros": 2, "tip": 1}`, nil, "JSON does not fit Paid"},
		"no version":       {"Paid", `{"money": 5}`, nil, "money"},
		"no value":         {"Greeted", `{"name": "x"}`, nil, "has become 0 values"},
		"no type":          {"Nothing", `{}`, nil, "unknown type"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := commands.FromJSON(test.typeName, []byte(test.data))
			if got != test.want || test.wrong == "" && err != nil {
				t.Errorf("got %+v, %v; want %+v", got, err, test.want)
			}
			if test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)) {
				t.Errorf("got %v, want it to say %q", err, test.wrong)
			}
		})
	}
}

// paidOnce is what Paid was called Bought for.
type paidOnce struct {
	Cents int64 `avro:"cents"`
}

// A bug of an upcaster costs the records that it meets, and no others.
func TestUpcasterFails(t *testing.T) {
	s := server(t)
	for name, upcast := range map[string]func(paid1) []any{
		"panic":        func(paid1) []any { panic("oh") },
		"none of them": func(paid1) []any { return []any{5} },
		"nothing":      func(paid1) []any { return []any{nil} },
		"a pointer":    func(paid1) []any { return []any{&Paid{}} },
		"itself":       func(p paid1) []any { return []any{p} },
		"too many":     func(paid1) []any { return make101() },
	} {
		t.Run(name, func(t *testing.T) {
			events := set(t, client(t, s.URL()), codecs.RecordOf[Paid](bank("")),
				codecs.Former(bank("Paid"), upcast))
			b := wire(register(t, s, "bank.Any", schemaPaid1), 4, 0)
			_, err := events.Decode(t.Context(), b)
			poison, is := errors.AsType[*codecs.Malformed](err)
			if !is || poison.Reason != codecs.ReasonIncompatible || len(poison.Bytes) == 0 {
				t.Errorf("got %v", err)
			}
			if shown, err := events.Show(t.Context(), b); err != nil || shown.ReadAs != nil ||
				string(shown.Data) != `{"euros":2,"tip":0}` {
				t.Errorf("shown as %+v, %v; want what was written", shown, err)
			}
		})
	}
}

func make101() (many []any) {
	for range codecs.MaxParts + 1 {
		many = append(many, Paid{})
	}
	return many
}

// Versions of the same fields are told apart by their revisions: here euros became cents.
func TestVersionsOfTheSameFields(t *testing.T) {
	type Fee struct {
		Amount int64 `avro:"amount"`
	}
	type fee1 Fee
	options := bank("Fee")
	options.Revision = 2
	types := []codecs.Type{
		codecs.RecordOf[Fee](options),
		codecs.FormerOf(bank("Fee"), func(f fee1) Fee { return Fee{100 * f.Amount} }),
	}
	s := server(t)
	events := set(t, client(t, s.URL()), types...)
	old := register(t, s, "bank.Fee", `{"type": "record", "name": "Fee", "namespace": "bank", "fields": [
		{"name": "amount", "type": "long"}]}`)
	if got, err := events.Decode(t.Context(), wire(old, 6)); err != nil || got != (Fee{300}) {
		t.Errorf("got %+v, %v", got, err)
	}
	b, err := events.Encode(Fee{3})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := events.Decode(t.Context(), b); err != nil || got != (Fee{3}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// Chains that lead nowhere, and versions that can't be told apart, are found before a record is.
func TestWrongFormerVersions(t *testing.T) {
	type other struct {
		Euros int64 `avro:"euros"`
		Tip   int64 `avro:"tip"`
	}
	type last struct {
		Money string `avro:"money"`
		Tip   int64  `avro:"tip"`
	}
	back := codecs.FormerOf(bank("Paid"), func(last) other { return other{} })
	for name, test := range map[string]struct {
		types []codecs.Type
		want  string
	}{
		"to nothing known": {
			[]codecs.Type{codecs.FormerOf(bank("Paid"), func(paid1) other { return other{} })},
			"none of this topic's types",
		},
		"in a circle": {
			[]codecs.Type{codecs.FormerOf(bank("Paid"), func(other) last { return last{} }), back},
			"upcast to itself",
		},
		"the same fields": {
			[]codecs.Type{
				codecs.FormerOf(bank("Paid"), func(paid1) Paid { return Paid{} }),
				codecs.FormerOf(bank("Paid"), func(other) Paid { return Paid{} }),
			},
			"raise the revision",
		},
		"twice": {
			[]codecs.Type{
				codecs.FormerOf(bank("Paid"), func(paid1) Paid { return Paid{} }),
				codecs.FormerOf(bank("Old"), func(paid1) Paid { return Paid{} }),
			},
			"is given twice",
		},
		"today's": {
			[]codecs.Type{codecs.FormerOf(bank("Old"), func(p Paid) Paid { return p })},
			"is given twice",
		},
	} {
		t.Run(name, func(t *testing.T) {
			registry := client(t, "http://localhost:1")
			_, err := codecs.NewSet(registry, append(test.types, codecs.RecordOf[Paid](bank("")))...)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want it to say %q", err, test.want)
			}
		})
	}
}

// The versions of subjects that no type has any more are checked, too.
func TestVersionsOfFormerTypes(t *testing.T) {
	s := server(t)
	types := set(t, client(t, s.URL()), payments()...)
	register(t, s, "bank.Paid", schemaPaid1)
	register(t, s, "bank.Paid", schemaPaid2)
	register(t, s, "bank.Greeted", schemaGreeted)
	if err := types.CheckVersions(t.Context()); err != nil {
		t.Fatal(err)
	}
	register(t, s, "bank.Greeted", `{"type": "record", "name": "Greeted", "namespace": "bank", "fields": []}`)
	err := types.CheckVersions(t.Context())
	wrong, is := errors.AsType[*codecs.VersionError](err)
	if !is || wrong.Subject != "bank.Greeted" || wrong.Version != 2 {
		t.Errorf("got %v", err)
	}
}
