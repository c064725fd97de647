package processors

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Names are what a program calls its aggregates, its processes and its reactions. Names of topics, groups,
// paths, commands of processes and parts of the API's description are made of them, so that all must fit
// together: Check is the one place that knows how.
type Names struct {
	// Prefix is in front of all topics and groups.
	Prefix     string
	Aggregates []AggregateName
	Processes  []string
	Reactions  []string
}

// AggregateName is what an aggregate is called, such as account and accounts.
type AggregateName struct{ Name, Plural string }

const (
	nameRule = "lower-case letters and digits, in parts that begin with a letter, with one - between them, " +
		"such as order-book"
	// maxTopicName is Kafka's limit.
	maxTopicName = 249
)

var (
	nameForm   = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$`)
	prefixForm = regexp.MustCompile(`^[A-Za-z0-9._-]*$`)
	// longestSuffix is what is put behind a name at most.
	longestSuffix = len("-commands")
)

// reserved are the server's own: first parts of its paths, names of its operations, and kinds of
// messages in the live feed. A test of package httpapi compares them with the paths that it has.
var reserved = []string{
	"admin", "command", "commands", "console", "dead-letter", "dead-letters", "description", "event",
	"events", "health", "healthz", "index", "internal", "metrics", "openapi", "owner", "owners", "readiness",
	"readyz", "rebuild", "rebuilds", "refold", "refolds", "result", "results", "trace", "traces",
	"view", "views",
}

// Check returns everything that is wrong with the names, each with the rule that it breaks.
func (n Names) Check() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !prefixForm.MatchString(n.Prefix) {
		wrong("the prefix of topics is %q; allowed in topics are letters, digits, and . _ -", n.Prefix)
	}
	owner := map[string]string{}
	check := func(what, name, of string) {
		most := maxTopicName - longestSuffix - len(n.Prefix)
		switch other, taken := owner[name]; {
		case !nameForm.MatchString(name):
			wrong("%s is called %q; allowed are %s", what, name, nameRule)
		case len(name) > most:
			wrong("%s is called %.40q…, which has %d characters; with the prefix %q at most %d are allowed, "+
				"for the names of its topics", what, name, len(name), n.Prefix, most)
		case slices.Contains(reserved, name):
			wrong("%s is called %q, as something of the server itself; taken are %s", what, name,
				strings.Join(reserved, ", "))
		case taken && other != of:
			wrong("%s is called %q, and so is %s; each name, singular and plural, must stand for one thing",
				what, name, other)
		default:
			owner[name] = of
		}
	}
	for i, a := range n.Aggregates {
		of := fmt.Sprintf("aggregate %d (%q)", i+1, a.Name)
		check(of, a.Name, of)
		if a.Plural != a.Name {
			check(of+" in the plural", a.Plural, of)
		}
	}
	for i, p := range n.Processes {
		of := fmt.Sprintf("process %d", i+1)
		check(of, p, of)
	}
	for _, r := range n.Reactions {
		of := fmt.Sprintf("the group of reaction %q", r)
		check(of, ReactionGroup("", r), of)
	}
	return errors.Join(errs...)
}
