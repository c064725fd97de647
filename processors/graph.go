package processors

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"github.com/lovoo/goka"
	"go.opentelemetry.io/otel/trace"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
)

// Limits of [AggregateGraph.RecentSize].
const (
	DefaultRecentSize = 16
	MaxRecentSize     = eventsourcing.MaxRecentSize
)

// Outcomes remembers what has become of commands. Package outcomes has it.
type Outcomes interface {
	// Find returns the outcome of a command to the aggregate subject, if it is remembered.
	Find(subject, commandID string) (eventsourcing.Entry, bool)
	// Add remembers the outcome of a command in a partition, whose record has the time at. It is forgotten if
	// the transaction of the command is not committed.
	Add(partition int32, subject, commandID string, at time.Time, outcome eventsourcing.Entry)
}

// AggregateGraph is everything that the Goka group graph of an aggregate needs: behaviour, codecs and
// names. S is its state, C the interface of its commands, E that of its events.
type AggregateGraph[S, C, E any] struct {
	// Name is the aggregate's, in the singular: "account".
	Name    string
	Topics  Topics
	Decider eventsourcing.Decider[S, C, E]

	// Commands, Events and Results encode what travels on the topics of the same name. Results is nil if
	// the aggregate writes none: then nobody is told what became of a command.
	Commands, Events, Results *codecs.Set
	// Rows encodes eventsourcing.Snapshot[S], the group table's rows.
	Rows goka.Codec

	// RecentSize is how many commands a row remembers (G1), each in some 24 bytes of every row:
	// 0 to MaxRecentSize.
	RecentSize int
	// Outcomes remembers outcomes for a time, beside the rows. Nil: only rows remember.
	Outcomes Outcomes
	// RecordBytes is the largest record, as kafka.RecordBytes counts: a larger command, and one
	// that leads to a larger event, result or row, is poison. 0: kafka.DefaultRecordBytes.
	RecordBytes int
	// DecodedBytes is how many bytes of rows, as they are in the table, are kept decoded: those that were
	// written last, at most 32,768 rows. Decoded, they take some three times as much memory. 0:
	// DefaultDecodedBytes; below zero: none are kept.
	DecodedBytes int
	// Partitions returns how many partitions the topics of the aggregate have: a command that is not
	// in the partition of its key (kafka.Partition) is poison, since its aggregate has its row in
	// another. It is asked while commands are handled, and must not change. Nil: nothing is checked.
	Partitions func() int32
	// Version is the worker's, for its dead letters.
	Version string
	// Guard limits the share of poison. It is of this graph alone. Nil: there is no limit.
	Guard   *Guard
	Metrics *Metrics
	// Tracer makes a span for each record that is handled; nil: none.
	Tracer trace.Tracer
	Logger *slog.Logger

	aside   deadLetters
	decoded *decodedRows[S]
	kept    goka.Codec // of rows whose state has not changed
}

// GraphOptions is what a worker makes a graph with.
type GraphOptions struct {
	// TopicPrefix is put in front of the topics' and the group's name. Empty as a rule.
	TopicPrefix string
	// Results is NewResultSet's; nil for an aggregate that keeps no results.
	Results *codecs.Set
	// The others are fields of AggregateGraph and ProcessGraph.
	RecentSize  int
	Outcomes    Outcomes
	RecordBytes int
	Partitions  func() int32
	Version     string
	Guard       *Guard
	Tracer      trace.Tracer
	Metrics     *Metrics
	Logger      *slog.Logger
}

// Validate reports whether a graph can be made of the description.
func (a *AggregateGraph[S, C, E]) Validate() error {
	if a.RecentSize < 0 || a.RecentSize > MaxRecentSize {
		return fmt.Errorf("aggregate %s: RecentSize is %d, allowed are 0 to %d",
			a.Name, a.RecentSize, MaxRecentSize)
	}
	for name, missing := range map[string]bool{
		"Name": a.Name == "", "Topics": a.Topics == Topics{},
		"Decider.Decide": a.Decider.Decide == nil, "Decider.Evolve": a.Decider.Evolve == nil,
		"Commands": a.Commands == nil, "Events": a.Events == nil,
		"Rows": a.Rows == nil, "Metrics": a.Metrics == nil, "Logger": a.Logger == nil,
	} {
		if missing {
			return fmt.Errorf("aggregate %q: %s is missing", a.Name, name)
		}
	}
	return nil
}

func (a *AggregateGraph[S, C, E]) recordBytes() int {
	return cmp.Or(a.RecordBytes, kafka.DefaultRecordBytes)
}

// Graph returns the aggregate's Goka group graph: commands in; events, results and dead letters
// out; rows in the group table.
func (a *AggregateGraph[S, C, E]) Graph() (*goka.GroupGraph, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	t := a.Topics
	a.aside = deadLetters{
		topic: t.DeadLetters, owner: a.Name, group: t.Group, replay: t.Commands,
		version: a.Version, limit: LetterBytes(a.recordBytes()),
		guard: a.Guard, metrics: a.Metrics, logger: a.Logger,
	}
	a.decoded = newDecodedRows[S](cmp.Or(a.DecodedBytes, DefaultDecodedBytes))
	a.kept = a.Rows
	if rows, is := a.Rows.(interface{ kept() goka.Codec }); is {
		a.kept = rows.kept()
	}
	edges := []goka.Edge{
		goka.Input(goka.Stream(t.Commands), kafka.RecordsCodec{}, a.handle),
		goka.Output(goka.Stream(t.Events), kafka.RecordsCodec{}),
		goka.Output(goka.Stream(t.DeadLetters), kafka.RecordsCodec{}),
		goka.Persist(a.Rows),
	}
	if a.Results != nil {
		edges = append(edges, goka.Output(goka.Stream(t.Results), kafka.RecordsCodec{}))
	}
	return goka.DefineGroup(goka.Group(t.Group), edges...), nil
}
