package codecs

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
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
	// downcasts: types have a downcast, or are upcoming. latest: today's versions are written all the same.
	downcasts, latest bool

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
	own      *reading     // of what was written with our own schema
	made     *reading     // of data that is known to fit it
	former   *written     // nil: today's version is written always

	hash        sync.Once
	fingerprint [sha256.Size]byte // of our own schema, once it is hashed
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
		own, err := schema.notation.read(schema.notation)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("schema of %v: %w", t.goType, err))
			continue
		}
		typ := &setType{recordType: t.recordType, schema: schema, own: own}
		if registry != nil {
			typ.made = &reading{avro: own.avro, protobuf: own.protobuf, limits: registry.settings.Limits}
		}
		add := s.add
		if t.upcast != nil {
			add = s.addFormer
		}
		if registry != nil {
			mistakes = append(mistakes, s.nameSubjects(typ))
		}
		mistakes = append(mistakes, add(typ))
	}
	err := errors.Join(mistakes...)
	if err == nil {
		err = errors.Join(s.checkFormers(), s.linkDowncasts())
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
	if t.goType.Kind() == reflect.Struct {
		s.byGo[reflect.PointerTo(t.goType)] = t
	}
	names := append([]string{name}, t.schema.notation.aliases()...)
	for _, name := range names {
		if other := s.byName[name]; other != nil {
			return fmt.Errorf("%s is a name or alias of both %v and %v",
				name, other.goType, t.goType)
		}
		s.byName[name] = t
	}
	return nil
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

// Format returns the format of a record type, by its bare or its full name; empty if the Set has no such
// type.
func (s *Set) Format(typeName string) Format {
	if t := s.find(typeName); t != nil {
		return t.schema.Format
	}
	return ""
}

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

// Prepare gets the IDs of all schemas that are written, registering them if the registry's mode says so, so
// that encoding needs no registry afterwards. Of a type that is written as a former version ([Downcast]) that
// is the former one: programs that can't read today's must not find it in the registry before they are gone.
// Prepare waits for a registry that is away, up to RegistrySettings.RetryLimit. The error lists every schema
// that the registry lacks or refuses.
func (s *Set) Prepare(ctx context.Context) error {
	var mistakes []error
	for _, t := range s.types {
		w := s.writer(t)
		if w == nil {
			continue
		}
		err := s.prepare(ctx, w)
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
			if t.format == Protobuf { // other types may share the file
				s.keep(SchemaID{Number: id}, s.readerFor(t.schema))
			} else {
				s.keep(SchemaID{Number: id}, s.reader(t, t.own))
			}
			first = cmp.Or(first, id)
		}
		// A schema has one ID in a registry, whatever its subjects.
		t.id.Store(int64(first))
		return nil
	})
}

// idUnder returns the ID of a type's schema under one of its subjects.
func (s *Set) idUnder(ctx context.Context, subject string, t *setType) (int, error) {
	lookUp := s.registryID
	if t.upcast != nil {
		lookUp = s.formerID
	}
	id, err := lookUp(ctx, subject, t)
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
// the registry. The error wraps [ErrTooLarge], [ErrNotYetWritable], or the registry's error about the type's
// schema, or says what can't be encoded.
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
	if as := s.writer(t); as != t {
		old, err := s.down(t, v)
		if err != nil {
			return nil, fmt.Errorf("encode %v: %w", t.goType, err)
		}
		return s.appendAs(dst, t, as, old)
	}
	return s.appendAs(dst, t, t, v)
}

// appendAs appends a value of a version of t, with the wire format's header.
func (s *Set) appendAs(dst []byte, today, t *setType, v any) ([]byte, error) {
	id := int(t.id.Load())
	if id == 0 {
		// Only a Set that was not prepared comes here. Closing the registry ends the wait.
		if err := s.prepare(context.Background(), t); err != nil {
			return nil, fmt.Errorf("encode %v: %w", t.goType, err)
		}
		id = int(t.id.Load())
	}
	start := len(dst)
	out, err := s.appendData(AppendWireHeader(dst, id), today, t, v)
	if err != nil {
		return nil, fmt.Errorf("encode %v: %w", t.goType, err)
	}
	if size, limit := len(out)-start, s.registry.settings.Limits.RecordBytes; size > limit {
		return nil, fmt.Errorf("encode %v: %w: %d bytes; at most %d are allowed",
			t.goType, ErrTooLarge, size, limit)
	}
	return out, nil
}
