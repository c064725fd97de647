package codecs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/avro"

	"refold/codecs/excerpt"
)

// VersionError says that records of a version of a subject can't be read with the Set's schema.
type VersionError struct {
	Subject string
	Version int
	ID      int // of the version's schema
	// Err says why, and names the field.
	Err error
}

// Error says what to do, too.
func (e *VersionError) Error() string {
	text := fmt.Sprintf("version %d of %s (schema %d) can't be read by this program: %v",
		e.Version, e.Subject, e.ID, e.Err)
	var wrong *avro.CompatibilityError
	if errors.As(e.Err, &wrong) && strings.Contains(wrong.Detail, "default") {
		text += fmt.Sprintf("; give %s a default in its schema: records of that version have no such field",
			excerpt.Of(wrong.Path, maxFoundBytes))
	}
	return text
}

// Unwrap returns why.
func (e *VersionError) Unwrap() error { return e.Err }

// OnlyVersions reports whether an error says that versions can't be read, and nothing else: all that it joins
// are *[VersionError].
func OnlyVersions(err error) bool {
	switch e := err.(type) { //nolint:errorlint // it must be nothing else
	case *VersionError:
		return true
	case interface{ Unwrap() []error }:
		all := e.Unwrap()
		return len(all) > 0 && !slices.ContainsFunc(all, func(err error) bool { return !OnlyVersions(err) })
	}
	return false
}

// CheckVersions makes sure that the Set can read what was written with each version of its types'
// subjects that the registry has: records of all of them may still be in the topic. A version of the same
// revision (StructOptions) must also have the same fields. The error wraps a *[VersionError] for each version
// that is not so, or ErrRegistryUnavailable. It costs a request for each subject and one or two for each
// version; it waits for a registry that is away as [Set.Prepare] does.
func (s *Set) CheckVersions(ctx context.Context) error {
	var errs []error
	for _, subject := range s.subjects() {
		err := s.registry.patiently(ctx, func(ctx context.Context) error {
			return s.checkVersions(ctx, subject)
		})
		errs = append(errs, err)
		if errors.Is(err, ErrRegistryUnavailable) {
			break // the others would only wait in vain as well
		}
	}
	return errors.Join(errs...)
}

// subject is a name of which the registry may have versions, and the type that they are of.
type subject struct {
	name string
	typ  *setType
}

// subjects returns those of today's types, and of former ones whose names no type has any more.
func (s *Set) subjects() (all []subject) {
	for _, t := range slices.Concat(s.types, s.formers) {
		for _, name := range t.subjects {
			if !slices.ContainsFunc(all, func(o subject) bool { return o.name == name }) {
				all = append(all, subject{name, t})
			}
		}
	}
	return all
}

func (s *Set) checkVersions(ctx context.Context, of subject) error {
	var errs []error
	err := s.eachVersion(ctx, of.name, func(version, id int, written *Schema, err error) {
		if err == nil {
			err = of.typ.readable(s, written)
		}
		if err != nil {
			errs = append(errs, &VersionError{Subject: of.name, Version: version, ID: id, Err: err})
		}
	})
	return errors.Join(append(errs, err)...)
}

// sameFields returns the ID of a version of a type's subject that has the same fields; 0 if there is none,
// or if the registry does not say.
func (s *Set) sameFields(ctx context.Context, subject string, t *setType) (same int) {
	err := s.eachVersion(ctx, subject, func(_, id int, written *Schema, err error) {
		if err != nil {
			return
		}
		if named := written.Named(t.schema.Name); named != nil && t.schema.notation.same(named.notation) {
			same = id
		}
	})
	if err != nil {
		return 0 // the caller reports that the schema itself is missing
	}
	return same
}

// eachVersion calls fn for each version of a subject, the oldest first, with its schema or why there is none.
// The error says that the registry does not answer. A subject that does not exist has no versions.
func (s *Set) eachVersion(
	ctx context.Context, subject string, fn func(version, id int, written *Schema, err error),
) error {
	versions, err := s.registry.Versions(ctx, subject)
	for _, v := range versions {
		fn(v.Version, v.ID, v.Schema, v.Err)
	}
	return err
}

// readable returns why what was written with a schema can't be read, or must not be.
func (t *setType) readable(s *Set, written *Schema) error {
	if named := written.Named(t.schema.Name); named != nil {
		written = named
	}
	if poison := s.resolve(written).poison; poison != nil {
		return poison.Err
	}
	ours := revisionOf(t.schema)
	if ours == 0 || t.upcast != nil || ours != revisionOf(written) ||
		t.schema.notation.same(written.notation) {
		return nil
	}
	return fmt.Errorf("%w: both are of revision %d; raise it (of a row: the definition's FoldVersion)",
		ErrSameRevision, ours)
}

// ErrSameRevision says that the fields of a record have changed and its revision has not.
var ErrSameRevision = errors.New("the fields differ")

// revisionOf returns the revision that a schema notes; 0 if it has none.
func revisionOf(s *Schema) int64 { return s.notation.revision() }
