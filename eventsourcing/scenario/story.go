package scenario

import (
	"fmt"
	"reflect"
	"strings"
)

// chapter is a part of a failed story: its lines stand beside its title.
type chapter struct {
	title string
	lines []string
}

func tell(chapters ...chapter) string {
	var b strings.Builder
	b.WriteString("the story ended otherwise:")
	for _, c := range chapters {
		title := c.title
		for _, line := range c.lines {
			fmt.Fprintf(&b, "\n  %-8s %s", title, line)
			title = ""
		}
	}
	return b.String()
}

// describeEvents returns a line for each event, marked if it differs; if there is none, a line that
// says so in the words of none.
func describeEvents[E any](events []E, none string, differs func(i int) bool) []string {
	if len(events) == 0 {
		return []string{none}
	}
	lines := make([]string, len(events))
	for i, event := range events {
		lines[i] = "  " + describe(event)
		if differs(i) {
			lines[i] = "≠ " + describe(event)
		}
	}
	return lines
}

// describe renders a value as Go does, without the package in front.
func describe(v any) string {
	text := fmt.Sprintf("%#v", v)
	if t := reflect.TypeOf(v); t != nil && t.PkgPath() != "" {
		name, _, _ := strings.Cut(t.String(), ".")
		text = strings.TrimPrefix(text, name+".")
	}
	return text
}

func never(int) bool { return false }
