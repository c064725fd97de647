package views

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/eventsourcing"
	"refold/views/history"
)

// tracing collects the messages of a trace, topic by topic. The results of an aggregate are looked at
// before its events.
type tracing struct {
	views       *Views
	correlation string
	// limit bounds the messages of each partition of each topic that are taken, those with rows of their
	// own and others each: the first ones.
	limit    int
	spans    map[string][]span // by aggregate: the events that results of the trace's command name
	messages []Message
}

// span is a part of an aggregate's history, in a partition of the events.
type span struct {
	partition   int32
	subject     string
	first, last int64
}

// add adds the messages of a topic.
func (c *tracing) add(ctx context.Context, t *traced) error {
	found, err := t.rows(c.correlation, c.limit)
	if err != nil {
		return err
	}
	for i := range found {
		m, err := c.message(ctx, t, &found[i])
		if err != nil {
			return err
		}
		c.messages = append(c.messages, m)
	}
	switch {
	case t.kind == KindCommand, t.kind == KindResult:
		return c.addByID(ctx, t)
	case t.byResult:
		return c.addEvents(ctx, t)
	}
	return nil
}

func (c *tracing) message(ctx context.Context, t *traced, e *traceEntry) (Message, error) {
	m, err := c.views.message(ctx, t, e)
	if err != nil {
		return m, fmt.Errorf("read a message of the trace %q: %w", c.correlation, err)
	}
	return m, nil
}

// addByID adds the messages of the trace's command that are found under its ID, in the index of commands or
// results, and notes which events results name, those of results too that aren't in the trace any more.
func (c *tracing) addByID(ctx context.Context, t *traced) error {
	found, err := c.entries(t)
	if err != nil {
		return err
	}
	for i := range found {
		e := &found[i]
		m, err := c.message(ctx, t, e)
		if err != nil {
			return err
		}
		if e.plain && !t.expired(e.time) {
			c.messages = append(c.messages, m)
		}
		if m.Status == Accepted {
			c.spans[t.aggregate] = append(c.spans[t.aggregate],
				span{m.Place.Partition, m.Subject, m.FirstSequence, m.LastSequence})
		}
	}
	return nil
}

// entries returns the entries of an index under the trace's ID.
func (c *tracing) entries(t *traced) (found []traceEntry, err error) {
	err = t.read(func(parts []follower) error {
		for partition, part := range parts {
			if part == nil {
				continue
			}
			shown, looked := 0, 0
			err := eachEntry(part, idPrefix(c.correlation), 0, func(e *entry) step {
				found = append(found, c.entry(t, int32(partition), e))
				looked++
				if e.plain && !t.expired(e.time) {
					shown++
				}
				if shown == c.limit || looked == t.limits.ScanRows {
					return enough
				}
				return another
			})
			if err != nil {
				return fmt.Errorf("look up a trace in %s/%d: %w", t.topic, partition, err)
			}
		}
		return nil
	})
	return found, err
}

// entry is an entry of an index as one of a trace. What is left out follows from the trace's ID.
func (c *tracing) entry(t *traced, partition int32, e *entry) traceEntry {
	message := traceEntry{
		id: c.correlation, correlation: c.correlation, subject: e.subject, typeName: e.typeName, time: e.time,
		plain: e.plain, place: Place{t.topic, partition, e.offset},
	}
	if t.kind == KindResult {
		message.id, message.causation = eventsourcing.ResultID(c.correlation), c.correlation
		message.repeated, message.value = e.repeated, e.value
	}
	return message
}

// addEvents adds the events that results have named. It costs a read for each, and no more than
// Limits.ScanRows, whatever results claim.
func (c *tracing) addEvents(ctx context.Context, t *traced) error {
	var found []traceEntry
	err := t.read(func(parts []follower) error {
		looks := t.limits.ScanRows
		for _, s := range joinedSpans(c.spans[t.aggregate]) {
			if int(s.partition) >= len(parts) || parts[s.partition] == nil {
				continue
			}
			s.last = min(s.last, s.first+int64(min(c.limit, looks))-1)
			some, err := c.events(t, parts[s.partition], s)
			if err != nil {
				return fmt.Errorf("look up a trace in %s/%d: %w", t.topic, s.partition, err)
			}
			looks -= int(s.last - s.first + 1)
			found = append(found, some...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range found {
		m, err := c.message(ctx, t, &found[i])
		if err != nil {
			return err
		}
		c.messages = append(c.messages, m)
	}
	return nil
}

// events returns the events of a span that are of the trace.
func (c *tracing) events(t *traced, part follower, s span) (found []traceEntry, err error) {
	for sequence := s.first; sequence <= s.last; sequence++ {
		r, err := history.Event(part, s.subject, sequence)
		if err != nil {
			return nil, err //nolint:wrapcheck // it says which event
		}
		if r == nil {
			continue
		}
		if e, is := c.event(t, r); is {
			e.place = Place{t.topic, s.partition, r.Offset}
			found = append(found, e)
		}
	}
	return found, nil
}

// event reports whether an event of a result is of the trace, and has no row of its own there.
func (c *tracing) event(t *traced, r *kgo.Record) (e traceEntry, is bool) {
	h := headsOf(r)
	if !t.findable(r, &h) || string(h.correlation) != c.correlation || t.expired(r.Timestamp) {
		return e, false
	}
	return t.describe(r)
}

// maxSequence is the greatest that an aggregate's event may have.
const maxSequence = math.MaxInt64 / 2

// joinedSpans returns spans such that no event is in two: those of repeated results are the same. None is
// empty.
func joinedSpans(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.partition, b.partition), cmp.Compare(a.subject, b.subject),
			cmp.Compare(a.first, b.first))
	})
	var joined []span
	for _, s := range spans {
		s.first, s.last = max(s.first, 1), min(s.last, maxSequence)
		if s.first > s.last {
			continue // no event, or none that may be
		}
		if n := len(joined); n > 0 && joined[n-1].partition == s.partition &&
			joined[n-1].subject == s.subject && s.first <= joined[n-1].last+1 {
			joined[n-1].last = max(joined[n-1].last, s.last)
		} else {
			joined = append(joined, s)
		}
	}
	return joined
}
