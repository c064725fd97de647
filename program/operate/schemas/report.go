package schemas

import (
	"context"
	"fmt"
	"slices"

	"refold/codecs/compat"
	"refold/installation/schemadiff"
	"refold/processors"
)

// report is what check finds. Its JSON members are stable.
type report struct {
	Against    string `json:"against"`
	Compatible bool   `json:"compatible"`
	// Types are those of the program, and one more for each name that a type had before and that has
	// versions.
	Types []checkedType `json:"types"`
	// Dropped are types of aggregates' namespaces that the program has no more.
	Dropped []droppedType `json:"dropped,omitempty"`
	// Problems are what the program finds when it starts: schemas that the registry lacks, versions that
	// can't be read.
	Problems []string `json:"problems,omitempty"`
}

// checkedType is a type of the program beside the versions of a subject.
type checkedType struct {
	Subject   string       `json:"subject"`
	Type      string       `json:"type"` // differs from the subject if that is an earlier name
	Kind      string       `json:"kind"` // command, event, row or result
	Aggregate string       `json:"aggregate,omitempty"`
	Level     compat.Level `json:"level"`
	Versions  []int        `json:"versions"`
	// Latest reports whether the program's schema is that of the latest version.
	Latest bool `json:"latest"`
	// Changes are those since the latest version.
	Changes []compat.Change `json:"changes,omitempty"`
	Breaks  []compat.Break  `json:"breaks"`
	// Upcast are breaks that an upcaster of the program takes care of.
	Upcast []compat.Break `json:"upcast,omitempty"`
	// Written says which version is written: latest, former (by a downcast, until the configuration allows
	// the latest), or none (the same, of a type that is upcoming).
	Written string `json:"written"`
	// Downcast are breaks that don't matter as long as the former version is written.
	Downcast []compat.Break `json:"downcast,omitempty"`
}

// droppedType is a type that the program has no more.
type droppedType struct {
	Subject   string `json:"subject"`
	Aggregate string `json:"aggregate"`
	Versions  []int  `json:"versions"`
	Remedy    string `json:"remedy"`
}

// levels returns the level of a subject.
type levels func(subject string) compat.Level

// compare compares the types with their history.
func compare(ctx context.Context, t *processors.Catalog, h history, level levels) (*report, error) {
	r := &report{Against: h.name(), Compatible: true, Types: []checkedType{}}
	for i := range t.Types {
		own := &t.Types[i]
		for _, subject := range append([]string{own.Subject}, own.Former...) {
			versions, err := h.versions(ctx, subject)
			if err != nil {
				return nil, err //nolint:wrapcheck // it names the subject
			}
			if subject != own.Subject && len(versions) == 0 {
				continue
			}
			checked, err := compareType(own, subject, versions, level(subject))
			if err != nil {
				return nil, err
			}
			r.Types = append(r.Types, checked)
			r.Compatible = r.Compatible && len(checked.Breaks) == 0
		}
	}
	if err := r.findDropped(ctx, t, h, level); err != nil {
		return nil, err
	}
	return r, nil
}

func compareType(
	own *processors.CatalogType, subject string, versions []version, level compat.Level,
) (checkedType, error) {
	c := checkedType{
		Subject: subject, Type: own.Subject, Kind: string(own.Kind), Aggregate: own.Aggregate, Level: level,
		Versions: []int{}, Breaks: []compat.Break{}, Written: string(own.Written()),
	}
	for _, v := range versions {
		c.Versions = append(c.Versions, v.number)
		c.Latest = sameText(v, own)
	}
	if n := len(versions); n > 0 && versions[n-1].schema != nil {
		var err error
		if c.Changes, err = schemadiff.Changes(versions[n-1].schema, own.Schema); err != nil {
			return c, err
		}
	}
	breaks, err := compat.CheckFormat(level, schemadiff.Version(0, own.Schema), compared(versions))
	if err != nil {
		return c, fmt.Errorf("compare %s: %w", subject, err)
	}
	for _, b := range breaks {
		v := versions[slices.IndexFunc(versions, func(v version) bool { return v.number == b.Version })]
		switch {
		case v.err != nil:
			b.Reason = v.err.Error()
		case b.Direction == compat.Backward && own.Set.Upcasts(v.schema):
			c.Upcast = append(c.Upcast, b)
			continue
		case b.Direction == compat.Forward && c.Written != string(processors.WrittenLatest):
			c.Downcast = append(c.Downcast, b)
			continue
		}
		c.Breaks = append(c.Breaks, b)
	}
	return c, nil
}

// findDropped finds the subjects of aggregates that no type of the program has, nor had before.
func (r *report) findDropped(ctx context.Context, t *processors.Catalog, h history, level levels) error {
	ignored := func(subject string) bool { return level(subject) == compat.None }
	dropped, err := t.Dropped(ctx, searched{h}, ignored)
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	for _, found := range dropped {
		d := droppedType{
			Subject: found.Subject, Aggregate: found.Aggregate, Versions: []int{}, Remedy: found.Remedy(),
		}
		for _, v := range found.Versions {
			d.Versions = append(d.Versions, v.Version)
		}
		r.Dropped = append(r.Dropped, d)
		r.Compatible = false
	}
	return nil
}
