package processors

// ReactionDefinition is a definition of what is sent to the world outside for events: package reactions has
// them.
type ReactionDefinition interface {
	Definition
	// ReactionName returns what it is called.
	ReactionName() string
	// ReactsTo returns the aggregate whose events it takes; nil if none is given.
	ReactsTo() AggregateDefinition
	// Check lists all that is wrong with it.
	Check() error
}

// ReactionGroup returns the consumer group of the reaction of a name. Its dead letters are replayed to the
// LoopTopic of the group.
func ReactionGroup(prefix, name string) string { return prefix + reactionWord + name }

// reactionWord keeps groups of reactions apart from those of aggregates and processes.
const reactionWord = "reaction-"

// IsName reports whether a text can be the name of an aggregate, a process or a reaction: lower-case letters
// and digits, in parts that begin with a letter, with one - between them.
func IsName(text string) bool { return nameForm.MatchString(text) }
