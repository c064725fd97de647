package rules

import (
	"errors"
	"fmt"
	"strings"

	"refold/codecs/excerpt"
)

// Violation is a rule that a record breaks.
type Violation struct {
	Rule

	// Fields are those that the expression names.
	Fields []Field
	// Err says why the expression could not be evaluated; nil if it is false.
	Err error
}

// Field is a field that a rule names.
type Field struct {
	// Path leads to it from the record on, such as order.lines.
	Path string
	// Value is the record's, cut short if it is long; of a record, a list or a map only that it is one.
	Value string
}

// maxErrBytes limits how much of an error is shown: it may quote the record.
const maxErrBytes = 120

// String names the rule, and says what would be right.
func (v Violation) String() string {
	text := v.Name + ": " + v.Message
	if v.Err != nil {
		text += " (" + excerpt.Of(v.Err.Error(), maxErrBytes) + ")"
	}
	return text
}

// WithValues is String with the values of the fields.
func (v Violation) WithValues() string {
	text := v.String()
	for i, f := range v.Fields {
		separator := ", "
		if i == 0 {
			separator = "; found "
		}
		text += fmt.Sprintf("%s%s: %s", separator, f.Path, f.Value)
	}
	return text
}

// Text says in one line which rules a record breaks.
func Text(typeName string, broken []Violation) string {
	text := typeName + " breaks the rule"
	if len(broken) > 1 {
		text += "s"
	}
	texts := make([]string, len(broken))
	for i, v := range broken {
		texts[i] = v.String()
	}
	return text + " " + strings.Join(texts, "; ")
}

// Error returns an error for a record that breaks rules, a rule a line; nil if it breaks none.
func Error(typeName string, broken []Violation) error {
	if len(broken) == 0 {
		return nil
	}
	text := typeName + " breaks rules of its schema:"
	for _, v := range broken {
		text += "\n  " + v.WithValues()
	}
	return errors.New(text)
}
