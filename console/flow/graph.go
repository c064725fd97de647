package flow

import "slices"

// Kind is what a node of the graph is.
type Kind string

// The kinds of nodes, in the words that people read.
const (
	KindClients     Kind = "clients"
	KindCommands    Kind = "commands"
	KindAggregate   Kind = "aggregate"
	KindEvents      Kind = "events"
	KindResults     Kind = "results"
	KindTable       Kind = "table"
	KindProcess     Kind = "process"
	KindProjection  Kind = "read model"
	KindReaction    Kind = "reaction"
	KindStore       Kind = "store"
	KindOutside     Kind = "outside"
	KindDeadLetters Kind = "dead letters"
)

// IsTopic reports whether a node is a topic in Kafka.
func (k Kind) IsTopic() bool {
	return k == KindCommands || k == KindEvents || k == KindResults || k == KindTable || k == KindDeadLetters
}

// works reports whether a node is a group of workers.
func (k Kind) works() bool {
	return k == KindAggregate || k == KindProcess || k == KindProjection || k == KindReaction
}

// Node is a box of the picture.
type Node struct {
	ID    string // see AggregateID and the others
	Kind  Kind
	Name  string // as people read it: that of the topic, the aggregate …
	Index int    // in the graph of the whole program
	// Plural is an aggregate's, Of the name of the aggregate that a topic belongs to.
	Plural, Of string
	Sendable   bool // see Aggregate
}

// The IDs of nodes.
const (
	ClientsID     = "clients"
	OutsideID     = "outside"
	DeadLettersID = "dead-letters"
)

// AggregateID and the others return the IDs of nodes.
func AggregateID(name string) string { return "aggregate." + name }

// ProcessID returns the ID of a process.
func ProcessID(name string) string { return "process." + name }

// ProjectionID returns the ID of a read model.
func ProjectionID(name string) string { return "read-model." + name }

// ReactionID returns the ID of a reaction.
func ReactionID(name string) string { return "reaction." + name }

// TopicID returns the ID of a topic.
func TopicID(topic string) string { return "topic." + topic }

func storeID(name string) string { return "store." + name }

// EdgeKind is what goes along an edge.
type EdgeKind string

// The kinds of edges.
const (
	Flows   EdgeKind = "flows"   // forward, as records do
	Sends   EdgeKind = "sends"   // from a process back to the commands of an aggregate
	Discard EdgeKind = "discard" // to the dead letters
)

// Edge leads from one node to another.
type Edge struct {
	From, To string
	Kind     EdgeKind
}

// Graph is what a program is made of. Its nodes are in the order in which one reads them.
type Graph struct {
	Nodes []*Node
	Edges []Edge
}

func (g *Graph) add(n Node) {
	if g.Node(n.ID) == nil {
		n.Index = len(g.Nodes)
		g.Nodes = append(g.Nodes, &n)
	}
}

func (g *Graph) join(from, to string, kind EdgeKind) {
	if e := (Edge{from, to, kind}); !slices.Contains(g.Edges, e) && g.Node(from) != nil && g.Node(to) != nil {
		g.Edges = append(g.Edges, e)
	}
}

// Node returns the node with an ID, nil if there is none.
func (g *Graph) Node(id string) *Node {
	for _, n := range g.Nodes {
		if n.ID == id {
			return n
		}
	}
	return nil
}

// NewGraph returns the graph of a program.
func NewGraph(p Program) *Graph {
	g := &Graph{}
	g.add(Node{ID: ClientsID, Kind: KindClients, Name: "Clients"})
	topics := make(map[string]Aggregate, len(p.Aggregates))
	for _, a := range p.Aggregates {
		topics[a.Name] = a
		g.addAggregate(a)
	}
	for _, c := range p.Processes {
		g.add(Node{ID: ProcessID(c.Name), Kind: KindProcess, Name: c.Name})
	}
	for _, m := range p.Projections {
		g.add(Node{ID: ProjectionID(m.Name), Kind: KindProjection, Name: m.Name})
	}
	for _, r := range p.Reactions {
		g.add(Node{ID: ReactionID(r.Name), Kind: KindReaction, Name: r.Name})
	}
	for _, m := range p.Projections {
		if m.Store != "" {
			g.add(Node{ID: storeID(m.Store), Kind: KindStore, Name: m.Store})
		}
	}
	if len(p.Reactions) > 0 {
		g.add(Node{ID: OutsideID, Kind: KindOutside, Name: "Outside"})
	}
	g.add(Node{ID: DeadLettersID, Kind: KindDeadLetters, Name: p.DeadLetters})
	for _, a := range p.Aggregates {
		g.joinAggregate(a)
	}
	g.joinReaders(p, topics)
	return g
}

func (g *Graph) addAggregate(a Aggregate) {
	topic := func(kind Kind, name string) {
		if name != "" {
			g.add(Node{ID: TopicID(name), Kind: kind, Name: name, Of: a.Name})
		}
	}
	topic(KindCommands, a.Commands)
	g.add(Node{
		ID: AggregateID(a.Name), Kind: KindAggregate, Name: a.Name, Plural: a.Plural, Sendable: a.Sendable,
	})
	topic(KindEvents, a.Events)
	topic(KindResults, a.Results)
	topic(KindTable, a.Table)
}

func (g *Graph) joinAggregate(a Aggregate) {
	id := AggregateID(a.Name)
	if a.Sendable {
		g.join(ClientsID, TopicID(a.Commands), Flows)
	}
	g.join(TopicID(a.Commands), id, Flows)
	for _, topic := range []string{a.Events, a.Results, a.Table} {
		g.join(id, TopicID(topic), Flows)
	}
	g.join(id, DeadLettersID, Discard)
}

// joinReaders joins those that read events. aggregates are by name.
func (g *Graph) joinReaders(p Program, aggregates map[string]Aggregate) {
	for _, c := range p.Processes {
		id := ProcessID(c.Name)
		g.join(TopicID(aggregates[c.Of].Events), id, Flows)
		for _, name := range c.Results {
			g.join(TopicID(aggregates[name].Results), id, Flows)
		}
		for _, name := range c.Commands {
			g.join(id, TopicID(aggregates[name].Commands), Sends)
		}
		g.join(id, DeadLettersID, Discard)
	}
	for _, m := range p.Projections {
		id := ProjectionID(m.Name)
		for _, name := range m.Of {
			g.join(TopicID(aggregates[name].Events), id, Flows)
		}
		g.join(id, storeID(m.Store), Flows)
		g.join(id, DeadLettersID, Discard)
	}
	for _, r := range p.Reactions {
		id := ReactionID(r.Name)
		g.join(TopicID(aggregates[r.Of].Events), id, Flows)
		g.join(id, OutsideID, Flows)
		g.join(id, DeadLettersID, Discard)
	}
}

// Around returns the part of the graph that a node is in the middle of: its neighbours; those beyond a topic
// beside it; and where read models and reactions among them lead. It is nil if there is no such node.
func (g *Graph) Around(id string) *Graph {
	if g.Node(id) == nil {
		return nil
	}
	chosen := map[string]bool{id: true}
	for near := range g.beside(id) {
		chosen[near] = true
		if n := g.Node(near); n.Kind.IsTopic() && n.Kind != KindDeadLetters {
			for far := range g.beside(near) {
				chosen[far] = true
			}
		}
	}
	for _, e := range g.Edges {
		if kind := g.Node(e.To).Kind; chosen[e.From] && (kind == KindStore || kind == KindOutside) {
			chosen[e.To] = true
		}
	}
	part := &Graph{}
	for _, n := range g.Nodes {
		if chosen[n.ID] {
			part.Nodes = append(part.Nodes, n)
		}
	}
	for _, e := range g.Edges {
		if chosen[e.From] && chosen[e.To] {
			part.Edges = append(part.Edges, e)
		}
	}
	return part
}

// beside returns the nodes that edges join with a node.
func (g *Graph) beside(id string) map[string]bool {
	found := make(map[string]bool)
	for _, e := range g.Edges {
		switch id {
		case e.From:
			found[e.To] = true
		case e.To:
			found[e.From] = true
		}
	}
	return found
}
