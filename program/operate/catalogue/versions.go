package catalogue

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"refold/codecs"
	"refold/codecs/compat"
	"refold/codecs/released"
	"refold/processors"
)

// History has the versions of schemas that there were.
type History interface {
	// Name says where they are from.
	Name() string
	// Subjects returns all subjects, sorted.
	Subjects(ctx context.Context) ([]string, error)
	// Versions returns those of a subject, the oldest first; none if there is no such subject.
	Versions(ctx context.Context, subject string) ([]SchemaVersion, error)
}

// SchemaVersion is a version of a subject.
type SchemaVersion struct {
	Number int
	// Schema is nil if Err says why it can't be used.
	Schema *codecs.Schema
	Err    error
}

// versions returns the versions of a type of a set: those of the history, under its name and those that it
// had, former ones of the definition that the history lacks, and today's.
func (b *builder) versions(ctx context.Context, set *codecs.Set, own *codecs.Schema) ([]Version, error) {
	known, err := b.known(ctx, append(own.Aliases(), own.Name)...)
	if err != nil {
		return nil, err
	}
	known = withFormers(known, set, own.Name)
	versions := describeVersions(known, set)
	if n := len(known); n > 0 && known[n-1].Schema != nil && released.Same(known[n-1].Schema.Text, own.Text) {
		last := &versions[n-1]
		last.Current, last.Reading = true, AsWritten
		return versions, nil
	}
	today := Version{Current: true, Reading: AsWritten, Changes: changes(known, own)}
	return append(versions, today), nil
}

func (b *builder) known(ctx context.Context, subjects ...string) (known []SchemaVersion, err error) {
	if b.History == nil {
		return nil, nil
	}
	for _, subject := range subjects {
		versions, err := b.History.Versions(ctx, subject)
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the subject
		}
		known = append(known, versions...)
	}
	return known, nil
}

// withFormers puts former versions of the definition in front that are not among the versions.
func withFormers(known []SchemaVersion, set *codecs.Set, name string) []SchemaVersion {
	var missing []SchemaVersion
	for _, former := range set.FormerSchemas() {
		has := slices.ContainsFunc(known, func(v SchemaVersion) bool {
			return v.Schema != nil && sameFields(v.Schema, former)
		})
		if former.Name == name && !has {
			missing = append(missing, SchemaVersion{Schema: former})
		}
	}
	return append(missing, known...)
}

// sameFields reports whether two schemas differ in nothing but what is said about fields.
func sameFields(a, b *codecs.Schema) bool {
	if released.Same(a.Text, b.Text) {
		return true
	}
	found, err := compat.DiffFormat(compared(a), compared(b))
	return err == nil && !slices.ContainsFunc(found, func(c compat.Change) bool {
		return c.What != "doc" && c.What != "default" && c.What != "aliases"
	})
}

// compared returns a schema as package compat takes it.
func compared(s *codecs.Schema) compat.Version {
	return compat.Version{Text: s.Text, Format: compat.Format(s.Format), Imports: s.References()}
}

// describeVersions returns versions with how a set reads them.
func describeVersions(known []SchemaVersion, set *codecs.Set) []Version {
	versions := make([]Version, len(known))
	for i, v := range known {
		out := Version{Number: v.Number, Reading: Unread}
		if v.Schema == nil {
			out.Problem = fmt.Sprint(v.Err)
			versions[i] = out
			continue
		}
		out.Changes = changes(known[:i], v.Schema)
		shown, err := set.ShowSample(v.Schema)
		switch {
		case err != nil:
			out.Problem = err.Error()
		case shown.ReadAs != nil:
			out.Reading, out.Written, out.ReadAs = Upcast, shown.Data, shown.ReadAs
		default:
			out.Reading = Resolved
		}
		versions[i] = out
	}
	return versions
}

// changes returns those since the last of the versions that can be compared, without those of docs.
func changes(before []SchemaVersion, to *codecs.Schema) []compat.Change {
	for _, v := range slices.Backward(before) {
		if v.Schema == nil {
			continue
		}
		if found, err := compat.DiffFormat(compared(v.Schema), compared(to)); err == nil {
			return slices.DeleteFunc(found, func(c compat.Change) bool { return c.What == "doc" })
		}
	}
	return nil
}

// dropped returns the records of an aggregate's namespace that are no types of the program any more: those
// that the history has, and those that only the definition knows, as former versions.
func (b *builder) dropped(ctx context.Context, o *processors.OpenAggregate) (all []Message, err error) {
	subjects, err := b.unknown(ctx, o)
	if err != nil {
		return nil, err
	}
	for _, subject := range subjects {
		known, err := b.known(ctx, subject)
		if err != nil {
			return nil, err
		}
		m := Message{Aggregate: o.Name, Name: bare(subject), Subject: subject, Kind: Unknown}
		set := o.Events
		for _, by := range []struct {
			set  *codecs.Set
			kind Kind
		}{{o.Events, Event}, {o.Commands, Command}, {o.Rows, Row}} {
			if reads(by.set, subject, known) {
				set, m.Kind = by.set, by.kind
			}
		}
		known = withFormers(known, set, subject)
		m.Versions = describeVersions(known, set)
		for i := range m.Versions {
			if v := &m.Versions[i]; m.Kind == Unknown && known[i].Schema != nil {
				v.Problem = "the program has no such type"
			}
		}
		if last := known[len(known)-1].Schema; last != nil {
			m.Schema = describe(last)
		}
		if len(m.Schema.Records) > 0 {
			m.Doc = m.Schema.Records[0].Doc
		}
		all = append(all, m)
	}
	return all, nil
}

// unknown returns the subjects of an aggregate that no type of the program has, nor had before, sorted.
func (b *builder) unknown(ctx context.Context, o *processors.OpenAggregate) (subjects []string, err error) {
	if b.History != nil {
		if subjects, err = b.History.Subjects(ctx); err != nil {
			return nil, err //nolint:wrapcheck // it says what it was doing
		}
		subjects = slices.Clone(subjects)
	}
	var own []string
	for _, set := range o.Sets() {
		for _, schema := range set.Schemas() {
			own = append(append(own, schema.Name), schema.Aliases()...)
		}
		for _, former := range set.FormerSchemas() {
			subjects = append(subjects, former.Name)
		}
	}
	slices.Sort(subjects)
	return slices.DeleteFunc(slices.Compact(subjects), func(subject string) bool {
		namespace := strings.TrimSuffix(strings.TrimSuffix(subject, bare(subject)), ".")
		return namespace != o.Namespace || slices.Contains(own, subject)
	}), nil
}

// reads reports whether a set has former versions of a subject, or reads one of those that are known.
func reads(set *codecs.Set, subject string, known []SchemaVersion) bool {
	named := func(s *codecs.Schema) bool { return s.Name == subject }
	return slices.ContainsFunc(set.FormerSchemas(), named) ||
		slices.ContainsFunc(known, func(v SchemaVersion) bool {
			return v.Schema != nil && set.Reads(v.Schema) == nil
		})
}
