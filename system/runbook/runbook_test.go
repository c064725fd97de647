package runbook_test

import (
	"os"
	"strings"
	"testing"

	"refold/system/runbook"
)

// page makes a page of blocks, given as kind and text in turn; a kind "test" is a comment.
func page(blocks ...string) string {
	text := "# A page\n\n"
	for i := 0; i < len(blocks); i += 2 {
		if blocks[i] == "test" {
			text += "<!-- test: " + blocks[i+1] + " -->\n"
			continue
		}
		text += "```" + blocks[i] + "\n" + blocks[i+1] + "\n```\n\nSome words.\n\n"
	}
	return text
}

// A page that is right passes; one that is not fails, and the error names file and line.
func TestRun(t *testing.T) {
	for name, test := range map[string]struct{ page, fails string }{
		"right":           {page("sh", "echo one; echo two >&2", "text", "one\ntwo"), ""},
		"silent":          {page("sh", "true"), ""},
		"exit code shown": {page("sh", `(exit 3) || echo "exit code $?"`, "text", "exit code 3"), ""},
		"in a list":       {"1. It:\n\n   ```sh\n   echo one\n   ```\n\n   ```text\n   one\n   ```\n", ""},
		"hidden":          {page("sh", "echo test.accounts", "text", "accounts"), ""},
		"environment":     {page("sh", "echo $POD", "text", "http://pod"), ""},
		"deed": {
			page("sh", "echo no > state", "test", "mend it", "sh", "cat state", "text", "mended"), "",
		},

		"wrong output":   {page("sh", "echo one", "text", "two"), "page.md:3: the page shows\ntwo"},
		"too little":     {page("sh", "echo one", "text", "one\ntwo"), "page.md:3"},
		"too much":       {page("sh", "echo one; echo two", "text", "one"), "page.md:3"},
		"nothing shown":  {page("sh", "echo one"), "it printed\none"},
		"failed command": {page("sh", "true", "sh", "(exit 7)\necho on"), "page.md:9: exit status 7"},
		"failed in a pipe": {
			page("sh", "(exit 7) | cat"), "exit status 7",
		},
		"unset variable":   {page("sh", "echo $NOBODY"), "unbound"},
		"unknown deed":     {page("test", "fly"), `page.md:3: the test can't "fly"`},
		"other block":      {page("", "echo one"), `page.md:3: a block ""`},
		"another language": {page("sh", "true", "json", "{}"), `page.md:9: a block "json"`},
		"text of nothing":  {page("text", "one"), "page.md:3: no commands"},
		"no end":           {"```sh\ntrue\n", "page.md:1: the block has no end"},
		"nothing to do":    {"# A page\n", "nothing to do"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			scene := runbook.Scene{
				Dir: dir, Env: append(os.Environ(), "POD=http://pod"), Hidden: []string{"test."},
				Deeds: map[string]func(){"mend it": func() {
					if err := os.WriteFile(dir+"/state", []byte("mended\n"), 0o600); err != nil {
						t.Error(err)
					}
				}},
			}
			err := scene.Run(t.Context(), "page.md", test.page)
			switch {
			case test.fails == "" && err != nil:
				t.Error(err)
			case test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails)):
				t.Errorf("want %q, got %v", test.fails, err)
			}
		})
	}
}

// All that is shown wrongly is told at once.
func TestRunTellsAll(t *testing.T) {
	scene := runbook.Scene{Dir: t.TempDir(), Env: os.Environ()}
	err := scene.Run(t.Context(), "page.md", page("sh", "echo one", "text", "two", "sh", "echo three"))
	if err == nil || strings.Count(err.Error(), "page.md:") != 2 {
		t.Errorf("got %v", err)
	}
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		shown, printed string
		want           bool
	}{
		{"in …: all equal", "in 12.5s: all equal\n", true},
		{"in …: all equal", "in 12.5s:\nall equal\n", false},
		{"a.c", "abc", false},
		{"NAME  AGE\nalice 5", "NAME     AGE  \nalice    5\n", true},
		{"one\n…\nfive", "one\ntwo\nthree\nfive\n", true},
		{"one\n…\nfive", "one\nfive\n", true},
		{"one\n…\nfive", "one\ntwo\n", false},
		{"…\nlast", "last\nnot last\n", false},
		{"…", "", true},
		{"", "", true},
		{"", "\n", true},
		{"one", "", false},
	} {
		if got := runbook.Matches(test.shown, test.printed); got != test.want {
			t.Errorf("%q, %q: got %v", test.shown, test.printed, got)
		}
	}
}
