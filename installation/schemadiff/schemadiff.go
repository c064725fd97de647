package schemadiff

import (
	"fmt"
	"slices"

	"refold/codecs"
	"refold/codecs/compat"
	"refold/codecs/rules"
)

// Changes returns the differences between two versions: those of the fields, and then those of the rules,
// which a .proto file has none of. A rule is checked when a command is accepted, never when a record is read,
// so that no change of one breaks anything.
func Changes(older, newer *codecs.Schema) ([]compat.Change, error) {
	found, err := compat.DiffFormat(Version(0, older), Version(0, newer))
	if err != nil {
		return nil, fmt.Errorf("compare versions of %s: %w", newer.Name, err)
	}
	all := append([]compat.Change{}, found...) // none is [] in JSON
	was, _ := rules.OfSchema(older.Text)       // a schema of others may mean something else by the property
	is, _ := rules.OfSchema(newer.Text)
	note := func(before, after string) {
		if before != after {
			all = append(all, compat.Change{
				Path: newer.Name, What: "rule", Was: before, Is: after, Backward: true, Forward: true,
			})
		}
	}
	for _, rule := range is {
		note(ruleText(was, rule.Name), ruleText(is, rule.Name))
	}
	for _, rule := range was {
		if ruleText(is, rule.Name) == "" {
			note(ruleText(was, rule.Name), "")
		}
	}
	return all, nil
}

// ruleText is a rule by its name; "" if there is none.
func ruleText(all []rules.Rule, name string) string {
	i := slices.IndexFunc(all, func(r rules.Rule) bool { return r.Name == name })
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("%s: %s (%s)", name, all[i].Expr, all[i].Message)
}

// Breaks returns what one of two versions does not read of the other, in both directions.
func Breaks(older, newer *codecs.Schema) ([]compat.Finding, error) {
	found, err := compat.CompareFormat(Version(0, older), Version(0, newer))
	if err != nil {
		return nil, fmt.Errorf("compare versions of %s: %w", newer.Name, err)
	}
	return append([]compat.Finding{}, found...), nil // none is [] in JSON
}

// Version returns a schema as package compat takes it.
func Version(number int, schema *codecs.Schema) compat.Version {
	return compat.Version{
		Number: number, Text: schema.Text, Format: compat.Format(schema.Format), Imports: schema.References(),
	}
}

// Record returns the schema of a record: a file of Protobuf may have several.
func Record(schema *codecs.Schema, name string) *codecs.Schema {
	if schema == nil {
		return nil
	}
	if of := schema.Named(name); of != nil {
		return of
	}
	return schema
}
