package rules_test

import (
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refold/codecs/rules"
)

// Kind is an enum.
type Kind string

type line struct {
	Name  string `avro:"name"`
	Price int64  `avro:"price"`
	Kind  Kind   `avro:"kind"`
}

type inlined struct {
	Region string `avro:"region"`
}

// sale has a field of each type that expressions know.
type sale struct {
	inlined

	ID      string           `avro:"id"`
	Amount  int64            `avro:"amount,default=0"`
	Small   int16            `avro:"small"`
	Count   uint32           `avro:"count"`
	Ratio   float64          `avro:"ratio"`
	Paid    bool             `avro:"paid"`
	Key     []byte           `avro:"key"`
	Digest  [2]byte          `avro:"digest"`
	At      time.Time        `avro:"at,timestamp-micros"`
	Took    time.Duration    `avro:"took"`
	Kind    Kind             `avro:"kind"`
	Note    *string          `avro:"note"`
	First   *line            `avro:"first"`
	Ended   *time.Time       `avro:"ended"`
	Lines   []line           `avro:"lines"`
	Labels  map[string]int64 `avro:"labels"`
	Kinds   []Kind           `avro:"kinds"`
	Union   any              `avro:"union"`
	Next    *sale            `avro:"next"`
	Price   *big.Rat         `avro:"price,decimal(10,2)"`
	Hidden  int64            `avro:"-"`
	Untag   int64
	private int64
}

func aSale() sale {
	note := "gift"
	return sale{
		inlined: inlined{"north"}, ID: "s-1", Amount: 9007199254740993, Small: 3, Count: 7, Ratio: 2.5,
		Paid: true, Key: []byte{1, 2}, Digest: [2]byte{3, 4}, At: time.Unix(1_800_000_000, 0).UTC(),
		Took: time.Minute, Kind: "card", Note: &note, First: &line{"tea", 3, "food"},
		Lines: []line{{"tea", 3, "food"}, {"pot", 20, "ware"}}, Labels: map[string]int64{"shop": 7},
		Kinds: []Kind{"a", "b"}, Union: int64(5), Next: &sale{ID: "s-2"}, private: 1,
	}
}

// Expressions see all kinds of fields, with exact integers, and by the names of the schema.
func TestFieldsOfAllTypes(t *testing.T) {
	for _, expression := range []string{
		`message.region == "north" && message.id.startsWith("s-")`,
		`message.amount == 9007199254740993 && message.amount != 9007199254740992`,
		`message.small + message.count == 10`,
		`message.ratio > 2 && message.ratio < 3.0`,
		`message.paid`,
		`message.key == b"\x01\x02" && message.digest == b"\x03\x04"`,
		`message.at > timestamp("2026-11-29T00:00:00Z") && message.at.getFullYear() == 2027`,
		`message.took == duration("60s")`,
		`message.kind == "card" && message.kind in ["cash", "card"]`,
		`message.note != null && message.note == "gift" && message.note.size() == 4`,
		`has(message.note) && has(message.first) && !has(message.ended) && has(message.amount)`,
		`message.first.name == "tea" && message.first.kind == "food"`,
		`message.ended == null`,
		`message.lines.all(l, l.price > 0) && message.lines[1].kind == "ware"`,
		`message.lines.exists(l, l == message.first)`,
		`message.lines.map(l, l.price) == [3, 20]`,
		`message.labels.shop == 7 && message.labels["shop"] == 7 && !("x" in message.labels)`,
		`message.kinds == ["a", "b"] && "b" in message.kinds`,
		`message.union == 5`,
		`message.next.id == "s-2" && message.next.next == null && !has(message.next.next)`,
		`message.Untag == 0`,
		`type(message) == sale && dyn(message).id == "s-1" && has(dyn(message).note)`,
		`message.id.substring(2) == "1" && message.id.split("-")[0] == "s"`,
		`message == message && message != message.next`,
	} {
		set, err := rules.Compile(reflect.TypeFor[sale](), []rules.Rule{{"rule", expression, "Must be."}})
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		for _, record := range []any{aSale(), new(aSale())} {
			if broken := set.Check(record); len(broken) > 0 {
				t.Errorf("%s: %s", expression, broken[0].WithValues())
			}
		}
	}
}

// A mistake in a rule is found when it is compiled, and names its place.
func TestMistakesInRules(t *testing.T) {
	good := rules.Rule{"rule", "message.amount > 0", "Must be."}
	expr := func(text string) rules.Rule { return rules.Rule{"wrong", text, "Must be."} }
	for want, wrong := range map[string]rules.Rule{
		"line 1, column 8: undefined field 'amont'":             expr("message.amont > 0"),
		"line 1, column 1: undeclared reference to 'amount'":    expr("amount > 0"),
		"undefined field 'price'":                               expr("message.price > 0"),
		"undefined field 'Hidden'":                              expr("message.Hidden > 0"),
		"undefined field 'private'":                             expr("message.private > 0"),
		"undefined field 'cost'":                                expr("message.lines.all(l, l.cost > 0)"),
		"no matching overload for '_==_' applied to '(int, str": expr(`message.amount == "1"`),
		"the expression is a int; it must be true or false":     expr("message.amount"),

		"Syntax error":                         expr("message.amount >"),
		"the expression is empty":              expr(" "),
		"the expression has 20000 bytes":       expr(strings.Repeat("1", 20000)),
		"such as amount-positive":              {"Amount positive", good.Expr, "Must be."},
		"1 to 64 of the characters":            {strings.Repeat("a", 65), good.Expr, "Must be."},
		"its message has 0 bytes":              {"wrong", good.Expr, ""},
		"its message has 257 bytes":            {"wrong", good.Expr, strings.Repeat("a", 257)},
		`rule "rule": the name is given twice`: good,
	} {
		_, err := rules.Compile(reflect.TypeFor[sale](), []rules.Rule{good, wrong})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
	if _, err := rules.Compile(reflect.TypeFor[sale](), make([]rules.Rule, 33)); err == nil {
		t.Error("33 rules are taken")
	}
	if _, err := rules.Compile(reflect.TypeFor[int](), nil); err == nil {
		t.Error("an int is taken for a record")
	}
}

// Every rule that is broken is told, with what the fields are; one that can't be evaluated is broken.
func TestViolations(t *testing.T) {
	set, err := rules.Compile(reflect.TypeFor[sale](), []rules.Rule{
		{"amount-positive", "message.amount > 0", "Must be 1 or more."},
		{"paid", "message.paid", "Must be paid."},
		{"first-line", `message.lines[0].name != ""`, "Must have a name."},
		{"dear", "message.amount < message.lines[1].price * 10", "Must be less."},
		{"nested", `message.next.first.name == "x"`, "Must be x."},
	})
	if err != nil {
		t.Fatal(err)
	}
	bad := aSale()
	bad.Amount, bad.Lines = -1, nil
	var got []string
	for _, v := range set.Check(bad) {
		got = append(got, v.WithValues())
	}
	want := []string{
		"amount-positive: Must be 1 or more.; found amount: -1",
		"first-line: Must have a name. (index out of bounds: 0); found lines: list of 0",
		"dear: Must be less. (index out of bounds: 1); found amount: -1, lines: list of 0",
		"nested: Must be x. (null has no field name); found next.first.name: null",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	broken := set.Check(bad)
	one, two := rules.Text("Sale", broken[:1]), rules.Text("Sale", broken[:2])
	if one != "Sale breaks the rule "+broken[0].String() ||
		two != "Sale breaks the rules "+broken[0].String()+"; "+broken[1].String() {
		t.Errorf("%s\n%s", one, two)
	}
	if err := rules.Error("Sale", broken); rules.Error("Sale", nil) != nil ||
		!strings.Contains(err.Error(), "\n  dear: ") {
		t.Error(err)
	}
	for _, foreign := range []any{nil, 3, line{}, (*sale)(nil)} {
		if len(set.Check(foreign)) == 0 {
			t.Errorf("a %T breaks no rule", foreign)
		}
	}
}

// A rule ends, however large the record is.
func TestCostIsBounded(t *testing.T) {
	set, err := rules.Compile(reflect.TypeFor[sale](), []rules.Rule{
		{"pairs", "message.lines.all(a, message.lines.all(b, a.price >= b.price || true))", "Must be."},
	})
	if err != nil {
		t.Fatal(err)
	}
	large := sale{Lines: make([]line, 10_000)}
	broken := set.Check(large)
	if len(broken) != 1 || !strings.Contains(broken[0].String(), "cost limit exceeded") {
		t.Error(broken)
	}
	each, err := rules.Compile(reflect.TypeFor[sale](), []rules.Rule{
		{"each", "message.lines.all(a, a.price >= 0)", "Must be."},
	})
	if err != nil {
		t.Fatal(err)
	}
	if broken := each.Check(large); len(broken) > 0 {
		t.Error("a list of ten thousand is too long:", broken)
	}
}

// An expression says the same as the same condition in Go.
func TestEqualsGo(t *testing.T) {
	set, err := rules.Compile(reflect.TypeFor[sale](), []rules.Rule{{
		"rule", `message.amount > 0 && (message.note == null || message.note.size() < 3) &&
			message.lines.all(l, l.price * 2 <= message.amount && l.kind in ["food", "ware"])`, "Must be.",
	}})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := sale{Amount: rapid.Int64Range(-3, 30).Draw(t, "amount")}
		if rapid.Bool().Draw(t, "noted") {
			s.Note = new(rapid.StringN(0, 5, -1).Draw(t, "note"))
		}
		s.Lines = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) line {
			return line{
				Price: rapid.Int64Range(0, 16).Draw(t, "price"),
				Kind:  rapid.SampledFrom([]Kind{"food", "ware", "ware", "food", "other"}).Draw(t, "kind"),
			}
		}), 0, 3).Draw(t, "lines")
		holds := s.Amount > 0 && (s.Note == nil || len([]rune(*s.Note)) < 3)
		for _, l := range s.Lines {
			holds = holds && l.Price*2 <= s.Amount && (l.Kind == "food" || l.Kind == "ware")
		}
		if broken := set.Check(s); (len(broken) == 0) != holds {
			t.Fatalf("%+v: %v; in Go %v", s, broken, holds)
		}
	})
}

// Any text as an expression, and any record, ends in an answer.
func FuzzRule(f *testing.F) {
	for _, seed := range []string{
		"message.amount > 0", "message.lines.map(l, l.price)[3] == 1", "dyn(message) == 1", "sale{}.id == ''",
		"message.labels.x == 1", "message.next.next.next.id == 'a'", "string(message) == ''",
		"[message] == [1]",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		set, err := rules.Compile(reflect.TypeFor[sale](), []rules.Rule{{"rule", expression, "Must be."}})
		if err != nil {
			return
		}
		first, second := set.Check(aSale()), set.Check(aSale())
		if fmt.Sprint(first) != fmt.Sprint(second) {
			t.Errorf("%v, then %v", first, second)
		}
	})
}
