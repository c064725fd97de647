package jsondiff

import (
	"fmt"
	"strconv"
	"strings"
)

// Step leads from a value to one in it: by a name, or by an index if Name is nil.
type Step struct {
	Name  *string
	Index int
}

// Path leads from a value to one in it. The empty path leads to the value itself.
type Path []Step

// Named returns the path that leads on to a member.
func (p Path) Named(name string) Path { return append(p[:len(p):len(p)], Step{Name: &name}) }

// At returns the path that leads on to an item.
func (p Path) At(index int) Path { return append(p[:len(p):len(p)], Step{Index: index}) }

// String writes the path: charges[0].refundable. A name with a dot, a comma, a bracket or a quote in it
// is quoted: ["a.b"].
func (p Path) String() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case s.Name == nil:
			b.WriteString("[" + strconv.Itoa(s.Index) + "]")
		case *s.Name == "" || strings.ContainsAny(*s.Name, ".,[]\""):
			b.WriteString("[" + strconv.Quote(*s.Name) + "]")
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(*s.Name)
		}
	}
	return b.String()
}

// Pattern is the path without its indices: charges[].refundable.
func (p Path) Pattern() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case s.Name == nil:
			b.WriteString("[]")
		case i > 0:
			b.WriteString("." + *s.Name)
		default:
			b.WriteString(*s.Name)
		}
	}
	return b.String()
}

// maxSteps is how many steps a path may have: as deep as a value may be.
const maxSteps = MaxDepth

// ParsePath reads what String has written.
func ParsePath(text string) (Path, error) {
	var p Path
	wrong := func(at string) error {
		return fmt.Errorf("the path %.80q is wrong at %.40q; it must be like charges[0].refundable", text, at)
	}
	for rest := text; rest != ""; {
		if len(p) >= maxSteps {
			return nil, fmt.Errorf("the path %.80q has more than %d steps", text, maxSteps)
		}
		if rest[0] == '[' {
			step, after, fine := bracket(rest[1:])
			if !fine {
				return nil, wrong(rest)
			}
			p, rest = append(p, step), after
			continue
		}
		if len(p) > 0 {
			if rest[0] != '.' {
				return nil, wrong(rest)
			}
			rest = rest[1:]
		}
		end := strings.IndexAny(rest, ".[]\"")
		if end < 0 {
			end = len(rest)
		}
		if end == 0 {
			return nil, wrong(rest)
		}
		p, rest = p.Named(rest[:end]), rest[end:]
	}
	return p, nil
}

// bracket reads what stands behind an opening bracket.
func bracket(text string) (step Step, after string, fine bool) {
	if strings.HasPrefix(text, `"`) {
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			return step, "", false
		}
		name, err := strconv.Unquote(quoted)
		after, fine = strings.CutPrefix(text[len(quoted):], "]")
		return Step{Name: &name}, after, fine && err == nil
	}
	number, after, fine := strings.Cut(text, "]")
	index, err := strconv.Atoi(number)
	return Step{Index: index}, after, fine && err == nil && index >= 0
}

// At returns the value that a path leads to; nil if there is none.
func (v *Value) At(p Path) *Value {
	for _, s := range p {
		switch {
		case v == nil:
			return nil
		case s.Name != nil:
			v = v.Member(*s.Name)
		case s.Index < len(v.Items):
			v = v.Items[s.Index]
		default:
			return nil
		}
	}
	return v
}
