package codecs

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// MaxParts limits how many values a record of a former version may become.
const MaxParts = 100

// Upcast is a record of a former version as a Set reads it today, unless it has become one value of a type
// of the same name: then [Set.Decode] returns that value, as of any other record.
type Upcast struct {
	// Type is the bare name of the record that was written.
	Type string
	// Values are what it has become, of the Set's types, at most [MaxParts]; none if it means nothing any
	// more.
	Values []any
}

// Values returns what a decoded record is: the values of an [Upcast], or the one value that it is itself.
func Values(decoded any) []any {
	if upcast, is := decoded.(Upcast); is {
		return upcast.Values
	}
	return []any{decoded}
}

// Former returns a version of a record as it was released, which is read and not written any more: where
// Avro's own rules can't make today's type of it. Old has the fields of that version, StructOptions.Name
// is the record's name then. upcast returns what a value of it is today, or in the next version: values of
// the Set's types, or of former ones, which are upcast in turn. It may return several, or none. It must be
// pure. A panic of it, or a value of another type, makes the record poison (ReasonIncompatible).
//
// Versions of a record are given to [NewSet] with the oldest first. A record is read as the version that it
// was written with: the one of the same fields, and the same StructOptions.Revision if several have them. A
// record of yet another schema is read as the newest version to which that schema resolves.
func Former[Old any](o StructOptions, upcast func(Old) []any) Type {
	t := RecordOf[Old](o)
	t.upcast = func(v any) []any {
		old, _ := v.(Old) // decode has returned it
		return upcast(old)
	}
	return t
}

// FormerOf is [Former] of a version of which each record has become one value, of a type that is known before
// a record is read.
func FormerOf[Old, New any](o StructOptions, upcast func(Old) New) Type {
	t := Former(o, func(old Old) []any { return []any{upcast(old)} })
	t.becomes = reflect.TypeFor[New]()
	return t
}

// Current returns a former version as it was when it was today's, to write records of it in tests.
func (t Type) Current() Type {
	current := *t.recordType
	current.upcast, current.becomes, current.downs = nil, nil, nil
	return Type{&current}
}

// Describes reports whether v is of the type's Go type.
func (t Type) Describes(v any) bool { return t.goType == reflect.TypeOf(v) }

// addFormer adds a version that is not written any more.
func (s *Set) addFormer(t *setType) error {
	if s.formerByGo[t.goType] != nil {
		return errGivenTwice(t)
	}
	s.formerByGo[t.goType] = t
	for _, name := range append([]string{t.schema.Name}, t.schema.notation.aliases()...) {
		s.former[name] = append([]*setType{t}, s.former[name]...)
	}
	s.formers = append(s.formers, t)
	return nil
}

func errGivenTwice(t *setType) error {
	return fmt.Errorf("%v is given twice; each version of a record needs a Go type of its own", t.goType)
}

// formersNamed returns the former versions of a type by its bare or its full name, the newest first.
func (s *Set) formersNamed(name string) (found []*setType) {
	for _, t := range slices.Backward(s.formers) {
		if t.schema.Name == name || t.bareName() == name {
			found = append(found, t)
		}
	}
	return found
}

// becomes returns the one value that a value of a former version is today.
func (s *Set) becomes(t *setType, v any) (any, error) {
	values, err := s.valuesOf(t, v)
	if err == nil && len(values) != 1 {
		err = fmt.Errorf("a %v has become %d values", t.goType, len(values))
	}
	if err != nil {
		return nil, err
	}
	return values[0], nil
}

// checkFormers lists former versions that can't be told apart, or that lead nowhere.
func (s *Set) checkFormers() error {
	var mistakes []error
	for _, t := range s.formers {
		if s.byGo[t.goType] != nil {
			mistakes = append(mistakes, errGivenTwice(t))
		}
		for _, other := range s.versions(t.schema.Name) {
			if other == t {
				break // those behind it have been compared with it
			}
			if sameVersion(t.schema, other.schema) {
				mistakes = append(mistakes, fmt.Errorf("%v and %v describe the same fields of %s: records "+
					"of one can't be told from those of the other; raise the revision of the newer one",
					t.goType, other.goType, t.schema.Name))
			}
		}
		if err := s.leadsToToday(t); err != nil {
			mistakes = append(mistakes, err)
		}
	}
	return errors.Join(mistakes...)
}

// leadsToToday reports why a chain of versions of which each becomes one other does not end in today's types.
func (s *Set) leadsToToday(t *setType) error {
	for at, steps := t, 0; at.becomes != nil; steps++ {
		next := s.formerByGo[at.becomes]
		switch {
		case s.byGo[at.becomes] != nil && s.byGo[at.becomes].goType == at.becomes:
			return nil
		case next == nil:
			return fmt.Errorf("%v is upcast to %v, which is none of this topic's types; they are %s",
				at.goType, at.becomes, strings.Join(s.Types(), ", "))
		case steps >= len(s.formers):
			return fmt.Errorf("%v is upcast to itself, by way of %v", t.goType, at.goType)
		}
		at = next
	}
	return nil // only its records can tell
}

// versions returns all versions of a record by a name that it has or had: today's first, then the former
// ones, the newest first.
func (s *Set) versions(name string) []*setType {
	former := s.former[name]
	if t := s.byName[name]; t != nil {
		return append([]*setType{t}, former...)
	}
	return former
}

// sameVersion reports whether two schemas describe the same fields, and the same revision of them.
func sameVersion(a, b *Schema) bool {
	return revisionOf(a) == revisionOf(b) && a.notation.same(b.notation)
}

// resolve returns how records are read that were written with a schema.
func (s *Set) resolve(written *Schema) *reader {
	versions := s.versions(written.Name)
	if len(versions) == 0 {
		return &reader{poison: malformed(ReasonUnknownType, nil,
			"schema %v is %s; this topic's types are %s",
			written.ID, written.Name, strings.Join(s.Types(), ", "))}
	}
	for _, t := range versions {
		if sameVersion(written, t.schema) {
			versions = []*setType{t}
			break
		}
	}
	var first error
	for _, t := range versions {
		reading, err := t.schema.notation.read(written.notation)
		if err == nil {
			return s.reader(t, reading)
		}
		if first == nil {
			first = err
		}
	}
	return &reader{poison: malformed(ReasonIncompatible, nil,
		"schema %v of %s cannot be read as ours: %w", written.ID, written.Name, first)}
}

// upcast returns a decoded value as today's types have it: a value of the same name, or an [Upcast].
func (s *Set) upcast(from *setType, v any) (any, error) {
	values, err := s.valuesOf(from, v)
	if err != nil {
		return nil, err
	}
	if len(values) == 1 && s.byGo[reflect.TypeOf(values[0])].bareName() == from.bareName() {
		return values[0], nil
	}
	return Upcast{Type: from.bareName(), Values: values}, nil
}

// valuesOf returns what a value of a former version has become.
func (s *Set) valuesOf(t *setType, v any) (values []any, err error) {
	defer func() { // the function is not ours
		if p := recover(); p != nil {
			values, err = nil, fmt.Errorf("upcasting a %v: panic: %v", t.goType, p)
		}
	}()
	if values, err = s.today(nil, v, 0); err != nil {
		return nil, fmt.Errorf("upcasting a %v: %w", t.goType, err)
	}
	return values, nil
}

// today appends what a value of any version has become.
func (s *Set) today(dst []any, v any, steps int) ([]any, error) {
	goType := reflect.TypeOf(v)
	if t := s.byGo[goType]; t != nil && t.goType == goType {
		if len(dst) >= MaxParts {
			return nil, fmt.Errorf("it is upcast to more than %d values", MaxParts)
		}
		return append(dst, v), nil
	}
	former := s.formerByGo[goType]
	switch {
	case former == nil:
		return nil, fmt.Errorf("it is upcast to a %v; this topic's types are %s",
			goType, strings.Join(s.Types(), ", "))
	case steps > len(s.formers):
		return nil, fmt.Errorf("it is upcast to a %v again and again", goType)
	}
	var err error
	for _, next := range former.upcast(v) {
		if dst, err = s.today(dst, next, steps+1); err != nil {
			return nil, err
		}
	}
	return dst, nil
}
