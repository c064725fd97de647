package worker

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"refold/codecs"
	"refold/codecs/released"
	"refold/console/operations"
	"refold/installation/schemadiff"
	"refold/processors"
)

// subjectsAge is how old the list of schemas may be: to make it, the registry is asked for each version.
const subjectsAge = time.Minute

// subjectsAtOnce is how many subjects the registry is asked for at the same time.
const subjectsAtOnce = 8

// consoleSchemas tells the console of schemas.
type consoleSchemas struct {
	worker   *Worker
	subjects *remembered[[]operations.SchemaSubject]
}

// Subjects implements operations.Schemas.
func (s *consoleSchemas) Subjects(ctx context.Context) ([]operations.SchemaSubject, error) {
	return s.subjects.get(ctx)
}

func (s *consoleSchemas) catalog() *processors.Catalog {
	catalog := s.worker.opened.Catalog(s.worker.registry.SubjectNames())
	return &catalog
}

// ask asks the registry for the subjects of the program's aggregates; types that have none come last.
func (s *consoleSchemas) ask(ctx context.Context) ([]operations.SchemaSubject, error) {
	catalog := s.catalog()
	names, err := s.worker.registry.Subjects(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it was doing
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return catalog.Of(name) == nil && catalog.AggregateOf(name) == ""
	})
	all := make([]operations.SchemaSubject, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(subjectsAtOnce)
	for i, name := range names {
		group.Go(func() error {
			all[i] = s.subject(ctx, catalog, name)
			return nil
		})
	}
	_ = group.Wait() // none returns an error
	var absent []operations.SchemaSubject
	for i := range catalog.Types {
		t := &catalog.Types[i]
		if !slices.Contains(names, t.Subject) {
			level := s.worker.in.Compatibility(t.Subject)
			one := operations.SchemaSubject{Name: t.Subject, Level: string(level)}
			ofType(&one, t)
			absent = append(absent, one)
		}
	}
	return slices.Concat(all, absent), nil
}

func (s *consoleSchemas) subject(
	ctx context.Context, catalog *processors.Catalog, name string,
) operations.SchemaSubject {
	one := operations.SchemaSubject{
		Name: name, Aggregate: catalog.AggregateOf(name), Level: string(s.worker.in.Compatibility(name)),
	}
	own := catalog.Of(name)
	if own != nil {
		ofType(&one, own)
	}
	versions, err := s.worker.registry.Versions(ctx, name)
	if err != nil {
		one.Wrong = err.Error()
	}
	for _, v := range versions {
		shown := operations.SchemaVersion{Number: v.Version, ID: v.ID}
		if v.Err != nil {
			shown.Wrong = v.Err.Error()
		} else if one.Format = string(v.Schema.Format); own != nil {
			shown.Current = released.Same(v.Schema.Text, own.Schema.Text)
		}
		one.Versions = append(one.Versions, shown)
	}
	return one
}

func ofType(one *operations.SchemaSubject, t *processors.CatalogType) {
	one.Kind, one.Aggregate, one.InProgram = string(t.Kind), t.Aggregate, true
	one.Format, one.Written = string(t.Schema.Format), string(t.Written())
}

// Difference implements operations.Schemas.
func (s *consoleSchemas) Difference(
	ctx context.Context, subject string, from, to int,
) (*operations.SchemaDifference, error) {
	catalog := s.catalog()
	versions, err := s.worker.registry.Versions(ctx, subject)
	if err != nil && catalog.Of(subject) == nil {
		return nil, err //nolint:wrapcheck // it names the subject
	}
	older, err := schemaOf(catalog, subject, from, versions)
	if err != nil {
		return nil, err
	}
	newer, err := schemaOf(catalog, subject, to, versions)
	if err != nil {
		return nil, err
	}
	changes, err := schemadiff.Changes(older, newer)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what is compared
	}
	breaks, err := schemadiff.Breaks(older, newer)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what is compared
	}
	level := s.worker.in.Compatibility(subject)
	d := &operations.SchemaDifference{
		From: from, To: to, FromText: older.Text, ToText: newer.Text, Level: string(level), Compatible: true,
	}
	for _, c := range changes {
		d.Changes = append(d.Changes, operations.SchemaChange{
			Path: c.Path, What: c.What, Was: c.Was, Is: c.Is, Backward: c.Backward, Forward: c.Forward,
		})
	}
	for _, b := range breaks {
		d.Compatible = d.Compatible && !level.Checks(b.Direction)
		d.Breaks = append(d.Breaks, operations.SchemaBreak{
			Path: b.Path, Direction: string(b.Direction), Reason: b.Reason, Remedy: b.Remedy,
		})
	}
	return d, nil
}

// schemaOf returns a version's schema; that of the program for 0.
func schemaOf(
	catalog *processors.Catalog, subject string, number int, versions []codecs.SubjectVersion,
) (*codecs.Schema, error) {
	own := catalog.Of(subject)
	if number == 0 {
		if own == nil {
			return nil, fmt.Errorf("%w: the program has no type %s", operations.ErrNoSubject, subject)
		}
		return own.Schema, nil
	}
	record := subject
	if own != nil {
		record = own.Schema.Name
	}
	for _, v := range versions {
		switch {
		case v.Version != number:
		case v.Err != nil:
			return nil, fmt.Errorf("version %d of %s: %w", number, subject, v.Err)
		default:
			return schemadiff.Record(v.Schema, record), nil
		}
	}
	return nil, fmt.Errorf("%w: %s has no version %d", operations.ErrNoSubject, subject, number)
}
