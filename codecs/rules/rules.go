package rules

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"refold/codecs/expr"
)

// The limits of the rules of one type of records. A sender is told every rule that a record breaks, in one
// message.
const (
	// MaxRules limits how many rules a type has.
	MaxRules = 32
	// MaxNameBytes limits the name of a rule, MaxMessageBytes its message.
	MaxNameBytes    = 64
	MaxMessageBytes = 256
	// MaxCost limits one evaluation of an expression, in the units of package expr. It is about 10 ms of
	// processor time, and enough to look at every item of a list of ten thousand. A worker spends it for each
	// command, or each record of a former version: a tenth of what somebody may spend who looks at a topic.
	MaxCost = 100_000
)

// Rule says what must be true of each record of a type.
type Rule struct {
	// Name is stable, and written like this: amount-positive.
	Name string `json:"name"`
	// Expr is an expression in CEL over the variable message that must be true.
	Expr string `json:"expr"`
	// Message tells a person what would be right.
	Message string `json:"message"`
}

// Set holds the records of one type to its rules. It is safe for concurrent use.
type Set struct {
	record *record
	rules  []compiled
}

type compiled struct {
	Rule

	program cel.Program
	fields  []fieldPath
}

var ruleName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Compile returns the rules of a Go struct. The error lists every mistake: an expression that does not
// compile, with the place, one that is not true or false, a field that the struct has not.
func Compile(t reflect.Type, all []Rule) (*Set, error) {
	if len(all) > MaxRules {
		return nil, fmt.Errorf("%d rules; at most %d are allowed", len(all), MaxRules)
	}
	known, env, err := newRecords(t)
	if err != nil {
		return nil, err
	}
	s := &Set{record: known.byType[t]}
	var mistakes []error
	names := map[string]bool{}
	for _, r := range all {
		rule, err := compile(env, r)
		if err == nil && names[r.Name] {
			err = errors.New("the name is given twice")
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("rule %q: %w", r.Name, err))
			continue
		}
		names[r.Name] = true
		s.rules = append(s.rules, rule)
	}
	return s, errors.Join(mistakes...)
}

func compile(env *cel.Env, r Rule) (compiled, error) {
	switch {
	case !ruleName.MatchString(r.Name) || len(r.Name) > MaxNameBytes:
		return compiled{}, fmt.Errorf("its name must be 1 to %d of the characters a-z, 0-9 and -, such as "+
			"amount-positive", MaxNameBytes)
	case strings.TrimSpace(r.Message) == "" || len(r.Message) > MaxMessageBytes:
		return compiled{}, fmt.Errorf("its message has %d bytes; it must say in 1 to %d what would be right",
			len(r.Message), MaxMessageBytes)
	}
	program, ast, err := expr.Condition(env, r.Expr, MaxCost)
	if err != nil {
		return compiled{}, err //nolint:wrapcheck // it names the place
	}
	return compiled{Rule: r, program: program, fields: pathsIn(ast)}, nil
}

// Rules returns the rules, in the order in which they were given.
func (s *Set) Rules() []Rule {
	all := make([]Rule, len(s.rules))
	for i := range s.rules {
		all[i] = s.rules[i].Rule
	}
	return all
}

// Check returns the rules that a record breaks; none if it breaks none. A rule that can't be evaluated for
// the record, such as for an item that a list has not, or within MaxCost, is broken. The record is a value of
// the Set's type, or a pointer to one, and is not changed. The same record always breaks the same rules. A
// rule costs a third of a microsecond or more.
func (s *Set) Check(record any) []Violation {
	v := reflect.ValueOf(record)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if !v.IsValid() || v.Type() != s.record.goType {
		return []Violation{{Err: fmt.Errorf("a %T is no %v", record, s.record.goType)}}
	}
	input := variable{&object{s.record, v}}
	var broken []Violation
	for i := range s.rules {
		rule := &s.rules[i]
		holds, _, err := rule.program.Eval(input)
		if holds == types.True && err == nil {
			continue
		}
		if err == nil && holds != types.False {
			err = errors.New("the expression is neither true nor false")
		}
		broken = append(broken, Violation{rule.Rule, valuesAt(input.object, rule.fields), err})
	}
	return broken
}

// variable is the one variable of an expression, message.
type variable struct{ object *object }

// ResolveName returns the value of a variable.
func (v variable) ResolveName(name string) (any, bool) {
	return ref.Val(v.object), name == messageName
}

// Parent returns nil: there are no others.
func (variable) Parent() cel.Activation { return nil }
