package codecs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/twmb/avro"

	"refold/codecs/avrotype"
)

// Set encodes and decodes the record types that share a topic. It is safe for concurrent use.
//
// RegistrySettings.Subjects says what a type's subject in the registry is. By default it is the record's full
// name, so that each type evolves by itself.
type Set struct {
	registry *Registry
	types    []*setType
	byGo     map[reflect.Type]*setType
	byName   map[string]*setType // by full name and aliases, as in a writer's schema
	bare     map[string]*setType // by bare name, as in the API

	// The versions that are not written any more: all, by Go type, and by full name and aliases, of each the
	// newest first.
	formers    []*setType
	formerByGo map[reflect.Type]*setType
	former     map[string][]*setType

	// readers decode records, by the ID of the schema that they were written with. The map is replaced,
	// never changed, so that the hot path reads it without a lock.
	readers atomic.Pointer[map[SchemaID]*reader]
	mu      sync.Mutex // held while readers is replaced
}

// setType is a record type in a Set.
type setType struct {
	*recordType
	schema   *Schema
	subjects []string
	id       atomic.Int64 // of our own schema; 0 until Prepare
}

// reader decodes records that were written with one schema, or holds the reason why they are poison.
type reader struct {
	set    *Set
	typ    *setType
	schema *avro.Schema // the writer's resolved to ours; ours if they are the same
	poison *Malformed   // without the bytes
	// growth is checked before bytes are decoded. As a rule it is nil: they can't grow.
	growth *avrotype.Growth
	limits Limits
}

// NewSet returns the codec of a topic. It does not talk to the registry; [Set.Prepare] does. The
// error lists every mistake in the types.
func NewSet(registry *Registry, types ...Type) (*Set, error) {
	s := &Set{
		registry: registry,
		byGo:     map[reflect.Type]*setType{},
		byName:   map[string]*setType{},
		bare:     map[string]*setType{},

		formerByGo: map[reflect.Type]*setType{},
		former:     map[string][]*setType{},
	}
	s.readers.Store(&map[SchemaID]*reader{})
	var mistakes []error
	if registry == nil {
		mistakes = append(mistakes, errors.New("the registry is nil"))
	}
	if len(types) == 0 {
		mistakes = append(mistakes, errors.New("no record types; at least one is needed"))
	}
	for _, t := range types {
		schema, err := t.parse()
		if err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		add := s.add
		if t.upcast != nil {
			add = s.addFormer
		}
		own := &setType{recordType: t.recordType, schema: schema}
		if registry != nil {
			mistakes = append(mistakes, s.nameSubjects(own))
		}
		mistakes = append(mistakes, add(own))
	}
	err := errors.Join(mistakes...)
	if err == nil {
		err = s.checkFormers()
	}
	if err != nil {
		return nil, fmt.Errorf("codec set: %w", err)
	}
	return s, nil
}

func (s *Set) add(t *setType) error {
	name := t.schema.Name
	if s.bare[bareName(name)] != nil {
		return fmt.Errorf("two record types are named %s; names must differ within a topic",
			bareName(name))
	}
	s.types = append(s.types, t)
	s.bare[bareName(name)] = t
	s.byGo[t.goType] = t
	s.byGo[reflect.PointerTo(t.goType)] = t
	names := append([]string{name}, recordAliases(t.schema)...)
	for _, name := range names {
		if other := s.byName[name]; other != nil {
			return fmt.Errorf("%s is a name or alias of both %v and %v",
				name, other.goType, t.goType)
		}
		s.byName[name] = t
	}
	return nil
}

// recordAliases returns the full names that a record used to have.
func recordAliases(schema *Schema) []string {
	root := schema.avro.Root()
	var full []string
	for _, alias := range root.Aliases {
		if !strings.Contains(alias, ".") && root.Namespace != "" {
			alias = root.Namespace + "." + alias
		}
		full = append(full, alias)
	}
	return full
}

// Types returns the bare names of the record types, in the order in which they were given.
func (s *Set) Types() []string {
	names := make([]string, len(s.types))
	for i, t := range s.types {
		names[i] = t.bareName()
	}
	return names
}

// Has reports whether v is of one of the Set's record types, or a pointer to one.
func (s *Set) Has(v any) bool { return s.byGo[reflect.TypeOf(v)] != nil }

// SchemaText returns the schema of a record type, by its bare or its full name; empty if the Set
// has no such type.
func (s *Set) SchemaText(typeName string) string {
	if t := s.find(typeName); t != nil {
		return t.schema.Text
	}
	return ""
}

func (s *Set) find(typeName string) *setType {
	if t := s.bare[typeName]; t != nil {
		return t
	}
	if t := s.byName[typeName]; t != nil && t.schema.Name == typeName {
		return t
	}
	return nil
}

// Prepare gets the IDs of all schemas, registering them if the registry's mode says so, so that
// encoding needs no registry afterwards. It waits for a registry that is away, up to
// RegistrySettings.RetryLimit. The error lists every schema that the registry lacks or refuses.
func (s *Set) Prepare(ctx context.Context) error {
	var mistakes []error
	for _, t := range s.types {
		err := s.prepare(ctx, t)
		if err != nil {
			mistakes = append(mistakes, err)
		}
		if errors.Is(err, ErrRegistryUnavailable) {
			break // the others would only wait in vain as well
		}
	}
	return errors.Join(mistakes...)
}

func (s *Set) prepare(ctx context.Context, t *setType) error {
	if t.id.Load() != 0 {
		return nil
	}
	if len(t.subjects) == 0 {
		return t.noSubject()
	}
	return s.registry.patiently(ctx, func(ctx context.Context) error {
		var first int
		for _, subject := range t.subjects {
			id, err := s.idUnder(ctx, subject, t)
			if err != nil {
				return err
			}
			s.keep(SchemaID{Number: id}, s.reader(t, t.schema, t.schema.avro))
			first = cmp.Or(first, id)
		}
		// A schema has one ID in a registry, whatever its subjects.
		t.id.Store(int64(first))
		return nil
	})
}

// idUnder returns the ID of a type's schema under one of its subjects.
func (s *Set) idUnder(ctx context.Context, subject string, t *setType) (int, error) {
	id, err := s.registry.ID(ctx, subject, t.schema.Text)
	if errors.Is(err, ErrSchemaNotFound) && revisionOf(t.schema) != 0 {
		// Another revision of the same fields is the same to whoever reads: it need not be registered.
		if same := s.sameFields(ctx, subject, t); same != 0 {
			return same, nil
		}
	}
	return id, err
}

// Encode returns the bytes of a value, or of what a pointer points to, of one of the Set's Go
// types. It allocates nothing else. Unless the Set is prepared, the first value of each type waits for
// the registry. The error wraps [ErrTooLarge], or the registry's error about the type's schema, or says
// what can't be encoded.
func (s *Set) Encode(v any) ([]byte, error) {
	return encodeExactly(func(dst []byte) ([]byte, error) { return s.AppendEncode(dst, v) })
}

// encodeExactly returns the bytes that encode appends, in memory of exactly their size.
func encodeExactly(encode func(dst []byte) ([]byte, error)) ([]byte, error) {
	scratch, _ := scratchPool.Get().(*[]byte)
	b, err := encode((*scratch)[:0])
	var out []byte
	if err == nil {
		out = make([]byte, len(b))
		copy(out, b)
	}
	if cap(b) <= maxScratchBytes && cap(b) > 0 {
		*scratch = b
	}
	scratchPool.Put(scratch)
	return out, err
}

// maxScratchBytes keeps one large record from holding its memory for good.
const maxScratchBytes = 64 << 10

var scratchPool = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}

// AppendEncode is Encode, appending to dst. It allocates nothing if dst has room. If there is an
// error, it returns nil.
func (s *Set) AppendEncode(dst []byte, v any) ([]byte, error) {
	t := s.byGo[reflect.TypeOf(v)]
	if t == nil {
		return nil, fmt.Errorf("cannot encode a %T; this topic's types are %s",
			v, strings.Join(s.Types(), ", "))
	}
	id := int(t.id.Load())
	if id == 0 {
		// Only a Set that was not prepared comes here. Closing the registry ends the wait.
		if err := s.prepare(context.Background(), t); err != nil {
			return nil, fmt.Errorf("encode %v: %w", t.goType, err)
		}
		id = int(t.id.Load())
	}
	start := len(dst)
	out, err := t.encode(AppendWireHeader(dst, id), t.schema.avro, v)
	if err != nil {
		return nil, fmt.Errorf("encode %v: %w", t.goType, err)
	}
	if size, limit := len(out)-start, s.registry.settings.Limits.RecordBytes; size > limit {
		return nil, fmt.Errorf("encode %v: %w: %d bytes; at most %d are allowed",
			t.goType, ErrTooLarge, size, limit)
	}
	return out, nil
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
	v, rest, err := r.typ.decode(r.schema, data)
	switch {
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
	r := s.resolve(written)
	s.keep(id, r)
	return r, nil
}

// reader returns the reader of records of the type that were written with a schema. resolved is that schema
// resolved to ours.
func (s *Set) reader(t *setType, written *Schema, resolved *avro.Schema) *reader {
	return &reader{
		set: s, typ: t, schema: resolved,
		growth: avrotype.NewGrowth(written.typ(), t.schema.typ()), limits: s.registry.settings.Limits,
	}
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
