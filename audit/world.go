package audit

import (
	"time"

	"github.com/linkedin/goavro/v2"
)

// World is what can be read of one kind of aggregate when all commands have been handled. Slices
// are in the order of offsets within a partition; partitions follow one another.
type World struct {
	Kind        Kind
	Commands    []Command
	Events      []Event
	Results     []Result
	Rows        map[string]Row // the last one of each key
	DeadLetters []DeadLetter   // of its commands
	// NotProcessed are the dead letters of the events and results that processes read.
	NotProcessed []DeadLetter

	// Committed are the group's offsets of the commands topic by partition, Ends the topic's.
	Committed, Ends map[int32]int64
	// Undecided names partitions with a transaction that was neither committed nor aborted.
	Undecided []string
	// RingSize is how many commands a row remembers.
	RingSize int
	// Aborted counts the events of transactions that were not committed, which no reader sees.
	Aborted int
}

// Place is where a record was read.
type Place struct {
	Partition int32
	Offset    int64
	Key       string
}

// Command is a record of the commands topic.
type Command struct {
	Place
	ID, Type               string
	Correlation, Causation string
	Fields                 map[string]any // those that a check needs
}

// Event is a record of the events topic.
type Event struct {
	Place
	ID, Type, Subject string
	Sequence          int64
	Time              time.Time // of the command that led to it
	Correlation       string
	Causation         string // ID of the command
	Fields            map[string]any
}

// Result is a record of the results topic.
type Result struct {
	Place
	ID          string
	Correlation string
	Causation   string // ID of the command
	Type        string // the command's
	Repeated    bool
	Accepted    bool
	First, Last int64 // sequences of the events
	Code        string
}

// Row is a record of the table's topic.
type Row struct {
	Place
	State    map[string]any // its other fields
	Sequence int64
	Recent   []byte
	// Value is the record's, with the codec of its schema; nil if not known.
	Value []byte
	codec *goavro.Codec
	// Unreadable says why the rest is missing.
	Unreadable error
}

// DeadLetter is a record of the dead letters, by where it came from.
type DeadLetter struct {
	Topic     string
	Partition int32
	Offset    int64
	Reason    string
}
