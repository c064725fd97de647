package views

import (
	"fmt"
	"slices"
)

// TracePart is the messages of a trace that one pod has, in any order.
type TracePart struct {
	Messages  []Message
	Truncated bool // there are more; these are the first
}

// Part returns the messages of the trace.
func (t *Trace) Part() TracePart {
	part := TracePart{Truncated: t.Truncated}
	var add func(nodes []*Node)
	add = func(nodes []*Node) {
		for _, n := range nodes {
			part.Messages = append(part.Messages, n.Message)
			add(n.Children)
		}
	}
	add(t.Roots)
	return part
}

// JoinTrace makes one trace of the parts that pods have, as if all messages were on one: at most limit of
// them, the first. A message that several pods have is in it once. Each part must have its first messages, as
// many as limit, if it is truncated. The error is ErrNotFound if there is no message.
func JoinTrace(correlationID string, limit int, parts ...TracePart) (Trace, error) {
	trace := Trace{CorrelationID: correlationID, Nodes: make(map[Kind]int)}
	var messages []Message
	for _, part := range parts {
		messages = append(messages, part.Messages...)
		trace.Truncated = trace.Truncated || part.Truncated
	}
	if len(messages) == 0 {
		return Trace{}, fmt.Errorf("%w: trace %q", ErrNotFound, correlationID)
	}
	slices.SortFunc(messages, inOrder) // those of one place beside each other: all else of them is alike
	messages = slices.CompactFunc(messages, func(a, b Message) bool { return a.Place == b.Place })
	if len(messages) > limit {
		messages, trace.Truncated = messages[:limit], true
	}
	trace.Roots = treeOf(messages)
	trace.First, trace.Last = messages[0].Time, messages[len(messages)-1].Time
	for i := range messages {
		trace.Nodes[messages[i].Kind]++
	}
	return trace, nil
}
