package main

import (
	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/config"
	"refold/processors"
	"refold/processors/orders"
)

// process is a process of this program: a group graph without a table, which reacts to what
// happened with commands to aggregates.
type process struct {
	name   string
	inputs func(*codecs.Registry) (*codecs.Set, error) // its codec
	graph  func(
		inputs *codecs.Set, targets map[string]processors.Target, o processors.GraphOptions,
	) (*goka.GroupGraph, error)
}

// processes are the processes of this program. A new one is a line here.
var processes = []process{
	{orders.PaymentsName, orders.NewPaymentInputs, orders.PaymentsGraph},
}

// targets are the aggregates that a process may command.
func targets(aggregates []*aggregate, c config.Topics) map[string]processors.Target {
	all := make(map[string]processors.Target, len(aggregates))
	for _, a := range aggregates {
		all[a.name] = processors.Target{Topic: a.topics(c).Commands, Commands: a.commands}
	}
	return all
}

// openProcesses returns the codecs of all processes' inputs, in their order.
func openProcesses(registry *codecs.Registry) ([]*codecs.Set, error) {
	sets := make([]*codecs.Set, len(processes))
	for i, p := range processes {
		set, err := p.inputs(registry)
		if err != nil {
			return nil, err
		}
		sets[i] = set
	}
	return sets, nil
}
