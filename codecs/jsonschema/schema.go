package jsonschema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"refold/codecs/jsonvalue"
)

// Use is what JSON is checked for.
type Use int

const (
	// Strict is the check of today's data by today's schema. Formats, such as date-time, must be right.
	Strict Use = iota
	// Written is the check of data by the schema that it was written with. Formats are checked as its draft
	// has it: up to draft 7 they are, in later ones they only describe.
	Written
	// Open is the check by today's schema of data of another version: it may have members that today's
	// schema does not know. They are ignored, as Avro and Protobuf ignore fields that the reader lacks.
	Open
)

// Schema is a JSON Schema of objects, parsed. It never changes and is safe for concurrent use.
type Schema struct {
	// Title is the name of the record: the keyword title.
	Title string
	// Revision is the keyword revision, which this project uses to tell versions of the same fields apart; 0
	// if there is none.
	Revision int64

	root     map[string]any
	others   map[string]any // parsed, by the names that the schema refers to them by
	written  *validator.Schema
	strict   func() (*validator.Schema, error)
	open     func() (*validator.Schema, error)
	stripped func() any // without annotations
}

// maxDepth limits how deeply a schema is nested.
const maxDepth = 200

// Parse parses a schema and the texts that it refers to, by the names in its references. Without $schema it
// is taken for draft 7, as Confluent's libraries do. Patterns are Go's regular expressions, which take linear
// time: a look-ahead is an error.
func Parse(text string, references map[string]string) (s *Schema, err error) {
	defer func() { // the text is foreign
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("panic while parsing it: %v", p)
		}
	}()
	s = &Schema{others: map[string]any{}}
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	var is bool
	if s.root, is = root.(map[string]any); !is {
		return nil, errors.New("it is not a JSON object")
	}
	for _, name := range slices.Sorted(maps.Keys(references)) {
		if s.others[name], err = parse(references[name]); err != nil {
			return nil, fmt.Errorf("the schema %s, which it refers to: %w", name, err)
		}
	}
	s.Title, _ = s.root["title"].(string)
	if n, is := s.root[revisionKeyword].(json.Number); is {
		s.Revision, _ = n.Int64()
	}
	if s.written, err = s.compile(s.root, false); err != nil {
		return nil, err
	}
	s.strict = sync.OnceValues(func() (*validator.Schema, error) { return s.compile(s.root, true) })
	s.open = sync.OnceValues(func() (*validator.Schema, error) { return s.compile(opened(s.root), true) })
	s.stripped = sync.OnceValue(func() any { return []any{stripped(s.root), s.others} })
	return s, nil
}

// parse parses JSON with numbers as they are written.
func parse(text string) (any, error) {
	checked, err := jsonvalue.Parse([]byte(text), len(text))
	if err == nil {
		err = checked.CheckDepth(maxDepth)
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what is wrong, and where
	}
	decoder := json.NewDecoder(bytes.NewReader(checked.Bytes()))
	decoder.UseNumber()
	var value any
	err = decoder.Decode(&value)
	return value, err //nolint:wrapcheck // it was checked
}

// baseURL is where the schema stands in the eyes of its relative references. Nothing is loaded from there.
const baseURL = "refold://schemas/"

func (s *Schema) compile(root map[string]any, formats bool) (*validator.Schema, error) {
	c := validator.NewCompiler()
	c.DefaultDraft(validator.Draft7)
	c.UseLoader(handedIn(s.others))
	if formats {
		c.AssertFormat()
	}
	const url = baseURL + "schema"
	if err := c.AddResource(url, root); err != nil {
		return nil, err //nolint:wrapcheck // Parse's caller does
	}
	return c.Compile(url) //nolint:wrapcheck // Parse's caller does
}

// handedIn are the schemas that a schema may refer to. It implements validator.URLLoader.
type handedIn map[string]any

// Load returns the schema of an absolute URL: of that name, or of one whose relative name it ends with.
func (h handedIn) Load(url string) (any, error) {
	if doc, has := h[url]; has {
		return doc, nil
	}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if strings.HasSuffix(url, "/"+strings.TrimPrefix(name, "./")) {
			return h[name], nil
		}
	}
	return nil, fmt.Errorf("it refers to %s, which is none of the references that are registered with it",
		strings.TrimPrefix(url, baseURL))
}

// Same reports whether two schemas take the same JSON, as far as their texts say: they differ at most in
// annotations, such as descriptions, and in the order of members.
func (s *Schema) Same(other *Schema) bool {
	return s == other || reflect.DeepEqual(s.stripped(), other.stripped())
}
