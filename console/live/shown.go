package live

import (
	"strconv"

	"refold/client/wire"
	"refold/codecs/jsondiff"
	"refold/console/frame"
	"refold/console/values"
)

// aggregatePath leads to a message's aggregate, of an event to the state after it; empty: there is no page.
func (l *pages) aggregatePath(m *wire.Message) string {
	plural := l.byName[m.Aggregate].Plural
	if plural == "" || m.Subject == "" {
		return ""
	}
	path := frame.Path(plural, m.Subject)
	if m.Kind == wire.KindEvent && m.Sequence > 0 {
		return frame.With(path, "event", strconv.FormatInt(m.Sequence, 10))
	}
	return path
}

// traceOf is the ID of the trace that a message belongs to.
func traceOf(m *wire.Message) string {
	if m.CorrelationID == "" && m.Kind == wire.KindCommand {
		return m.ID
	}
	return m.CorrelationID
}

func letterPath(m *wire.Message) string {
	return frame.Path("dead-letters", strconv.Itoa(int(m.Partition)), strconv.FormatInt(m.Offset, 10))
}

func reason(m *wire.Message) string {
	if m.Aside == nil {
		return "unknown"
	}
	return m.Aside.Reason
}

// brief is the data of a message in a few words.
func (l *pages) brief(m *wire.Message) string {
	v := values.Parse(m.Data)
	if m.Kind == wire.KindResult {
		return briefResult(m, v)
	}
	return values.Short(v, jsondiff.Path{}, v, l.byName[m.Aggregate].Money)
}

// briefResult says of which command a result is, and what came of it.
func briefResult(m *wire.Message, v *jsondiff.Value) string {
	text := func(name string) string {
		if member := v.Member(name); member != nil {
			return member.Text
		}
		return ""
	}
	first, last := text("firstSequence"), text("lastSequence")
	switch {
	case m.Outcome == wire.StatusRejected:
		return text("commandType") + ": " + text("message")
	case m.Outcome != wire.StatusAccepted || first == "" || last == "":
		return values.Short(v, jsondiff.Path{}, v, nil)
	case first == last:
		return text("commandType") + ": event " + first
	case len(last) < len(first) || len(last) == len(first) && last < first:
		return text("commandType") + ": it changed nothing"
	}
	return text("commandType") + ": events " + first + " to " + last
}
