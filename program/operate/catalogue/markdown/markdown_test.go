package markdown_test

import (
	"path"
	"regexp"
	"strings"
	"testing"

	"refold/program/operate/catalogue/cataloguetest"
	"refold/program/operate/catalogue/markdown"
)

// The whole catalogue of a small program, to be read.
func TestGolden(t *testing.T) {
	cataloguetest.Golden(t, "testdata/small.md", []byte(markdown.Text(cataloguetest.Small(t))))
}

var (
	linkForm    = regexp.MustCompile(`\]\(([^)#]*)#([^)]*)\)`)
	headingForm = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// Every link leads to a heading, in one file as in many.
func TestLinksLeadSomewhere(t *testing.T) {
	for name, c := range cataloguetest.All(t) {
		folder := markdown.Folder(c)
		if len(folder) != len(c.Aggregates)+1 {
			t.Errorf("%s has %d files", name, len(folder))
		}
		check(t, name, folder)
		check(t, name, map[string]string{"": markdown.Text(c)})
	}
}

func check(t *testing.T, name string, files map[string]string) {
	t.Helper()
	anchors := map[string]bool{}
	for file, text := range files {
		seen := map[string]bool{}
		for _, heading := range headingForm.FindAllStringSubmatch(text, -1) {
			anchor := strings.ToLower(strings.NewReplacer(" ", "-", "&lt;", "", ">", "").Replace(heading[1]))
			if !seen[anchor] { // a second one has a number behind it
				anchors[path.Join(file, "#"+anchor)] = true
			}
			seen[anchor] = true
		}
	}
	links := 0
	for file, text := range files {
		for _, link := range linkForm.FindAllStringSubmatch(text, -1) {
			links++
			to := link[1]
			if to == "" {
				to = file
			}
			if !anchors[path.Join(to, "#"+link[2])] {
				t.Errorf("%s: %q links to %s, where there is no such heading", name, file, link[0])
			}
		}
	}
	if links < 5 {
		t.Errorf("%s has %d links", name, links)
	}
}

// Two headings of one text have anchors of their own.
func TestHeadingsOfOneText(t *testing.T) {
	c := cataloguetest.Small(t)
	c.Aggregates[1].Events[0].Name = "SeatTaken"
	c.Aggregates[1].Commands[0].Leads = []string{"SeatTaken"}
	text := markdown.Text(c)
	for _, want := range []string{"[SeatTaken](#seattaken)", "[SeatTaken](#seattaken-1)"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in the text", want)
		}
	}
}

// A program that has no more than one aggregate has one more file than that, and no processes to name.
func TestWithoutProcesses(t *testing.T) {
	text := markdown.Text(cataloguetest.All(t)["one aggregate"])
	if strings.Contains(text, "Processes between") || strings.Contains(text, "results of") ||
		!strings.Contains(text, "Today's, not released yet.") {
		t.Errorf("got %s", text)
	}
}
