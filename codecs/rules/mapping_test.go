package rules_test

import (
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"refold/codecs/rules"
)

// deposited1 and deposited are two versions of an event.
type deposited1 struct {
	Euros int64    `avro:"euros"`
	From  string   `avro:"from"`
	Tags  []string `avro:"tags"`
	Note  *string  `avro:"note"`
}

type deposited struct {
	Amount   int64            `avro:"amount"`
	Currency string           `avro:"currency"`
	Party    party            `avro:"party"`
	Tags     []tag            `avro:"tags"`
	Small    int8             `avro:"small"`
	Counts   map[string]int64 `avro:"counts"`
	Note     *string          `avro:"note"`
}

type party struct {
	Name string `avro:"name"`
	Kind Kind   `avro:"kind"`
}

type tag struct {
	Text string `avro:"text"`
}

const upcast = `{
	"amount": message.euros * 100,
	"currency": "EUR",
	"party": message.from.startsWith("@")
		? {"name": message.from.substring(1), "kind": "user"}
		: party{name: message.from, kind: "other"},
	"tags": message.tags.map(t, tag{text: t}),
	"small": message.tags.size(),
	"counts": {"tags": message.tags.size()},
	"note": message.note,
}`

func upcastInGo(old deposited1) deposited {
	p := party{Name: old.From, Kind: "other"}
	if name, is := strings.CutPrefix(old.From, "@"); is {
		p = party{Name: name, Kind: "user"}
	}
	tags := make([]tag, len(old.Tags))
	for i, text := range old.Tags {
		tags[i].Text = text
	}
	return deposited{
		Amount: old.Euros * 100, Currency: "EUR", Party: p, Tags: tags, Small: int8(len(tags)),
		Counts: map[string]int64{"tags": int64(len(tags))}, Note: old.Note,
	}
}

func mappingOf(t *testing.T, expression string) *rules.Mapping {
	t.Helper()
	m, err := rules.NewMapping(reflect.TypeFor[deposited1](), reflect.TypeFor[deposited](), expression)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A migration in CEL makes the same of every record as the same function in Go.
func TestMappingEqualsGo(t *testing.T) {
	m := mappingOf(t, upcast)
	rapid.Check(t, func(t *rapid.T) {
		old := deposited1{
			Euros: rapid.Int64Range(math.MinInt64/100, math.MaxInt64/100).Draw(t, "euros"),
			From:  rapid.StringMatching(`@?.{0,5}`).Draw(t, "from"),
			Tags:  rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "tags"),
		}
		if rapid.Bool().Draw(t, "noted") {
			old.Note = new(rapid.String().Draw(t, "note"))
		}
		got, err := m.Apply(old)
		if want := upcastInGo(old); err != nil || !reflect.DeepEqual(got, any(want)) {
			t.Fatalf("%+v, %v; in Go %+v", got, err, want)
		}
	})
}

// A mistake is found when the migration is compiled, and names the place and the field.
func TestMistakesInMappings(t *testing.T) {
	for want, expression := range map[string]string{
		"line 2, column 9: undefined field 'amont'": strings.Replace(upcast, "amount", "amont", 1),
		"line 1, column 1: the field amount of deposited is not set": strings.Replace(upcast,
			`"amount": message.euros * 100,`, "", 1),
		"expected type of field 'currency' is 'string' but provided type is 'int'": strings.Replace(upcast,
			`"EUR"`, "978", 1),
		"undefined field 'eros'":             strings.Replace(upcast, "euros", "eros", 1),
		"undefined field 'nme'":              strings.Replace(upcast, `"name"`, `"nme"`, 1),
		"the field kind of party is not set": strings.Replace(upcast, `, "kind": "user"`, "", 1),
		"the field currency of deposited is s": strings.Replace(upcast, `"currency"`,
			`"currency": "EUR", "currency"`, 1),
		"the expression is a int; it must be a deposited":                 `message.euros`,
		"the expression is a map(string, int); it must be a deposited, a": `{"a" + "mount": 1}`,
		"the expression is empty":                                         ``,
	} {
		_, err := rules.NewMapping(reflect.TypeFor[deposited1](), reflect.TypeFor[deposited](), expression)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
	type decimal struct {
		Price *big.Rat `avro:"price,decimal(10,2)"`
	}
	_, err := rules.NewMapping(reflect.TypeFor[deposited1](), reflect.TypeFor[decimal](), "{}")
	if err == nil || !strings.Contains(err.Error(), "no expression can set the field price of decimal") {
		t.Error(err)
	}
}

// A record that the expression can't make another one of is an error, never a wrong record.
func TestMappingFails(t *testing.T) {
	m := mappingOf(t, upcast)
	for want, old := range map[string]any{
		"overflow": deposited1{Euros: math.MaxInt64},
		"the field small of deposited: 200 is no int8": deposited1{Tags: make([]string, 200)},
		"cost limit exceeded":                          deposited1{Tags: make([]string, 100_000)},
		"a rules_test.line is no rules_test.deposited": line{},
		"a <nil> is no":                                nil,
	} {
		if made, err := m.Apply(old); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, %v; want %s", made, err, want)
		}
	}
}

// The record is not changed, and shares nothing that the caller may change with what is made of another one.
func TestMappingIsPure(t *testing.T) {
	m := mappingOf(t, upcast)
	old := deposited1{Euros: 1, From: "@a", Tags: []string{"x"}}
	first, _ := m.Apply(old)
	second, _ := m.Apply(old)
	if !reflect.DeepEqual(first, second) || !reflect.DeepEqual(old, deposited1{1, "@a", []string{"x"}, nil}) {
		t.Errorf("%+v, %+v of %+v", first, second, old)
	}
}
