package values

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"refold/codecs/jsondiff"
	"refold/console/words"
)

// Options says how a value is shown. The zero value shows it plainly.
type Options struct {
	// Money has, by the path of a number without indices ("charges[].refundable"), the name of the field with
	// the currency of which it is minor units. The field is beside the number, or beside what it is in.
	Money map[string]string
	// Changed are the changes that led to the value; what they are about is marked.
	Changed []jsondiff.Change
	// Why returns where a field is explained, by its path; nil: nowhere.
	Why func(path string) string
}

const (
	// maxNodes is how many values are shown: a page of more is read by nobody, and slow.
	maxNodes = 2000
	// maxRunes is how much of a text is shown.
	maxRunes = 2000
	// maxColumns is how many fields objects may have that are shown as rows of one table.
	maxColumns = 6
)

// tree shows one value. It counts what it has shown.
type tree struct {
	Options

	changed map[string]bool
	left    int
}

func newTree(o Options) *tree {
	t := &tree{Options: o, changed: make(map[string]bool, len(o.Changed)), left: maxNodes}
	for _, c := range o.Changed {
		t.changed[c.Path.String()] = true
	}
	return t
}

// spend reports whether one more value may be shown.
func (t *tree) spend() bool {
	t.left--
	return t.left >= 0
}

// goesOn reports whether anything more is shown; the first value that is not says so.
func (t *tree) goesOn() bool { return t.left >= 0 }

// node is a value at its place.
type node struct {
	path  jsondiff.Path
	value *jsondiff.Value
	scope []*jsondiff.Value // the objects that it is in, the innermost last
}

func (n node) member(m jsondiff.Member) node {
	return node{n.path.Named(m.Name), m.Value, append(n.scope[:len(n.scope):len(n.scope)], n.value)}
}

func (n node) item(i int) node { return node{n.path.At(i), n.value.Items[i], n.scope} }

// columns are the names of the fields, if the items of a list are objects that have the same ones, all of
// them leaves; nil: they are not.
func columns(v *jsondiff.Value) []string {
	var names []string
	for i, item := range v.Items {
		if item.Kind != jsondiff.Object || len(item.Members) == 0 || len(item.Members) > maxColumns ||
			i > 0 && len(item.Members) != len(names) {
			return nil
		}
		for _, m := range item.Members {
			switch {
			case !m.Value.IsLeaf():
				return nil
			case i == 0:
				names = append(names, m.Name)
			}
		}
		for _, name := range names {
			if item.Member(name) == nil {
				return nil
			}
		}
	}
	return names
}

// text is a leaf as people read it, and what its title says; faint marks what is nearly nothing.
func (t *tree) text(n node) (text, title string, faint bool) {
	v := n.value
	switch v.Kind {
	case jsondiff.Null:
		return "null", "", true
	case jsondiff.Text:
		if v.Text == "" {
			return "empty", `""`, true
		}
		return cut(v.Text), "", false
	case jsondiff.Number:
		if money, is := Money(v, n.path.Pattern(), n.scope, t.Money); is {
			return money, v.Text + " in minor units", false
		}
		return v.Text, "", false
	case jsondiff.Bool, jsondiff.Object, jsondiff.Array:
	}
	return v.Text, "", false
}

// Money returns an amount with its decimals, if the number at a path is one. The scope are the objects that
// it is in, the innermost last.
func Money(
	v *jsondiff.Value, pattern string, scope []*jsondiff.Value, money map[string]string,
) (text string, is bool) {
	field := money[pattern]
	if field == "" || v.Kind != jsondiff.Number {
		return "", false
	}
	amount, err := strconv.ParseInt(v.Text, 10, 64)
	if err != nil {
		return "", false
	}
	for i := len(scope) - 1; i >= 0; i-- {
		if code := scope[i].Member(field); code != nil && code.Kind == jsondiff.Text {
			return words.Money(amount, code.Text)
		}
	}
	return "", false
}

// Short is a value in a few words, for a list of changes; scope and path as for Money.
func Short(
	v *jsondiff.Value, path jsondiff.Path, root *jsondiff.Value, money map[string]string,
) string {
	if v == nil {
		return "nothing"
	}
	if text, is := Money(v, path.Pattern(), Scope(root, path), money); is {
		return text
	}
	switch v.Kind {
	case jsondiff.Text:
		return strconv.Quote(cutAt(v.Text, shortRunes))
	case jsondiff.Array:
		return words.Plural(int64(len(v.Items)), "item", "items")
	case jsondiff.Object:
		return cutAt(fields(v, path, root, money), shortRunes)
	case jsondiff.Number, jsondiff.Bool, jsondiff.Null:
	}
	return v.Text
}

// fields are the members of an object in a few words.
func fields(v *jsondiff.Value, path jsondiff.Path, root *jsondiff.Value, money map[string]string) string {
	texts := make([]string, 0, min(len(v.Members), maxColumns)+1)
	for i, m := range v.Members {
		if i == maxColumns {
			texts = append(texts, "…")
			break
		}
		texts = append(texts, m.Name+" "+Short(m.Value, path.Named(m.Name), root, money))
	}
	return strings.Join(texts, ", ")
}

// shortRunes is how much of a value is shown in a list of changes.
const shortRunes = 120

// Scope returns the objects that a path leads through, the innermost last.
func Scope(root *jsondiff.Value, path jsondiff.Path) []*jsondiff.Value {
	var scope []*jsondiff.Value
	for i := range path {
		if v := root.At(path[:i]); v != nil && v.Kind == jsondiff.Object {
			scope = append(scope, v)
		}
	}
	return scope
}

func cut(text string) string { return cutAt(text, maxRunes) }

func cutAt(text string, most int) string {
	if len(text) <= most || utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

// Parse reads JSON that is to be shown. What is no JSON is shown as a text.
func Parse(raw json.RawMessage) *jsondiff.Value {
	v, err := jsondiff.Parse(raw)
	if err != nil {
		return &jsondiff.Value{Kind: jsondiff.Text, Text: strings.ToValidUTF8(string(raw), "\uFFFD")}
	}
	return v
}

// marked reports whether a value, or what it is in, changed.
func (t *tree) marked(p jsondiff.Path) bool {
	if len(t.changed) == 0 {
		return false
	}
	for i := range len(p) + 1 {
		if t.changed[p[:i].String()] {
			return true
		}
	}
	return false
}
