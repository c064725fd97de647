package codecs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// ErrNotYetWritable says that a value can't be written as the former version that the Set writes: see
// [Downcast] and [Set.WriteLatest]. Nothing is wrong with the value.
var ErrNotYetWritable = errors.New("not yet writable")

// downcast makes a value of a former version of one of a later version.
type downcast struct {
	from  reflect.Type
	do    func(v any) (old any, err error)
	lossy bool
}

// Downcast returns a former version that is still written: until [Set.WriteLatest] is called, the Set encodes
// values of New as down returns them. So programs that know no version beyond this one read them. New is one
// of the Set's types; if several former versions have a downcast of it, the newest is written. A downcast of
// a type that is itself a former version is not used.
//
// down must be pure. Its error says why a value can't be expressed in the former version. A value that would
// not come back as it was, by the upcasters, is none that can. The error of encoding such values is
// [ErrNotYetWritable]; it has the text of down's error.
func Downcast[New, Old any](t Type, down func(New) (Old, error)) Type {
	return downcastOf(t, down, false)
}

// DowncastLossy is [Downcast] of values that need not come back as they were: the former version may have no
// place for all that they say.
func DowncastLossy[New, Old any](t Type, down func(New) (Old, error)) Type {
	return downcastOf(t, down, true)
}

func downcastOf[New, Old any](t Type, down func(New) (Old, error), lossy bool) Type {
	with := *t.recordType
	if with.upcast == nil || with.goType != reflect.TypeFor[Old]() {
		with.err = errors.Join(with.err, fmt.Errorf("%v is downcast to %v, which is not that former version",
			reflect.TypeFor[New](), reflect.TypeFor[Old]()))
	}
	do := func(v any) (any, error) {
		if p, is := v.(*New); is && p != nil {
			return down(*p)
		}
		value, is := v.(New)
		if !is {
			return nil, fmt.Errorf("it is a %T", v)
		}
		return down(value)
	}
	with.downs = append(with.downs[:len(with.downs):len(with.downs)],
		downcast{from: reflect.TypeFor[New](), do: do, lossy: lossy})
	return Type{&with}
}

// Upcoming returns the type as one that programs of the release before don't know. Until [Set.WriteLatest]
// is called, it is read and not written: the error of encoding its values is [ErrNotYetWritable].
func (t Type) Upcoming() Type {
	upcoming := *t.recordType
	upcoming.upcoming = true
	return Type{&upcoming}
}

// written is how values of a type are written as a former version.
type written struct {
	downcast
	as *setType
}

// linkDowncasts finds the former version that each type is written as.
func (s *Set) linkDowncasts() error {
	var mistakes []error
	for _, former := range s.formers { // the oldest first
		for _, d := range former.downs {
			today := s.byGo[d.from]
			switch {
			case today != nil && today.goType == d.from:
				today.former = &written{d, former}
				s.downcasts = true
			case s.formerByGo[d.from] == nil:
				mistakes = append(mistakes, fmt.Errorf("%v is downcast from %v, which is none of the "+
					"versions of this topic's types", former.goType, d.from))
			}
		}
	}
	for _, t := range s.types {
		s.downcasts = s.downcasts || t.upcoming
	}
	return errors.Join(mistakes...)
}

// WriteLatest makes the Set write today's versions only. It is called before the Set is used.
func (s *Set) WriteLatest() { s.latest = true }

// WritesFormer reports whether the Set writes a former version of any type, or has types that it does not
// write yet.
func (s *Set) WritesFormer() bool { return s.downcasts && !s.latest }

// Written is what a Set writes of a type.
type Written struct {
	// Type is the full name of today's record.
	Type string
	// As is the version that is written; nil if none is: the type is upcoming.
	As *Schema
	// Former reports whether As is a former version.
	Former bool
}

// Written returns what the Set writes of each type, in the order in which the types were given.
func (s *Set) Written() []Written {
	all := make([]Written, len(s.types))
	for i, t := range s.types {
		all[i].Type = t.schema.Name
		if w := s.writer(t); w != nil {
			all[i].As, all[i].Former = w.schema, w != t
		}
	}
	return all
}

// NewestID returns the highest of the registry's IDs of the schemas that are written; 0 unless the Set is
// prepared.
func (s *Set) NewestID() (newest int) {
	for _, t := range slices.Concat(s.types, s.formers) {
		newest = max(newest, int(t.id.Load()))
	}
	return newest
}

// WrittenType returns the bare name of the record that a value is written as; that of its own type if it is
// not written yet, "" if it is of none of the Set's types.
func (s *Set) WrittenType(v any) string {
	t := s.byGo[reflect.TypeOf(v)]
	if t == nil {
		return ""
	}
	if w := s.writer(t); w != nil {
		return w.bareName()
	}
	return t.bareName()
}

// writer returns the version that values of a type are written as; nil if they are not written yet.
func (s *Set) writer(t *setType) *setType {
	switch {
	case s.latest:
		return t
	case t.former != nil:
		return t.former.as
	case t.upcoming:
		return nil
	}
	return t
}

// Writable reports whether the Set can write a value now: the error is [ErrNotYetWritable] if it can't be
// expressed in the version that is written. It costs as much as encoding the value twice, and nothing unless
// the Set writes former versions.
func (s *Set) Writable(v any) error {
	t := s.byGo[reflect.TypeOf(v)]
	if !s.WritesFormer() || t == nil || s.writer(t) == t {
		return nil
	}
	old, err := s.down(t, v)
	if err != nil {
		return err
	}
	_, err = s.appendData(nil, t, t.former.as, old)
	return err
}

// down returns a value as the former version that its type is written as has it.
func (s *Set) down(t *setType, v any) (old any, err error) {
	if t.former == nil {
		return nil, fmt.Errorf("%w: a %s: former versions of the program don't know the type",
			ErrNotYetWritable, t.bareName())
	}
	defer func() { // the functions are not ours
		if p := recover(); p != nil {
			old, err = nil, fmt.Errorf("downcasting a %v: panic: %v", t.goType, p)
		}
	}()
	if old, err = t.former.do(v); err != nil {
		return nil, inexpressible(t, err)
	}
	if t.former.lossy {
		return old, nil
	}
	back, err := s.valuesOf(t.former.as, old)
	if err != nil {
		return nil, inexpressible(t, err)
	}
	if len(back) != 1 || !t.equal(v, back[0]) {
		return nil, inexpressible(t, errors.New("it would be read as another value"))
	}
	return old, nil
}

func inexpressible(t *setType, why error) error {
	return fmt.Errorf("%w: a %s can't be expressed in the former version of the type: %w", ErrNotYetWritable,
		t.bareName(), why)
}

// equal reports whether a value, or what a pointer points to, is the same record as another one.
func (t *setType) equal(v, back any) bool {
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && p.Type() != t.goType {
		v = p.Elem().Interface()
	}
	if reflect.TypeOf(back) != t.goType {
		return false
	}
	if reflect.DeepEqual(v, back) {
		return true
	}
	// Nil and empty slices are the same record, and so are times in two locations.
	one, err := t.encode(nil, t.own, v)
	if err != nil {
		return false
	}
	other, err := t.encode(nil, t.own, back)
	if err != nil || bytes.Equal(one, other) {
		return err == nil
	}
	// A map has no order in Avro.
	first, _, err := t.decode(t.made, one)
	if err != nil {
		return false
	}
	second, _, err := t.decode(t.made, other)
	return err == nil && reflect.DeepEqual(first, second)
}

// EncodeLatest is [Set.Encode] that writes today's version, whatever the Set writes otherwise.
func (s *Set) EncodeLatest(v any) ([]byte, error) {
	t := s.byGo[reflect.TypeOf(v)]
	if t == nil {
		return s.Encode(v) // says what is wrong
	}
	return encodeExactly(func(dst []byte) ([]byte, error) { return s.appendAs(dst, t, t, v) })
}

// EncodeOwn appends a value as today's version to dst, for bytes that this program alone reads: the registry
// need not know the version.
func (s *Set) EncodeOwn(dst []byte, v any) ([]byte, error) {
	t := s.byGo[reflect.TypeOf(v)]
	if t == nil {
		return s.AppendEncode(dst, v) // says what is wrong
	}
	out, err := t.encode(append(dst, t.ownHeader()...), t.own, v)
	if err != nil {
		return nil, fmt.Errorf("encode %v: %w", t.goType, err)
	}
	return out, nil
}

// ownHeader is in front of what EncodeOwn appends: it differs between versions.
func (t *setType) ownHeader() []byte {
	const length = 8
	t.hash.Do(func() {
		text := t.schema.Text
		if t.schema.Format == Protobuf { // messages share a file
			text = t.schema.Name + "\x00" + text
		}
		t.fingerprint = sha256.Sum256([]byte(text))
	})
	return t.fingerprint[:length]
}

// DecodeOwn is the inverse of EncodeOwn. The error is a *[Malformed]; another program wrote the bytes,
// perhaps.
func (s *Set) DecodeOwn(b []byte) (any, error) {
	for _, t := range s.types {
		if data, is := bytes.CutPrefix(b, t.ownHeader()); is {
			return s.reader(t, t.own).decode(b, data)
		}
	}
	return nil, malformed(ReasonUnknownSchema, b, "they were written by another version of the program")
}

// appendData appends a value of a version of today's type.
func (s *Set) appendData(dst []byte, today, t *setType, v any) ([]byte, error) {
	out, err := t.encode(dst, t.own, v)
	if err != nil && today != t {
		return nil, inexpressible(today, err) // such as a symbol that its enum has not
	}
	return out, err
}

// formerID returns the ID of a former version that is written. The registry has it, as a rule, maybe with
// other documentation.
func (s *Set) formerID(ctx context.Context, subject string, t *setType) (id int, err error) {
	err = s.eachVersion(ctx, subject, func(_, found int, schema *Schema, err error) {
		if err != nil {
			return
		}
		if named := schema.Named(t.schema.Name); named != nil && sameVersion(named, t.schema) &&
			samePlace(named.notation, t.schema.notation) {
			id = found
		}
	})
	if err != nil || id != 0 {
		return id, err
	}
	return s.registryID(ctx, subject, t)
}

func (s *Set) registryID(ctx context.Context, subject string, t *setType) (int, error) {
	return s.registry.idOf(ctx, subject, t.schema)
}
