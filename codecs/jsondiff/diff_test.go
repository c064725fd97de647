package jsondiff_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"refold/codecs/jsondiff"
)

func parsed(t interface {
	Helper()
	Fatal(args ...any)
}, text string,
) *jsondiff.Value {
	t.Helper()
	v, err := jsondiff.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func described(changes []jsondiff.Change) string {
	var lines []string
	for _, c := range changes {
		before, after := "-", "-"
		if c.Before != nil {
			before = c.Before.String()
		}
		if c.After != nil {
			after = c.After.String()
		}
		lines = append(lines, fmt.Sprintf("%s: %s > %s", c.Path, before, after))
	}
	return strings.Join(lines, "; ")
}

func TestWhatChanged(t *testing.T) {
	for _, c := range []struct{ before, after, want string }{
		{`{"a":1,"b":2}`, `{"b":2,"a":1}`, ``},
		{`{"balance":500}`, `{"balance":380}`, `balance: 500 > 380`},
		{`{"a":1}`, `{"b":1}`, `a: 1 > -; b: - > 1`},
		{`{"a":null}`, `{"a":0}`, `a: null > 0`},
		{`1`, `"1"`, `: 1 > "1"`},
		{`9007199254740993`, `9007199254740992`, `: 9007199254740993 > 9007199254740992`},
		{
			`{"charges":[{"r":"a","n":1},{"r":"b","n":2}]}`, `{"charges":[{"r":"a","n":0},{"r":"b","n":2}]}`,
			`charges[0].n: 1 > 0`,
		},
		{`["a","b","c"]`, `["b","c","d"]`, `[0]: "a" > -; [2]: - > "d"`},
		{`[1,2,3]`, `[1,9,3]`, `[1]: 2 > 9`},
		{`{"a.b":{"":1}}`, `{"a.b":{"":2}}`, `["a.b"][""]: 1 > 2`},
	} {
		changes := jsondiff.Between(parsed(t, c.before), parsed(t, c.after))
		if got := described(changes); got != c.want {
			t.Errorf("from %s to %s: %s, want %s", c.before, c.after, got, c.want)
		}
	}
	if got := described(jsondiff.Between(nil, parsed(t, `{"a":1}`))); got != `: - > {"a":1}` {
		t.Errorf("from nothing: %s", got)
	}
}

// value draws a value of few texts and names, so that parts of two are often the same.
func value(depth int) *rapid.Generator[*jsondiff.Value] {
	return rapid.Custom(func(t *rapid.T) *jsondiff.Value {
		kinds := []jsondiff.Kind{jsondiff.Text, jsondiff.Number, jsondiff.Bool, jsondiff.Null}
		if depth > 0 {
			kinds = append(kinds, jsondiff.Object, jsondiff.Array, jsondiff.Object, jsondiff.Array)
		}
		v := &jsondiff.Value{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
		switch v.Kind {
		case jsondiff.Text:
			v.Text = rapid.SampledFrom([]string{"", "a", "<b>", "é\n\"", "\u2028"}).Draw(t, "text")
		case jsondiff.Number:
			v.Text = rapid.SampledFrom([]string{"0", "1", "-2", "1.50", "9007199254740993"}).Draw(t, "number")
		case jsondiff.Bool:
			v.Text = rapid.SampledFrom([]string{"true", "false"}).Draw(t, "bool")
		case jsondiff.Null:
			v.Text = "null"
		case jsondiff.Array:
			for range rapid.IntRange(0, 5).Draw(t, "items") {
				v.Items = append(v.Items, value(depth-1).Draw(t, "item"))
			}
		case jsondiff.Object:
			names := rapid.SliceOfNDistinct(rapid.SampledFrom(
				[]string{"a", "b", "a.b", "", "[0]", `"`, "ü"}), 0, 4, rapid.ID[string]).Draw(t, "names")
			for _, name := range names {
				inner := value(depth-1).Draw(t, "member")
				v.Members = append(v.Members, jsondiff.Member{Name: name, Value: inner})
			}
		}
		return v
	})
}

func TestAppliedChangesMakeTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := value(3).Draw(t, "before"), value(3).Draw(t, "after")
		was := before.String()
		got, err := jsondiff.Apply(before, jsondiff.Between(before, after))
		if err != nil {
			t.Fatal(err)
		}
		if !got.Equal(after) {
			t.Fatalf("from %s came %s, want %s", before, got, after)
		}
		if before.String() != was {
			t.Fatalf("the former value was changed: %s became %s", was, before)
		}
		if left := jsondiff.Between(before, parsed(t, was)); len(left) != 0 {
			t.Fatalf("a value differs from itself: %s", described(left))
		}
	})
}

func TestPathsLeadToWhatChanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := value(3).Draw(t, "before"), value(3).Draw(t, "after")
		for _, c := range jsondiff.Between(before, after) {
			path, err := jsondiff.ParsePath(c.Path.String())
			if err != nil {
				t.Fatal(err)
			}
			if c.After != nil && !after.At(path).Equal(c.After) {
				t.Fatalf("at %s of %s is %v, want %v", path, after, after.At(path), c.After)
			}
		}
	})
}

func TestLongArraysAreComparedByPlace(t *testing.T) {
	items := func(n, shift int) *jsondiff.Value {
		v := &jsondiff.Value{Kind: jsondiff.Array}
		for i := range n {
			v.Items = append(v.Items, &jsondiff.Value{Kind: jsondiff.Number, Text: fmt.Sprint(i + shift)})
		}
		return v
	}
	before, after := items(1000, 0), items(1000, 1)
	changes := jsondiff.Between(before, after)
	if len(changes) != 1000 {
		t.Errorf("there are %d changes", len(changes))
	}
	if got, err := jsondiff.Apply(before, changes); err != nil || !got.Equal(after) {
		t.Errorf("applied: %v, %v", got, err)
	}
}

func TestWhatIsNoJSONOrNoPath(t *testing.T) {
	deep := strings.Repeat("[", 300) + strings.Repeat("]", 300)
	for _, text := range []string{``, `{`, `{"a"}`, `[1,]`, `1 2`, deep} {
		if v, err := jsondiff.Parse([]byte(text)); err == nil {
			t.Errorf("%.20q was read as %s", text, v)
		}
	}
	for _, text := range []string{
		".", "a.", "a..b", "a[", "a[x]", "a[-1]", `a["b]`, "a]", "a[0]b",
		`a"b`, strings.Repeat("[0]", 300),
	} {
		if p, err := jsondiff.ParsePath(text); err == nil {
			t.Errorf("%.20q was read as %v", text, p)
		}
	}
	if v := parsed(t, `{"a":[1]}`); v.At(nil) != v || v.At(jsondiff.Path{}.Named("a").At(1)) != nil ||
		v.At(jsondiff.Path{}.Named("b").Named("c")) != nil {
		t.Error("a path leads to what is not there")
	}
	change := jsondiff.Change{Path: jsondiff.Path{}.Named("a").Named("b"), After: parsed(t, "1")}
	if _, err := jsondiff.Apply(parsed(t, `[]`), []jsondiff.Change{change}); err == nil {
		t.Error("a change that does not fit was applied")
	}
}
