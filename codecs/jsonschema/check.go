package jsonschema

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"refold/codecs/avrojson"
	"refold/codecs/excerpt"
)

// Check returns everything by which JSON does not fit the schema, up to a hundred mistakes, in the order of
// their paths.
func (s *Schema) Check(i Instance, use Use) []avrojson.Mistake {
	var err error
	compiled := s.written
	switch use {
	case Strict:
		compiled, err = s.strict()
	case Open:
		compiled, err = s.open()
	case Written:
	}
	if err == nil {
		err = compiled.Validate(i.value)
	}
	if err == nil {
		return nil
	}
	wrong, is := errors.AsType[*validator.ValidationError](err)
	if !is {
		return []avrojson.Mistake{{Found: err.Error(), Allowed: "a schema that can be used"}}
	}
	l := lister{value: i.value}
	l.add(wrong)
	slices.SortStableFunc(l.mistakes, func(a, b avrojson.Mistake) int { return cmp.Compare(a.Path, b.Path) })
	return slices.Compact(l.mistakes)
}

type lister struct {
	value    any
	mistakes []avrojson.Mistake
}

func (l *lister) wrong(path, found, allowed string) {
	if len(l.mistakes) < maxMistakes {
		l.mistakes = append(l.mistakes, avrojson.Mistake{Path: path, Found: found, Allowed: allowed})
	}
}

// add adds what a validation error and its causes say. Where one of several schemas must fit, that is one
// mistake: which of them was meant is not known.
func (l *lister) add(e *validator.ValidationError) {
	path, value := l.at(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		if branches := alternatives(e); branches != "" {
			l.wrong(path, found(value), branches)
			return
		}
		l.wrong(path, found(value), sentence(k))
		return
	case *kind.Required:
		for _, name := range k.Missing {
			l.wrong(member(path, name), "nothing", "a value: it is required")
		}
		return
	case *kind.AdditionalProperties:
		object, _ := value.(map[string]any)
		for _, name := range k.Properties {
			l.wrong(member(path, name), found(object[name]), "no member of that name")
		}
		return
	}
	if len(e.Causes) == 0 {
		l.wrong(path, found(value), allowed(e.ErrorKind))
		return
	}
	for _, cause := range e.Causes {
		l.add(cause)
	}
}

// alternatives joins what the branches of a choice say about the value itself; "" if they say nothing.
func alternatives(e *validator.ValidationError) string {
	var all []string
	var collect func(*validator.ValidationError)
	collect = func(cause *validator.ValidationError) {
		if len(cause.Causes) > 0 {
			for _, inner := range cause.Causes {
				collect(inner)
			}
			return
		}
		text := allowed(cause.ErrorKind)
		if len(cause.InstanceLocation) == len(e.InstanceLocation) && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	for _, cause := range e.Causes {
		collect(cause)
	}
	return excerpt.Of(strings.Join(all, ", or "), 5*maxFoundBytes)
}

// allowed says what a keyword allows.
func allowed(k validator.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return strings.Join(k.Want, " or ")
	case *kind.Enum:
		return "one of " + excerpt.Of(listed(k.Want), 5*maxFoundBytes)
	case *kind.Const:
		return found(k.Want)
	case *kind.Format:
		return "the format " + excerpt.Of(k.Want, maxFoundBytes)
	case *kind.Pattern:
		return "text that matches " + excerpt.Of(k.Want, 2*maxFoundBytes)
	case *kind.FalseSchema:
		return "no value"
	}
	return sentence(k)
}

func listed(values []any) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = found(value)
	}
	return strings.Join(texts, ", ")
}

// sentence is the validator's own text.
func sentence(k validator.ErrorKind) string {
	return excerpt.Of(k.LocalizedString(message.NewPrinter(language.English)), 5*maxFoundBytes)
}

// at returns the path and the value of a place in the JSON.
func (l *lister) at(location []string) (path string, value any) {
	value = l.value
	for _, step := range location {
		switch v := value.(type) {
		case map[string]any:
			path, value = member(path, step), v[step]
		case []any:
			index, err := strconv.Atoi(step)
			if err != nil || index >= len(v) {
				return path, nil
			}
			path, value = item(path, index), v[index]
		}
	}
	return path, value
}

// found says what is there, shortened.
func found(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "an object"
	case []any:
		return "an array"
	case string:
		return excerpt.Quoted(v, maxFoundBytes)
	case json.Number:
		return excerpt.Of(v.String(), maxFoundBytes)
	}
	return fmt.Sprint(value)
}
