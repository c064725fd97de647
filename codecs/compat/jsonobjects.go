package compat

import (
	"fmt"
	"slices"
	"strings"
)

func (j *jsonReading) objects(w []conjunct, r conjunct, path string) (found []Finding) {
	only := []conjunct{r}
	has := required(w)
	for _, name := range sorted(required(only)) {
		if !has[name] {
			found = append(found, j.missing(member(only, name, true), name, path))
		}
	}
	names := members(w, only)
	for _, name := range names {
		found = append(found, j.property(w, only, name, path)...)
	}
	found = append(found, j.patterns(w, r, path)...)
	if schema, limited := r.keywords["additionalProperties"]; limited {
		found = append(found, j.rest(w, node{schema, r.base}, path)...)
	}
	return append(found, j.counts(w, r, path)...)
}

func (j *jsonReading) missing(nodes []node, name, path string) Finding {
	reason := fmt.Sprintf("%s need not have %s, which %s requires", j.records(), name, j.program())
	if slices.ContainsFunc(nodes, func(n node) bool {
		object, _ := n.schema.(map[string]any)
		_, has := object["default"]
		return has
	}) {
		reason += ": a default fills nothing in"
	}
	return j.finding(path+"."+name, KindRequired, ruleJSONRequired, reason,
		j.remedy("leave it optional", "leave it required: old programs refuse records without it"))
}

// property compares the schemas of a name that at least one of the two has a schema for.
func (j *jsonReading) property(w, r []conjunct, name, path string) []Finding {
	wrote, read := member(w, name, false), member(r, name, true)
	found := j.descend(wrote, read, path+"."+name)
	if len(wrote) > 0 || len(found) == 0 {
		return found
	}
	// The writer allows anything under this name, and does not know it.
	return []Finding{j.finding(path+"."+name, KindProperty, ruleJSONOpen,
		fmt.Sprintf(
			"%s may have anything as %s, since their schema is open and does not name it; %s takes less",
			j.records(), name, j.program()),
		j.remedy("give the name a schema before it is used, or close the older version by "+
			"\"additionalProperties\": false; the schema {} is compatible",
			"keep the property's schema; an open schema lets records have anything under its name"))}
}

// patterns compares the schemas of names that match a pattern.
func (j *jsonReading) patterns(w []conjunct, r conjunct, path string) (found []Finding) {
	own := patternsOf(w)
	theirs := patternsOf([]conjunct{r})
	for _, pattern := range sorted(theirs) {
		if wrote, same := own[pattern]; same {
			found = append(found, j.descend(wrote, theirs[pattern], path+"{"+pattern+"}")...)
			continue
		}
		found = append(found, j.descend(additional(w), theirs[pattern], path+"{"+pattern+"}")...)
		for _, other := range sorted(own) {
			found = append(found, j.descend(own[other], theirs[pattern], path+"{"+pattern+"}")...)
		}
	}
	schema, limited := r.keywords["additionalProperties"]
	for _, pattern := range sorted(own) {
		if _, same := theirs[pattern]; !same && limited {
			found = append(found, j.descend(own[pattern], []node{{schema, r.base}}, path+"{"+pattern+"}")...)
		}
		for _, other := range sorted(theirs) {
			if _, same := theirs[pattern]; same && other != pattern {
				found = append(found, j.descend(own[pattern], theirs[other], path+"{"+pattern+"}")...)
			}
		}
	}
	return found
}

func patternsOf(all []conjunct) map[string][]node {
	found := map[string][]node{}
	for _, c := range all {
		patterns, _ := c.keywords["patternProperties"].(map[string]any)
		for pattern, schema := range patterns {
			found[pattern] = append(found[pattern], node{schema, c.base})
		}
	}
	return found
}

// rest compares the schemas of all other names.
func (j *jsonReading) rest(w []conjunct, r node, path string) []Finding {
	wrote := additional(w)
	found := j.descend(wrote, []node{r}, path+"{}")
	if len(found) == 0 || len(wrote) > 0 && r.schema != false {
		return found
	}
	what := "only some"
	if r.schema == false {
		what = "none"
	}
	return []Finding{j.finding(path, KindContent, ruleJSONClosed,
		fmt.Sprintf("%s may have properties beside those that are named, %s takes %s",
			j.records(), j.program(), what),
		j.remedy("leave additionalProperties as it was",
			"leave additionalProperties as it was: old programs refuse what they do not know"))}
}

func (j *jsonReading) counts(w []conjunct, r conjunct, path string) (found []Finding) {
	only := []conjunct{r}
	lowest := tightest(bound(w, "minProperties", "", true), count(len(required(w))), true)
	highest := bound(w, "maxProperties", "", false)
	closed := slices.ContainsFunc(additional(w), func(n node) bool { return n.schema == false })
	if closed && len(patternsOf(w)) == 0 {
		highest = tightest(highest, count(len(members(w))), false)
	}
	const what = "number of properties"
	found = append(found,
		j.bounds(lowest, bound(only, "minProperties", "", true), true, what, ruleJSONCounts, path)...)
	found = append(found,
		j.bounds(highest, bound(only, "maxProperties", "", false), false, what, ruleJSONCounts, path)...)
	schema, named := r.keywords["propertyNames"]
	if !named {
		return found
	}
	own := []node{{map[string]any{"type": "string"}, ""}}
	for _, c := range w {
		if schema, has := c.keywords["propertyNames"]; has {
			own = append(own, node{schema, c.base})
		}
	}
	if closed && len(patternsOf(w)) == 0 {
		var names []any
		for _, name := range members(w) {
			names = append(names, name)
		}
		own = append(own, node{map[string]any{"enum": names}, ""})
	}
	return append(found, j.descend(own, []node{{schema, r.base}}, path+"{name}")...)
}

// known are keywords that must stay as they are. All others are compared one by one, or are annotations.
var known = strings.Fields(`if then else contains minContains maxContains dependentRequired dependentSchemas
	dependencies unevaluatedProperties unevaluatedItems $dynamicRef $recursiveRef`)

// others looks at the keywords that are not compared.
func (j *jsonReading) others(w []conjunct, r conjunct, path string) (found []Finding) {
	for _, keyword := range known {
		value, has := r.keywords[keyword]
		if !has {
			continue
		}
		related := map[string]any{keyword: value}
		for _, group := range [][]string{{"if", "then", "else"}, {"contains", "minContains", "maxContains"}} {
			for _, other := range group {
				if v, has := r.keywords[other]; has && slices.Contains(group, keyword) {
					related[other] = v
				}
			}
		}
		if !strings.HasPrefix(keyword, "unevaluated") && j.related(w, related) {
			continue
		}
		found = append(found, j.finding(path, KindKeyword, ruleJSONKeyword,
			fmt.Sprintf("%s need not fit the reader's %q, which is not compared with what they fit",
				j.records(), keyword), "keep the schema around it as it is"))
	}
	return found
}

// related reports whether one of the writer's schemas has the same keywords.
func (j *jsonReading) related(w []conjunct, keywords map[string]any) bool {
	text := canonical(keywords)
	return slices.ContainsFunc(w, func(c conjunct) bool {
		own := map[string]any{}
		for name := range keywords {
			if v, has := c.keywords[name]; has {
				own[name] = v
			}
		}
		return canonical(own) == text && j.sameReferences(text)
	})
}
