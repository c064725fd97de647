package catalogue

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"refold/codecs"
	"refold/codecs/avrojson"
)

// describeJSON returns what is in a schema by the JSON of its records, the fields in the order of their
// names.
func describeJSON(s *codecs.Schema) []Record {
	var names []string
	var schemas []*avrojson.Schema // filled in when all are known: a type may hold itself
	root := s.DescribeJSON(func(name string, schema *avrojson.Schema) string {
		names, schemas = append(names, name), append(schemas, schema)
		return name
	})
	if len(names) == 0 {
		names, schemas = []string{s.Name}, []*avrojson.Schema{root}
	}
	records := make([]Record, len(names))
	for i, name := range names {
		records[i] = recordOfJSON(bare(name), keywordsOf(schemas[i]))
	}
	return records
}

// keywords are a JSON Schema; nil of one that is true or false.
type keywords map[string]any

func keywordsOf(s *avrojson.Schema) (k keywords) {
	text, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	if err != nil {
		return nil // it is described by its text
	}
	return k
}

func (k keywords) text(name string) string {
	text, _ := k[name].(string)
	return text
}

func (k keywords) within(name string) keywords {
	within, _ := k[name].(map[string]any)
	return within
}

func (k keywords) list(name string) (all []keywords) {
	items, _ := k[name].([]any)
	for _, item := range items {
		within, _ := item.(map[string]any)
		all = append(all, within)
	}
	return all
}

func (k keywords) texts(name string) (all []string) {
	items, _ := k[name].([]any)
	for _, item := range items {
		if text, is := item.(string); is {
			all = append(all, text)
		}
	}
	return all
}

func recordOfJSON(name string, k keywords) Record {
	r := Record{Name: name, Doc: k.text("description"), Kind: "record", Symbols: k.texts("enum")}
	if len(r.Symbols) > 0 {
		r.Kind = "enum"
	}
	required, properties := k.texts("required"), k.within("properties")
	for _, field := range slices.Sorted(maps.Keys(properties)) {
		property := properties.within(field)
		f := Field{Name: field, Doc: property.text("description"), Type: property.typeName()}
		if !slices.Contains(required, field) {
			f.Type += ", optional"
		}
		if value, has := property["default"]; has {
			if text, err := json.Marshal(value); err == nil {
				f.HasDefault, f.Default = true, string(text)
			}
		}
		r.Fields = append(r.Fields, f)
	}
	return r
}

// typeName names the type of JSON that a schema takes.
func (k keywords) typeName() string {
	branches := append(k.list("anyOf"), k.list("oneOf")...)
	switch {
	case k.text("$ref") != "":
		return bare(k.text("$ref"))
	case k["items"] != nil:
		return "list of " + k.within("items").typeName()
	case len(k.within("additionalProperties")) > 0:
		return "map of " + k.within("additionalProperties").typeName()
	case len(branches) > 0:
		var names []string
		for _, branch := range branches {
			names = once(names, branch.typeName())
		}
		return strings.Join(names, " or ")
	case len(k.texts("type")) > 0:
		return strings.Join(k.texts("type"), " or ")
	case k.text("type") != "" && k.text("format") != "":
		return k.text("type") + " (" + k.text("format") + ")"
	case k.text("type") != "":
		return k.text("type")
	}
	return "any"
}
