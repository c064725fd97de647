package compat

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxDiffSteps limits the schemas that are looked at for differences.
const maxDiffSteps = 5 * maxJSONSteps

// DiffJSONSchemas returns the differences between two versions of a JSON Schema, in the order of the names of
// properties. References are followed. A schema that several properties refer to is compared at the first of
// them.
func DiffJSONSchemas(older, newer *JSONSchemaText) []Change {
	d := &jsonDiffer{
		reading: &jsonReading{w: older, r: newer, steps: maxDiffSteps}, seen: map[string]bool{},
	}
	d.schemas([]node{{schema: older.documents[""]}}, []node{{schema: newer.documents[""]}}, jsonRoot)
	found := CompareJSONSchemas(older, newer)
	for _, f := range found {
		d.judge(f)
	}
	for _, f := range found {
		d.other(f)
	}
	if d.reading.steps <= 0 { // no verdict is known of what was not looked at
		d.changes = append(d.changes, Change{
			Path: jsonRoot, What: "type", Is: "too complex, more changes are not shown",
		})
	}
	return d.changes
}

type jsonDiffer struct {
	noted
	reading *jsonReading // from the older to the newer
	seen    map[string]bool
}

// annotations are what nothing depends on.
var annotations = map[string]bool{
	"doc": true, "title": true, "default": true, "examples": true, "format": true,
	"deprecated": true, "readOnly": true, "writeOnly": true,
}

// judge marks the changes that a finding is about: those at its place and, if it says that nothing within is
// read, or if nothing else has changed, those within.
func (d *jsonDiffer) judge(f Finding) {
	mark := func(about func(c *Change) bool) (found bool) {
		for i := range d.changes {
			c := &d.changes[i]
			if annotations[c.What] || !about(c) {
				continue
			}
			found = true
			c.Backward = c.Backward && f.Direction != Backward
			c.Forward = c.Forward && f.Direction != Forward
		}
		return found
	}
	within := func(c *Change) bool { return isWithin(c.Path, f.Path) }
	hides := f.Kind == KindType || f.Kind == KindSymbol || f.Kind == KindCombined || f.Kind == KindKeyword
	if !mark(func(c *Change) bool {
		return c.Path == f.Path || c.whole && isWithin(f.Path, c.Path) || hides && within(c)
	}) {
		mark(within)
	}
}

// other notes a break that no change explains: of a keyword that must stay as it is, and has, beside others
// that have not. One for each direction is enough.
func (d *jsonDiffer) other(f Finding) {
	backward, forward := f.Direction != Backward, f.Direction != Forward
	if !slices.ContainsFunc(d.changes, func(c Change) bool {
		return !c.Backward && !backward || !c.Forward && !forward
	}) {
		d.changes = append(d.changes, Change{
			Path: f.Path, What: "other", Is: f.Reason, Backward: backward, Forward: forward,
		})
	}
}

func isWithin(path, of string) bool {
	rest, is := strings.CutPrefix(path, of)
	return is && (rest == "" || strings.IndexByte(".[{", rest[0]) >= 0)
}

// whole notes a change of all that is at a place.
func (d *jsonDiffer) whole(what, was, is, path string) {
	if before := len(d.changes); was != is {
		d.note(what, was, is, path, path)
		d.changes[before].whole = true
	}
}

func (d *jsonDiffer) schemas(was, is []node, path string) {
	if d.reading.steps <= 0 {
		return
	}
	was, is = d.reading.w.followed(was), d.reading.r.followed(is)
	before, after := d.reading.expand(d.reading.w, was...), d.reading.expand(d.reading.r, is...)
	types, others := typesOf(before), typesOf(after)
	same := slices.Equal(types, others)
	if !overlap(types, others) || !same && (len(before) == 0 || len(after) == 0) {
		d.whole("type", typeText(types), typeText(others), path)
		return
	}
	d.note("type", typeText(types), typeText(others), path, path)
	key := identity(was) + "|" + identity(is)
	if d.seen[key] {
		return
	}
	d.seen[key] = true
	d.keywords(before, after, path)
	d.objects(before, after, path)
	d.arrays(before, after, path)
	for _, union := range []string{"anyOf", "oneOf"} {
		d.branches(branchesOf(before, union), branchesOf(after, union), union, path)
	}
}

func typeText(types []string) string {
	if len(types) == len(jsonTypes) {
		return "any"
	}
	return typeList(types)
}

// structural are the keywords that are compared by what they mean, and those that say nothing about values.
var structural = []string{
	"type", "enum", "const", "properties", "patternProperties", "additionalProperties", "required", "items",
	"prefixItems", "additionalItems", "allOf", "anyOf", "oneOf", "$ref", "$defs", "definitions", "$schema",
	"$id", "id", "$anchor", "$comment", "rules", // of package rules, and not about what is valid
}

// keywords compares the keywords that are texts, numbers or the like: bounds and annotations.
func (d *jsonDiffer) keywords(was, is []conjunct, path string) {
	before, after := valuesOf(was), valuesOf(is)
	if own, listed := enumOf(was); listed {
		before["enum"] = own
	}
	if own, listed := enumOf(is); listed {
		after["enum"] = own
	}
	both := maps.Clone(before)
	maps.Copy(both, after)
	for _, keyword := range sorted(both) {
		what, at := keyword, path
		switch keyword {
		case "description":
			what = "doc"
		case "propertyNames":
			at += "{name}"
		}
		if canonical(before[keyword]) != canonical(after[keyword]) {
			d.changes = append(d.changes, Change{
				Path: at, What: what, Was: shownValues(before[keyword]), Is: shownValues(after[keyword]),
				Backward: true, Forward: true, whole: keyword == "propertyNames",
			})
		}
	}
}

// valuesOf returns the values of keywords, several if several schemas have the keyword.
func valuesOf(all []conjunct) map[string][]any {
	values := map[string][]any{}
	for _, c := range all {
		if c.unknown != "" {
			values["$ref"] = append(values["$ref"], c.unknown)
		}
		for keyword, v := range c.keywords {
			if !slices.Contains(structural, keyword) {
				values[keyword] = append(values[keyword], v)
			}
		}
	}
	return values
}

func shownValues(values []any) string {
	const most = 300 // bytes
	texts := make([]string, len(values))
	for i, v := range values {
		text, is := v.(string)
		if !is {
			encoded, _ := json.Marshal(v) // it was parsed
			text = string(encoded)
		}
		texts[i] = text
	}
	text := strings.Join(texts, ", ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

func (d *jsonDiffer) objects(was, is []conjunct, path string) {
	before, after := ownMembers(was), ownMembers(is)
	needed, needs := required(was), required(is)
	both := maps.Clone(before)
	maps.Copy(both, after)
	maps.Copy(both, needed)
	maps.Copy(both, needs)
	for _, name := range sorted(both) {
		at := path + "." + name
		old, now := member(was, name, false), member(is, name, false)
		switch {
		case before[name] && !after[name]:
			d.whole("field-removed", d.described(d.reading.w, old, needed[name]), "", at)
		case after[name] && !before[name]:
			d.whole("field-added", "", d.described(d.reading.r, now, needs[name]), at)
		default:
			d.note("required", fmt.Sprint(needed[name]), fmt.Sprint(needs[name]), at, at)
			d.schemas(old, now, at)
		}
	}
	d.patterns(patternsOf(was), patternsOf(is), path)
	old, now := additional(was), additional(is)
	d.note("additionalProperties", content(old), content(now), path, path)
	if content(old) != "closed" && content(now) != "closed" {
		d.schemas(old, now, path+"{}")
	}
}

func ownMembers(all []conjunct) map[string]bool {
	names := map[string]bool{}
	for _, name := range members(all) {
		names[name] = true
	}
	return names
}

func (d *jsonDiffer) described(of *JSONSchemaText, nodes []node, needed bool) string {
	text := typeText(typesOf(d.reading.expand(of, nodes...)))
	if needed {
		text += ", required"
	}
	return text
}

func (d *jsonDiffer) patterns(was, is map[string][]node, path string) {
	both := maps.Clone(was)
	maps.Copy(both, is)
	for _, pattern := range sorted(both) {
		at := path + "{" + pattern + "}"
		old, now := was[pattern], is[pattern]
		switch {
		case len(now) == 0:
			d.whole("field-removed", d.described(d.reading.w, old, false), "", at)
		case len(old) == 0:
			d.whole("field-added", "", d.described(d.reading.r, now, false), at)
		default:
			d.schemas(old, now, at)
		}
	}
}

// content says what an object may have beside the properties with names.
func content(additional []node) string {
	text := "open"
	for _, n := range additional {
		switch n.schema {
		case false:
			return "closed"
		case true:
		default:
			text = "by a schema"
		}
	}
	return text
}

func (d *jsonDiffer) arrays(was, is []conjunct, path string) {
	depth := 0
	for _, c := range slices.Concat(was, is) {
		first, _ := tuple(c)
		depth = max(depth, len(first))
	}
	for at := range depth {
		d.schemas(item(was, at), item(is, at), fmt.Sprintf("%s[%d]", path, at))
	}
	d.schemas(item(was, -1), item(is, -1), path+"[]")
}

// unionBranch is one of the schemas of a union.
type unionBranch struct {
	node
	name string
}

func branchesOf(all []conjunct, union string) (branches []unionBranch) {
	for _, c := range all {
		list, _ := c.keywords[union].([]any)
		for _, schema := range list {
			branches = append(branches, unionBranch{node{schema, c.base}, branchName(schema)})
		}
	}
	return branches
}

// branchName returns the title of a branch, or else what it refers to, or its type.
func branchName(schema any) string {
	object, _ := schema.(map[string]any)
	if title, is := object["title"].(string); is {
		return title
	}
	if ref, is := object["$ref"].(string); is {
		return ref[strings.LastIndexByte(ref, '/')+1:]
	}
	if types := declaredTypes(object); len(types) > 0 {
		return typeList(types)
	}
	return shownValues([]any{schema})
}

// branches compares the branches of a union that have the same name.
func (d *jsonDiffer) branches(was, is []unionBranch, union, path string) {
	d.whole(union, branchNames(was), branchNames(is), path)
	for _, now := range is {
		at := slices.IndexFunc(was, func(b unionBranch) bool { return b.name == now.name })
		if at < 0 {
			continue
		}
		d.schemas([]node{was[at].node}, []node{now.node}, path)
		was = slices.Delete(slices.Clone(was), at, at+1)
	}
}

func branchNames(all []unionBranch) string {
	names := make([]string, len(all))
	for i, b := range all {
		names[i] = b.name
	}
	return strings.Join(names, ", ")
}
