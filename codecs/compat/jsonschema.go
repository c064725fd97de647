package compat

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The rules for JSON Schema, as findings name them, with what Confluent's registry calls the difference.
const (
	validation = "JSON Schema 2020-12, Validation: "
	applicator = "JSON Schema 2020-12, Applying Subschemas: "

	ruleJSONTypes    = validation + "type (Confluent: TYPE_NARROWED, TYPE_CHANGED)"
	ruleJSONEnum     = validation + "enum, const (Confluent: ENUM_ARRAY_NARROWED, ENUM_ARRAY_CHANGED)"
	ruleJSONNumbers  = validation + "minimum, maximum, multipleOf (Confluent: MINIMUM_INCREASED, …)"
	ruleJSONStrings  = validation + "minLength, maxLength, pattern (Confluent: MAX_LENGTH_DECREASED, …)"
	ruleJSONArrays   = validation + "minItems, maxItems, uniqueItems (Confluent: MAX_ITEMS_DECREASED, …)"
	ruleJSONRequired = validation + "required (Confluent: REQUIRED_ATTRIBUTE_ADDED)"
	ruleJSONCounts   = validation + "minProperties, maxProperties (Confluent: MAX_PROPERTIES_DECREASED, …)"
	ruleJSONOpen     = applicator + "properties of an open content model " +
		"(Confluent: PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL)"
	ruleJSONClosed = applicator + "additionalProperties (Confluent: ADDITIONAL_PROPERTIES_REMOVED, " +
		"PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL)"
	ruleJSONItems = applicator +
		"items, prefixItems (Confluent: ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL, …)"
	ruleJSONCombined = applicator +
		"anyOf, oneOf, not (Confluent: SUM_TYPE_NARROWED, COMBINED_TYPE_SUBSCHEMAS_CHANGED)"
	ruleJSONKeyword = "JSON Schema 2020-12: a keyword that is not compared must stay as it is"
)

// CompareJSONSchemas returns all breaks between an older and a newer version of a JSON Schema, those of
// records that are written by the older one first. A reader's schema is compatible if every value that the
// writer's allows is valid by it. Where that can't be decided, there is a break: keywords such as if and
// unevaluatedProperties must stay as they are. Defaults fill nothing in, and format is an annotation.
func CompareJSONSchemas(older, newer *JSONSchemaText) []Finding {
	return append(ReadJSONSchema(older, newer, Backward), ReadJSONSchema(newer, older, Forward)...)
}

// ReadJSONSchema returns all breaks of a reader's schema that reads what a writer's schema allows.
func ReadJSONSchema(writer, reader *JSONSchemaText, d Direction) []Finding {
	j := &jsonReading{reading: reading{direction: d}, w: writer, r: reader, steps: maxJSONSteps}
	w := j.expand(writer, node{schema: writer.documents[""]})
	r := j.expand(reader, node{schema: reader.documents[""]})
	found := j.compare(w, r, jsonRoot)
	if j.steps <= 0 {
		f := j.finding(jsonRoot, KindKeyword, ruleJSONKeyword, "the schemas are too complex to be compared",
			"fewer unions within unions")
		found = append(found, f)
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(found, func(f Finding) bool {
		again := seen[f.String()]
		seen[f.String()] = true
		return again
	})
}

// maxJSONSteps limits the work on a pair of schemas: unions within unions are tried against each other.
const maxJSONSteps = 20_000

// jsonReading compares what one schema allows with what another one takes.
type jsonReading struct {
	reading
	w, r  *JSONSchemaText
	steps int      // that are left
	above []string // pairs that are being compared: schemas that hold themselves
	same  *bool    // whether all that is referred to is the same in both; nil if not known yet
}

func (j *jsonReading) finding(path string, kind Kind, rule, reason, remedy string) Finding {
	return Finding{
		Path: path, Direction: j.direction, Kind: kind, Rule: rule, Reason: reason, Remedy: remedy,
	}
}

// descend compares the schemas of a part of the value. A pair that is being compared already is taken to be
// compatible: if it is not, that is found above.
func (j *jsonReading) descend(w, r []node, path string) []Finding {
	if len(r) == 0 {
		return nil
	}
	w, r = j.w.followed(w), j.r.followed(r)
	key := identity(w) + "|" + identity(r)
	if slices.Contains(j.above, key) {
		return nil
	}
	j.above = append(j.above, key)
	defer func() { j.above = j.above[:len(j.above)-1] }()
	return j.compare(j.expand(j.w, w...), j.expand(j.r, r...), path)
}

// identity names nodes by where they are in memory.
func identity(nodes []node) string {
	var b strings.Builder
	for _, n := range nodes {
		if object, is := n.schema.(map[string]any); is {
			fmt.Fprintf(&b, "%x,", address(object))
		} else {
			fmt.Fprintf(&b, "%v,", n.schema)
		}
	}
	return b.String()
}

// compare returns the breaks of values that fit all of w and need not fit all of r.
func (j *jsonReading) compare(w, r []conjunct, path string) []Finding {
	j.steps--
	if j.steps <= 0 || len(typesOf(w)) == 0 {
		return nil
	}
	var found []Finding
	for _, c := range r {
		if !j.has(w, c) {
			found = append(found, j.conjunct(w, c, path)...)
		}
	}
	if len(found) == 0 {
		return nil
	}
	for i, c := range w {
		for _, union := range []string{"anyOf", "oneOf"} {
			if branches, is := c.keywords[union].([]any); is {
				return j.branches(slices.Delete(slices.Clone(w), i, i+1), c, union, branches, r, path)
			}
		}
	}
	return found
}

// branches compares each branch of a writer's union.
func (j *jsonReading) branches(
	others []conjunct, c conjunct, union string, branches []any, r []conjunct, path string,
) (found []Finding) {
	rest := maps.Clone(c.keywords)
	delete(rest, union)
	for i, branch := range branches {
		one := conjunct{keywords: rest, base: c.base, apart: slices.Clone(c.apart)}
		for k, other := range branches {
			if union == "oneOf" && k != i {
				one.apart = append(one.apart, node{other, c.base})
			}
		}
		w := append(slices.Clone(others), one)
		w = append(w, j.expand(j.w, node{branch, c.base})...)
		found = append(found, j.compare(w, r, path)...)
	}
	return found
}

// has reports whether the writer's has the same conjunct, whatever it means.
func (j *jsonReading) has(w []conjunct, c conjunct) bool {
	text := j.canonical(c.keywords)
	return slices.ContainsFunc(w, func(other conjunct) bool {
		return other.unknown == c.unknown && other.never == c.never && len(c.apart)+len(other.apart) == 0 &&
			j.canonical(other.keywords) == text && j.sameReferences(text)
	})
}

// sameReferences reports whether the references in a text mean the same in both schemas.
func (j *jsonReading) sameReferences(text string) bool {
	if !strings.Contains(text, `"$ref"`) && !strings.Contains(text, `"$dynamicRef"`) &&
		!strings.Contains(text, `"$recursiveRef"`) {
		return true
	}
	if j.same == nil {
		same := j.canonical(plain(j.w.documents)) == j.canonical(plain(j.r.documents))
		j.same = &same
	}
	return *j.same
}

// canonical is canonical, at a cost.
func (j *jsonReading) canonical(v any) string {
	const bytesPerStep = 64
	text := canonical(v)
	j.steps -= len(text) / bytesPerStep
	return text
}

func plain(documents map[string]any) any {
	all := make(map[string]any, len(documents))
	maps.Copy(all, documents)
	return all
}

// conjunct compares with one of the reader's schemas.
func (j *jsonReading) conjunct(w []conjunct, r conjunct, path string) (found []Finding) {
	switch {
	case r.never:
		return []Finding{j.finding(path, KindContent, ruleJSONClosed,
			fmt.Sprintf("%s may have it, %s does not allow it", j.records(), j.program()),
			j.remedy("keep it, or allow it by additionalProperties",
				"allow what new programs will add before they do, by additionalProperties"))}
	case r.unknown != "":
		return []Finding{j.finding(path, KindKeyword, ruleJSONKeyword,
			fmt.Sprintf("the reference %.80s is not known", r.unknown), "register what it refers to")}
	}
	types := typesOf(w)
	if lacking := j.types(types, r); lacking != nil {
		return []Finding{j.finding(path, KindType, ruleJSONTypes,
			fmt.Sprintf("%s may have %s, %s takes %s", j.records(), typeList(lacking), j.program(),
				typeList(declaredTypes(r.keywords))),
			j.remedy("keep the type among others, as in \"type\": [\"string\", \"integer\"]; or an upcaster",
				"write no other type while old programs run; or add a property"))}
	}
	found = append(found, j.values(w, r, path)...)
	if len(found) > 0 {
		return found
	}
	if slices.Contains(types, "integer") || slices.Contains(types, "fraction") {
		found = append(found, j.numbers(w, r, path)...)
	}
	if slices.Contains(types, "string") {
		found = append(found, j.strings(w, r, path)...)
	}
	if slices.Contains(types, "array") {
		found = append(found, j.arrays(w, r, path)...)
	}
	if slices.Contains(types, "object") {
		found = append(found, j.objects(w, r, path)...)
	}
	found = append(found, j.unions(w, r, path)...)
	return append(found, j.others(w, r, path)...)
}

// types returns the types that the reader's schema lacks.
func (j *jsonReading) types(types []string, r conjunct) (lacking []string) {
	allowed := declaredTypes(r.keywords)
	if allowed == nil {
		return nil
	}
	for _, t := range types {
		if !slices.Contains(allowed, t) {
			lacking = append(lacking, t)
		}
	}
	return lacking
}

func typeList(types []string) string {
	names := []string{}
	for _, t := range types {
		switch {
		case t == "fraction":
			t = "number"
		case t == "integer" && slices.Contains(types, "fraction"), t == "number":
			continue
		}
		names = append(names, t)
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// values compares the values that are listed.
func (j *jsonReading) values(w []conjunct, r conjunct, path string) []Finding {
	allowed, limited := enumOf([]conjunct{r})
	if !limited {
		return nil
	}
	known := canonicals(allowed)
	own, listed := enumOf(w)
	if !listed {
		own, listed = fewValues(typesOf(w))
	}
	var lacking []string
	for _, v := range own {
		if !known[canonical(v)] && slices.Contains(typesOf(w), typeOfValue(v)) {
			lacking = append(lacking, shownValue(v))
		}
	}
	reason := fmt.Sprintf("%s may have %s, which %s does not list", j.records(),
		strings.Join(lacking, ", "), j.program())
	switch {
	case !listed:
		reason = fmt.Sprintf("%s may have any value, %s lists %d", j.records(), j.program(), len(allowed))
	case len(lacking) == 0:
		return nil
	}
	return []Finding{j.finding(path, KindSymbol, ruleJSONEnum, reason,
		j.remedy("keep the values in the list; no record needs to have them",
			"write new values when no older program runs; or leave the list open from the beginning"))}
}

// fewValues returns all values of types that have few.
func fewValues(types []string) (values []any, all bool) {
	for _, t := range types {
		switch t {
		case "null":
			values = append(values, nil)
		case "boolean":
			values = append(values, true, false)
		default:
			return nil, false
		}
	}
	return values, true
}

func shownValue(v any) string {
	if text, is := v.(string); is {
		return fmt.Sprintf("%.60q", text)
	}
	return fmt.Sprintf("%.60v", v)
}
