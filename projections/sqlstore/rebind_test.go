package sqlstore_test

import (
	"strings"
	"testing"

	"refold/projections/sqlstore"
)

func TestNumbered(t *testing.T) {
	for query, want := range map[string]string{
		"":                               "",
		"SELECT 1":                       "SELECT 1",
		"a = ? AND b = ?":                "a = $1 AND b = $2",
		"?":                              "$1",
		"a = '?' AND b = ?":              "a = '?' AND b = $1",
		"a = 'it''s ?' AND b = ?":        "a = 'it''s ?' AND b = $1",
		`"a?" = ? AND "b""?" = ?`:        `"a?" = $1 AND "b""?" = $2`,
		"a -- what?\n= ? -- why?":        "a -- what?\n= $1 -- why?",
		"a /* what? */ = ? /* why?":      "a /* what? */ = $1 /* why?",
		"a ?? ? AND b ???":               "a ? $1 AND b ?$2",
		"a = $$ ? ' $$ AND b = ?":        "a = $$ ? ' $$ AND b = $1",
		"a = 'open ?":                    "a = 'open ?",
		"a->>'ä?' = ? AND b = 'größer?'": "a->>'ä?' = $1 AND b = 'größer?'",
	} {
		if found := sqlstore.Numbered(query); found != want {
			t.Errorf("%s becomes %s; it must be %s", query, found, want)
		}
	}
}

func FuzzNumbered(f *testing.F) {
	f.Add("a = ? AND b = '?' -- ?\n/*?*/ ??")
	f.Fuzz(func(t *testing.T, query string) {
		found := sqlstore.Numbered(query)
		if !strings.ContainsRune(query, '?') && found != query {
			t.Errorf("%q becomes %q; it has no parameter", query, found)
		}
		if strings.Count(found, "'") != strings.Count(query, "'") {
			t.Errorf("%q becomes %q; quotes must stay", query, found)
		}
	})
}
