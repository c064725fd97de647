package runbook_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"refold/system/runbook"
)

const folder = "../../docs/runbooks"

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Each page can be run, is in the index, and tells what a reader at night needs, in the same order.
func TestPages(t *testing.T) {
	index := read(t, folder+"/README.md")
	pages, err := filepath.Glob(folder + "/*.md")
	if err != nil || len(pages) < 2 {
		t.Fatalf("found %v, %v", pages, err)
	}
	for _, file := range pages {
		name := filepath.Base(file)
		if name == "README.md" {
			continue
		}
		page := read(t, file)
		if _, err := runbook.Parse(page); err != nil {
			t.Errorf("%s:%v", name, err)
		}
		if !strings.Contains(index, "]("+name+")") {
			t.Errorf("%s is not in the index", name)
		}
		rest := page
		for _, heading := range []string{
			"When", "Check first", "How to know that it worked", "How to go back",
		} {
			_, after, found := strings.Cut(rest, "\n## "+heading+"\n")
			if !found {
				t.Errorf("%s has no %q, or not in this order", name, heading)
				continue
			}
			rest = after
		}
	}
}
