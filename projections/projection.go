package projections

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"

	"refold/processors"
)

// Kind says what sort of store a projection is made for. The configuration says which stores there are.
type Kind string

// The kinds of stores. A projection of another kind than SQL goes to a database if the installation has no
// store of its kind.
const (
	SQL    Kind = "sql"    // Postgres, SQLite
	Search Kind = "search" // OpenSearch
	Cache  Kind = "cache"  // Redis
)

// Tables are the tables of a projection.
type Tables []*Table

// Projection is a read model. Its function is pure: the same events make the same rows, in any store, at any
// time (G12). Name, Version, Tables and Sources are required.
type Projection struct {
	processors.Defined

	// Name is the projection's on the command line, in metrics and in the names of what it keeps: lower-case
	// letters, digits and underscores.
	Name string
	// Version numbers what the projection makes of events, from 1. Raise it with each change by which the
	// same events make other rows. Tables of a new version fill beside the old ones, and take their place
	// when they are level. A program may have two versions of one projection, so that both are kept up to
	// date meanwhile.
	Version int
	// Tables are those that it writes. A table is of one projection only.
	Tables Tables
	// Sources say what is made of events, one for each aggregate.
	Sources []Source
	// Migrations are SQL files that are executed once in each build of the tables, in the order of their
	// names: indexes, views, full text. {name} stands for the table of that name; files that end in
	// .postgres.sql or .sqlite.sql are for one database. Nil: none. Other stores ignore them.
	Migrations fs.FS
	// Kind is that of the store; SQL if it is empty.
	Kind Kind
}

// maxNameBytes leaves room for a build's number in the 63 bytes of a name in Postgres.
const maxNameBytes = 48

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func checkName(what, name string) error {
	if len(name) > maxNameBytes || !nameForm.MatchString(name) {
		return fmt.Errorf("%s is called %q; a name must be of lower-case letters, digits and underscores, "+
			"begin with a letter and have %d characters at most", what, name, maxNameBytes)
	}
	return nil
}

// ReadModelName returns Name.
func (p Projection) ReadModelName() string { return p.Name }

// ReadModelVersion returns Version.
func (p Projection) ReadModelVersion() int { return p.Version }

// Reads returns the aggregates whose events the projection takes, those that it looks up included.
func (p Projection) Reads() []processors.AggregateDefinition {
	sources := p.sources()
	all := make([]processors.AggregateDefinition, len(sources))
	for i, s := range sources {
		all[i] = s.aggregate
	}
	return all
}

// Check lists all that is wrong with the definition.
func (p Projection) Check() error {
	errs := []error{checkName("a projection", p.Name)}
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("projection %s: "+format, append([]any{p.Name}, args...)...))
	}
	if p.Version < 1 {
		wrong("Version is %d; it must be 1 or more", p.Version)
	}
	if len(p.Tables) == 0 {
		wrong("Tables is empty; list all tables that it writes")
	}
	for i, t := range p.Tables {
		if t == nil {
			wrong("Tables[%d] is nil; make it with projections.NewTable", i)
			continue
		}
		if t.mistake != nil {
			wrong("%w", t.mistake)
		}
		if slices.ContainsFunc(p.Tables[:i], func(b *Table) bool { return b != nil && b.Name == t.Name }) {
			wrong("two tables are called %s", t.Name)
		}
	}
	if len(p.Sources) == 0 {
		wrong("Sources is empty; make one with projections.FromEvents or projections.FromStates")
	}
	for i, s := range p.Sources {
		if s.aggregate == nil {
			wrong("Sources[%d] is empty; make it with projections.FromEvents or projections.FromStates", i)
			continue
		}
		name := s.aggregate.Named()
		if slices.ContainsFunc(p.Sources[:i], func(b Source) bool {
			return b.aggregate != nil && b.aggregate.Named() == name
		}) {
			wrong("two sources take the events of %s", name.Plural)
		}
		if err := s.lookup.check(p.sources()); err != nil {
			wrong("Sources[%d]: %w", i, err)
		}
	}
	if !slices.Contains([]Kind{"", SQL, Search, Cache}, p.Kind) {
		wrong("Kind is %q; allowed are %q, %q and %q", p.Kind, SQL, Search, Cache)
	}
	return errors.Join(errs...)
}

// Table returns the table of that name, nil if there is none.
func (p *Projection) Table(name string) *Table {
	for _, t := range p.Tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// OfStates reports whether all sources make rows of states alone, so that a build can be filled from the
// aggregates' tables instead of all events.
func (p *Projection) OfStates() bool {
	return !slices.ContainsFunc(p.Sources, func(s Source) bool { return !s.ofStates })
}

// CanFillFromTables returns an error if a build can't be filled from the aggregates' tables.
func (p *Projection) CanFillFromTables() error {
	if !p.OfStates() {
		return fmt.Errorf("some rows of %s are made of events; only a projection of states alone can be "+
			"filled from tables", p.Name)
	}
	for _, t := range p.Tables {
		if t != nil && t.Sums() {
			return fmt.Errorf("table %s of %s has sum columns; a fill from tables that is begun again would "+
				"add twice", t.Name, p.Name)
		}
	}
	return nil
}
