package config

import (
	"fmt"
	"strings"
)

// Mistake is one thing that is wrong with the configuration.
type Mistake struct {
	Path    string // the option's, or the name of what is no option
	Source  Source
	Value   string // as given; of a secret ***
	Allowed string // what would be right
}

func (m Mistake) String() string {
	where := m.Path + " (" + m.Source.String() + ")"
	if m.Value == "" {
		return where + ": " + m.Allowed
	}
	return fmt.Sprintf("%s: %q; allowed: %s", where, m.Value, m.Allowed)
}

// Mistakes is the error of a configuration: everything that is wrong with it.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	lines := make([]string, 0, len(m)+1)
	lines = append(lines, fmt.Sprintf("the configuration has %d mistake(s):", len(m)))
	for _, mistake := range m {
		lines = append(lines, "  "+mistake.String())
	}
	return strings.Join(lines, "\n")
}

// nearest returns the known name that is most like the unknown one, or nothing if none is.
func nearest(name string, known []string) string {
	best, least := "", len(name)/2+1
	for _, k := range known {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is the number of letters to change, add or drop (Levenshtein's).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(diagonal+cost, row[j]+1, row[j+1]+1)
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
