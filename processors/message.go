package processors

import (
	"reflect"

	"refold/codecs"
	"refold/codecs/rules"
)

// Message is a type of commands or events. Make it with [Of].
type Message struct {
	goType   reflect.Type
	example  any
	internal bool
	upcoming bool
	options  codecs.StructOptions
	record   func(codecs.StructOptions) codecs.Type
	rules    []rules.Rule
	compiled func() (*rules.Set, error) // nil: there are none
}

// Of returns the type T of commands or events. T is a struct; its Avro schema is made of its fields, as
// [codecs.RecordOf] says, and doc is the documentation of the record. The example shows in the API's
// description, and is sent by default as sample load; for events the zero value will do.
func Of[T any](example T, doc string) Message {
	return Message{
		goType: reflect.TypeFor[T](), example: example,
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
