package codecs

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxMistakes limits the list: whoever has a hundred mistakes has sent something else.
const maxMistakes = 100

// maxSteps limits the work on one piece of JSON by its size. Only nested unions of records that
// look alike, where every branch must be tried at every level, come near it.
func maxSteps(data []byte) int { return 10_000 + 4*len(data) }

// check returns the value that JSON describes, in goavro's form, or all mistakes.
func (s *shape) check(data []byte, limits Limits) (native any, mistakes []Mistake) {
	value, mistake := parseJSON(data, limits)
	if mistake != nil {
		return nil, []Mistake{*mistake}
	}
	c := checker{stepsLeft: maxSteps(data), defaultsLeft: limits.ExpandedBytes}
	native = c.value(s, value, path{})
	switch {
	case c.defaultsLeft < 0:
		c.mistake(path{}, fmt.Sprintf("too many defaults, of more than %d bytes", limits.ExpandedBytes),
			"fewer items that leave fields out")
	case c.stepsLeft <= 0 && c.count == 0:
		c.mistake(path{}, "a value with too many ways to read it", "a simpler one")
	}
	return native, c.mistakes
}

// checker walks JSON and schema side by side and collects what does not fit.
type checker struct {
	stepsLeft int
	// defaultsLeft is how many bytes of defaults may still be filled in: each {} of an array gets all of
	// its type's.
	defaultsLeft int
	count        int  // of mistakes
	quiet        bool // only count them
	mistakes     []Mistake
}

// path leads to a value. It is spelled out for a mistake only.
type path struct {
	parent *path
	name   string
	index  int // of an array's item if name is empty
}

func (p path) field(name string) path { return path{parent: &p, name: name} }
func (p path) item(index int) path    { return path{parent: &p, index: index} }

func (p path) String() string {
	if p.parent == nil {
		return ""
	}
	before := p.parent.String()
	switch {
	case p.name == "":
		return before + "[" + strconv.Itoa(p.index) + "]"
	case before == "":
		return Excerpt(p.name, maxFoundBytes)
	}
	return before + "." + Excerpt(p.name, maxFoundBytes)
}

func (c *checker) mistake(at path, found, allowed string) {
	c.count++
	if !c.quiet && len(c.mistakes) < maxMistakes {
		c.mistakes = append(c.mistakes, Mistake{Path: at.String(), Found: found, Allowed: allowed})
	}
}

// misfit reports a value that is not of a type.
func (c *checker) misfit(s *shape, v any, at path) any {
	if c.quiet {
		c.count++
	} else {
		c.mistake(at, describeValue(v), s.describe())
	}
	return nil
}

// value returns a JSON value in goavro's form. What it returns after a mistake is of no use.
func (c *checker) value(s *shape, v any, at path) any {
	c.stepsLeft--
	if c.stepsLeft <= 0 || c.defaultsLeft < 0 {
		return nil
	}
	switch s.kind {
	case kindUnion:
		return c.union(s, v, at)
	case kindInt, kindLong, kindFloat, kindDouble:
		return c.number(s, v, at)
	case kindBytes, kindFixed:
		return c.bytes(s, v, at)
	case kindRecord, kindMap:
		o, is := v.(*object)
		switch {
		case !is:
			return c.misfit(s, v, at)
		case s.kind == kindMap:
			return c.mapping(s, o, at)
		}
		return c.record(s, o, at)
	case kindArray:
		items, is := v.([]any)
		if !is {
			return c.misfit(s, v, at)
		}
		out := make([]any, len(items))
		for i, item := range items {
			out[i] = c.value(s.items, item, at.item(i))
		}
		return out
	}
	if !s.fitsPlainly(v) {
		return c.misfit(s, v, at)
	}
	return v
}

// fitsPlainly reports whether a value of a type that JSON has, too, is right.
func (s *shape) fitsPlainly(v any) bool {
	switch v := v.(type) {
	case nil:
		return s.kind == kindNull
	case bool:
		return s.kind == kindBoolean
	case string:
		return s.kind == kindString || s.kind == kindEnum && slices.Contains(s.symbols, v)
	}
	return false
}

func (c *checker) number(s *shape, v any, at path) any {
	literal, is := v.(json.Number)
	text, _ := v.(string)
	float := s.kind == kindFloat || s.kind == kindDouble
	bits := 64
	if s.kind == kindInt || s.kind == kindFloat {
		bits = 32
	}
	switch {
	case is && float:
		f, err := strconv.ParseFloat(literal.String(), bits)
		if err == nil && bits == 32 {
			return float32(f)
		}
		if err == nil {
			return f
		}
	case is:
		i, fits := ParseInteger(literal.String(), bits)
		if fits && bits == 32 {
			return int32(i)
		}
		if fits {
			return i
		}
	case float:
		if f, known := notFinite[text]; known && bits == 32 {
			return float32(f)
		} else if known {
			return f
		}
	}
	return c.misfit(s, v, at)
}

// notFinite are the numbers that JSON lacks, as Avro's Java library writes them.
var notFinite = map[string]float64{
	"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1),
}

func (c *checker) bytes(s *shape, v any, at path) any {
	text, is := v.(string)
	if !is {
		return c.misfit(s, v, at)
	}
	out := make([]byte, 0, len(text))
	for _, r := range text {
		if r > math.MaxUint8 {
			return c.misfit(s, v, at)
		}
		out = append(out, byte(r))
	}
	if s.kind == kindFixed && len(out) != s.size {
		return c.misfit(s, wrongSize(len(out)), at)
	}
	return out
}

func (c *checker) mapping(s *shape, o *object, at path) any {
	out := make(map[string]any, len(o.members))
	for _, m := range o.members {
		here := at.field(m.name)
		if _, twice := out[m.name]; twice {
			c.mistake(here, "the key again", "each key once")
		}
		out[m.name] = c.value(s.items, m.value, here)
	}
	return out
}

func (c *checker) record(s *shape, o *object, at path) any {
	out := make(map[string]any, len(s.fields))
	for _, m := range o.members {
		here := at.field(m.name)
		i, known := s.index[m.name]
		if !known {
			c.misfit(s, unknownField{}, here)
			continue
		}
		if _, twice := out[m.name]; twice {
			c.mistake(here, "the field again", "each field once")
		}
		out[m.name] = c.value(s.fields[i].shape, m.value, here)
	}
	for _, field := range s.fields {
		if _, has := out[field.name]; has {
			continue
		}
		if !field.hasDefault {
			c.misfit(field.shape, missingField{}, at.field(field.name))
		}
		out[field.name] = field.fallback
		c.defaultsLeft -= field.fallbackBytes
	}
	return out
}

// union finds the branch that a value is of. Where several might be meant, the first that fits
// is, but a number in digits alone is rather an int or a long, any other a float or a double.
func (c *checker) union(s *shape, v any, at path) any {
	var candidates []*shape
	for _, branch := range s.branches {
		if branch.mayBe(v) {
			candidates = append(candidates, branch)
		}
	}
	if number, is := v.(json.Number); is {
		prefer := 1
		if strings.ContainsAny(number.String(), ".eE") {
			prefer = -1
		}
		slices.SortStableFunc(candidates, func(a, b *shape) int {
			return prefer * (b.wholeNumber() - a.wholeNumber())
		})
	}
	switch len(candidates) {
	case 0:
		return c.misfit(s, v, at)
	case 1:
		return candidates[0].inUnion(c.value(candidates[0], v, at))
	}
	var nearest *shape
	fewest := 0
	for _, branch := range candidates {
		try := checker{stepsLeft: c.stepsLeft, defaultsLeft: c.defaultsLeft, quiet: true}
		native := try.value(branch, v, at)
		c.stepsLeft = try.stepsLeft
		if try.count == 0 {
			c.defaultsLeft = try.defaultsLeft
			return branch.inUnion(native)
		}
		if nearest == nil || try.count < fewest {
			nearest, fewest = branch, try.count
		}
	}
	switch _, is := v.(*object); {
	case !is:
		return c.misfit(s, v, at)
	case c.quiet:
		c.count += fewest
		return nil
	}
	return c.value(nearest, v, at) // the mistakes of the one that was probably meant
}

func (s *shape) wholeNumber() int {
	if s.kind == kindInt || s.kind == kindLong {
		return 1
	}
	return 0
}

// mayBe reports whether a JSON value is of the kind that a type is written as.
func (s *shape) mayBe(v any) bool {
	switch v := v.(type) {
	case nil:
		return s.kind == kindNull
	case bool:
		return s.kind == kindBoolean
	case json.Number:
		return s.wholeNumber() > 0 || s.kind == kindFloat || s.kind == kindDouble
	case string:
		_, special := notFinite[v]
		return s.kind == kindString || s.kind == kindEnum || s.kind == kindBytes ||
			s.kind == kindFixed || special && (s.kind == kindFloat || s.kind == kindDouble)
	case []any:
		return s.kind == kindArray
	case *object:
		return s.kind == kindRecord || s.kind == kindMap
	}
	return false
}
