package compat

import (
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"unicode/utf8"
)

// conjunct is one of the schemas that a value must all fit: $ref and allOf are resolved.
type conjunct struct {
	keywords map[string]any
	base     string
	never    bool   // the schema false
	unknown  string // a reference that leads nowhere
	apart    []node // schemas that a value does not fit
}

// expand returns the conjuncts of schemas that a value must all fit, each once.
func (j *jsonReading) expand(of *JSONSchemaText, nodes ...node) []conjunct {
	e := expander{jsonReading: j, of: of, seen: map[uintptr]bool{}}
	for _, n := range nodes {
		e.add(n)
	}
	return e.all
}

type expander struct {
	*jsonReading
	of   *JSONSchemaText
	seen map[uintptr]bool // by the addresses of their keywords; ends references that lead in a circle
	all  []conjunct
}

func (e *expander) add(n node) {
	e.steps--
	object, is := n.schema.(map[string]any)
	switch {
	case !is && n.schema == false:
		e.all = append(e.all, conjunct{never: true})
		return
	case !is || e.seen[address(object)]:
		return
	case e.steps <= 0:
		e.all = append(e.all, conjunct{unknown: "too complex"})
		return
	}
	e.seen[address(object)] = true
	ref, refers := object["$ref"].(string)
	if !refers || !e.of.legacy(n.base) {
		e.all = append(e.all, conjunct{keywords: object, base: n.base})
		branches, _ := object["allOf"].([]any)
		for _, branch := range branches {
			e.add(node{branch, n.base})
		}
	}
	if !refers {
		return
	}
	if to, found := e.of.resolve(ref, n.base); found {
		e.add(to)
	} else {
		e.all = append(e.all, conjunct{unknown: ref})
	}
}

func address(object map[string]any) uintptr { return reflect.ValueOf(object).Pointer() }

var jsonTypes = []string{"null", "boolean", "integer", "fraction", "string", "array", "object"}

// typesOf returns the types that all conjuncts allow. A number is an integer or a fraction.
func typesOf(all []conjunct) []string {
	types := slices.Clone(jsonTypes)
	keep := func(allowed []string) {
		types = slices.DeleteFunc(types, func(t string) bool { return !slices.Contains(allowed, t) })
	}
	for _, c := range all {
		if c.never {
			return nil
		}
		if allowed := declaredTypes(c.keywords); allowed != nil {
			keep(allowed)
		}
	}
	if values, has := enumOf(all); has {
		var allowed []string
		for _, v := range values {
			allowed = append(allowed, typeOfValue(v))
		}
		keep(allowed)
	}
	return types
}

func declaredTypes(keywords map[string]any) []string {
	var names []string
	switch t := keywords["type"].(type) {
	case string:
		names = []string{t}
	case []any:
		names = []string{}
		for _, name := range t {
			if text, is := name.(string); is {
				names = append(names, text)
			}
		}
	}
	if slices.Contains(names, "number") {
		names = append(names, "integer", "fraction")
	}
	return names
}

func typeOfValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	default:
		if n, ok := number(v); ok && n.IsInt() {
			return "integer"
		}
		return "fraction"
	}
}

// enumOf returns the only values that conjuncts allow; false if there are others.
func enumOf(all []conjunct) (values []any, has bool) {
	for _, c := range all {
		own, is := c.keywords["enum"].([]any)
		if v, constant := c.keywords["const"]; constant {
			own, is = []any{v}, true
		}
		if !is {
			continue
		}
		if !has {
			values, has = own, true
			continue
		}
		known := canonicals(own)
		values = slices.DeleteFunc(slices.Clone(values), func(v any) bool { return !known[canonical(v)] })
	}
	return values, has
}

func canonicals(values []any) map[string]bool {
	all := map[string]bool{}
	for _, v := range values {
		all[canonical(v)] = true
	}
	return all
}

// limit is a bound of a number, a length or a count.
type limit struct {
	at        *big.Rat
	exclusive bool
}

// bound returns the tightest bound of one side that conjuncts have; nil if there is none.
func bound(all []conjunct, name, exclusive string, lower bool) (tightest *limit) {
	tighten := func(l limit) {
		if tightest == nil || l.tighter(*tightest, lower) {
			tightest = &l
		}
	}
	for _, c := range all {
		n, has := number(c.keywords[name])
		if has {
			tighten(limit{n, c.keywords[exclusive] == true}) // draft 4
		}
		if n, has := number(c.keywords[exclusive]); has {
			tighten(limit{n, true})
		}
	}
	return tightest
}

// tighter reports whether a bound excludes more than another one.
func (l limit) tighter(than limit, lower bool) bool {
	order := l.at.Cmp(than.at)
	if !lower {
		order = -order
	}
	return order > 0 || order == 0 && l.exclusive && !than.exclusive
}

// whole returns the bound of integers that excludes the same.
func (l limit) whole(lower bool) limit {
	if !l.exclusive || !l.at.IsInt() {
		return l
	}
	one := big.NewRat(1, 1)
	if !lower {
		one.Neg(one)
	}
	return limit{at: one.Add(one, l.at)}
}

// lengths returns the length of the shortest and the longest of texts; false if there are none.
func lengths(values []any) (shortest, longest int, has bool) {
	for _, v := range values {
		if text, is := v.(string); is {
			n := utf8.RuneCountInString(text)
			if !has {
				shortest, longest, has = n, n, true
			}
			shortest, longest = min(shortest, n), max(longest, n)
		}
	}
	return shortest, longest, has
}

// members returns the names that conjuncts have a schema for, sorted.
func members(all ...[]conjunct) (names []string) {
	for _, some := range all {
		for _, c := range some {
			properties, _ := c.keywords["properties"].(map[string]any)
			for name := range properties {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// required returns the names that a value must have.
func required(all []conjunct) map[string]bool {
	names := map[string]bool{}
	for _, c := range all {
		list, _ := c.keywords["required"].([]any)
		for _, v := range list {
			if text, is := v.(string); is {
				names[text] = true
			}
		}
	}
	return names
}

// member returns all schemas that the value of a name must fit. A pattern that this program can't read is one
// that a reader's name matches, and of a writer's says nothing.
func member(all []conjunct, name string, reads bool) (nodes []node) {
	for _, c := range all {
		found := false
		properties, _ := c.keywords["properties"].(map[string]any)
		if schema, has := properties[name]; has {
			nodes, found = append(nodes, node{schema, c.base}), true
		}
		patterns, _ := c.keywords["patternProperties"].(map[string]any)
		for pattern, schema := range patterns {
			r, err := regexp.Compile(pattern)
			found = found || err != nil
			if err != nil && reads || err == nil && r.MatchString(name) {
				nodes, found = append(nodes, node{schema, c.base}), true
			}
		}
		if schema, has := c.keywords["additionalProperties"]; has && !found {
			nodes = append(nodes, node{schema, c.base})
		}
	}
	return nodes
}

// additional returns the schemas of names that no conjunct has a schema or a pattern for.
func additional(all []conjunct) (nodes []node) {
	for _, c := range all {
		if schema, has := c.keywords["additionalProperties"]; has {
			nodes = append(nodes, node{schema, c.base})
		}
	}
	return nodes
}

// tuple returns the schemas of the first items of a conjunct, and that of the rest; nil if anything goes.
func tuple(c conjunct) (first []any, rest any) {
	first, has := c.keywords["prefixItems"].([]any)
	rest = c.keywords["items"]
	if list, is := rest.([]any); is && !has { // up to draft 2019-09
		return list, c.keywords["additionalItems"]
	}
	return first, rest
}

// item returns the schemas of the item at a place; those of all items behind the first ones if it is
// negative.
func item(all []conjunct, at int) (nodes []node) {
	for _, c := range all {
		first, rest := tuple(c)
		switch {
		case at >= 0 && at < len(first):
			nodes = append(nodes, node{first[at], c.base})
		case rest != nil:
			nodes = append(nodes, node{rest, c.base})
		}
	}
	return nodes
}
