package compat

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
)

// bounds compares one bound, and returns a finding if the reader's excludes more.
func (j *jsonReading) bounds(wrote, read *limit, lower bool, what, rule, path string) []Finding {
	if read == nil || wrote != nil && !read.tighter(*wrote, lower) {
		return nil
	}
	side, has := "at most", "any"
	if lower {
		side = "at least"
	}
	if wrote != nil {
		has = side + " " + shownLimit(*wrote)
	}
	return []Finding{j.finding(path, KindBounds, rule,
		fmt.Sprintf("%s may have a %s of %s, %s takes %s %s", j.records(), what, has, j.program(), side,
			shownLimit(*read)),
		j.remedy("keep the bound: it may be widened, not tightened",
			"write no other values while old programs run"))}
}

func shownLimit(l limit) string {
	text := l.at.RatString()
	if !l.at.IsInt() {
		text = l.at.FloatString(6)
	}
	if l.exclusive {
		text += " (exclusive)"
	}
	return text
}

func (j *jsonReading) numbers(w []conjunct, r conjunct, path string) (found []Finding) {
	for _, side := range []struct {
		name, exclusive string
		lower           bool
	}{{"minimum", "exclusiveMinimum", true}, {"maximum", "exclusiveMaximum", false}} {
		wrote := bound(w, side.name, side.exclusive, side.lower)
		wrote = tightest(wrote, listedBound(w, side.lower), side.lower)
		if types := typesOf(w); wrote != nil && !slices.Contains(types, "fraction") {
			whole := wrote.whole(side.lower)
			wrote = &whole
		}
		read := bound([]conjunct{r}, side.name, side.exclusive, side.lower)
		found = append(found, j.bounds(wrote, read, side.lower, "number", ruleJSONNumbers, path)...)
	}
	factor, has := number(r.keywords["multipleOf"])
	if !has || factor.Sign() <= 0 {
		return found
	}
	divides := func(n *big.Rat) bool { return new(big.Rat).Quo(n, factor).IsInt() }
	fits := factor.IsInt() && factor.Num().IsInt64() && factor.Num().Int64() == 1 &&
		!slices.Contains(typesOf(w), "fraction")
	for _, c := range w {
		if own, has := number(c.keywords["multipleOf"]); has {
			fits = fits || divides(own)
		}
	}
	if values, listed := enumOf(w); listed {
		fits = fits || !slices.ContainsFunc(values, func(v any) bool {
			n, is := number(v)
			return is && !divides(n)
		})
	}
	if fits {
		return found
	}
	return append(found, j.finding(path, KindBounds, ruleJSONNumbers,
		fmt.Sprintf("%s may have numbers that are no multiples of %s", j.records(), factor.RatString()),
		j.remedy("keep multipleOf; a divisor of it is compatible", "write multiples while old programs run")))
}

func tightest(a, b *limit, lower bool) *limit {
	if a == nil || b != nil && b.tighter(*a, lower) {
		return b
	}
	return a
}

// listedBound returns the bound of the numbers that are listed.
func listedBound(w []conjunct, lower bool) (found *limit) {
	values, listed := enumOf(w)
	if !listed {
		return nil
	}
	for _, v := range values {
		if n, is := number(v); is && (found == nil || found.tighter(limit{at: n}, lower)) {
			found = &limit{at: n}
		}
	}
	return found
}

func (j *jsonReading) strings(w []conjunct, r conjunct, path string) (found []Finding) {
	shortest, longest, listed := 0, 0, false
	values, has := enumOf(w)
	if has {
		shortest, longest, listed = lengths(values)
	}
	lowest, highest := bound(w, "minLength", "", true), bound(w, "maxLength", "", false)
	if listed {
		lowest, highest = count(shortest), count(longest)
	}
	if lowest == nil {
		lowest = count(0)
	}
	only := []conjunct{r}
	found = append(found,
		j.bounds(lowest, bound(only, "minLength", "", true), true, "length", ruleJSONStrings, path)...)
	found = append(found,
		j.bounds(highest, bound(only, "maxLength", "", false), false, "length", ruleJSONStrings, path)...)
	pattern, is := r.keywords["pattern"].(string)
	if !is || slices.ContainsFunc(w, func(c conjunct) bool { return c.keywords["pattern"] == pattern }) {
		return found
	}
	if compiled, err := regexp.Compile(pattern); err == nil && listed &&
		!slices.ContainsFunc(values, func(v any) bool {
			text, is := v.(string)
			return is && !compiled.MatchString(text)
		}) {
		return found
	}
	return append(found, j.finding(path, KindPattern, ruleJSONStrings,
		fmt.Sprintf("%s may have texts that do not match %s", j.records(), strconv.Quote(pattern)),
		j.remedy("drop the pattern, or keep the old one: it is not known which of two takes more",
			"keep the pattern while old programs run")))
}

func count(n int) *limit { return &limit{at: big.NewRat(int64(n), 1)} }

func (j *jsonReading) arrays(w []conjunct, r conjunct, path string) (found []Finding) {
	only := []conjunct{r}
	lowest, highest := bound(w, "minItems", "", true), bound(w, "maxItems", "", false)
	if lowest == nil {
		lowest = count(0)
	}
	depth := 0 // of the items that have a schema of their own
	for _, c := range append(slices.Clone(w), r) {
		first, _ := tuple(c)
		depth = max(depth, len(first))
	}
	for end := range depth + 1 { // the items behind a closed tuple are none
		if len(typesOf(j.expand(j.w, item(w, end)...))) == 0 {
			highest = tightest(highest, count(end), false)
			break
		}
	}
	found = append(found,
		j.bounds(lowest, bound(only, "minItems", "", true), true, "number of items", ruleJSONArrays, path)...)
	found = append(found,
		j.bounds(highest, bound(only, "maxItems", "", false), false, "number of items", ruleJSONArrays,
			path)...)
	few := highest != nil && highest.at.Cmp(big.NewRat(1, 1)) <= 0
	unique := few || slices.ContainsFunc(w,
		func(c conjunct) bool { return c.keywords["uniqueItems"] == true })
	if r.keywords["uniqueItems"] == true && !unique {
		found = append(found, j.finding(path, KindBounds, ruleJSONArrays,
			fmt.Sprintf("%s may have the same item twice, %s takes each once", j.records(), j.program()),
			j.remedy("leave uniqueItems out", "write each item once while old programs run")))
	}
	room := func(at int) bool { return highest == nil || highest.at.Cmp(big.NewRat(int64(at), 1)) > 0 }
	for at := range depth {
		if room(at) {
			found = append(found, j.descend(item(w, at), item(only, at), fmt.Sprintf("%s[%d]", path, at))...)
		}
	}
	if room(depth) {
		found = append(found, j.descend(item(w, -1), item(only, -1), path+"[]")...)
	}
	return found
}
