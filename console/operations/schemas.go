package operations

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"refold/console/frame"
)

// Schemas knows the subjects of the program's types, and their versions.
type Schemas interface {
	// Subjects returns them as they were at most a minute ago.
	Subjects(ctx context.Context) ([]SchemaSubject, error)
	// Difference compares two versions; 0 is the program's own schema. The error may be ErrNoSubject.
	Difference(ctx context.Context, subject string, from, to int) (*SchemaDifference, error)
}

// ErrNoSubject says that there is no such subject or version.
var ErrNoSubject = errors.New("there is no such schema")

// SchemaSubject is a subject of the registry, or a type of the program that has none yet.
type SchemaSubject struct {
	Name, Kind, Aggregate string
	Format                string
	InProgram             bool
	// Written is the version that is written: latest, former or none; empty: the program has no such type.
	Written  string
	Level    string
	Versions []SchemaVersion
	Wrong    string
}

// SchemaVersion is a version of a subject, the oldest first.
type SchemaVersion struct {
	Number, ID int
	Current    bool // it is the program's own schema
	Wrong      string
}

// SchemaDifference is what changed between two versions.
type SchemaDifference struct {
	From, To         int // 0: the program's
	FromText, ToText string
	Changes          []SchemaChange
	Breaks           []SchemaBreak
	Level            string
	Compatible       bool // at the level
}

// SchemaChange is a change at a place.
type SchemaChange struct {
	Path, What, Was, Is string
	Backward, Forward   bool // whether it is compatible
}

// SchemaBreak says what can't be read, and what would be right.
type SchemaBreak struct{ Path, Direction, Reason, Remedy string }

// schemas answers GET /console/operations/schemas?q=.
func (o *pages) schemas(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	all, err := o.Schemas.Subjects(r.Context())
	if err != nil {
		return away("The schema registry", err)
	}
	q := r.URL.Query().Get("q")
	var found []SchemaSubject
	for i := range all {
		if contains(all[i].Name, q) || contains(all[i].Aggregate, q) || contains(all[i].Kind, q) {
			found = append(found, all[i])
		}
	}
	return p.Show(w, r, "Schemas", schemas(p, found, q))
}

// contains reports whether a text has another one, upper and lower case alike.
func contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// subject answers GET /console/operations/schemas/{subject}?from=&to=.
func (o *pages) subject(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	name, query := r.PathValue("subject"), r.URL.Query()
	all, err := o.Schemas.Subjects(r.Context())
	if err != nil {
		return away("The schema registry", err)
	}
	var of *SchemaSubject
	for i := range all {
		if all[i].Name == name {
			of = &all[i]
		}
	}
	if of == nil {
		return frame.NotFound("There is no such subject", "Neither the program nor its part of the registry "+
			"has "+strconv.Quote(name)+".")
	}
	from, to := byDefault(of)
	for _, field := range []struct {
		name string
		into *int
	}{{"from", &from}, {"to", &to}} {
		if text := query.Get(field.name); text != "" {
			if *field.into, err = number("The version", text, 0); err != nil {
				return err
			}
		}
	}
	d, err := o.Schemas.Difference(r.Context(), name, from, to)
	if errors.Is(err, ErrNoSubject) {
		return frame.NotFound("There is no such version", sentence(err.Error()))
	}
	if err != nil {
		return away("The schema", err)
	}
	return p.Show(w, r, name, subject(p, of, d))
}

// byDefault are the versions that are compared unless others are chosen: the last change that there was, or
// what the program changes.
func byDefault(s *SchemaSubject) (from, to int) {
	n := len(s.Versions)
	switch {
	case n == 0:
		return 0, 0
	case s.InProgram && !s.Versions[n-1].Current:
		return s.Versions[n-1].Number, 0
	case n == 1:
		return s.Versions[0].Number, s.Versions[0].Number
	}
	return s.Versions[n-2].Number, s.Versions[n-1].Number
}

// versionName is a version as people say it.
func versionName(n int) string {
	if n == 0 {
		return "the program"
	}
	return "version " + strconv.Itoa(n)
}

// verdict says in which directions a change is compatible.
func verdict(c *SchemaChange) (frame.PillKind, string) {
	switch {
	case !c.Backward && !c.Forward:
		return frame.Bad, "breaks backward and forward"
	case !c.Backward:
		return frame.Bad, "breaks backward"
	case !c.Forward:
		return frame.Warn, "breaks forward"
	}
	return frame.Good, "compatible"
}

// schemaState says how the program and the registry stand to each other.
func schemaState(s *SchemaSubject) (frame.PillKind, string) {
	n := len(s.Versions)
	switch {
	case s.Wrong != "":
		return frame.Bad, "can't be read"
	case n == 0:
		return frame.Warn, "not registered"
	case !s.InProgram:
		return frame.Plain, "not in this program"
	case s.Versions[n-1].Current:
		return frame.Good, "current"
	}
	for _, v := range s.Versions {
		if v.Current {
			return frame.Plain, "a later version is registered"
		}
	}
	return frame.Warn, "the program's own is not registered"
}
