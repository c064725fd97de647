package avrojson

import (
	"slices"
	"strings"

	"refold/codecs/avrotype"
	"refold/codecs/jsonvalue"
)

// union finds the branch that a value is of: the first that fits. But a number in digits alone is rather an
// int or a long, any other a float or a double.
func (r *reader) union(t *avrotype.Type) any {
	var few [8]int // on the stack
	candidates := r.candidates(t, few[:0])
	switch len(candidates) {
	case 0:
		r.misfit(t)
		return nil
	case 1:
		return r.branch(t, candidates[0])
	}
	before, depth, quiet, count := r.in, len(r.path), r.quiet, r.count
	nearest, fewest := -1, 0
	for _, at := range candidates {
		defaults := r.defaultsLeft
		r.quiet, r.count = true, 0
		v := r.branch(t, at)
		tried := r.count
		r.quiet, r.count = quiet, count
		if tried == 0 {
			return v
		}
		r.in, r.path, r.defaultsLeft = before, r.path[:depth], defaults
		if nearest < 0 || tried < fewest {
			nearest, fewest = at, tried
		}
	}
	switch {
	case r.in.Peek() != '{':
		r.misfit(t)
	case r.quiet:
		r.count += fewest
		r.in.Skip()
	default:
		return r.branch(t, nearest) // the branch that was probably meant, for its mistakes
	}
	return nil
}

func (r *reader) branch(t *avrotype.Type, at int) any {
	branch := t.Branches[at]
	return branch.InUnion(r.value(branch))
}

// candidates appends the branches that are written as the next value is, the likeliest first.
func (r *reader) candidates(t *avrotype.Type, candidates []int) []int {
	next := r.in
	c := next.Peek()
	var token []byte
	if c != '{' && c != '[' {
		token = next.Token()
	}
	for at, branch := range t.Branches {
		if mayBe(branch, c, token) {
			candidates = append(candidates, at)
		}
	}
	if len(candidates) > 1 && (c == '-' || c >= '0' && c <= '9') {
		whole := !strings.ContainsAny(string(token), ".eE")
		slices.SortStableFunc(candidates, func(a, b int) int {
			x, y := t.Branches[a].Whole() == whole, t.Branches[b].Whole() == whole
			switch {
			case x == y:
				return 0
			case x:
				return -1
			}
			return 1
		})
	}
	return candidates
}

// mayBe reports whether values of a type are written as the one that begins with c.
func mayBe(t *avrotype.Type, c byte, token []byte) bool {
	switch c {
	case '{':
		return t.Kind == avrotype.Record || t.Kind == avrotype.Map
	case '[':
		return t.Kind == avrotype.Array
	case 'n':
		return t.Kind == avrotype.Null
	case 't', 'f':
		return t.Kind == avrotype.Boolean
	case '"':
		switch t.Kind {
		case avrotype.String, avrotype.Enum, avrotype.Bytes, avrotype.Fixed:
			return true
		}
		_, special := jsonvalue.NotFinite[string(jsonvalue.Unquote(token))]
		return special && t.Floating()
	}
	return t.Whole() || t.Floating()
}
