package catalogue

import (
	"slices"

	"refold/processors"
)

// Flow is the way of records between topics, aggregates and processes, for a diagram.
type Flow struct {
	Nodes []Node
	Edges []Edge
}

// NodeKind is what a node stands for.
type NodeKind string

// The kinds of nodes.
const (
	ClientNode    NodeKind = "clients"
	CommandNode   NodeKind = "commands"
	AggregateNode NodeKind = "aggregate"
	EventNode     NodeKind = "events"
	ResultNode    NodeKind = "results"
	TableNode     NodeKind = "table"
	ProcessNode   NodeKind = "process"
)

// Node is a topic, an aggregate, a process, or the clients.
type Node struct {
	// ID is unique in the flow, and has letters, digits and "-" only.
	ID    string
	Kind  NodeKind
	Label string
	// Aggregate is the name of the aggregate that it belongs to; empty for processes and clients.
	Aggregate string
}

// Edge is a way from a node to another.
type Edge struct {
	From, To string // IDs
	// Types are the types of the records that take it, as far as examples show; empty: all of the topic.
	Types []string
}

// Flow returns the ways of records.
func (c *Catalogue) Flow() Flow {
	f := Flow{Nodes: []Node{{ID: "clients", Kind: ClientNode, Label: "clients"}}}
	for i := range c.Aggregates {
		f.addAggregate(&c.Aggregates[i])
	}
	for i := range c.Processes {
		f.addProcess(&c.Processes[i])
	}
	return f
}

// NodeID returns the ID of a node of an aggregate or a process, by its name.
func NodeID(name string, kind NodeKind) string { return name + "-" + string(kind) }

func (f *Flow) addAggregate(a *Aggregate) {
	add := func(kind NodeKind, label string) string {
		id := NodeID(a.Name, kind)
		f.Nodes = append(f.Nodes, Node{id, kind, label, a.Name})
		return id
	}
	commands, itself := add(CommandNode, a.CommandTopic.Name), add(AggregateNode, a.Plural)
	if slices.ContainsFunc(a.Commands, func(m Message) bool { return !m.Internal }) {
		f.Edges = append(f.Edges, Edge{From: "clients", To: commands})
	}
	f.Edges = append(f.Edges, Edge{From: commands, To: itself})
	for _, out := range []struct {
		kind  NodeKind
		topic string
	}{
		{EventNode, a.EventTopic.Name}, {ResultNode, a.ResultTopic.Name}, {TableNode, a.TableTopic.Name},
	} {
		if out.topic != "" {
			f.Edges = append(f.Edges, Edge{From: itself, To: add(out.kind, out.topic)})
		}
	}
}

func (f *Flow) addProcess(p *Process) {
	id := NodeID(p.Name, ProcessNode)
	f.Nodes = append(f.Nodes, Node{ID: id, Kind: ProcessNode, Label: p.Name})
	f.Edges = append(f.Edges, Edge{
		From: NodeID(p.Of, EventNode), To: id,
		Types: typesOf(p.Reactions, func(r processors.Reaction) (string, bool) {
			return r.On, r.Outcome == ""
		}),
	})
	for _, s := range p.Results {
		f.Edges = append(f.Edges, Edge{From: NodeID(s.Aggregate, ResultNode), To: id})
	}
	for _, s := range p.Targets {
		f.Edges = append(f.Edges, Edge{
			From: id, To: NodeID(s.Aggregate, CommandNode),
			Types: typesOf(p.Reactions, func(r processors.Reaction) (string, bool) {
				return r.Command, r.Aggregate == s.Aggregate
			}),
		})
	}
}

// typesOf returns what is chosen of reactions, each once.
func typesOf(
	reactions []processors.Reaction, choose func(processors.Reaction) (string, bool),
) (names []string) {
	for _, r := range reactions {
		if name, chosen := choose(r); chosen {
			names = once(names, name)
		}
	}
	return names
}
