package catalogue

import (
	"encoding/json"
	"fmt"
	"strings"

	"refold/codecs"
	"refold/codecs/avrojson"
	"refold/codecs/avrotype"
)

// Schema is a schema as people read it.
type Schema struct {
	// Format names the language of Text, such as "Avro".
	Format string
	// MediaType is that of Text, by the name that AsyncAPI has for it; ContentType that of the records.
	MediaType, ContentType string
	Text                   string
	// Records are the record and what is in it, each named type once, in the order in which they are used. It
	// is empty if only the text is known.
	Records []Record
}

// Record is a named type: a record, an enum, or a fixed type.
type Record struct {
	Name, Doc string
	Kind      string // "record", "enum" or "fixed"
	Fields    []Field
	Symbols   []string
	// Default is the symbol of an enum that stands for unknown ones; empty if there is none.
	Default string
	Size    int // of a fixed type, in bytes
}

// Field is a field of a record.
type Field struct {
	Name, Doc string
	// Type names the type as people do: "list of Line", "string, optional".
	Type string
	// Logical is the logical type, and Unit what its values count.
	Logical, Unit string
	HasDefault    bool
	// Default is JSON.
	Default string
	Aliases []string
}

// formats are what people call the formats, and the media types of their schemas, as AsyncAPI has them, and
// of records.
var formats = map[codecs.Format][3]string{
	codecs.Avro:       {"Avro", "application/vnd.apache.avro+json;version=1.9.0", "application/avro"},
	codecs.JSONSchema: {"JSON Schema", "application/schema+json;version=draft-07", "application/json"},
	codecs.Protobuf:   {"Protobuf", "application/vnd.google.protobuf;version=3", "application/protobuf"},
}

// describe returns a schema as people read it. This is the one place that knows of formats: Avro's types say
// more than the JSON of the records, of others that JSON is described.
func describe(s *codecs.Schema) Schema {
	names := formats[s.Format]
	out := Schema{Format: names[0], MediaType: names[1], ContentType: names[2], Text: s.Text}
	if root := s.Type(); root != nil {
		d := describer{known: map[*avrotype.Type]bool{}}
		d.add(root)
		out.Records = d.records
	} else {
		out.Records = describeJSON(s)
	}
	return out
}

type describer struct {
	known   map[*avrotype.Type]bool
	records []Record
}

// add adds a named type, and then what is in it.
func (d *describer) add(t *avrotype.Type) {
	if d.known[t] {
		return
	}
	d.known[t] = true
	r := Record{
		Name: bare(t.Name), Doc: t.Doc, Kind: t.Kind, Symbols: t.Symbols, Default: t.Default, Size: t.Size,
	}
	var within []*avrotype.Type
	for i := range t.Fields {
		f := &t.Fields[i]
		field := Field{
			Name: f.Name, Doc: f.Doc, HasDefault: f.HasDefault, Default: defaultText(f), Aliases: f.Aliases,
		}
		field.Type = typeName(f.Type, &within)
		if logical := logicalOf(f.Type); logical != nil {
			field.Logical, field.Unit = logical.Logical, avrojson.Unit(logical.Logical)
		}
		r.Fields = append(r.Fields, field)
	}
	d.records = append(d.records, r)
	for _, t := range within {
		d.add(t)
	}
}

// typeName names a type, and collects the named types that are in it.
func typeName(t *avrotype.Type, named *[]*avrotype.Type) string {
	switch {
	case t.Name != "":
		*named = append(*named, t)
		return bare(t.Name)
	case t.Kind == avrotype.Array:
		return "list of " + typeName(t.Items, named)
	case t.Kind == avrotype.Map:
		return "map of " + typeName(t.Items, named)
	case t.Kind == avrotype.Union:
		return unionName(t, named)
	case t.Logical == "decimal":
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case t.Logical != "":
		return t.Logical
	}
	return t.Kind
}

func unionName(t *avrotype.Type, named *[]*avrotype.Type) string {
	var names []string
	optional := ""
	for _, branch := range t.Branches {
		if branch.Kind == avrotype.Null {
			optional = ", optional"
			continue
		}
		names = append(names, typeName(branch, named))
	}
	return strings.Join(names, " or ") + optional
}

// logicalOf returns the part of a type that has a logical type; nil if there is none.
func logicalOf(t *avrotype.Type) *avrotype.Type {
	switch {
	case t.Logical != "":
		return t
	case t.Name != "":
		return nil
	case t.Items != nil:
		return logicalOf(t.Items)
	}
	for _, branch := range t.Branches {
		if logical := logicalOf(branch); logical != nil {
			return logical
		}
	}
	return nil
}

// defaultText returns a field's default as JSON; empty if it has none.
func defaultText(f *avrotype.Field) string {
	switch {
	case f.DefaultCut:
		return "(large)"
	case !f.HasDefault:
		return ""
	}
	text, err := json.Marshal(plain(f.Type, f.Default))
	if err != nil {
		return fmt.Sprint(f.Default)
	}
	return string(text)
}

// plain returns a value in goavro's form without the names of branches.
func plain(t *avrotype.Type, v any) any {
	switch v := v.(type) {
	case []byte:
		return latin1(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(t.Items, v[i])
		}
		return out
	case map[string]any:
		return plainMap(t, v)
	}
	return v
}

func plainMap(t *avrotype.Type, values map[string]any) any {
	if t.Kind == avrotype.Union {
		for _, branch := range t.Branches {
			for key, value := range values {
				if key == branch.Name || key == branch.Kind {
					return plain(branch, value)
				}
			}
		}
	}
	out := make(map[string]any, len(values))
	for key, value := range values {
		of := t.Items
		if i, is := t.Field(key); is {
			of = t.Fields[i].Type
		}
		out[key] = plain(of, value)
	}
	return out
}

// latin1 returns bytes as the API shows them: each is the character of its number.
func latin1(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

func bare(full string) string { return full[strings.LastIndexByte(full, '.')+1:] }
