package refold_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxProgramLines is what a reader takes in at a glance.
const maxProgramLines = 60

// program matches a fenced program of docs/sending-commands.md.
var program = regexp.MustCompile("(?s)```(?:java|python|javascript)\n(.*?)```")

// TestProducersAreThoseOfThePage compares the programs that a reader sees with those that can be run.
func TestProducersAreThoseOfThePage(t *testing.T) {
	var shown []string
	for _, match := range program.FindAllStringSubmatch(read(t, "docs/sending-commands.md"), -1) {
		shown = append(shown, match[1])
	}
	paths, err := filepath.Glob("docs/producers/*/[Ss]end.*")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) != 3 || len(shown) != len(paths) {
		t.Fatalf("the page shows %d programs, there are %v: want the same three", len(shown), paths)
	}
	for _, path := range paths {
		text := read(t, path)
		if !slices.Contains(shown, text) {
			t.Errorf("docs/sending-commands.md doesn't show %s as it is", path)
		}
		if n := strings.Count(text, "\n"); n > maxProgramLines {
			t.Errorf("%s has %d lines, at most %d are allowed", path, n, maxProgramLines)
		}
	}
}
