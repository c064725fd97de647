package compat

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"refold/codecs/avrotype"
)

// Change is a difference between two versions of a schema at one place, whether it breaks anything or not.
type Change struct {
	// Path is the place in the newer version, or in the older one if the newer has no such place.
	Path string `json:"path"`
	// What is the kind of the change: field-added, field-removed, field-renamed, type or doc. Of Avro also
	// name, symbols, size, logical-type, default, aliases and order; of Protobuf package, index (of a message
	// in the file), message-added, message-removed, cardinality, json-name, oneof and symbols; of JSON Schema
	// required, enum, the keywords, such as maxLength, additionalProperties and oneOf, and other: a break
	// that no change explains. Versions of two formats have one change, format.
	What string `json:"what"`
	Was  string `json:"was,omitempty"`
	Is   string `json:"is,omitempty"`
	// Backward and Forward report whether the change is compatible in the direction.
	Backward bool `json:"backward"`
	Forward  bool `json:"forward"`

	wasAt string // the path in the older version
	whole bool   // the kind is another one
}

// Diff returns the differences between two versions, in the order of the newer one's fields, then what it has
// no more. A named type that several fields have is compared at the first of them.
func Diff(older, newer *avrotype.Type) []Change {
	d := &differ{seen: map[pair]bool{}}
	d.types(older, newer, rootPath(older), rootPath(newer))
	judge(d.changes, Read(older, newer, Backward), Read(newer, older, Forward))
	return d.changes
}

// judge marks the changes whose places the findings of a direction are about.
func judge(changes []Change, backward, forward []Finding) {
	for i := range changes {
		c := &changes[i]
		if c.What == "doc" {
			continue
		}
		c.Backward = c.Backward && !c.concerned(backward, c.Path)
		c.Forward = c.Forward && !c.concerned(forward, c.wasAt) && !c.concerned(forward, c.Path)
	}
}

// concerned reports whether a finding is about the place of the change: at it, or at a branch of it. A change
// of a whole type has the breaks of all that is within.
func (c *Change) concerned(found []Finding, path string) bool {
	for _, f := range found {
		within, is := strings.CutPrefix(f.Path, path)
		switch {
		case !is:
		case within == "", within[0] == '(', c.whole && strings.IndexByte(".[{", within[0]) >= 0:
			return true
		}
	}
	return false
}

type differ struct {
	noted
	seen map[pair]bool
}

// noted are changes, which are compatible until they are judged.
type noted struct{ changes []Change }

func (n *noted) note(what, was, is, wasAt, isAt string) {
	if was != is {
		n.changes = append(n.changes, Change{
			Path: isAt, What: what, Was: was, Is: is, Backward: true, Forward: true, wasAt: wasAt,
		})
	}
}

func (d *differ) types(was, is *avrotype.Type, wasAt, isAt string) {
	if d.seen[pair{was, is}] {
		return
	}
	d.seen[pair{was, is}] = true
	if was.Kind != is.Kind {
		d.note("type", describe(was), describe(is), wasAt, isAt)
		d.changes[len(d.changes)-1].whole = true
		return
	}
	d.note("name", was.Name, is.Name, wasAt, isAt)
	d.note("aliases", strings.Join(was.Aliases, ", "), strings.Join(is.Aliases, ", "), wasAt, isAt)
	d.note("doc", was.Doc, is.Doc, wasAt, isAt)
	d.note("logical-type", logicalText(was), logicalText(is), wasAt, isAt)
	switch is.Kind {
	case avrotype.Record:
		d.fields(was, is, wasAt, isAt)
	case avrotype.Enum:
		d.note("symbols", strings.Join(was.Symbols, ", "), strings.Join(is.Symbols, ", "), wasAt, isAt)
		d.note("default", was.Default, is.Default, wasAt, isAt)
	case avrotype.Fixed:
		d.note("size", strconv.Itoa(was.Size), strconv.Itoa(is.Size), wasAt, isAt)
	case avrotype.Array:
		d.types(was.Items, is.Items, wasAt+"[]", isAt+"[]")
	case avrotype.Map:
		d.types(was.Items, is.Items, wasAt+"{}", isAt+"{}")
	case avrotype.Union:
		d.note("type", describe(was), describe(is), wasAt, isAt)
		for _, b := range is.Branches {
			for _, a := range was.Branches {
				if a.Kind == b.Kind && (!named(b.Kind) || namesMatch(a, b)) {
					d.types(a, b, wasAt+branchPath(was, a), isAt+branchPath(is, b))
				}
			}
		}
	}
}

func branchPath(union, branch *avrotype.Type) string {
	if named(branch.Kind) && others(union) > 1 {
		return "(" + unqualified(branch.Name) + ")"
	}
	return ""
}

func logicalText(t *avrotype.Type) string {
	if t.Logical == "decimal" {
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	}
	return t.Logical
}

func (d *differ) fields(was, is *avrotype.Type, wasAt, isAt string) {
	kept, place := map[string]bool{}, -1
	ordered := true
	for i := range is.Fields {
		field := &is.Fields[i]
		at := isAt + "." + field.Name
		before := writtenAs(was, field)
		if len(before) == 0 {
			d.note("field-added", "", describe(field.Type), wasAt+"."+field.Name, at)
			continue
		}
		old := before[0]
		oldAt := wasAt + "." + old.Name
		kept[old.Name] = true
		n, _ := was.Field(old.Name)
		ordered, place = ordered && n > place, n
		d.note("field-renamed", old.Name, field.Name, oldAt, at)
		d.note("doc", old.Doc, field.Doc, oldAt, at)
		d.note("default", defaultText(old), defaultText(field), oldAt, at)
		d.note("aliases", strings.Join(old.Aliases, ", "), strings.Join(field.Aliases, ", "), oldAt, at)
		d.types(old.Type, field.Type, oldAt, at)
	}
	for i := range was.Fields {
		if field := &was.Fields[i]; !kept[field.Name] {
			at := wasAt + "." + field.Name
			d.note("field-removed", describe(field.Type), "", at, at)
		}
	}
	if !ordered {
		d.note("order", "as before", "another order", wasAt, isAt)
	}
}

// defaultText is a field's default as JSON; "" if it has none.
func defaultText(f *avrotype.Field) string {
	switch {
	case f.DefaultCut:
		return "(large)"
	case !f.HasDefault:
		return ""
	}
	text, err := json.Marshal(f.Default)
	if err != nil {
		return fmt.Sprint(f.Default)
	}
	return string(text)
}
