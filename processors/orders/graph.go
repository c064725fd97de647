package orders

import (
	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/processors"
	"refold/processors/accounts"
)

// Name and Plural are the aggregate's in the names of its topics: order-commands,
// orders-table.
const (
	Name   = "order"
	Plural = "orders"
)

// Topics returns the names of the orders' topics.
func Topics(prefix string) processors.Topics { return processors.NewTopics(prefix, Name, Plural) }

// Graph returns the Goka group graph of the orders.
func Graph(c Codecs, o processors.GraphOptions) (*goka.GroupGraph, error) {
	aggregate := processors.Aggregate[Order, Command, Event]{
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

// PaymentsGroup returns the consumer group of the payment process.
func PaymentsGroup(prefix string) string { return prefix + PaymentsName }

// PaymentsGraph returns the Goka group graph of the payment process. targets are the accounts' and
// the orders' commands, by the aggregate's name. Of the options it needs no results and no ring.
func PaymentsGraph(
	inputs *codecs.Set, targets map[string]processors.Target, o processors.GraphOptions,
) (*goka.GroupGraph, error) {
	process := processors.Process[Event]{
		Process: Payments,
		Group:   PaymentsGroup(o.TopicPrefix),
		Events:  Topics(o.TopicPrefix).Events,
		Results: []string{accounts.Topics(o.TopicPrefix).Results},
		Inputs:  inputs,
		Targets: map[string]processors.Target{
			accounts.Name: targets[accounts.Name], Name: targets[Name],
		},
		DeadLetters: processors.DeadLetters(o.TopicPrefix),
		RecordBytes: o.RecordBytes,
		Version:     o.Version,
		Guard:       o.Guard,
		Tracer:      o.Tracer,
		Metrics:     o.Metrics,
		Logger:      o.Logger,
	}
	return process.Graph()
}
