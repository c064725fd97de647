package lint_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"refold/codecs/avrotype"
	"refold/codecs/compat"
	"refold/codecs/lint"
)

func parse(t *testing.T, text string) *avrotype.Type {
	t.Helper()
	parsed, err := compat.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func check(t *testing.T, texts ...string) (found []string) {
	t.Helper()
	var records []*avrotype.Type
	for _, text := range texts {
		records = append(records, parse(t, text))
	}
	for _, p := range lint.Check(records...) {
		if p.Reason == "" || p.Remedy == "" || !slices.Contains(lint.Rules(), p.Rule) {
			t.Errorf("a problem leaves something open: %+v", p)
		}
		found = append(found, string(p.Rule)+" "+p.Path)
	}
	return found
}

// field is a record with one documented field.
func field(name, kind string) string {
	return fmt.Sprintf(`{"type": "record", "name": "Paid", "doc": "d", "fields": [
		{"name": %q, "type": %s, "doc": "d"}]}`, name, kind)
}

// Each rule finds what it is about, and nothing else.
func TestRules(t *testing.T) {
	const time = `{"type": "long", "logicalType": "timestamp-millis"}`
	for name, test := range map[string]struct {
		schema string
		want   []string
	}{
		"all is well": {field("orderId", `"string"`), nil},
		"no docs": {
			`{"type": "record", "name": "Paid", "fields": [{"name": "x", "type":
				{"type": "enum", "name": "State", "symbols": ["A"]}}]}`,
			[]string{"record-doc Paid", "field-doc Paid.x", "record-doc Paid.x"},
		},
		"money is a double": {field("amount", `"double"`), []string{"money Paid.amount"}},
		"money is an optional float": {
			field("unitPrice", `["null", "float"]`), []string{"money Paid.unitPrice"},
		},
		"another word that has it": {field("totals", `"double"`), nil},
		"prices by name": {
			field("price_list", `{"type": "map", "values": "double"}`), []string{"money Paid.price_list"},
		},
		"money is a long":        {field("balance", `"long"`), nil},
		"a ratio is a double":    {field("ratio", `"double"`), nil},
		"a time is a plain long": {field("paidAt", `"long"`), []string{"time Paid.paidAt"}},
		"a time is an optional long": {
			field("due_date", `["null", "int"]`), []string{"time Paid.due_date"},
		},
		"a time is a time":             {field("paidAt", time), nil},
		"a word that ends like a time": {field("format", `"long"`), nil},
		"a record in small letters": {
			`{"type": "record", "name": "paid", "doc": "d", "fields": []}`, []string{"type-name paid"},
		},
		"a record with an underscore": {
			`{"type": "record", "name": "Order_Paid", "doc": "d", "fields": []}`,
			[]string{"type-name Order_Paid"},
		},
		"a field in capitals":     {field("OrderId", `"string"`), []string{"field-name Paid.OrderId"}},
		"a field that mixes both": {field("order_Id", `"string"`), []string{"field-name Paid.order_Id"}},
		"a type that holds itself once": {
			`{"type": "record", "name": "Tree", "doc": "d", "fields": [
				{"name": "next", "type": ["null", "Tree"], "doc": "d"}]}`, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, check(t, test.schema)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Fields of all records together are written one way.
func TestStyle(t *testing.T) {
	records := []string{
		field("orderId", `"string"`),
		`{"type": "record", "name": "Sent", "doc": "d", "fields": [
			{"name": "order_id", "type": "string", "doc": "d"},
			{"name": "sent_to", "type": "string", "doc": "d"},
			{"name": "x", "type": "string", "doc": "d"}]}`,
	}
	if got := check(t, records...); !slices.Equal(got, []string{"field-style Paid.orderId"}) {
		t.Errorf("got %v", got)
	}
	if got := check(t, records[0], field("total", `"long"`)); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}
