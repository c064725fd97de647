package flow

// Program is what a program is made of, as its definitions say.
type Program struct {
	Aggregates  []Aggregate
	Processes   []Process
	Projections []Projection
	Reactions   []Reaction
	DeadLetters string // the topic
}

// Aggregate is a kind of aggregate, with its topics.
type Aggregate struct {
	Name, Plural            string
	Commands, Events, Table string
	Results                 string // empty: none are kept
	// Sendable says that clients may send it commands.
	Sendable bool
}

// Process reacts to events of an aggregate, and commands others. Aggregates are called by their names.
type Process struct {
	Name, Of string
	// Commands are those that it commands, Results those whose results it is shown.
	Commands, Results []string
}

// Projection makes rows of the events of aggregates, in a store.
type Projection struct {
	Name  string
	Of    []string
	Store string // its name; empty: none is given, so it is not filled
}

// Reaction sends the events of an aggregate to the world outside.
type Reaction struct{ Name, Of string }
