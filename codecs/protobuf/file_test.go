package protobuf_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"refold/codecs/protobuf"
)

// Indexes count the messages that the text declares: the entries of maps are none.
func TestIndexesLeadToMessages(t *testing.T) {
	file, err := protobuf.Parse("", everything, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, indexes := range map[string][]int{
		"shop.v1.Order": {0}, "shop.v1.Order.Line": {0, 0}, "shop.v1.Second": {1},
		"shop.v1.Second.Inner": {1, 0},
	} {
		byName, err := file.MessageNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		byIndex, err := file.Message(indexes)
		if err != nil {
			t.Fatal(err)
		}
		if byIndex.FullName() != name || !slices.Equal(byName.Indexes(), indexes) {
			t.Errorf("%v lead to %s, and %s is at %v", indexes, byIndex.FullName(), name, byName.Indexes())
		}
	}
	for _, wrong := range [][]int{{2}, {-1}, {0, 1}, {1, 0, 0}} {
		if found, err := file.Message(wrong); err == nil {
			t.Errorf("%v lead to %s", wrong, found.FullName())
		}
	}
	if _, err := file.MessageNamed("Order"); err == nil || !strings.Contains(err.Error(), "shop.v1.Order,") {
		t.Errorf("got %v", err)
	}
	if file.Text() != everything {
		t.Error("the text is another one")
	}
}

func TestImports(t *testing.T) {
	const text = `syntax = "proto3";
		import "shop/money.proto"; import "confluent/meta.proto"; import "google/type/date.proto";
		import "confluent/type/decimal.proto"; import "google/type/interval.proto";
		message Bill { shop.Money sum = 1 [(confluent.field_meta).doc = "what it costs"];
		google.type.Date due = 2; }`
	const money = `syntax = "proto3"; package shop; import "shop/unit.proto";
		message Money { Unit unit = 1; }`
	const unit = `syntax = "proto3"; package shop; message Unit { string code = 1; }`
	for name, test := range map[string]struct {
		text    string
		imports map[string]string
		err     string // "" if there is none
	}{
		"all are there": {text, map[string]string{"shop/money.proto": money, "shop/unit.proto": unit}, ""},
		"one is missing": {
			text, map[string]string{"shop/money.proto": money}, `shop/unit.proto`,
		},
		"a file that imports itself": {
			text, map[string]string{
				"shop/money.proto": money, "shop/unit.proto": `import "shop/money.proto";`,
			}, "cycle",
		},
		"no file of the machine": {`import "/etc/passwd";`, nil, "passwd"},
		"no Protobuf":            {"{}", nil, "syntax error"},
		"too large":              {strings.Repeat(" ", protobuf.MaxTextBytes+1), nil, "at most 1048576"},
		"too deep": {
			strings.Repeat("message A{", 1000) + strings.Repeat("}", 1000), nil, "nesting depth",
		},
		"too many names": {
			"message " + strings.Repeat("A", 50_000) + "{" + strings.Repeat("optional int32 a=1;", 1000) +
				"}",
			nil, "too many",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := protobuf.Parse("bill.proto", test.text, test.imports)
			switch {
			case err == nil && test.err != "":
				t.Errorf("it was taken, want %s", test.err)
			case err != nil && (test.err == "" || !strings.Contains(err.Error(), test.err)):
				t.Errorf("got %v, want %q", err, test.err)
			}
		})
	}
	many := map[string]string{}
	for i := range protobuf.MaxImports + 1 {
		many[fmt.Sprint(i)] = ""
	}
	if _, err := protobuf.Parse("", unit, many); err == nil {
		t.Error("any number of imports is taken")
	}
}

// A text can't replace what the library knows of google/protobuf.
func TestWellKnownTypesAreTheLibrarys(t *testing.T) {
	const text = `syntax = "proto3"; import "google/protobuf/timestamp.proto";
		message M { google.protobuf.Timestamp at = 1; }`
	file, err := protobuf.Parse("m.proto", text, map[string]string{
		"google/protobuf/timestamp.proto": `syntax = "proto3"; package google.protobuf;
			message Timestamp { string x = 1; }`,
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := file.Message(nil)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := m.ToJSON([]byte{0x0a, 2, 8, 1}, 100); string(out) != `{"at":"1970-01-01T00:00:01Z"}` {
		t.Errorf("got %s, %v", out, err)
	}
}

func TestIndexesOnTheWire(t *testing.T) {
	for _, test := range []struct {
		indexes []int
		wire    []byte
	}{
		{[]int{0}, []byte{0}}, {[]int{1}, []byte{2, 2}}, {[]int{2, 0, 64}, []byte{6, 4, 0, 0x80, 1}},
	} {
		if got := protobuf.AppendIndexes(nil, test.indexes); !slices.Equal(got, test.wire) {
			t.Errorf("%v is written as %x, want %x", test.indexes, got, test.wire)
		}
		got, rest, err := protobuf.SplitIndexes(append(test.wire, 7, 7))
		if err != nil || !slices.Equal(got, test.indexes) || !slices.Equal(rest, []byte{7, 7}) {
			t.Errorf("%x is read as %v, leaving %x: %v", test.wire, got, rest, err)
		}
	}
	if got, _, err := protobuf.SplitIndexes([]byte{2, 0}); err != nil || !slices.Equal(got, []int{0}) {
		t.Errorf("the long form of [0] is read as %v, %v", got, err)
	}
	for _, wrong := range [][]byte{nil, {1}, {2}, {2, 1}, {0x80}, {66}, {2, 0xff, 0xff, 0xff, 0xff, 0x7f}} {
		if got, _, err := protobuf.SplitIndexes(wrong); err == nil {
			t.Errorf("%x is read as %v", wrong, got)
		}
	}
}

func FuzzSplitIndexes(f *testing.F) {
	f.Add([]byte{6, 4, 0, 0x80, 1, 9})
	f.Add([]byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		indexes, rest, err := protobuf.SplitIndexes(data)
		if err != nil {
			return
		}
		again, left, err := protobuf.SplitIndexes(append(protobuf.AppendIndexes(nil, indexes), rest...))
		if err != nil || !slices.Equal(again, indexes) || !slices.Equal(left, rest) {
			t.Errorf("%v came back as %v, leaving %x of %x: %v", indexes, again, left, rest, err)
		}
	})
}

// Whatever a text is, Parse ends, and what it takes can be used.
func FuzzParse(f *testing.F) {
	f.Add(everything, "")
	f.Add(old, `syntax = "proto3";`)
	f.Add(`import "a.proto"; message M { optional A a = 1; }`, `message A { optional M m = 1; }`)
	f.Fuzz(func(t *testing.T, text, imported string) {
		file, err := protobuf.Parse("m.proto", text, map[string]string{"a.proto": imported})
		if err != nil {
			return
		}
		for _, m := range file.Messages() {
			_, _ = m.ToJSON(m.Sample(), 1<<20)
			break
		}
	})
}
