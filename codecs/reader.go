package codecs

import (
	"context"
	"errors"
	"maps"
	"sync"
)

// reader decodes records that were written with one schema, or holds the reason why they are poison.
type reader struct {
	set *Set
	typ *setType
	reading
	messages *messageReaders // of a file of Protobuf: the readers of its messages
	poison   *Malformed      // without the bytes
}

// Decode returns the value that b was encoded from: a value, not a pointer, of one of the Set's Go
// types. A record of a former version ([Former]) comes as what it has become, or as an [Upcast]. b is not
// kept, and may be used again. One allocation is made, for the value, and a share of another, for its
// strings.
//
// The error is a *[Malformed], which is poison, or it wraps [ErrRegistryUnavailable], which is a
// fault: the schema is not known yet, and the registry does not answer. The registry is asked once.
func (s *Set) Decode(ctx context.Context, b []byte) (any, error) {
	r, data, err := s.readerOf(ctx, b)
	if err != nil {
		return nil, err
	}
	return r.decode(b, data)
}

// readerOf returns the reader of a record, and the record's data. Its errors are those of Decode.
func (s *Set) readerOf(ctx context.Context, b []byte) (r *reader, data []byte, err error) {
	if limit := s.registry.settings.Limits.RecordBytes; len(b) > limit {
		return nil, nil, tooLarge(b, limit)
	}
	id, data, err := SplitWire(b)
	if err != nil {
		return nil, nil, err
	}
	if r = (*s.readers.Load())[id]; r == nil {
		if r, err = s.learn(ctx, id, b); err != nil {
			return nil, nil, err
		}
	}
	if r.messages != nil {
		if r, err = r.messages.of(data, b); err != nil {
			return nil, nil, err
		}
	}
	if r.poison != nil {
		return nil, nil, &Malformed{Reason: r.poison.Reason, Bytes: b, Err: r.poison.Err}
	}
	return r, data, nil
}

// decode decodes the data of a record b.
func (r *reader) decode(b, data []byte) (v any, err error) {
	defer func() { // the bytes are foreign
		if p := recover(); p != nil {
			v, err = nil, malformed(ReasonUndecodable, b, "%v: panic: %v", r.typ.goType, p)
		}
	}()
	if r.growth != nil {
		if err := r.growth.Check(data, r.limits.ExpandedBytes); errors.Is(err, ErrTooLarge) {
			return nil, malformed(ReasonTooLarge, b, "%v: %w", r.typ.goType, err)
		} else if err != nil {
			return nil, malformed(ReasonUndecodable, b, "%v: %w", r.typ.goType, err)
		}
	}
	v, rest, err := r.typ.decode(&r.reading, data)
	switch {
	case errors.Is(err, ErrTooLarge):
		return nil, malformed(ReasonTooLarge, b, "%v: %w", r.typ.goType, err)
	case err != nil:
		return nil, malformed(ReasonUndecodable, b, "%v: %w", r.typ.goType, err)
	case len(rest) > 0:
		return nil, malformed(ReasonUndecodable, b,
			"%v: %d bytes are left over after the last field", r.typ.goType, len(rest))
	case r.typ.upcast != nil:
		if v, err = r.set.upcast(r.typ, v); err != nil {
			return nil, malformed(ReasonIncompatible, b, "%w", err)
		}
	}
	return v, nil
}

// learn asks the registry for a writer's schema and resolves it to ours.
func (s *Set) learn(ctx context.Context, id SchemaID, b []byte) (*reader, error) {
	written, err := s.registry.SchemaOf(ctx, id)
	switch {
	case errors.Is(err, ErrSchemaNotFound):
		return nil, &Malformed{Reason: ReasonUnknownSchema, Bytes: b, Err: err}
	case errors.Is(err, ErrSchemaRefused):
		return nil, &Malformed{Reason: ReasonRefusedSchema, Bytes: b, Err: err}
	case errors.Is(err, ErrSchemaUnusable):
		return nil, &Malformed{Reason: ReasonUnusableSchema, Bytes: b, Err: err}
	case err != nil:
		return nil, err
	}
	r := s.readerFor(written)
	s.keep(id, r)
	return r, nil
}

// reader returns the reader of records of the type.
func (s *Set) reader(t *setType, r *reading) *reader {
	return &reader{set: s, typ: t, reading: r.with(s.registry.settings.Limits)}
}

// readerFor returns the reader of records that were written with a schema.
func (s *Set) readerFor(written *Schema) *reader {
	if written.Format == Protobuf {
		return &reader{set: s, messages: &messageReaders{set: s, file: written}}
	}
	return s.resolve(written)
}

// messageReaders are the readers of the messages of a file of Protobuf, each made when it is needed first. It
// is safe for concurrent use.
type messageReaders struct {
	set  *Set
	file *Schema
	made sync.Map // by notation, of which the file has so many
}

// of returns the reader of a record b and its data, which begins with the message's indexes.
func (m *messageReaders) of(data, b []byte) (*reader, error) {
	n, err := m.file.notation.of(data)
	if err != nil {
		return nil, malformed(ReasonUndecodable, b, "schema %d: %w", m.file.ID, err)
	}
	if r, has := m.made.Load(n); has {
		return r.(*reader), nil //nolint:forcetypeassert // nothing else is in it
	}
	r, _ := m.made.LoadOrStore(n, m.set.resolve(m.file.part(n)))
	return r.(*reader), nil //nolint:forcetypeassert // nothing else is in it
}

// keep remembers a reader. It is called for schemas that the registry knows only, so that garbage cannot
// fill the map. A full map is emptied first.
func (s *Set) keep(id SchemaID, r *reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := *s.readers.Load()
	if old[id] != nil {
		return
	}
	readers := make(map[SchemaID]*reader, len(old)+1)
	if len(old) < s.registry.settings.Limits.Schemas {
		maps.Copy(readers, old)
	}
	readers[id] = r
	s.readers.Store(&readers)
}
