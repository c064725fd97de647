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
	plural := l.plurals[m.Aggregate]
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
func brief(m *wire.Message) string {
	v := values.Parse(m.Data)
	return values.Short(v, jsondiff.Path{}, v, nil)
}
