package compat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// The limits of JSON Schemas.
const (
	maxSchemaBytes = 1 << 20 // of a text with all that it refers to
	maxSchemaDepth = 100     // of nesting
	maxNumberBytes = 64
	maxExponent    = 400
)

// jsonRoot is the path of the whole.
const jsonRoot = "#"

// JSONSchemaText is a JSON Schema with those that it refers to. Make it with [ParseJSONSchema].
type JSONSchemaText struct {
	documents map[string]any // by name; "" is the schema itself
}

// ParseJSONSchema returns the schema that a text describes. Imports are the texts of others by the names that
// it has for them in $ref. The error says what is wrong with the text, or with which import.
func ParseJSONSchema(text string, imports map[string]string) (*JSONSchemaText, error) {
	total := len(text)
	s := &JSONSchemaText{documents: map[string]any{}}
	for name, imported := range imports {
		total += len(imported)
		if total > maxSchemaBytes {
			break
		}
		document, err := parseDocument(imported)
		if err != nil {
			return nil, fmt.Errorf("parse a JSON Schema: the reference %q: %w", name, err)
		}
		s.documents[name] = document
		if id := idOf(document); id != "" {
			s.documents[id] = document
		}
	}
	if total > maxSchemaBytes {
		return nil, fmt.Errorf("parse a JSON Schema: more than %d bytes with what it refers to",
			maxSchemaBytes)
	}
	document, err := parseDocument(text)
	if err != nil {
		return nil, fmt.Errorf("parse a JSON Schema: %w", err)
	}
	if id := idOf(document); id != "" {
		s.documents[id] = document
	}
	s.documents[""] = document
	return s, nil
}

func parseDocument(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var document any
	if err := d.Decode(&document); err != nil {
		return nil, err //nolint:wrapcheck // the caller says what was being done
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something behind the schema")
	}
	switch document.(type) {
	case bool, map[string]any:
		return document, checkDocument(document, 0)
	}
	return nil, errors.New("a schema is an object, true or false")
}

// checkDocument refuses what would make the comparison costly.
func checkDocument(v any, depth int) error {
	if depth > maxSchemaDepth {
		return fmt.Errorf("nested deeper than %d", maxSchemaDepth)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			if err := checkDocument(inner, depth+1); err != nil {
				return err
			}
		}
	case []any:
		for _, inner := range v {
			if err := checkDocument(inner, depth+1); err != nil {
				return err
			}
		}
	case json.Number:
		if _, ok := number(v); !ok {
			return fmt.Errorf("the number %.80s has too many digits", v)
		}
	}
	return nil
}

// number returns the exact value of a JSON number that is neither too long nor too large.
func number(v any) (*big.Rat, bool) {
	n, is := v.(json.Number)
	if !is || len(n) > maxNumberBytes {
		return nil, false
	}
	if e := strings.IndexAny(string(n), "eE"); e >= 0 {
		exponent, err := strconv.Atoi(string(n[e+1:]))
		if err != nil || exponent > maxExponent || exponent < -maxExponent {
			return nil, false
		}
	}
	return new(big.Rat).SetString(string(n))
}

func idOf(document any) string {
	object, _ := document.(map[string]any)
	id, _ := object["$id"].(string)
	return strings.TrimSuffix(id, "#")
}

// node is a schema within a document.
type node struct {
	schema any
	base   string // the name of the document
}

// resolve returns what a reference leads to.
func (s *JSONSchemaText) resolve(ref, base string) (node, bool) {
	name, fragment, _ := strings.Cut(ref, "#")
	if name == "" {
		name = base
	}
	document, has := s.documents[name]
	if !has {
		return node{}, false
	}
	if fragment == "" {
		return node{document, name}, true
	}
	if fragment[0] != '/' {
		return node{}, false // an anchor
	}
	at := document
	for token := range strings.SplitSeq(fragment[1:], "/") {
		token = strings.NewReplacer("~1", "/", "~0", "~", "%25", "%", "%20", " ").Replace(token)
		switch inner := at.(type) {
		case map[string]any:
			at, has = inner[token]
		case []any:
			i, err := strconv.Atoi(token)
			has = err == nil && i >= 0 && i < len(inner)
			if has {
				at = inner[i]
			}
		default:
			has = false
		}
		if !has {
			return node{}, false
		}
	}
	return node{at, name}, true
}

// followed returns nodes with those that are nothing but a reference replaced by what it leads to, so that a
// schema that holds itself is known again.
func (s *JSONSchemaText) followed(nodes []node) []node {
	const most = 16 // of references to references
	all := slices.Clone(nodes)
	for i := range all {
		for range most {
			object, _ := all[i].schema.(map[string]any)
			ref, refers := object["$ref"].(string)
			if !refers || len(object) > 1 && !s.legacy(all[i].base) {
				break
			}
			to, found := s.resolve(ref, all[i].base)
			if !found {
				break
			}
			all[i] = to
		}
	}
	return all
}

// legacy reports whether keywords beside $ref don't count, as up to draft 7.
func (s *JSONSchemaText) legacy(base string) bool {
	object, _ := s.documents[base].(map[string]any)
	draft, _ := object["$schema"].(string)
	return strings.Contains(draft, "draft-0")
}

// canonical returns JSON with sorted members and without spaces.
func canonical(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(plainNumbers(v)) // it was parsed
	return strings.TrimSpace(b.String())
}

// plainNumbers returns a value in which equal numbers are written alike.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, ok := number(v); ok {
			return json.RawMessage(strconv.Quote("number " + n.RatString()))
		}
	case string:
		return "text " + v
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = plainNumbers(v[i])
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(v))
		for name := range v {
			all[name] = plainNumbers(v[name])
		}
		return all
	}
	return v
}
