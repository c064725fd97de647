package compattest

import (
	"fmt"

	"refold/codecs/compat"
)

// Verdict says which directions of a change are compatible.
type Verdict struct{ Backward, Forward bool }

// The verdicts.
var (
	both     = Verdict{true, true}
	backward = Verdict{Backward: true}
	forward  = Verdict{Forward: true}
	neither  = Verdict{}
)

// Case is a change of a schema.
type Case struct {
	Name string
	// Rule is the section of the format's specification that decides: of Avro's 1.12, of Protobuf's language
	// guide, or of JSON Schema 2020-12.
	Rule string
	// Older and Newer are schemas of the record R, of the message shop.R, or of an object.
	Older, Newer string
	Want         Verdict
	// Backward and Forward are the kinds of the breaks, in order, and Path is where the first one is.
	Backward, Forward []compat.Kind
	Path              string
	// Java is what a registry answers where that differs, and Why says why: for Avro each that is built on
	// Avro's Java library, for the other formats Apicurio.
	Java *Verdict
	Why  string
}

// kinds lists breaks.
func kinds(all ...compat.Kind) []compat.Kind { return all }

// record returns a schema of the record shop.R with fields.
func record(fields string) string {
	return `{"type": "record", "name": "R", "namespace": "shop", "fields": [` + fields + `]}`
}

// change is a change of the type of the field f.
func change(name, rule, older, newer string, want Verdict, back, forth []compat.Kind) Case {
	field := func(t string) string { return record(fmt.Sprintf(`{"name": "f", "type": %s}`, t)) }
	c := Case{
		Name: name, Rule: rule, Older: field(older), Newer: field(newer), Want: want,
		Backward: back, Forward: forth,
	}
	if len(back)+len(forth) > 0 {
		c.Path = "R.f"
	}
	return c
}

// at is the case with another path.
func (c Case) at(path string) Case {
	c.Path = path
	return c
}

// apicurio is the case with what Apicurio answers instead.
func (c Case) apicurio(v Verdict, why string) Case {
	c.Java, c.Why = &v, why
	return c
}

// java is the case with what Java's library answers, which does not compare logical types.
func (c Case) java(v Verdict) Case {
	c.Java, c.Why = &v, "logical types are not compared"
	return c
}

// Cases returns the table for Avro.
func Cases() []Case {
	var all []Case
	for _, part := range [][]Case{
		promotions(), fields(), names(), enums(), fixed(), unions(), containers(), logicals(),
	} {
		all = append(all, part...)
	}
	return all
}
