package excerpt

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestOf(t *testing.T) {
	for name, test := range map[string]struct {
		text  string
		limit int
		want  string
	}{
		"fits":                     {"äöü", 6, "äöü"},
		"is cut at a letter":       {"abcdefgh", 6, "abc…"},
		"is cut between letters":   {"äöüäöü", 8, "äö…"},
		"is cut before an emoji":   {"a🙂🙂🙂", 8, "a🙂…"},
		"is no UTF-8":              {"a\xffb\xc3", 20, `a\xffb\xc3`},
		"is cut, and no UTF-8":     {"a\xff\xff\xff\xff", 10, `a\xff…`},
		"has room for no more":     {"äöü", 3, "…"},
		"says nothing":             {"", 0, ""},
		"ends with half a letter":  {"abc\xc3", 7, `abc\xc3`},
		"has a replacement letter": {"a\ufffd", 10, "a\ufffd"},
	} {
		if got := Of(test.text, test.limit); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
	for text, want := range map[string]string{
		"ää": `"ää"`, "äää": `"ää"…`, "\xff\xff\xff\xff\xff": `"\xff\xff\xff\xff"…`, "abc\xc3": `"abc\xc3"`,
	} {
		if got := Quoted(text, 4); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// Whatever bytes it is made of: an excerpt is valid, within its limit, and says where something is missing.
func TestOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		if rapid.Bool().Draw(t, "text") {
			text = rapid.String().Draw(t, "letters")
		}
		limit := rapid.IntRange(len(cutMark), 40).Draw(t, "limit")
		got := Of(text, limit)
		if !utf8.ValidString(got) || len(got) > limit {
			t.Fatalf("%q cut at %d: %q", text, limit, got)
		}
		if utf8.ValidString(text) && len(text) > limit {
			begin, cut := strings.CutSuffix(got, cutMark)
			if !cut || !strings.HasPrefix(text, begin) {
				t.Fatalf("%q cut at %d: %q", text, limit, got)
			}
		}
		inner, cut := strings.CutSuffix(Quoted(text, limit), cutMark)
		back, err := strconv.Unquote(inner)
		if err != nil || !strings.HasPrefix(text, back) || cut != (len(text) > limit) {
			t.Fatalf("%q quoted up to %d: %s, %v", text, limit, inner, err)
		}
		if utf8.ValidString(text) && !utf8.ValidString(back) {
			t.Fatalf("%q quoted up to %d is cut in a letter: %q", text, limit, back)
		}
	})
}
