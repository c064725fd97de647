package schemas

import (
	"slices"
	"strings"

	"refold/codecs"
	"refold/processors"
)

// The kinds of types, as they are printed.
const (
	kindCommand = "command"
	kindEvent   = "event"
	kindRow     = "row"
	kindResult  = "result"
)

// recordType is a record type of the program.
type recordType struct {
	subject, kind, aggregate string
	schema                   *codecs.Schema
	set                      *codecs.Set
}

// Which version of a type is written.
const (
	writtenLatest = "latest"
	writtenFormer = "former"
	writtenNone   = "none"
)

// written says which version of the type is written.
func (t *recordType) written() string {
	for _, w := range t.set.Written() {
		switch {
		case w.Type != t.subject:
		case w.As == nil:
			return writtenNone
		case w.Former:
			return writtenFormer
		}
	}
	return writtenLatest
}

// types are all record types of a program.
type types struct {
	all        []recordType
	namespaces map[string]string // of aggregates: their names
}

func typesOf(opened *processors.Opened) types {
	t := types{namespaces: map[string]string{}}
	add := func(kind, aggregate string, set *codecs.Set) {
		for _, schema := range set.Schemas() {
			t.all = append(t.all, recordType{schema.Name, kind, aggregate, schema, set})
		}
	}
	for _, a := range opened.Aggregates {
		t.namespaces[a.Namespace] = a.Name
		add(kindCommand, a.Name, a.Commands)
		add(kindEvent, a.Name, a.Events)
		add(kindRow, a.Name, a.Rows)
	}
	add(kindResult, "", opened.Results)
	return t
}

// of returns the type of a subject, by its name or one that it had before; nil if there is none.
func (t *types) of(subject string) *recordType {
	for _, former := range []bool{false, true} {
		for i := range t.all {
			r := &t.all[i]
			if r.subject == subject || former && slices.Contains(r.schema.Aliases(), subject) {
				return r
			}
		}
	}
	return nil
}

// aggregateOf returns the aggregate to whose namespace a subject belongs; "" if to none.
func (t *types) aggregateOf(subject string) string {
	dot := strings.LastIndexByte(subject, '.')
	return t.namespaces[subject[:max(dot, 0)]]
}

// reads reports whether the program reads records of a schema as any of its types.
func (t *types) reads(written *codecs.Schema) bool {
	var tried []*codecs.Set
	for i := range t.all {
		set := t.all[i].set
		if slices.Contains(tried, set) {
			continue
		}
		tried = append(tried, set)
		if set.Reads(written) == nil {
			return true
		}
	}
	return false
}
