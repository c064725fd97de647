package views

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"refold/codecs"
	"refold/processors"
)

// Kind is what a message of a trace is.
type Kind uint8

// The kinds of messages, in the order in which they come of each other.
const (
	KindCommand Kind = iota + 1
	KindEvent
	KindResult
	KindDeadLetter
)

// String returns the kind as the API spells it.
func (k Kind) String() string {
	switch k {
	case KindCommand:
		return "command"
	case KindEvent:
		return "event"
	case KindResult:
		return "result"
	case KindDeadLetter:
		return "dead-letter"
	}
	return "unknown"
}

// Message is a record as a trace shows it.
type Message struct {
	Kind          Kind
	ID            string // of a dead letter that of the record that was set aside
	CausationID   string // may be empty
	CorrelationID string
	Aggregate     string // the aggregate's name; empty if not known
	Subject       string // the aggregate's ID
	Type          string // of a result that of its command
	Sequence      int64  // of an event
	Time          time.Time
	Place         Place
	Repeated      bool // the command, or the result, has been there before

	// Status, FirstSequence, LastSequence, Code and Detail are a result's, as a Command has them;
	// Unknown of one that can't be read.
	Status                      Status
	FirstSequence, LastSequence int64
	Code, Detail                string
	// Reason says why a dead letter was set aside, Origin where it was before.
	Reason string
	Origin Place
}

// Place is where a record is.
type Place struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Node is a message of a trace, and what it has caused.
type Node struct {
	Message
	// Orphan says that the message has a cause that isn't in the trace: not kept any more, beyond
	// the limit, or of another chain.
	Orphan   bool
	Children []*Node // in the order of time
}

// Trace is everything that a command has led to, and the command.
type Trace struct {
	CorrelationID string
	Roots         []*Node // in the order of time
	// Nodes counts the messages by their kind.
	Nodes map[Kind]int
	// First and Last are the times of the first and the last message.
	First, Last time.Time
	// Truncated says that there are more messages than Limits.TraceNodes: these are the first.
	Truncated bool
}

// Trace returns what was caused by the command of that ID, wherever it went: messages of all
// aggregates that carry it as their correlation ID and are no older than Options.TraceRetention.
// The error is ErrNotFound, ErrNotReady, ErrNoTraces, or a fault.
//
// It costs two looks into each partition of each topic, and a read for each message. As every view, it
// may be behind, each topic for itself: a message that has just been written can be missing, and an event
// whose result is not there yet. Of a command that was sent more than Limits.ScanRows times, some messages
// can be missing.
func (v *Views) Trace(ctx context.Context, correlationID string) (Trace, error) {
	messages, truncated, err := v.messagesOf(ctx, correlationID)
	if err != nil {
		return Trace{}, err
	}
	if len(messages) == 0 {
		for _, t := range v.traced {
			if notReady := t.ready(); notReady != nil {
				return Trace{}, notReady
			}
		}
		return Trace{}, fmt.Errorf("%w: trace %q", ErrNotFound, correlationID)
	}
	trace := Trace{
		CorrelationID: correlationID, Truncated: truncated, Roots: treeOf(messages),
		Nodes: make(map[Kind]int), First: messages[0].Time, Last: messages[0].Time,
	}
	for i := range messages {
		m := &messages[i]
		trace.Nodes[m.Kind]++
		if m.Time.Before(trace.First) {
			trace.First = m.Time
		}
		if m.Time.After(trace.Last) {
			trace.Last = m.Time
		}
	}
	return trace, nil
}

// messagesOf returns the messages of a trace, the first ones if there are too many.
func (v *Views) messagesOf(ctx context.Context, correlationID string) (
	messages []Message, truncated bool, err error,
) {
	switch {
	case v.options.Off:
		return nil, false, ErrOff
	case v.options.TraceRetention == 0:
		return nil, false, ErrNoTraces
	}
	limit := v.options.Limits.TraceNodes
	c := tracing{views: v, correlation: correlationID, limit: limit + 1, spans: make(map[string][]span)}
	for _, t := range v.traced {
		if err := c.add(ctx, t); err != nil {
			return nil, false, err
		}
	}
	messages = c.messages
	slices.SortFunc(messages, inOrder)
	if len(messages) > limit {
		return messages[:limit], true, nil
	}
	return messages, false, nil
}

// message is an entry of the index in full.
func (v *Views) message(ctx context.Context, t *traced, e *traceEntry) (Message, error) {
	m := Message{
		Kind: t.kind, ID: e.id, CausationID: e.causation, CorrelationID: e.correlation,
		Aggregate: t.aggregate, Subject: e.subject, Type: e.typeName, Sequence: e.sequence,
		Time: e.time, Place: e.place, Repeated: e.repeated, Reason: e.reason, Origin: e.origin,
	}
	if t.kind == KindDeadLetter {
		m.Aggregate = v.aggregateOf(e.origin.Topic)
	}
	var err error
	if t.kind == KindResult {
		err = t.conclude(ctx, &m, e.value)
	}
	return m, err
}

// conclude adds what a result says. One that can't be read is a message all the same.
func (t *traced) conclude(ctx context.Context, m *Message, value []byte) error {
	decoded, err := t.results.Decode(ctx, value)
	if errors.Is(err, codecs.ErrRegistryUnavailable) {
		return fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	result, is := decoded.(processors.Result)
	if err != nil || !is {
		return nil //nolint:nilerr // see above
	}
	m.Type, m.Status, m.Code, m.Detail = result.CommandType, Rejected, result.Code, result.Message
	if result.Accepted {
		m.Status, m.FirstSequence, m.LastSequence = Accepted, result.FirstSequence, result.LastSequence
	}
	return nil
}

// aggregateOf returns the aggregate that a topic is of, or nothing.
func (v *Views) aggregateOf(topic string) string {
	for _, a := range v.aggregates {
		switch t := a.description.Topics; topic {
		case t.Commands, t.Events, t.Results:
			return a.description.Name
		}
	}
	return ""
}

// inOrder is the order of a trace: by time and, where its milliseconds are alike, causes before
// what they cause.
func inOrder(a, b Message) int {
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.Place.Topic, b.Place.Topic), cmp.Compare(a.Place.Partition, b.Place.Partition),
		cmp.Compare(a.Place.Offset, b.Place.Offset))
}
