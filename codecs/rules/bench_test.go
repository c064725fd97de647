package rules_test

import (
	"reflect"
	"testing"

	"refold/codecs/rules"
)

func BenchmarkCheck(b *testing.B) {
	for name, expression := range map[string]string{
		"number": "message.amount > 0",
		"text":   `message.id.startsWith("s-") && message.id.size() < 20`,
		"list":   "message.lines.all(l, l.price > 0)",
	} {
		set, err := rules.Compile(reflect.TypeFor[sale](), []rules.Rule{{"rule", expression, "Must be."}})
		if err != nil {
			b.Fatal(err)
		}
		record := any(aSale())
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if set.Check(record) != nil {
					b.Fatal("it breaks the rule")
				}
			}
		})
	}
}

func BenchmarkApply(b *testing.B) {
	m, err := rules.NewMapping(reflect.TypeFor[deposited1](), reflect.TypeFor[deposited](), upcast)
	if err != nil {
		b.Fatal(err)
	}
	old := any(deposited1{Euros: 5, From: "@alice", Tags: []string{"a", "b"}})
	b.Run("cel", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.Apply(old); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("go", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = upcastInGo(old.(deposited1))
		}
	})
}

func BenchmarkCompile(b *testing.B) {
	all := []rules.Rule{{"rule", "message.amount > 0", "Must be."}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rules.Compile(reflect.TypeFor[sale](), all); err != nil {
			b.Fatal(err)
		}
	}
}
