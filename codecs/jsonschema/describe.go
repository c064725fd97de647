package jsonschema

import (
	"strings"

	"refold/codecs/avrojson"
)

// unsaid are keywords that say where a schema is, not what it takes.
var unsaid = []string{"$schema", "$id", "$defs", "definitions", revisionKeyword, rulesKeyword}

// Describe returns the schema for a document of which it becomes a part, such as a description of an API. As
// in avrojson.Describe, named is called once for the schema, and once for each of its definitions that is
// used, before those in it; it returns the reference, and the schema is filled in later. A reference that is
// neither "#" nor to a definition allows anything.
func (s *Schema) Describe(
	named func(fullName string, schema *avrojson.Schema) (ref string),
) *avrojson.Schema {
	d := describer{root: s.root, title: s.Title, named: named, refs: map[string]string{}}
	return &avrojson.Schema{Ref: d.define("#")}
}

type describer struct {
	root  map[string]any
	title string
	named func(string, *avrojson.Schema) string
	refs  map[string]string // in the other document, by those in this one
}

// define returns the reference to the schema at "#" or at a definition; "" if it is none.
func (d *describer) define(ref string) string {
	if known, is := d.refs[ref]; is {
		return known
	}
	node, name := any(d.root), d.title
	if ref != "#" {
		place, defined, ok := strings.Cut(strings.TrimPrefix(ref, "#/"), "/")
		definitions, _ := d.root[place].(map[string]any)
		if node = definitions[defined]; node == nil || !ok || place != "$defs" && place != "definitions" {
			return ""
		}
		name += "." + defined
	}
	var schema avrojson.Schema
	d.refs[ref] = d.named(name, &schema)
	keywords, _ := copied(node, d.rewrite).(map[string]any)
	if keywords == nil {
		keywords = map[string]any{}
	}
	schema.Keywords = keywords
	return d.refs[ref]
}

// rewrite makes a schema one of the other document.
func (d *describer) rewrite(schema map[string]any) {
	for _, keyword := range unsaid {
		delete(schema, keyword)
	}
	ref, is := schema[refKeyword].(string)
	if !is {
		return
	}
	if there := d.define(ref); there != "" {
		schema[refKeyword] = there
		return
	}
	delete(schema, refKeyword)
}
