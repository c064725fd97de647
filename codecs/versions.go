package codecs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"

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

// CheckVersions makes sure that the Set can read what was written with each version of its types'
// subjects that the registry has: records of all of them may still be in the topic. The error wraps a
// *[VersionError] for each that it can't, or ErrRegistryUnavailable. It costs a request for each subject
// and one or two for each version; it waits for a registry that is away as [Set.Prepare] does, after
// which it is called.
func (s *Set) CheckVersions(ctx context.Context) error {
	var errs []error
	for _, t := range s.types {
		err := s.registry.patiently(ctx, func(ctx context.Context) error {
			return s.checkVersions(ctx, t.schema.Name)
		})
		errs = append(errs, err)
		if errors.Is(err, ErrRegistryUnavailable) {
			break // the others would only wait in vain as well
		}
	}
	return errors.Join(errs...)
}

func (s *Set) checkVersions(ctx context.Context, subject string) error {
	var versions []int
	err := s.registry.request(ctx, "versions", func(ctx context.Context, c *sr.Client) (err error) {
		versions, err = c.SubjectVersions(ctx, subject)
		return err
	})
	if err != nil {
		return fmt.Errorf("versions of subject %s: %w", subject, err)
	}
	var errs []error
	for _, version := range versions {
		id, err := s.versionID(ctx, subject, version)
		switch {
		case errors.Is(err, ErrSchemaNotFound):
			continue // it was deleted a moment ago
		case err != nil:
			return fmt.Errorf("version %d of subject %s: %w", version, subject, err)
		}
		written, err := s.registry.Schema(ctx, id)
		switch {
		case errors.Is(err, ErrRegistryUnavailable):
			return err
		case err == nil:
			if poison := s.resolve(written).poison; poison != nil {
				err = poison.Err
			}
		}
		if err != nil {
			errs = append(errs, &VersionError{Subject: subject, Version: version, ID: id, Err: err})
		}
	}
	return errors.Join(errs...)
}

func (s *Set) versionID(ctx context.Context, subject string, version int) (id int, err error) {
	err = s.registry.request(ctx, "version", func(ctx context.Context, c *sr.Client) error {
		found, err := c.SchemaByVersion(ctx, subject, version)
		id = found.ID
		return err
	})
	return id, err
}
