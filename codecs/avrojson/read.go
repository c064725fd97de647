package avrojson

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

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

// Read returns the Avro data of the value that JSON describes, or all mistakes in it, up to a hundred, in
// the order in which they stand there, missing fields after the others of their object. The data is
// encoded while the JSON is read; nothing is built in between.
func Read(t *avrotype.Type, text jsonvalue.Text, limits Limits) ([]byte, []Mistake) {
	if err := text.CheckDepth(limits.Depth); err != nil {
		return nil, []Mistake{SyntaxMistake(err)}
	}
	r := reader{
		in: text.Cursor(), out: make([]byte, 0, len(text.Bytes())),
		stepsLeft: maxSteps(text), defaultsLeft: limits.DefaultBytes,
	}
	r.value(t)
	switch {
	case r.defaultsLeft < 0:
		r.path = nil
		r.mistake(fmt.Sprintf("too many defaults, of more than %d bytes", limits.DefaultBytes),
			"fewer items that leave fields out")
	case r.stepsLeft <= 0 && r.count == 0:
		r.path = nil
		r.mistake("a value with too many ways to read it", "a simpler one")
	}
	if len(r.mistakes) > 0 {
		return nil, r.mistakes
	}
	return r.out, nil
}

// SyntaxMistake returns an error of package jsonvalue as the one mistake in the whole.
func SyntaxMistake(err error) Mistake {
	m := Mistake{Found: err.Error()}
	if syntax, is := errors.AsType[*jsonvalue.SyntaxError](err); is {
		m.Allowed = syntax.Allowed
	}
	return m
}

// reader walks JSON and type side by side, and collects Avro data and what does not fit. After a mistake
// the data is of no use, but the JSON is read on to its end.
type reader struct {
	in  jsonvalue.Cursor
	out []byte

	stepsLeft, defaultsLeft int

	path     []step
	count    int  // of mistakes
	quiet    bool // only count them
	mistakes []Mistake
	scratch  []byte
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

// value reads the next value.
func (r *reader) value(t *avrotype.Type) {
	r.stepsLeft--
	if r.exhausted() {
		return
	}
	switch t.Kind {
	case avrotype.Union:
		r.union(t)
	case avrotype.Record, avrotype.Map, avrotype.Array:
		r.nested(t)
	default:
		before := r.in
		if c := r.in.Peek(); c == '{' || c == '[' || !r.plain(t, r.in.Token()) {
			r.in = before
			r.misfit(t)
		}
	}
}

func (r *reader) nested(t *avrotype.Type) {
	open := byte('{')
	if t.Kind == avrotype.Array {
		open = '['
	}
	switch {
	case r.in.Peek() != open:
		r.misfit(t)
	case t.Kind == avrotype.Array:
		r.array(t)
	case t.Kind == avrotype.Map:
		r.mapping(t)
	default:
		r.record(t)
	}
}

// plain appends a value that holds no others. It reports whether the value is of the type.
func (r *reader) plain(t *avrotype.Type, token []byte) bool {
	switch t.Kind {
	case avrotype.Null:
		return token[0] == 'n'
	case avrotype.Boolean:
		is := token[0] == 't'
		r.out = append(r.out, 0)
		if is {
			r.out[len(r.out)-1] = 1
		}
		return is || token[0] == 'f'
	case avrotype.Int, avrotype.Long:
		n, fits := jsonvalue.ParseInteger(string(token), t.Bits())
		r.out = binary.AppendVarint(r.out, n)
		return fits
	case avrotype.Float, avrotype.Double:
		return r.float(t, token)
	}
	if token[0] != '"' {
		return false
	}
	text := jsonvalue.Unquote(token)
	switch t.Kind {
	case avrotype.String:
		r.out = append(binary.AppendVarint(r.out, int64(len(text))), text...)
		return true
	case avrotype.Enum:
		at := slices.Index(t.Symbols, string(text))
		r.out = binary.AppendVarint(r.out, int64(at))
		return at >= 0
	case avrotype.Bytes, avrotype.Fixed:
		return r.bytes(t, text)
	}
	return false // a kind that a parsed schema doesn't have
}

func (r *reader) float(t *avrotype.Type, token []byte) bool {
	var f float64
	fits := false
	if token[0] == '"' {
		f, fits = jsonvalue.NotFinite[string(jsonvalue.Unquote(token))]
	} else if c := token[0]; c == '-' || c >= '0' && c <= '9' {
		f, fits = jsonvalue.ParseFloat(string(token), t.Bits())
	}
	if t.Kind == avrotype.Float {
		r.out = binary.LittleEndian.AppendUint32(r.out, math.Float32bits(float32(f)))
	} else {
		r.out = binary.LittleEndian.AppendUint64(r.out, math.Float64bits(f))
	}
	return fits
}

func (r *reader) bytes(t *avrotype.Type, text []byte) bool {
	if n := utf8.RuneCount(text); t.Kind == avrotype.Bytes {
		r.out = binary.AppendVarint(r.out, int64(n))
	} else if n != t.Size {
		return false
	}
	for _, c := range string(text) {
		if c > math.MaxUint8 {
			return false
		}
		r.out = append(r.out, byte(c))
	}
	return true
}

func (r *reader) array(t *avrotype.Type) {
	start, n := r.beginBlock()
	r.path = append(r.path, step{})
	for r.in.Enter(); r.in.More(); n++ {
		r.path[len(r.path)-1].index = n
		r.value(t.Items)
		if r.exhausted() {
			return
		}
	}
	r.path = r.path[:len(r.path)-1]
	r.endBlock(start, n)
}

func (r *reader) mapping(t *avrotype.Type) {
	start, n := r.beginBlock()
	r.path = append(r.path, step{named: true})
	keys := map[string]struct{}{}
	for r.in.Enter(); r.in.More(); n++ {
		key := string(r.in.Name())
		r.path[len(r.path)-1].name = key
		if _, twice := keys[key]; twice {
			r.mistake("the key again", "each key once")
		}
		keys[key] = struct{}{}
		r.out = append(binary.AppendVarint(r.out, int64(len(key))), key...)
		r.value(t.Items)
		if r.exhausted() {
			return
		}
	}
	r.path = r.path[:len(r.path)-1]
	r.endBlock(start, n)
}

// beginBlock leaves room for the length of a small array or map, which is known at its end.
func (r *reader) beginBlock() (start, n int) {
	r.out = append(r.out, 0)
	return len(r.out) - 1, 0
}

func (r *reader) endBlock(start, n int) {
	if n == 0 {
		return // the room is the end
	}
	var length [binary.MaxVarintLen64]byte
	size := binary.PutVarint(length[:], int64(n))
	if size == 1 {
		r.out[start] = length[0]
	} else {
		r.out = slices.Replace(r.out, start, start+1, length[:size]...)
	}
	r.out = append(r.out, 0)
}

// span is where a field's data is in the output; not given if to is 0.
type span struct{ from, to int }

func (r *reader) record(t *avrotype.Type) {
	var few [16]span // on the stack
	spans := few[:]
	if len(t.Fields) > len(few) {
		spans = make([]span, len(t.Fields))
	}
	start, given, ordered := len(r.out), 0, true
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
		r.path[len(r.path)-1].name = t.Fields[i].Name
		if spans[i].to > 0 {
			r.mistake("the field again", "each field once")
		}
		from := len(r.out)
		r.value(t.Fields[i].Type)
		if r.exhausted() {
			return
		}
		spans[i] = span{from + 1, len(r.out) + 1}
		ordered = ordered && i == given
		given++
	}
	if given < len(t.Fields) || !ordered {
		r.arrange(t, start, spans)
	}
	r.path = r.path[:len(r.path)-1]
}

// arrange puts the data of a record's fields, from start on, into the order of the type, and defaults
// into the gaps.
func (r *reader) arrange(t *avrotype.Type, start int, spans []span) {
	r.scratch = append(r.scratch[:0], r.out[start:]...)
	r.out = r.out[:start]
	for i := range t.Fields {
		field, s := &t.Fields[i], spans[i]
		switch {
		case s.to > 0:
			r.out = append(r.out, r.scratch[s.from-1-start:s.to-1-start]...)
		case field.HasDefault:
			r.defaultsLeft -= len(field.Default)
			r.out = append(r.out, field.Default...)
		default:
			r.path[len(r.path)-1].name = field.Name
			r.wrong("nothing", field.Type)
		}
	}
}
