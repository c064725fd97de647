package processors

import (
	"context"
	"fmt"
	"slices"

	"refold/codecs"
)

// Kind says what a record type is for.
type Kind string

// The kinds, as they are printed.
const (
	KindCommand Kind = "command"
	KindEvent   Kind = "event"
	KindRow     Kind = "row"
	KindResult  Kind = "result"
)

// Catalog has all record types of a program under the subjects that they have in a registry.
type Catalog struct {
	// Types has one entry for each subject: results have several if subjects are named after topics.
	Types []CatalogType

	names      codecs.SubjectNames
	aggregates []*OpenAggregate
}

// CatalogType is a record type under a subject.
type CatalogType struct {
	Subject string
	// Former are the subjects of names that it had before, as its aliases say.
	Former    []string
	Kind      Kind
	Aggregate string // empty of results
	Schema    *codecs.Schema
	Set       *codecs.Set
}

// Written says which version of a type is written.
type Written string

// The versions that may be written.
const (
	WrittenLatest Written = "latest"
	WrittenFormer Written = "former"
	WrittenNone   Written = "none" // the type is upcoming
)

// Written says which version of the type is written.
func (t *CatalogType) Written() Written {
	for _, w := range t.Set.Written() {
		switch {
		case w.Type != t.Schema.Name:
		case w.As == nil:
			return WrittenNone
		case w.Former:
			return WrittenFormer
		}
	}
	return WrittenLatest
}

// Catalog returns the program's record types. names is usually that of the registry; the zero value names
// subjects after records.
func (o *Opened) Catalog(names codecs.SubjectNames) Catalog {
	c := Catalog{names: names, aggregates: o.Aggregates}
	var results []string
	for _, a := range o.Aggregates {
		topics := a.Topics("")
		results = append(results, topics.Results)
		c.add(KindCommand, a.Name, a.Commands, topics.Commands)
		c.add(KindEvent, a.Name, a.Events, topics.Events)
		c.add(KindRow, a.Name, a.Rows, topics.Table)
	}
	c.add(KindResult, "", o.Results, results...)
	return c
}

func (c *Catalog) add(kind Kind, aggregate string, set *codecs.Set, topics ...string) {
	for _, schema := range set.Schemas() {
		var former []string
		for _, alias := range schema.Aliases() {
			former = append(former, c.names.Of(alias, topics)...)
		}
		for _, subject := range c.names.Of(schema.Name, topics) {
			its := slices.DeleteFunc(slices.Clone(former), func(f string) bool { return f == subject })
			c.Types = append(c.Types, CatalogType{subject, its, kind, aggregate, schema, set})
		}
	}
}

// Of returns the type of a subject, by its name or one that it had before; nil if there is none.
func (c *Catalog) Of(subject string) *CatalogType {
	for _, former := range []bool{false, true} {
		for i := range c.Types {
			t := &c.Types[i]
			if t.Subject == subject || former && slices.Contains(t.Former, subject) {
				return t
			}
		}
	}
	return nil
}

// NewestID returns the highest ID of the program's own schemas; 0 unless they are prepared.
func (c *Catalog) NewestID() (newest int) {
	for _, t := range c.Types {
		newest = max(newest, t.Set.NewestID())
	}
	return newest
}

// SubjectOf returns the subject of a record, by its full name or one that it had before. Of a record that is
// none of the program's types it is the name itself.
func (c *Catalog) SubjectOf(record string) string {
	for _, t := range c.Types {
		if t.Schema.Name == record {
			return t.Subject
		}
		if i := slices.Index(t.Schema.Aliases(), record); i >= 0 && i < len(t.Former) {
			return t.Former[i]
		}
	}
	return record
}

// AggregateOf returns the name of the aggregate that a subject belongs to; "" if to none.
func (c *Catalog) AggregateOf(subject string) string {
	for _, a := range c.aggregates {
		t := a.Topics("")
		if c.names.Owns(subject, a.Namespace, []string{t.Commands, t.Events, t.Results, t.Table}) {
			return a.Name
		}
	}
	return ""
}

// Reads reports whether the program reads records of a schema as any of its types.
func (c *Catalog) Reads(written *codecs.Schema) bool {
	var tried []*codecs.Set
	for i := range c.Types {
		set := c.Types[i].Set
		if slices.Contains(tried, set) {
			continue
		}
		tried = append(tried, set)
		if set.Reads(written) == nil {
			return true
		}
	}
	return false
}

// SchemaHistory has the versions of subjects. A *codecs.Registry is one.
type SchemaHistory interface {
	Subjects(ctx context.Context) ([]string, error)
	Versions(ctx context.Context, subject string) ([]codecs.SubjectVersion, error)
}

// DroppedType is a subject of an aggregate that the program has no type for: none of today, none by a name
// that it had before, and no former version that reads it.
type DroppedType struct {
	Subject, Aggregate string
	Versions           []codecs.SubjectVersion
}

// After reports whether all versions were registered after the schema of an ID: registries count.
func (d *DroppedType) After(id int) bool {
	return !slices.ContainsFunc(d.Versions, func(v codecs.SubjectVersion) bool { return v.ID <= id })
}

// Remedy says what to do.
func (d *DroppedType) Remedy() string {
	return fmt.Sprintf("records of it may be in the topics: keep the type in the definition of %s, "+
		"or upcast it to what it has become. If no record was ever written, or only commands that are "+
		"not sent any more: registry.compatibility-overrides %s=NONE", d.Aggregate, d.Subject)
}

// Error names the subject and the remedy.
func (d *DroppedType) Error() string {
	return fmt.Sprintf("%s is in the registry, and the program has no such type; %s", d.Subject, d.Remedy())
}

// Dropped returns the types that the program lacks, but for subjects that are ignored. The error says that
// the history can't be read. It costs one look at the list of subjects, and those at the versions of each
// subject that no type has.
func (c *Catalog) Dropped(
	ctx context.Context, h SchemaHistory, ignored func(subject string) bool,
) ([]*DroppedType, error) {
	subjects, err := h.Subjects(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it was doing
	}
	var dropped []*DroppedType
	for _, subject := range subjects {
		d := &DroppedType{Subject: subject, Aggregate: c.AggregateOf(subject)}
		if d.Aggregate == "" || c.Of(subject) != nil || ignored(subject) {
			continue
		}
		if d.Versions, err = h.Versions(ctx, subject); err != nil {
			return nil, err //nolint:wrapcheck // it names the subject
		}
		if slices.ContainsFunc(d.Versions, func(v codecs.SubjectVersion) bool {
			return v.Schema == nil || !c.Reads(v.Schema)
		}) {
			dropped = append(dropped, d)
		}
	}
	return dropped, nil
}
