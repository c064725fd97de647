package lint_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"refold/codecs/lint"
	"refold/codecs/protobuf"
)

func found(t *testing.T, problems []lint.Problem) (all []string) {
	t.Helper()
	for _, p := range problems {
		if p.Reason == "" || p.Remedy == "" || !slices.Contains(lint.Rules(), p.Rule) {
			t.Errorf("a problem leaves something open: %+v", p)
		}
		all = append(all, string(p.Rule)+" "+p.Path)
	}
	return all
}

// Each rule finds what it is about in Protobuf, and nothing else.
func TestRulesOfProtobuf(t *testing.T) {
	const head = "syntax = \"proto3\"; package shop.v1; import \"google/protobuf/timestamp.proto\";\n"
	paid := func(field string) string {
		return head + "// Paid is d.\nmessage Paid {\n// d\n" + field +
			"\n}"
	}
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"all is well":         {paid("string order_id = 1;"), nil},
		"a comment behind it": {head + "// d\nmessage Paid {\nstring order_id = 1; // d\n}", nil},
		"no docs": {
			head + "message Paid {\nState state = 1;\nenum State { NEW = 0; }\n}",
			[]string{"record-doc Paid", "field-doc Paid.state", "record-doc State"},
		},
		"money is a double": {paid("double amount = 1;"), []string{"money Paid.amount"}},
		"prices by name": {
			paid("map<string, float> price_list = 1;"), []string{"money Paid.price_list"},
		},
		"money is an integer":        {paid("int64 balance = 1;"), nil},
		"a ratio is a double":        {paid("double ratio = 1;"), nil},
		"a time is an integer":       {paid("int64 paid_at = 1;"), []string{"time Paid.paid_at"}},
		"a time is a string":         {paid("string due_date = 1;"), []string{"time Paid.due_date"}},
		"a time is a time":           {paid("google.protobuf.Timestamp paid_at = 1;"), nil},
		"a field in camel case":      {paid("string orderId = 1;"), []string{"field-name Paid.orderId"}},
		"a message in small letters": {head + "// d\nmessage paid {}", []string{"type-name paid"}},
		"a package without a version": {
			"syntax = \"proto3\"; package shop;\n// d\nmessage Paid {}", []string{"package shop"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			file, err := protobuf.Parse("", test.text, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, found(t, lint.CheckProtobuf(file))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Each rule finds what it is about in JSON Schema, and nothing else.
func TestRulesOfJSONSchema(t *testing.T) {
	paid := func(name, schema string) string {
		return `{"title": "Paid", "description": "d", "properties": {"` + name + `": {"description": "d", ` +
			schema + `}}}`
	}
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"all is well": {paid("orderId", `"type": "string"`), nil},
		"no descriptions": {
			`{"properties": {"x": {"properties": {}}, "r": {"$ref": "#"}}}`,
			[]string{"record-doc #", "field-doc #.x", "record-doc #.x"},
		},
		"money is a number": {paid("amount", `"type": "number"`), []string{"money Paid.amount"}},
		"money is perhaps a number": {
			paid("unitPrice", `"type": ["null", "number"]`),
			[]string{"money Paid.unitPrice"},
		},
		"money is an integer":      {paid("amount", `"type": "integer"`), nil},
		"a time is a plain string": {paid("paidAt", `"type": "string"`), []string{"time Paid.paidAt"}},
		"a time is a number in a union": {
			paid("due_date", `"anyOf": [{"type": "integer"}]`),
			[]string{"time Paid.due_date"},
		},
		"a time has a format": {paid("paidAt", `"type": "string", "format": "date-time"`), nil},
		"a property in capitals": {
			paid("OrderId", `"type": "string"`),
			[]string{"field-name Paid.OrderId"},
		},
		"a definition": {
			`{"description": "d", "$defs": {"line": {"properties": {}}}}`, []string{"record-doc line"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			problems, err := lint.CheckJSONSchemas(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, found(t, problems)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	problems, err := lint.CheckJSONSchemas(paid("orderId", `"type": "string"`),
		paid("order_id", `"type": "string"`), paid("line_id", `"type": "string"`))
	if got := found(t, problems); err != nil || !slices.Equal(got, []string{"field-style Paid.orderId"}) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := lint.CheckJSONSchemas("5"); err == nil {
		t.Error("a number is a schema")
	}
}
