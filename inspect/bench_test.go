package inspect

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func BenchmarkWhere(b *testing.B) {
	d := &decoder{registry: &fakeRegistry{}}
	r := envelope(&kgo.Record{Key: []byte("alice"), Value: []byte(wire(7,
		`{"amount": 5, "currency": "EUR", "lines": [{"sku": "tea", "n": 1}, {"sku": "cup", "n": 2}]}`))})
	d.decode(b.Context(), &r)
	for name, expression := range map[string]string{
		"a comparison": `value.amount > 3`,
		"a loop":       `type == "" && value.lines.exists(l, l.sku.startsWith("cup") && l.n > 1)`,
		"the limit":    nested(5, 40) + ".size() > 0",
	} {
		where, err := NewWhere(expression)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = where.matches(b.Context(), &r)
			}
		})
	}
}

func BenchmarkNewWhere(b *testing.B) {
	for b.Loop() {
		if _, err := NewWhere(`value.amount > 3`); err != nil {
			b.Fatal(err)
		}
	}
}
