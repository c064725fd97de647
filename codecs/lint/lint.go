package lint

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"refold/codecs/avrotype"
)

// Rule names a rule. The names are stable.
type Rule string

// The rules.
const (
	RuleRecordDoc  Rule = "record-doc"  // a record, an enum or a fixed type has a documentation
	RuleFieldDoc   Rule = "field-doc"   // a field has a documentation
	RuleMoney      Rule = "money"       // a field named like money is no float and no double
	RuleTime       Rule = "time"        // a field named like a time has a logical type
	RuleTypeName   Rule = "type-name"   // named types are written like this: OrderLine
	RuleFieldName  Rule = "field-name"  // fields are written like this: orderLine, or order_line
	RuleFieldStyle Rule = "field-style" // all fields in one of the two ways
	RulePackage    Rule = "package"     // a Protobuf package ends with a version, such as shop.orders.v1
)

// Rules returns all rules.
func Rules() []Rule {
	return []Rule{
		RuleRecordDoc, RuleFieldDoc, RuleMoney, RuleTime, RuleTypeName, RuleFieldName, RuleFieldStyle,
		RulePackage,
	}
}

// Problem is a place that breaks a rule.
type Problem struct {
	// Path leads to the place, from the record on, such as Order.lines[].price.
	Path string `json:"path"`
	Rule Rule   `json:"rule"`
	// Reason says what is wrong, Remedy what would be right.
	Reason string `json:"reason"`
	Remedy string `json:"remedy"`
}

var (
	typeName  = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	camelCase = regexp.MustCompile(`^[a-z][a-zA-Z0-9]*$`)
	snakeCase = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)+$`)
)

// money and times are words that names of such fields have.
var (
	money = []string{
		"amount", "balance", "price", "total", "cost", "fee", "charge", "payment", "refund", "salary", "tax",
	}
	times = []string{"at", "time", "timestamp", "date", "day", "since", "until"}
)

// Check returns what is wrong with the Avro records of a program. All fields together must be written one
// way: the one that most of them are written in. A named type that several fields have is reported at the
// first.
func Check(records ...*avrotype.Type) []Problem {
	c := checker{seen: map[string]bool{}}
	for _, r := range records {
		c.types(r, bare(r.Name))
	}
	return append(c.problems, c.style()...)
}

type checker struct {
	seen         map[string]bool // full names of types
	problems     []Problem
	camel, snake []string // paths of fields that are certainly written so
}

func (c *checker) wrong(path string, rule Rule, reason, remedy string) {
	c.problems = append(c.problems, Problem{path, rule, reason, remedy})
}

func bare(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

func (c *checker) types(t *avrotype.Type, path string) {
	if t.Name != "" {
		if c.seen[t.Name] {
			return
		}
		c.seen[t.Name] = true
		if !typeName.MatchString(bare(t.Name)) {
			c.wrong(path, RuleTypeName, fmt.Sprintf("the %s is named %s", t.Kind, bare(t.Name)),
				"a name like OrderLine, with the old one as an alias")
		}
		if t.Doc == "" {
			c.wrong(path, RuleRecordDoc, fmt.Sprintf("the %s %s has no doc", t.Kind, t.Name),
				"say what it means, in its business")
		}
	}
	switch t.Kind {
	case avrotype.Record:
		for i := range t.Fields {
			c.field(&t.Fields[i], path+"."+t.Fields[i].Name)
		}
	case avrotype.Array:
		c.types(t.Items, path+"[]")
	case avrotype.Map:
		c.types(t.Items, path+"{}")
	case avrotype.Union:
		for _, branch := range t.Branches {
			c.types(branch, path)
		}
	}
}

func (c *checker) field(f *avrotype.Field, path string) {
	if f.Doc == "" {
		c.wrong(path, RuleFieldDoc, "the field has no doc", "say what it means, and in which unit")
	}
	switch {
	case snakeCase.MatchString(f.Name):
		c.snake = append(c.snake, path)
	case !camelCase.MatchString(f.Name):
		c.wrong(path, RuleFieldName, fmt.Sprintf("the field is named %s", f.Name),
			"a name like orderLine or order_line, with the old one as an alias")
	case strings.ContainsFunc(f.Name, unicode.IsUpper):
		c.camel = append(c.camel, path)
	}
	c.meaning(f, path)
	c.types(f.Type, path)
}

// meaning compares what a field is named with what it holds.
func (c *checker) meaning(f *avrotype.Field, path string) {
	words := wordsOf(f.Name)
	isMoney := named(words, money)
	for _, t := range values(f.Type) {
		switch {
		case t.Floating() && isMoney:
			c.wrong(path, RuleMoney, fmt.Sprintf("%s is named like money, and is a %s", f.Name, t.Kind),
				"a whole number of minor units (long), or a decimal")
		case t.Whole() && t.Logical == "" && slices.Contains(times, words[len(words)-1]):
			c.wrong(path, RuleTime, fmt.Sprintf("%s is named like a time, and is a plain %s", f.Name, t.Kind),
				"a logical type: timestamp-millis or timestamp-micros, date, time-millis")
		}
	}
}

// named reports whether one of the words of a name is on a list.
func named(words, list []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(list, w) })
}

// values returns a type, or what it is an array, a map or a union of.
func values(t *avrotype.Type) []*avrotype.Type {
	switch t.Kind {
	case avrotype.Array, avrotype.Map:
		return values(t.Items)
	case avrotype.Union:
		var all []*avrotype.Type
		for _, branch := range t.Branches {
			if branch.Kind != avrotype.Union {
				all = append(all, values(branch)...)
			}
		}
		return all
	}
	return []*avrotype.Type{t}
}

// wordsOf returns the words of a name, in lower case: both of unitPrice and of unit_price.
func wordsOf(name string) []string {
	var words []string
	start := 0
	for i, r := range name {
		if i > start && (r == '_' || unicode.IsUpper(r)) {
			words = append(words, strings.Trim(name[start:i], "_"))
			start = i
		}
	}
	words = append(words, strings.Trim(name[start:], "_"))
	for i, word := range words {
		words[i] = strings.ToLower(word)
	}
	return words
}

// style names the fields that are written as fewer others are.
func (c *checker) style() []Problem {
	few, style := c.snake, "order_line"
	most, other := len(c.camel), "orderLine"
	if len(c.snake) > len(c.camel) {
		few, style = c.camel, "orderLine"
		most, other = len(c.snake), "order_line"
	}
	slices.SortFunc(few, cmp.Compare)
	problems := make([]Problem, 0, len(few))
	for _, path := range few {
		problems = append(problems, Problem{
			path, RuleFieldStyle,
			fmt.Sprintf("it is written like %s, and %d fields like %s", style, most, other),
			"one way for all, with the old name as an alias",
		})
	}
	return problems
}
