package processors

import (
	"github.com/lovoo/goka"

	"refold/codecs"
)

// Topics names what an aggregate reads and writes. Commands, Events, Results and Table have the
// same number of partitions and the same partitioner, so that a partition of the table is a
// function of the same partition of the events.
type Topics struct {
	Commands string
	Events   string
	Results  string
	// Table is the compacted topic of the group table: Goka derives it from the group's name.
	Table string
	// DeadLetters is shared by all aggregates.
	DeadLetters string
	// Group is the consumer group, and the name of the Goka group graph.
	Group string
}

// on returns record types with the topic that they are on, as subjects may be named after it.
func on(topic string, types []codecs.Type) []codecs.Type {
	for i, t := range types {
		types[i] = t.On(topic)
	}
	return types
}

// NewTopics returns the topics of the aggregate called name ("account"), whose collection is
// called plural ("accounts"): account-commands, account-events, account-results, accounts-table.
// The prefix is put in front of every name and of the group's; it keeps installations that share
// a cluster apart, and is empty as a rule.
func NewTopics(prefix, name, plural string) Topics {
	group := prefix + plural
	return Topics{
		Commands:    prefix + name + "-commands",
		Events:      prefix + name + "-events",
		Results:     prefix + name + "-results",
		Table:       string(goka.GroupTable(goka.Group(group))),
		DeadLetters: DeadLetters(prefix),
		Group:       group,
	}
}

// DeadLetters returns the name of the topic of dead letters, which all aggregates share.
func DeadLetters(prefix string) string { return prefix + "dead-letters" }
