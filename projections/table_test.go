package projections_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"refold/projections"
)

// line has all options of columns.
type line struct {
	Account  string  `column:"account_id,key,subject"`
	Sequence int64   `column:"sequence,key"`
	Amount   int64   `column:"amount"`
	Note     *string `column:"note"`
	Skipped  string  `column:"-"`
}

// everything has fields of all types that can be columns.
type everything struct {
	ID      name            `column:"id,key"`
	I8      int8            `column:"i8"`
	U32     uint32          `column:"u32"`
	Elapsed time.Duration   `column:"elapsed"`
	F32     float32         `column:"f32"`
	Bool    bool            `column:"bool"`
	At      time.Time       `column:"at"`
	Raw     []byte          `column:"raw"`
	JSON    json.RawMessage `column:"json"`
	List    []string        `column:"list"`
	Pair    [2]int          `column:"pair"`
	Map     map[string]int  `column:"map"`
	Struct  struct{ A int } `column:"struct"`
	Any     any             `column:"any"`
	NoAt    *time.Time      `column:"no_at"`
	NoRaw   *[]byte         `column:"no_raw"`
	NoMap   *map[string]int `column:"no_map"`
}

type name string

func TestTable(t *testing.T) {
	table := projections.NewTable[line]("account_statement")
	var shown []string
	for _, c := range table.Columns {
		flags := ""
		for flag, is := range map[string]bool{"k": c.Key, "s": c.Subject, "+": c.Sum, "0": c.Nullable} {
			if is {
				flags += flag
			}
		}
		shown = append(shown, c.Name+" "+string(c.Type)+" "+sortedText(flags))
	}
	want := []string{"account_id text ks", "sequence integer k", "amount integer ", "note text 0"}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Fatalf("the columns differ (- wanted, + found):\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 1}, table.Keys()); diff != "" {
		t.Errorf("the key columns differ (- wanted, + found):\n%s", diff)
	}
	if subjects := table.Subjects(); len(subjects) != 1 || subjects[0].Name != "account_id" {
		t.Errorf("the subjects are %+v; they must be account_id", subjects)
	}
	if table.Sums() {
		t.Error("the table has no sums, and says that it has")
	}
}

func sortedText(s string) string {
	parts := strings.Split(s, "")
	if len(parts) == 2 && parts[0] > parts[1] {
		return parts[1] + parts[0]
	}
	return s
}

func TestColumnTypes(t *testing.T) {
	want := map[string]projections.ColumnType{
		"id": projections.Text, "i8": projections.Integer, "u32": projections.Integer,
		"elapsed": projections.Integer, "f32": projections.Real, "bool": projections.Boolean,
		"at": projections.Time, "raw": projections.Bytes, "json": projections.JSON, "list": projections.JSON,
		"pair": projections.JSON, "map": projections.JSON, "struct": projections.JSON,
		"any":   projections.JSON,
		"no_at": projections.Time, "no_raw": projections.Bytes, "no_map": projections.JSON,
	}
	found := make(map[string]projections.ColumnType)
	for _, c := range projections.NewTable[everything]("everything").Columns {
		found[c.Name] = c.Type
		if c.Nullable != strings.HasPrefix(c.Name, "no_") {
			t.Errorf("column %s: Nullable is %v", c.Name, c.Nullable)
		}
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Fatalf("the types differ (- wanted, + found):\n%s", diff)
	}
}

// Each mistake in a struct is told with the field's name and what would be right.
func TestTableMistakes(t *testing.T) {
	type long struct {
		A string `column:"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,key"`
	}
	for _, c := range []struct {
		name  string
		table *projections.Table
		want  []string
	}{
		{"no struct", projections.NewTable[int]("a").Table, []string{"its rows are int", "struct"}},
		{"no key", projections.NewTable[struct {
			A string `column:"a"`
		}]("a").Table, []string{"no column is a key"}},
		{"no tag", projections.NewTable[struct {
			A string `column:"a,key"`
			B string
		}]("a").Table, []string{"field B", `is called ""`}},
		{"upper case", projections.NewTable[struct {
			A string `column:"A,key"`
		}]("a").Table, []string{"field A", `is called "A"`, "lower-case"}},
		{"a long name", projections.NewTable[long]("a").Table, []string{"48 characters at most"}},
		{"a table's name", projections.NewTable[line]("1a").Table, []string{`a table is called "1a"`}},
		{"two columns", projections.NewTable[struct {
			A string `column:"a,key"`
			B string `column:"a"`
		}]("a").Table, []string{`two columns are called "a"`}},
		{"an option", projections.NewTable[struct {
			A string `column:"a,key,index"`
		}]("a").Table, []string{`the option "index"`, "key, subject and sum"}},
		{"a key that may be null", projections.NewTable[struct {
			A *string `column:"a,key"`
		}]("a").Table, []string{"key column a is a *string"}},
		{"a real key", projections.NewTable[struct {
			A float64 `column:"a,key"`
		}]("a").Table, []string{"key column a is a float64", "string or a whole number"}},
		{"a subject that is a number", projections.NewTable[struct {
			A int64 `column:"a,key,subject"`
		}]("a").Table, []string{"subject column a is a int64", "string"}},
		{"a sum of texts", projections.NewTable[struct {
			A string `column:"a,key"`
			B string `column:"b,sum"`
		}]("a").Table, []string{"sum column b is a string", "whole number"}},
		{"a sum that is a key", projections.NewTable[struct {
			A int64 `column:"a,key,sum"`
		}]("a").Table, []string{"sum column a"}},
		{"a number that is too wide", projections.NewTable[struct {
			A string `column:"a,key"`
			B uint64 `column:"b"`
		}]("a").Table, []string{"column b is a uint64", "fits an int64"}},
		{"a channel", projections.NewTable[struct {
			A string   `column:"a,key"`
			B chan int `column:"b"`
		}]("a").Table, []string{"column b is a chan int"}},
		{"a pointer to a pointer", projections.NewTable[struct {
			A string `column:"a,key"`
			B **int  `column:"b"`
		}]("a").Table, []string{"column b is a **int"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := statement(c.table)
			mustSay(t, p.Check(), c.want...)
		})
	}
}

// statement is a projection without mistakes of its own.
func statement(tables ...*projections.Table) projections.Projection {
	return projections.Projection{
		Name: "statement", Version: 1, Tables: tables,
		Sources: []projections.Source{
			projections.FromEvents(purse(), func(projections.Event[Purse, purseEvent]) []projections.Change {
				return nil
			}),
		},
	}
}

func mustSay(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("there is no error; it must say %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error %q does not say %q", err, part)
		}
	}
}

func TestProjectionMistakes(t *testing.T) {
	lines := projections.NewTable[line]("lines").Table
	events := statement().Sources[0]
	for _, c := range []struct {
		name   string
		change func(*projections.Projection)
		want   []string
	}{
		{"no name", func(p *projections.Projection) { p.Name = "" }, []string{`a projection is called ""`}},
		{"a wrong name", func(p *projections.Projection) { p.Name = "a-b" }, []string{`is called "a-b"`}},
		{
			"no version", func(p *projections.Projection) { p.Version = 0 },
			[]string{"Version is 0", "1 or more"},
		},
		{"no tables", func(p *projections.Projection) { p.Tables = nil }, []string{"Tables is empty"}},
		{
			"a nil table", func(p *projections.Projection) { p.Tables = append(p.Tables, nil) },
			[]string{"Tables[1] is nil"},
		},
		{
			"a table twice", func(p *projections.Projection) { p.Tables = append(p.Tables, lines) },
			[]string{"two tables are called lines"},
		},
		{"no sources", func(p *projections.Projection) { p.Sources = nil }, []string{"Sources is empty"}},
		{
			"an empty source", func(p *projections.Projection) { p.Sources = make([]projections.Source, 1) },
			[]string{"Sources[0] is empty"},
		},
		{
			"a source twice", func(p *projections.Projection) { p.Sources = append(p.Sources, events) },
			[]string{"two sources take the events of purses"},
		},
		{"a kind", func(p *projections.Projection) { p.Kind = "graph" }, []string{`Kind is "graph"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := statement(lines)
			p.Migrations = fstest.MapFS{}
			if err := p.Check(); err != nil {
				t.Fatalf("without the mistake: %v", err)
			}
			c.change(&p)
			mustSay(t, p.Check(), c.want...)
		})
	}
}

// No two rows have one key.
func TestKeysAreUnambiguous(t *testing.T) {
	type pair struct {
		A string `column:"a,key"`
		N int64  `column:"n,key"`
		B string `column:"b,key"`
	}
	pairs := projections.NewTable[pair]("pairs")
	part := rapid.OneOf(rapid.StringMatching(`[a%/\-0-9 ]{0,4}`), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) pair {
			n := rapid.Int64Range(-11, 11).Draw(t, label+" n")
			return pair{part.Draw(t, label+" a"), n, part.Draw(t, label+" b")}
		}
		x, y := draw("x"), draw("y")
		kx, ky := pairs.Put(x).Key(), pairs.Delete(y).Key()
		if (kx == ky) != (x == y) {
			t.Fatalf("the keys of %+v and %+v are %q and %q", x, y, kx, ky)
		}
		if again := pairs.KeyOf(x.A, x.N, x.B); again != kx {
			t.Fatalf("KeyOf is %q, and the row's key is %q", again, kx)
		}
	})
}
