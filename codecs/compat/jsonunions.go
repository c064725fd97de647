package compat

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// unions compares with a reader's anyOf, oneOf and not.
func (j *jsonReading) unions(w []conjunct, r conjunct, path string) (found []Finding) {
	if branches, is := r.keywords["anyOf"].([]any); is {
		found = append(found, j.oneOfThem(w, r, branches, false, path)...)
	}
	if branches, is := r.keywords["oneOf"].([]any); is {
		found = append(found, j.oneOfThem(w, r, branches, true, path)...)
	}
	if schema, is := r.keywords["not"]; is && !j.apart(w, node{schema, r.base}) {
		found = append(found, j.finding(path, KindCombined, ruleJSONCombined,
			fmt.Sprintf("%s may have values that %s excludes by \"not\"", j.records(), j.program()),
			j.remedy("leave the \"not\" out", "write no such values while old programs run")))
	}
	return found
}

// oneOfThem finds a branch that all values fit, and if it must be the only one, that they fit no other.
func (j *jsonReading) oneOfThem(
	w []conjunct, r conjunct, branches []any, exactly bool, path string,
) []Finding {
	var nearest, candidates []Finding
	likely := 0
	for i, branch := range branches {
		expanded := j.expand(j.r, node{branch, r.base})
		found := j.compare(w, expanded, path)
		if len(found) == 0 {
			if !exactly || j.only(w, r, branches, i) {
				return nil
			}
			nearest = []Finding{j.finding(path, KindCombined, ruleJSONCombined,
				fmt.Sprintf("%s may have values that fit more than one of the reader's oneOf", j.records()),
				"anyOf, or a property with another constant in each branch")}
			continue
		}
		if overlap(typesOf(w), typesOf(expanded)) {
			likely++
			candidates = found
		}
	}
	switch {
	case nearest != nil:
		return nearest
	case likely == 1:
		return candidates
	}
	return []Finding{j.finding(path, KindCombined, ruleJSONCombined,
		fmt.Sprintf("%s may have %s that fit none of the %d schemas that %s takes", j.records(),
			cmp.Or(typeList(typesOf(w)), "values"), len(branches), j.program()),
		j.remedy("keep all branches, and widen them only", "write no new branch while old programs run"))}
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(t string) bool { return slices.Contains(b, t) })
}

// only reports whether values of the writer that fit one branch fit no other.
func (j *jsonReading) only(w []conjunct, r conjunct, branches []any, at int) bool {
	for i, branch := range branches {
		if i != at && !j.apart(w, node{branch, r.base}) {
			return false
		}
	}
	return true
}

// apart reports whether it is certain that no value of the writer fits a reader's schema.
func (j *jsonReading) apart(w []conjunct, r node) bool {
	expanded := j.expand(j.r, r)
	if j.disjoint(w, expanded, 0) {
		return true
	}
	for _, c := range w {
		excluded := c.apart
		if schema, is := c.keywords["not"]; is {
			excluded = append(slices.Clone(excluded), node{schema, c.base})
		}
		for _, e := range excluded {
			if j.within(expanded, e) {
				return true
			}
		}
	}
	return false
}

// within reports whether all that fits a reader's schema fits one that the writer excludes.
func (j *jsonReading) within(r []conjunct, excluded node) bool {
	turned := &jsonReading{reading: j.reading, w: j.r, r: j.w, steps: j.steps, above: slices.Clone(j.above)}
	found := turned.compare(r, turned.expand(j.w, excluded), "")
	j.steps = turned.steps
	return len(found) == 0 && turned.steps > 0
}

// disjoint reports whether it is certain that no value fits both.
func (j *jsonReading) disjoint(w, r []conjunct, depth int) bool {
	const deepest = 8
	j.steps--
	types := slices.DeleteFunc(typesOf(w), func(t string) bool { return !slices.Contains(typesOf(r), t) })
	if len(types) == 0 {
		return true
	}
	wrote, listed := enumOf(w)
	read, also := enumOf(r)
	if listed && also {
		known := canonicals(read)
		return !slices.ContainsFunc(wrote, func(v any) bool { return known[canonical(v)] })
	}
	if depth >= deepest || j.steps <= 0 || len(types) != 1 || types[0] != "object" {
		return false
	}
	has, needs := required(w), required(r)
	for _, name := range append(sorted(has), sorted(needs)...) {
		own, theirs := member(w, name, false), member(r, name, false)
		if j.disjoint(j.expand(j.w, own...), j.expand(j.r, theirs...), depth+1) {
			return true
		}
	}
	return false
}
