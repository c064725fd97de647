package avrojson

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/avro"

	"refold/codecs/avrotype"
	"refold/codecs/excerpt"
	"refold/codecs/jsonvalue"
)

// Limits bound what [Read] takes.
type Limits struct {
	Depth        int // of nesting
	DefaultBytes int // of all defaults that are filled in: each {} of an array gets all of its type's
}

// Mistake is one place at which JSON does not fit its type.
type Mistake struct {
	// Path leads to the value, such as lines[2].price; empty for the whole.
	Path string
	// Found is the value, shortened; "nothing" if a field is missing.
	Found string
	// Allowed says what may be there instead.
	Allowed string
}

// String says it in one line.
func (m Mistake) String() string {
	if m.Path == "" {
		return fmt.Sprintf("found %s, allowed: %s", m.Found, m.Allowed)
	}
	return fmt.Sprintf("%s: found %s, allowed: %s", m.Path, m.Found, m.Allowed)
}

// maxMistakes limits the list: JSON with a hundred mistakes was meant for something else.
const maxMistakes = 100

// maxSteps limits the work on one piece of JSON by its size. Only nested unions of records that
// look alike, where every branch must be tried at every level, come near it.
func maxSteps(text jsonvalue.Text) int { return 10_000 + 4*len(text.Bytes()) }

// Codec reads JSON of one schema as Avro data. It is safe for concurrent use.
type Codec struct {
	typ *avrotype.Type
	// data writes what was read. It is made of the schema's canonical form, which has the same data as the
	// schema, but no logical types and no defaults: those are the reader's affair here, and goavro would
	// turn the former into Go types that JSON has no use for.
	data *goavro.Codec
}

// NewCodec returns the codec of a schema, which is described by t. The error says that goavro can't use the
// schema.
func NewCodec(schema *avro.Schema, t *avrotype.Type) (_ *Codec, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in goavro: %v", p)
		}
	}()
	data, err := goavro.NewCodec(string(schema.Canonical()))
	if err != nil {
		return nil, fmt.Errorf("goavro: %w", err)
	}
	return &Codec{typ: t, data: data}, nil
}

// Read returns the Avro data of the value that JSON describes. If it describes none, Read returns all
// mistakes in it, up to a hundred, in the order in which they stand there, missing fields after the others
// of their object. Any other error is a bug, of goavro's or ours.
func (c *Codec) Read(text jsonvalue.Text, limits Limits) (data []byte, mistakes []Mistake, err error) {
	native, mistakes := read(c.typ, text, limits)
	if len(mistakes) > 0 {
		return nil, mistakes, nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in goavro: %v", p)
		}
	}()
	data, err = c.data.BinaryFromNative(nil, native)
	return data, nil, err //nolint:wrapcheck // the caller says what was being done
}

// read returns a value in goavro's form.
func read(t *avrotype.Type, text jsonvalue.Text, limits Limits) (native any, mistakes []Mistake) {
	if err := text.CheckDepth(limits.Depth); err != nil {
		return nil, []Mistake{SyntaxMistake(err)}
	}
	r := reader{in: text.Cursor(), stepsLeft: maxSteps(text), defaultsLeft: limits.DefaultBytes}
	native = r.value(t)
	switch {
	case r.defaultsLeft < 0:
		r.path = nil
		r.mistake(fmt.Sprintf("too many defaults, of more than %d bytes", limits.DefaultBytes),
			"fewer items that leave fields out")
	case r.stepsLeft <= 0 && r.count == 0:
		r.path = nil
		r.mistake("a value with too many ways to read it", "a simpler one")
	}
	return native, r.mistakes
}

// SyntaxMistake returns an error of package jsonvalue as the one mistake in the whole.
func SyntaxMistake(err error) Mistake {
	m := Mistake{Found: err.Error()}
	if syntax, is := errors.AsType[*jsonvalue.SyntaxError](err); is {
		m.Allowed = syntax.Allowed
	}
	return m
}

// reader walks JSON and type side by side, and collects what does not fit. After a mistake the values that
// it returns are of no use, but it reads on to the end.
type reader struct {
	in jsonvalue.Cursor

	stepsLeft, defaultsLeft int

	path     []step
	count    int  // of mistakes
	quiet    bool // only count them
	mistakes []Mistake
}

// step leads to a field, a map's value, or an array's item if name is empty.
type step struct {
	name  string
	index int
	named bool
}

func (r *reader) exhausted() bool { return r.stepsLeft <= 0 || r.defaultsLeft < 0 }

func (r *reader) place() string {
	var b strings.Builder
	for i, s := range r.path {
		switch {
		case !s.named:
			fmt.Fprintf(&b, "[%d]", s.index)
		case i > 0:
			b.WriteString("." + excerpt.Of(s.name, maxFoundBytes))
		default:
			b.WriteString(excerpt.Of(s.name, maxFoundBytes))
		}
	}
	return b.String()
}

// counts counts a mistake, and reports whether its text is wanted.
func (r *reader) counts() bool {
	r.count++
	return !r.quiet && len(r.mistakes) < maxMistakes
}

func (r *reader) mistake(found, allowed string) {
	if r.counts() {
		r.mistakes = append(r.mistakes, Mistake{Path: r.place(), Found: found, Allowed: allowed})
	}
}

// wrong is mistake where a value of a type was expected.
func (r *reader) wrong(found string, t *avrotype.Type) {
	if r.counts() {
		r.mistakes = append(r.mistakes, Mistake{Path: r.place(), Found: found, Allowed: describe(t)})
	}
}

// misfit skips the next value, which is not of the type.
func (r *reader) misfit(t *avrotype.Type) {
	value := r.in
	r.in.Skip()
	if r.counts() {
		m := Mistake{Path: r.place(), Found: found(value, t), Allowed: describe(t)}
		r.mistakes = append(r.mistakes, m)
	}
}

// value reads the next value and returns it in goavro's form.
func (r *reader) value(t *avrotype.Type) any {
	r.stepsLeft--
	if r.exhausted() {
		return nil
	}
	switch t.Kind {
	case avrotype.Union:
		return r.union(t)
	case avrotype.Record, avrotype.Map, avrotype.Array:
		return r.nested(t)
	}
	before := r.in
	if c := r.in.Peek(); c != '{' && c != '[' {
		if v, fits := plain(t, r.in.Token()); fits {
			return v
		}
	}
	r.in = before
	r.misfit(t)
	return nil
}

func (r *reader) nested(t *avrotype.Type) any {
	open := byte('{')
	if t.Kind == avrotype.Array {
		open = '['
	}
	switch {
	case r.in.Peek() != open:
		r.misfit(t)
		return nil
	case t.Kind == avrotype.Array:
		return r.array(t)
	case t.Kind == avrotype.Map:
		return r.mapping(t)
	}
	return r.record(t)
}

// plain returns a value that holds no others, and whether it is of the type.
func plain(t *avrotype.Type, token []byte) (any, bool) {
	switch t.Kind {
	case avrotype.Null:
		return nil, token[0] == 'n'
	case avrotype.Boolean:
		return token[0] == 't', token[0] == 't' || token[0] == 'f'
	case avrotype.Int, avrotype.Long:
		n, fits := jsonvalue.ParseInteger(string(token), t.Bits())
		if t.Kind == avrotype.Int {
			return int32(n), fits
		}
		return n, fits
	case avrotype.Float, avrotype.Double:
		f, fits := float(t, token)
		if t.Kind == avrotype.Float {
			return float32(f), fits
		}
		return f, fits
	}
	if token[0] != '"' {
		return nil, false
	}
	text := jsonvalue.Unquote(token)
	switch t.Kind {
	case avrotype.String:
		return string(text), true
	case avrotype.Enum:
		return string(text), slices.Contains(t.Symbols, string(text))
	case avrotype.Bytes, avrotype.Fixed:
		return characters(t, text)
	}
	return nil, false // a kind that a parsed schema doesn't have
}

func float(t *avrotype.Type, token []byte) (f float64, fits bool) {
	switch c := token[0]; {
	case c == '"':
		f, fits = jsonvalue.NotFinite[string(jsonvalue.Unquote(token))]
	case c == '-' || c >= '0' && c <= '9':
		f, fits = jsonvalue.ParseFloat(string(token), t.Bits())
	}
	return f, fits
}

// characters returns the bytes whose numbers the characters have.
func characters(t *avrotype.Type, text []byte) (any, bool) {
	out := make([]byte, 0, len(text))
	for _, c := range string(text) {
		if c > math.MaxUint8 {
			return nil, false
		}
		out = append(out, byte(c))
	}
	return out, t.Kind == avrotype.Bytes || len(out) == t.Size
}

func (r *reader) array(t *avrotype.Type) any {
	items := []any{}
	r.path = append(r.path, step{})
	for r.in.Enter(); r.in.More(); {
		r.path[len(r.path)-1].index = len(items)
		items = append(items, r.value(t.Items))
		if r.exhausted() {
			return nil
		}
	}
	r.path = r.path[:len(r.path)-1]
	return items
}

func (r *reader) mapping(t *avrotype.Type) any {
	values := map[string]any{}
	r.path = append(r.path, step{named: true})
	for r.in.Enter(); r.in.More(); {
		key := string(r.in.Name())
		r.path[len(r.path)-1].name = key
		if _, twice := values[key]; twice {
			r.mistake("the key again", "each key once")
		}
		values[key] = r.value(t.Items)
		if r.exhausted() {
			return nil
		}
	}
	r.path = r.path[:len(r.path)-1]
	return values
}

func (r *reader) record(t *avrotype.Type) any {
	fields := make(map[string]any, len(t.Fields))
	r.path = append(r.path, step{named: true})
	for r.in.Enter(); r.in.More(); {
		name := r.in.Name()
		i, known := t.Field(string(name))
		if !known {
			r.path[len(r.path)-1].name = string(name)
			r.in.Skip()
			r.wrong("an unknown field", t)
			continue
		}
		field := &t.Fields[i]
		r.path[len(r.path)-1].name = field.Name
		if _, twice := fields[field.Name]; twice {
			r.mistake("the field again", "each field once")
		}
		fields[field.Name] = r.value(field.Type)
		if r.exhausted() {
			return nil
		}
	}
	if len(fields) < len(t.Fields) {
		r.fill(t, fields)
	}
	r.path = r.path[:len(r.path)-1]
	return fields
}

// fill gives missing fields their defaults.
func (r *reader) fill(t *avrotype.Type, fields map[string]any) {
	for i := range t.Fields {
		field := &t.Fields[i]
		if _, has := fields[field.Name]; has {
			continue
		}
		if !field.HasDefault {
			r.path[len(r.path)-1].name = field.Name
			r.wrong("nothing", field.Type)
		}
		fields[field.Name] = field.Default
		r.defaultsLeft -= field.DefaultBytes
	}
}
