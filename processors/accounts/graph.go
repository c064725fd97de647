package accounts

import (
	"log/slog"

	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/processors"
)

// Name and Plural are the aggregate's in the names of its topics: account-commands,
// accounts-table.
const (
	Name   = "account"
	Plural = "accounts"
)

// GraphOptions is what a graph of accounts is made with.
type GraphOptions struct {
	// TopicPrefix is put in front of the topics' and the group's name. Empty as a rule.
	TopicPrefix string
	Codecs      Codecs
	Results     *codecs.Set
	// Framed is processors.Aggregate's.
	Framed bool
	// RecentSize is how many commands a row remembers: 0 to processors.MaxRecentSize.
	RecentSize int
	Metrics    *processors.Metrics
	Logger     *slog.Logger
}

// Topics returns the names of the accounts' topics.
func Topics(prefix string) processors.Topics { return processors.NewTopics(prefix, Name, Plural) }

// Graph returns the Goka group graph of the accounts.
func Graph(o GraphOptions) (*goka.GroupGraph, error) {
	aggregate := processors.Aggregate[Account, Command, Event]{
		Name:       Name,
		Topics:     Topics(o.TopicPrefix),
		Decider:    Decider,
		Commands:   o.Codecs.Commands,
		Events:     o.Codecs.Events,
		Results:    o.Results,
		Rows:       o.Codecs.Table(),
		Framed:     o.Framed,
		RecentSize: o.RecentSize,
		Metrics:    o.Metrics,
		Logger:     o.Logger,
	}
	return aggregate.Graph()
}
