package processors

import (
	"context"
	"slices"
	"strings"

	"refold/codecs"
)

// Dropped returns the subjects of the registry, of the aggregates' namespaces, that no type of the
// definitions has or reads: records of them may be in the topics. passes names those that don't matter. It
// costs a request, and those of the versions of each such subject. The error says that the registry does not
// answer.
func (o *Opened) Dropped(
	ctx context.Context, registry *codecs.Registry, passes func(subject string) bool,
) (dropped []string, err error) {
	subjects, err := registry.Subjects(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it was doing
	}
	for _, subject := range subjects {
		sets := o.setsOf(subject)
		if len(sets) == 0 || passes(subject) {
			continue
		}
		versions, err := registry.Versions(ctx, subject)
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the subject
		}
		if slices.ContainsFunc(versions, func(v codecs.SubjectVersion) bool {
			return v.Schema != nil && !slices.ContainsFunc(sets, func(s *codecs.Set) bool {
				return s.Reads(v.Schema) == nil
			})
		}) {
			dropped = append(dropped, subject)
		}
	}
	return dropped, nil
}

// setsOf returns the codecs of the aggregate to whose namespace a subject belongs; none if one of its types
// has that name today, or if it belongs to no aggregate.
func (o *Opened) setsOf(subject string) []*codecs.Set {
	namespace := subject[:max(strings.LastIndexByte(subject, '.'), 0)]
	for _, a := range o.Aggregates {
		if a.Namespace == namespace && a.SchemaText(subject) == "" {
			return a.Sets()
		}
	}
	return nil
}
