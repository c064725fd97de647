package compat

import (
	"slices"
	"strings"

	"refold/codecs/avrotype"
)

func unqualified(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

func namespace(name string) string {
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		return name[:dot]
	}
	return ""
}

// named reports whether types of a kind have names.
func named(kind string) bool {
	return kind == avrotype.Record || kind == avrotype.Enum || kind == avrotype.Fixed
}

// fullAliases returns the aliases of a named type as full names.
func fullAliases(t *avrotype.Type) []string {
	full := make([]string, 0, len(t.Aliases))
	for _, alias := range t.Aliases {
		if space := namespace(t.Name); space != "" && !strings.Contains(alias, ".") {
			alias = space + "." + alias
		}
		full = append(full, alias)
	}
	return full
}

// namesMatch reports whether a reader's named type is that of a writer: by its name without the namespace,
// by an alias, or by an alias without a namespace in any namespace, as twmb/avro has it.
func namesMatch(writer, reader *avrotype.Type) bool {
	bare := unqualified(writer.Name)
	return bare == unqualified(reader.Name) ||
		slices.Contains(fullAliases(reader), writer.Name) || slices.Contains(reader.Aliases, bare)
}

// promoted has the kinds that a reader may have for a writer's.
var promoted = map[string][]string{
	avrotype.Int:    {avrotype.Long, avrotype.Float, avrotype.Double},
	avrotype.Long:   {avrotype.Float, avrotype.Double},
	avrotype.Float:  {avrotype.Double},
	avrotype.String: {avrotype.Bytes},
	avrotype.Bytes:  {avrotype.String},
}

// promotes reports whether a reader's kind takes what was written as another one.
func promotes(writer, reader string) bool { return slices.Contains(promoted[writer], reader) }

// branch returns the branch of a reader's union that a type is read as; nil if there is none. An exact name
// or an alias goes before a name in another namespace, and that before a promotion, as twmb/avro has it.
func branch(union, writer *avrotype.Type) *avrotype.Type {
	fits := func(b *avrotype.Type) bool {
		return b.Kind == writer.Kind && (b.Kind != avrotype.Fixed || b.Size == writer.Size)
	}
	tiers := []func(b *avrotype.Type) bool{
		func(b *avrotype.Type) bool {
			return fits(b) && (!named(b.Kind) || b.Name == writer.Name ||
				slices.Contains(fullAliases(b), writer.Name))
		},
		func(b *avrotype.Type) bool { return fits(b) && named(b.Kind) && namesMatch(writer, b) },
		func(b *avrotype.Type) bool { return promotes(writer.Kind, b.Kind) },
	}
	for _, matches := range tiers {
		if at := slices.IndexFunc(union.Branches, matches); at >= 0 {
			return union.Branches[at]
		}
	}
	return nil
}

// describe names a type for people.
func describe(t *avrotype.Type) string {
	text := t.Kind
	switch {
	case t.Kind == avrotype.Union:
		branches := make([]string, len(t.Branches))
		for i, b := range t.Branches {
			branches[i] = describe(b)
		}
		return "union of " + strings.Join(branches, ", ")
	case t.Kind == avrotype.Array:
		return "array of " + describe(t.Items)
	case t.Kind == avrotype.Map:
		return "map of " + describe(t.Items)
	case t.Name != "":
		text += " " + t.Name
	}
	if logical := logicalOf(t); logical != "" {
		text += " (" + logical + ")"
	}
	return text
}
