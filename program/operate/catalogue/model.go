package catalogue

import (
	"encoding/json"

	"refold/codecs"
	"refold/codecs/compat"
	"refold/codecs/rules"
	"refold/kafka"
	"refold/processors"
)

// Catalogue is what a program takes and emits. It is not changed.
type Catalogue struct {
	Title string
	// Version is the program's; empty if it is not known.
	Version string
	// History says where the versions come from; empty if they were not looked for.
	History    string
	Aggregates []Aggregate
	Processes  []Process
	// Result is the record of all results topics.
	Result Message
	// DeadLetters is the topic of what could not be handled.
	DeadLetters Topic
	Servers     Servers
}

// Aggregate is a kind of aggregate.
type Aggregate struct {
	Name, Plural string
	// Group is the consumer group of its graph.
	Group                    string
	Commands, Events         []Message
	Row                      Message
	CommandTopic, EventTopic Topic
	// ResultTopic has no name if no results are written.
	ResultTopic, TableTopic Topic
	Rejections              []processors.Rejection
	// Dropped are records that there were, and that are no types of the program any more.
	Dropped []Message
	// Waiting are the names of the processes that are shown its results.
	Waiting []string
}

// Kind is what a record is.
type Kind = processors.Kind

// The kinds of records.
const (
	Command = processors.KindCommand
	Event   = processors.KindEvent
	Row     = processors.KindRow
	Result  = processors.KindResult
	// Unknown is the kind of a record that there was, and that the program knows nothing of.
	Unknown Kind = "unknown"
)

// Message is a type of records.
type Message struct {
	Kind Kind
	// Aggregate is the name of the aggregate that it belongs to; empty for results.
	Aggregate string
	Name, Doc string
	// Subject is the full name of the record, by which the registry has it.
	Subject string
	Schema  Schema
	// Level is the compatibility that new versions are held to.
	Level compat.Level
	// Rules are what each value of it must hold to.
	Rules []rules.Rule
	// Internal says that a command is sent by processes only.
	Internal bool
	// Example is JSON, as the HTTP API takes and shows it.
	Example json.RawMessage
	// MadeUp says that the example is only of the right types: there is no real one.
	MadeUp bool
	// Headers are those of the example, Key is its key.
	Headers []HeaderValue
	Key     string
	// Leads are the types of events that a command leads to, as far as examples show.
	Leads []string
	// Causes are the commands that lead to an event, as far as examples show.
	Causes []string
	// Senders are the processes that send a command, Readers those that react to an event, as far as examples
	// show.
	Senders, Readers []string
	// Versions are the oldest first.
	Versions []Version
}

// ID is unique in a catalogue, and can be an anchor.
func (m Message) ID() string {
	if m.Aggregate == "" {
		return string(m.Kind)
	}
	return m.Aggregate + "-" + string(m.Kind) + "-" + m.Name
}

// Version is a version of a message's schema.
type Version struct {
	// Number is 0 for a schema that has none: today's before it is released, or a former one that only the
	// definition has.
	Number int
	// Current says that the program writes it.
	Current bool
	// Changes are those since the version before.
	Changes []compat.Change
	// Reading says how today's program reads its records.
	Reading Reading
	// Problem says why its records can't be read.
	Problem string
	// Written is an example as JSON, and ReadAs what it is read as, if the version is upcast.
	Written json.RawMessage
	ReadAs  []codecs.Part
}

// Reading is how records of a version are read.
type Reading string

// The ways of reading.
const (
	AsWritten Reading = "as written"
	Resolved  Reading = "resolved to today's type"
	Upcast    Reading = "upcast"
	Unread    Reading = "not read"
)

// Topic is a topic of Kafka.
type Topic struct {
	kafka.TopicSpec
	// Key says what records are keyed by.
	Key string
}

// Process is a process between aggregates.
type Process struct {
	Name, Group string
	// Of is the aggregate to whose events it reacts.
	Of string
	// Events is the topic of these, Results are topics of results that it is shown, by the aggregate's name.
	Events  string
	Results []Source
	// Targets are the topics that it sends commands to.
	Targets []Source
	// Loop is the topic that its dead letters are replayed to.
	Loop Topic
	// FromNewest says that it began with what was new when it was first started.
	FromNewest bool
	// Reactions are what it does, as far as examples show.
	Reactions []processors.Reaction
}

// Source is a topic of an aggregate.
type Source struct{ Aggregate, Topic string }

// Servers are the brokers and the registry, without secrets.
type Servers struct {
	Brokers []string
	TLS     bool
	// Certificate says that clients prove who they are by a certificate.
	Certificate bool
	// Mechanism is that of SASL; empty: none.
	Mechanism string
	// TokenURL and Scope are OAuth's.
	TokenURL, Scope string
	Registries      []string
	// IDInHeader says that the schema ID of a command, an event or a result stands in a header.
	IDInHeader bool
	// Lookup is Confluent's name of the way in which the registry's subjects are named.
	Lookup string
}

// Message returns a message of an aggregate by its kind and name; nil if there is none.
func (c *Catalogue) Message(aggregate string, kind Kind, name string) *Message {
	for i := range c.Aggregates {
		if a := &c.Aggregates[i]; a.Name == aggregate {
			return a.message(kind, name)
		}
	}
	return nil
}

func (a *Aggregate) message(kind Kind, name string) *Message {
	all := a.Events
	if kind == Command {
		all = a.Commands
	}
	for i := range all {
		if all[i].Name == name {
			return &all[i]
		}
	}
	return nil
}
