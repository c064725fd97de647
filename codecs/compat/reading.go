package compat

import (
	"fmt"
	"slices"
	"strings"

	"refold/codecs/avrotype"
)

// reading compares what one schema writes with what another one reads.
type reading struct {
	direction Direction
	seen      map[pair]bool // ends recursive types
	found     []Finding
	guessing  bool // whether a field is another one's new name: no guess within a guess
}

type pair struct{ writer, reader *avrotype.Type }

func (c *reading) report(f Finding) {
	f.Direction = c.direction
	c.found = append(c.found, f)
}

// records are what is read, program is what reads them, in words.
func (c *reading) records() string {
	if c.direction == Backward {
		return "old records"
	}
	return "new records"
}

func (c *reading) program() string {
	if c.direction == Backward {
		return "the new program"
	}
	return "an old program"
}

// remedy returns the first text for records of the past, which the new schema can still be made to read, and
// the second for programs of the past, which nothing can change.
func (c *reading) remedy(backward, forward string) string {
	if c.direction == Backward {
		return backward
	}
	return forward
}

func (c *reading) types(w, r *avrotype.Type, path string) {
	if c.seen[pair{w, r}] {
		return
	}
	c.seen[pair{w, r}] = true
	switch {
	case w.Kind == avrotype.Union:
		c.fromUnion(w, r, path)
	case r.Kind == avrotype.Union:
		c.intoUnion(w, r, path)
	case w.Kind == r.Kind:
		c.sameKind(w, r, path)
	case promotes(w.Kind, r.Kind):
		c.logical(w, r, path)
	default:
		c.mismatch(w, r, path)
	}
}

func (c *reading) mismatch(w, r *avrotype.Type, path string) {
	remedy := "keep the type, and add a field with a default beside it; or a new record type"
	if c.direction == Backward {
		remedy += "; an upcaster can turn the one into the other"
	}
	if promotes(r.Kind, w.Kind) {
		remedy = c.remedy(
			fmt.Sprintf("keep %s: it can't become %s again", w.Kind, r.Kind),
			fmt.Sprintf("keep %s while old programs run: %s is not read as %s", r.Kind, w.Kind, r.Kind))
	}
	c.report(Finding{
		Path: path, Kind: KindType, Rule: ruleMatch, Remedy: remedy,
		Reason: fmt.Sprintf("%s have %s, %s reads %s", c.records(), describe(w), c.program(), describe(r)),
	})
}

func (c *reading) sameKind(w, r *avrotype.Type, path string) {
	if named(r.Kind) && !namesMatch(w, r) {
		c.report(Finding{
			Path: path, Kind: KindName, Rule: ruleName,
			Reason: fmt.Sprintf("%s have the %s %s, %s reads %s",
				c.records(), w.Kind, w.Name, c.program(), r.Name),
			Remedy: c.remedy(
				fmt.Sprintf("give %s the alias %q", r.Name, w.Name),
				fmt.Sprintf("keep the name %s: old programs have no alias for the new one", r.Name)),
		})
		return
	}
	switch r.Kind {
	case avrotype.Record:
		c.fields(w, r, path)
	case avrotype.Enum:
		c.symbols(w, r, path)
	case avrotype.Array:
		c.types(w.Items, r.Items, path+"[]")
	case avrotype.Map:
		c.types(w.Items, r.Items, path+"{}")
	case avrotype.Fixed:
		if w.Size != r.Size {
			c.report(Finding{
				Path: path, Kind: KindSize, Rule: ruleFixed,
				Reason: fmt.Sprintf("%s have %d bytes, %s reads %d",
					c.records(), w.Size, c.program(), r.Size),
				Remedy: "keep the size, or add a field of another fixed type, or of bytes, with a default",
			})
			return
		}
		c.logical(w, r, path)
	default:
		c.logical(w, r, path)
	}
}

func (c *reading) fields(w, r *avrotype.Type, path string) {
	for i := range r.Fields {
		field := &r.Fields[i]
		at := path + "." + field.Name
		written := writtenAs(w, field)
		switch {
		case len(written) > 1:
			c.report(Finding{
				Path: at, Kind: KindClash, Rule: ruleAliases,
				Reason: fmt.Sprintf("%s have %s and %s, which are both %s to %s", c.records(),
					written[0].Name, written[1].Name, field.Name, c.program()),
				Remedy: "drop the alias, or keep the other field under a name of its own",
			})
		case len(written) == 1:
			c.types(written[0].Type, field.Type, at)
		case !field.HasDefault && !field.DefaultCut:
			c.missing(w, r, field, at)
		}
	}
}

// writtenAs returns the fields of a writer's record that a reader's field stands for.
func writtenAs(w *avrotype.Type, field *avrotype.Field) (all []*avrotype.Field) {
	for i := range w.Fields {
		if name := w.Fields[i].Name; name == field.Name || slices.Contains(field.Aliases, name) {
			all = append(all, &w.Fields[i])
		}
	}
	return all
}

func (c *reading) missing(w, r *avrotype.Type, field *avrotype.Field, path string) {
	f := Finding{
		Path: path, Kind: KindDefault, Rule: ruleDefault,
		Reason: fmt.Sprintf("%s have no %s, and it has no default", c.records(), field.Name),
		Remedy: fmt.Sprintf("keep writing %s, or write a new record type; only a field with a default in "+
			"all old versions can go", field.Name),
	}
	if of := field.Type.Branches; len(of) > 1 && of[0].Kind == avrotype.Null {
		f.Silent = true
		f.Reason += ": twmb/avro takes null for it, other libraries refuse"
	}
	dropped := c.likely(w, r, field)
	if c.direction == Backward {
		f.Remedy = fmt.Sprintf("give %s a default", field.Name)
		if dropped != "" {
			f.Remedy += fmt.Sprintf("; if it was called %s, give it the alias %q", dropped, dropped)
		}
	} else if dropped != "" {
		f.Remedy += fmt.Sprintf(". If %s was renamed to %s: old programs know no aliases of later ones",
			field.Name, dropped)
	}
	c.report(f)
}

// likely returns the one field of the writer that the reader's field may be another name of.
func (c *reading) likely(w, r *avrotype.Type, field *avrotype.Field) string {
	if c.guessing {
		return ""
	}
	var names []string
	for i := range w.Fields {
		other := &w.Fields[i]
		taken := slices.ContainsFunc(r.Fields, func(f avrotype.Field) bool {
			return f.Name == other.Name || slices.Contains(f.Aliases, other.Name)
		})
		guess := &reading{direction: c.direction, seen: map[pair]bool{}, guessing: true}
		guess.types(other.Type, field.Type, "")
		if !taken && len(guess.found) == 0 {
			names = append(names, other.Name)
		}
	}
	if len(names) != 1 {
		return ""
	}
	return names[0]
}

func (c *reading) symbols(w, r *avrotype.Type, path string) {
	var lacking []string
	for _, symbol := range w.Symbols {
		if !slices.Contains(r.Symbols, symbol) {
			lacking = append(lacking, symbol)
		}
	}
	if len(lacking) == 0 || r.Default != "" {
		return
	}
	c.report(Finding{
		Path: path, Kind: KindSymbol, Rule: ruleSymbol,
		Reason: fmt.Sprintf("%s may have %s, which %s does not know, and the enum has no default",
			c.records(), strings.Join(lacking, ", "), c.program()),
		Remedy: c.remedy(
			fmt.Sprintf("keep %s, or give the enum a default that it is read as",
				strings.Join(lacking, ", ")),
			"release a version whose enum has a default first, and write the new symbol when no older "+
				"program runs; or add a field with a default"),
	})
}
