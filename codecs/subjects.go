package codecs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/sr"
)

// SubjectVersion is a version of a subject in the registry.
type SubjectVersion struct {
	Subject     string
	Version, ID int
	// Schema is nil if Err says why it can't be used.
	Schema *Schema
	Err    error
}

// Subjects returns the names of all subjects, sorted. The registry's answer may have twice as many bytes as
// Limits.SchemaBytes.
func (r *Registry) Subjects(ctx context.Context) (subjects []string, err error) {
	err = r.request(ctx, "subjects", func(ctx context.Context, c *sr.Client) (err error) {
		subjects, err = c.Subjects(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("subjects of the schema registry: %w", err)
	}
	slices.Sort(subjects)
	return subjects, nil
}

// Versions returns the versions of a subject, the oldest first; none if there is no such subject. It costs a
// request, and one or two for each version. The error says that the registry does not answer.
func (r *Registry) Versions(ctx context.Context, subject string) ([]SubjectVersion, error) {
	numbers, err := r.versions(ctx, subject)
	switch {
	case errors.Is(err, ErrSchemaNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("versions of subject %s: %w", subject, err)
	}
	slices.Sort(numbers)
	versions := make([]SubjectVersion, 0, len(numbers))
	for _, number := range numbers {
		found, err := r.version(ctx, "version", subject, number)
		switch {
		case errors.Is(err, ErrSchemaNotFound):
			continue // it was deleted a moment ago
		case err != nil:
			return nil, fmt.Errorf("version %d of subject %s: %w", number, subject, err)
		}
		v := SubjectVersion{Subject: subject, Version: number, ID: found.ID}
		v.Schema, v.Err = r.Schema(ctx, found.ID)
		if errors.Is(v.Err, ErrRegistryUnavailable) {
			return nil, fmt.Errorf("version %d of subject %s: %w", number, subject, v.Err)
		}
		versions = append(versions, v)
	}
	return versions, nil
}

// Compatibility returns the level that the registry checks a subject's new versions at, by Confluent's name.
func (r *Registry) Compatibility(ctx context.Context, subject string) (level string, err error) {
	err = r.request(ctx, "compatibility", func(ctx context.Context, c *sr.Client) error {
		answer := c.Compatibility(sr.WithParams(ctx, sr.DefaultToGlobal), subject)[0]
		level = answer.Level.String()
		return answer.Err
	})
	if err != nil {
		return "", fmt.Errorf("compatibility of subject %s: %w", subject, err)
	}
	return level, nil
}

// SetCompatibility makes the registry check a subject's new versions at a level, by Confluent's name. Not
// every registry takes the level of a subject that has no version yet.
func (r *Registry) SetCompatibility(ctx context.Context, subject, level string) error {
	var required sr.CompatibilityLevel
	if err := required.UnmarshalText([]byte(level)); err != nil {
		return fmt.Errorf("set the compatibility of subject %s: %w", subject, err)
	}
	err := r.request(ctx, "set-compatibility", func(ctx context.Context, c *sr.Client) error {
		return c.SetCompatibility(ctx, sr.SetCompatibility{Level: required}, subject)[0].Err
	})
	if err != nil {
		return fmt.Errorf("set the compatibility of subject %s to %s: %w", subject, level, err)
	}
	return nil
}
