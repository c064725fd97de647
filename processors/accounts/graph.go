package accounts

import (
	"github.com/lovoo/goka"

	"refold/processors"
)

// Name and Plural are the aggregate's in the names of its topics: account-commands,
// accounts-table.
const (
	Name   = "account"
	Plural = "accounts"
)

// Topics returns the names of the accounts' topics.
func Topics(prefix string) processors.Topics { return processors.NewTopics(prefix, Name, Plural) }

// Graph returns the Goka group graph of the accounts.
func Graph(c Codecs, o processors.GraphOptions) (*goka.GroupGraph, error) {
	aggregate := processors.Aggregate[Account, Command, Event]{
		Name:        Name,
		Topics:      Topics(o.TopicPrefix),
		Decider:     Decider,
		Commands:    c.Commands,
		Events:      c.Events,
		Results:     o.Results,
		Rows:        c.Table(),
		RecentSize:  o.RecentSize,
		RecordBytes: o.RecordBytes,
		Partitions:  o.Partitions,
		Version:     o.Version,
		Guard:       o.Guard,
		Tracer:      o.Tracer,
		Metrics:     o.Metrics,
		Logger:      o.Logger,
	}
	return aggregate.Graph()
}
