package processors

// ReadModel is a definition of what is made of events for queries: package projections has them.
type ReadModel interface {
	Definition
	// ReadModelName returns what it is called.
	ReadModelName() string
	// ReadModelVersion returns the version of what it makes.
	ReadModelVersion() int
	// Reads returns the aggregates whose events it takes.
	Reads() []AggregateDefinition
	// Check lists all that is wrong with it.
	Check() error
}

// Defined makes a struct that embeds it a [Definition].
type Defined struct{}

func (Defined) definition() {}
