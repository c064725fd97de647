package compat

import (
	"fmt"

	"refold/codecs/avrotype"
)

// fromUnion compares each branch that may have been written.
func (c *reading) fromUnion(w, r *avrotype.Type, path string) {
	for _, b := range w.Branches {
		switch {
		case r.Kind == avrotype.Union:
			c.intoUnion(b, r, path)
		case b.Kind == r.Kind || promotes(b.Kind, r.Kind):
			c.types(b, r, path)
		default:
			c.lacking(b, r, path, ruleFromUnion)
		}
	}
}

// intoUnion compares a type with the branch that it is read as.
func (c *reading) intoUnion(w, r *avrotype.Type, path string) {
	b := branch(r, w)
	if b == nil {
		c.lacking(w, r, path, ruleUnion)
		return
	}
	if named(b.Kind) && others(r) > 1 {
		path += "(" + unqualified(b.Name) + ")"
	}
	c.types(w, b, path)
}

func (c *reading) lacking(w, r *avrotype.Type, path, rule string) {
	what := describe(w)
	c.report(Finding{
		Path: path, Kind: KindUnion, Rule: rule,
		Reason: fmt.Sprintf("%s may have %s, %s reads %s", c.records(), what, c.program(), describe(r)),
		Remedy: c.remedy(
			fmt.Sprintf("keep a union that has %s; or an upcaster", what),
			fmt.Sprintf("write no %s while old programs run; or add a field with a default for it", what)),
	})
}

// others counts the branches that are not null.
func others(union *avrotype.Type) (n int) {
	for _, b := range union.Branches {
		if b.Kind != avrotype.Null {
			n++
		}
	}
	return n
}
