package processors

import (
	"fmt"
	"reflect"
	"slices"

	"refold/codecs"
	"refold/codecs/rules"
	"refold/eventsourcing"
)

// Message is a type of commands or events. Make it with [Of].
type Message struct {
	goType   reflect.Type
	name     string // bare
	example  any
	internal bool
	upcoming bool
	options  codecs.StructOptions
	record   func(codecs.StructOptions) codecs.Type
	rules    []rules.Rule
	compiled func() (*rules.Set, error) // nil: there are none
}

// Of returns the type T of commands or events. T is a struct; its schema is made of its fields, as
// [codecs.RecordOf] says, and doc is the documentation of the record. With the format Protobuf, T is a
// generated message, *meterspb.ReadingTaken; the comment in its .proto file is the documentation, and doc is
// not used. The example shows in the API's description, and is sent by default as sample load; for events the
// zero value will do.
func Of[T any](example T, doc string) Message {
	return Message{
		goType: reflect.TypeFor[T](), name: eventsourcing.TypeName(example), example: example,
		options: codecs.StructOptions{Doc: doc},
		record:  codecs.RecordOf[T],
	}
}

// Revision notes a number in the schema. Versions of one record need it only if they have the same fields and
// mean something else by them, such as euros once and cents today: raise it then, and give the one before as
// a [Former] version. Fields may change only together with a revision that was noted once.
func (m Message) Revision(n int) Message {
	m.options.Revision = n
	return m
}

// Upcoming marks a type of commands or events that the release before does not know. It is read, and not
// written until the configuration allows it (aggregates.<name>.write): see [Downcast]. A type that is a later
// version of another one, with a downcast, need not be marked.
func (m Message) Upcoming() Message {
	m.upcoming = true
	return m
}

// Internal returns the command as one that only processes send: the HTTP API does not offer it.
func (m Message) Internal() Message {
	m.internal = true
	return m
}

// recordsOf returns the record types of messages, written as an aggregate writes its own.
func recordsOf(messages []Message, as codecs.StructOptions) []codecs.Type {
	types := make([]codecs.Type, 0, len(messages))
	for _, m := range messages {
		if m.record == nil {
			continue // validate reports it
		}
		o := m.options
		o.Format, o.Protos, o.Namespace = as.Format, as.Protos, as.Namespace
		if len(m.rules) > 0 {
			o.Properties = map[string]any{rules.PropertyName: rules.Property(m.rules)}
		}
		t := m.record(o)
		if m.upcoming {
			t = t.Upcoming()
		}
		types = append(types, t)
	}
	return types
}

// namedAlike reports messages whose Go types are called otherwise than their records: headers and requests
// have the name of the Go type.
func namedAlike(set *codecs.Set, messages []Message) error {
	known := set.Types()
	for _, m := range messages {
		if !slices.Contains(known, m.name) {
			return fmt.Errorf("%v must be called as its record: give the message a name like ReadingTaken, "+
				"and declare it in no other one", m.goType)
		}
	}
	return nil
}
