package compat

import (
	"fmt"
	"slices"
	"strings"
)

// Level says which changes are compatible, by the names that Confluent's schema registry has for them.
type Level string

// The levels. Those without _TRANSITIVE compare with the latest version only.
const (
	None               Level = "NONE"
	BackwardOnly       Level = "BACKWARD"
	BackwardTransitive Level = "BACKWARD_TRANSITIVE"
	ForwardOnly        Level = "FORWARD"
	ForwardTransitive  Level = "FORWARD_TRANSITIVE"
	Full               Level = "FULL"
	FullTransitive     Level = "FULL_TRANSITIVE"
)

// Levels returns all levels, the least strict first.
func Levels() []Level {
	return []Level{
		None, BackwardOnly, BackwardTransitive, ForwardOnly, ForwardTransitive, Full, FullTransitive,
	}
}

// ParseLevel returns the level of a name, in any case. The error lists the names.
func ParseLevel(name string) (Level, error) {
	level := Level(strings.ToUpper(name))
	if !slices.Contains(Levels(), level) {
		return "", fmt.Errorf("there is no compatibility level %q; there are %v", name, Levels())
	}
	return level, nil
}

// Transitive reports whether all versions count, and not only the latest.
func (l Level) Transitive() bool { return strings.HasSuffix(string(l), "_TRANSITIVE") }

// Checks reports whether the level forbids breaks of a direction.
func (l Level) Checks(d Direction) bool {
	switch l {
	case Full, FullTransitive:
		return true
	case BackwardOnly, BackwardTransitive:
		return d == Backward
	case ForwardOnly, ForwardTransitive:
		return d == Forward
	case None:
	}
	return false
}
