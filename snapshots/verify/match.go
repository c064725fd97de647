package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// Messages reads what verify needs of messages. processors.Messages is one.
type Messages interface {
	// Event returns the ID of the command that caused an event, and the event's sequence.
	Event(*kgo.Record) (command string, sequence int64, err error)
	// Result reads a record of the results' topic.
	Result(*kgo.Record) (CommandResult, error)
}

// CommandResult is the outcome of a command.
type CommandResult struct {
	Command     string
	Accepted    bool
	First, Last int64 // sequences of its events; none if Last < First
	Repeated    bool  // it was told before
}

// maxUnmatched limits the events and claims that look for each other. They are written in the same
// order, so as a rule there are a handful. lookAhead is how many more events than claims are read in advance,
// where a claim finds none: enough for what is written out of order.
const (
	maxUnmatched = 1_000_000
	lookAhead    = 1_000
)

// claim is what a result says of events that have not met it yet: that a command caused those from first to
// last. However many these are, it is one thing to remember: its numbers are a record's, and may be anything.
type claim struct {
	first, last int64
	command     string
}

// unclaimed is an event that has no result yet.
type unclaimed struct {
	sequence, offset int64
	command          string
}

// matcher finds the result of each event, and the events of each result.
type matcher struct {
	run *run
	// events and claims are those that have not met yet, by aggregate, in the order in which they came.
	events     map[string][]unclaimed
	claims     map[string][]claim
	held, open int // how many of both there are
	// first is the offset of the event of the first pair: events before it are older than the results.
	first   int64
	met     bool     // there is a pair
	early   []string // keys of the events that wait for the first pair, in their order
	turns   int      // of both topics until then
	results int64
	found   []Difference
}

// match matches results and events. The order of the questions is that of the rows: the events that
// are decided, then the results, then all events.
func (r *run) match(ctx context.Context, admin *kadm.Client) error {
	decided, err := stableEnd(ctx, admin, r.Events, r.Partition)
	if err != nil {
		return err
	}
	m, from, err := r.matchFrom(ctx, admin, false)
	if err == nil && from > 0 && m.open > 0 {
		// A topic that was restored from a backup may have other times than the other one.
		m, _, err = r.matchFrom(ctx, admin, true)
	}
	if err != nil {
		return err
	}
	r.outcome.Results = m.results
	return m.finish(decided)
}

// matchFrom reads both topics side by side: events from where they were when the oldest result was
// written, or all of them. It returns the offset at which it began, and what it found.
func (r *run) matchFrom(
	ctx context.Context, admin *kadm.Client, all bool,
) (m *matcher, from int64, err error) {
	m = &matcher{run: r, events: map[string][]unclaimed{}, claims: map[string][]claim{}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	outcomes := r.read(ctx, r.Results, kafka.FromStart)
	defer outcomes.drain(cancel)
	first, more := outcomes.next()
	if !more {
		return m, 0, outcomes.err
	}
	if !all {
		if from, err = offsetAt(ctx, admin, r.Events, r.Partition, first); err != nil {
			return m, from, err
		}
	}
	// The end of the events is asked for now: behind that of the results.
	events := r.read(ctx, r.Events, from)
	defer events.drain(cancel)
	if err := m.result(first); err != nil {
		return m, from, err
	}
	for outcomes.open || events.open {
		if err := m.step(outcomes, events); err != nil {
			return m, from, err
		}
	}
	return m, from, errors.Join(outcomes.err, events.err)
}

// wantsEvent reports whether it is an event's turn: while there are claims. One that never finds its event
// must not have all events read before the next result, and held. Before the first pair there may be any
// number of events that are older than the results; now and then it is a result's turn then, because the
// event of the first may be lost.
func (m *matcher) wantsEvent() bool {
	switch {
	case m.open == 0:
		return false
	case m.met:
		return m.held < m.open+lookAhead
	}
	m.turns++
	return m.turns%lookAhead != 0
}

// step takes a record of the side that the other waits for.
func (m *matcher) step(outcomes, events *stream) error {
	if m.held+m.open+len(m.found) > maxUnmatched {
		return fmt.Errorf("more than %d events and results don't find each other", maxUnmatched)
	}
	if events.open && (!outcomes.open || m.wantsEvent()) {
		event, more := events.next()
		if !more {
			return nil
		}
		return m.event(event)
	}
	outcome, more := outcomes.next()
	if !more {
		return nil
	}
	return m.result(outcome)
}

func (m *matcher) result(record *kgo.Record) error {
	if m.run.Select != nil && !m.run.Select(record.Key) {
		return nil
	}
	result, err := m.run.Messages.Result(record)
	if err != nil {
		return fmt.Errorf("read the result at offset %d: %w", record.Offset, err)
	}
	if !result.Accepted || result.Repeated {
		return nil
	}
	m.results++
	if result.Last >= result.First {
		m.claim(string(record.Key), claim{result.First, result.Last, result.Command})
	}
	return nil
}

// claim has the events met that were there before it, and keeps what is left.
func (m *matcher) claim(key string, c claim) {
	left := []claim{c}
	events := m.events[key]
	waiting := events[:0]
	for _, e := range events {
		met := false
		if left, met = m.meet(key, left, e); !met {
			waiting = append(waiting, e)
		}
	}
	m.held += len(waiting) - len(events)
	m.open += len(left)
	put(m.events, key, waiting)
	put(m.claims, key, append(m.claims[key], left...))
	m.forgetEarly()
}

func (m *matcher) event(record *kgo.Record) error {
	if m.run.Select != nil && !m.run.Select(record.Key) {
		return nil
	}
	command, sequence, err := m.run.Messages.Event(record)
	if err != nil {
		return fmt.Errorf("read the event at offset %d: %w", record.Offset, err)
	}
	key := string(record.Key)
	claims := m.claims[key]
	e := unclaimed{sequence, record.Offset, command}
	if left, met := m.meet(key, claims, e); met {
		m.open += len(left) - len(claims)
		put(m.claims, key, left)
		m.forgetEarly()
		return nil
	}
	m.events[key] = append(m.events[key], e)
	m.held++
	if m.met {
		return nil
	}
	if m.early = append(m.early, key); len(m.early) > lookAhead { // it is older than the results
		oldest := m.early[0]
		put(m.events, oldest, m.events[oldest][1:])
		m.early = m.early[1:]
		m.held--
	}
	return nil
}

// forgetEarly forgets events that came before the first pair: they have lost their results to retention.
func (m *matcher) forgetEarly() {
	if !m.met || m.early == nil {
		return
	}
	m.early = nil
	for key, events := range m.events {
		left := slices.DeleteFunc(events, func(e unclaimed) bool { return e.offset < m.first })
		m.held += len(left) - len(events)
		put(m.events, key, left)
	}
}

// put keeps what is left of a key, if anything is.
func put[T any](all map[string][]T, key string, left []T) {
	if len(left) == 0 {
		delete(all, key)
		return
	}
	all[key] = left
}

// meet has an event meet the first of the claims that names it. That is divided: what is left of it stays.
func (m *matcher) meet(key string, claims []claim, e unclaimed) (left []claim, met bool) {
	sequence := e.sequence
	i := slices.IndexFunc(claims, func(c claim) bool { return c.first <= sequence && sequence <= c.last })
	if i < 0 {
		return claims, false
	}
	c := claims[i]
	var rest []claim
	if c.first < sequence {
		rest = append(rest, claim{c.first, sequence - 1, c.command})
	}
	if sequence < c.last {
		rest = append(rest, claim{sequence + 1, c.last, c.command})
	}
	if !m.met {
		m.met, m.first = true, e.offset
	}
	if e.command != c.command {
		m.found = append(m.found, Difference{
			Key: key, Where: m.run.Results, What: OtherCommand, Sequence: sequence, Command: c.command,
			Message: fmt.Sprintf("the event says %q", e.command),
		})
	}
	return slices.Replace(claims, i, i+1, rest...), true
}

// finish reports what has not met. Events behind decided may have their results behind what was read.
func (m *matcher) finish(decided int64) error {
	for _, d := range m.found {
		if err := m.run.report(d); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(m.claims)) {
		for _, c := range m.claims[key] {
			if err := m.run.report(m.withoutEvent(key, c)); err != nil {
				return err
			}
		}
	}
	if !m.met {
		return nil // all events may be older than the results
	}
	for _, key := range slices.Sorted(maps.Keys(m.events)) {
		for _, e := range m.events[key] {
			if e.offset >= decided {
				continue
			}
			if err := m.run.report(Difference{
				Key: key, Where: m.run.Results, What: EventWithoutResult, Sequence: e.sequence,
				Command: e.command,
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// withoutEvent is a claim that events have not met: one difference, however many events it names.
func (m *matcher) withoutEvent(key string, c claim) Difference {
	d := Difference{
		Key: key, Where: m.run.Results, What: ResultWithoutEvent, Sequence: c.first, Command: c.command,
	}
	if c.last > c.first {
		d.Last = c.last
		d.Message = fmt.Sprintf("it names the events from %d to %d", c.first, c.last)
	}
	return d
}

// offsetAt is where a topic was when a record of another was written: they are of one transaction, and
// have its time.
func offsetAt(
	ctx context.Context, admin *kadm.Client, topic string, partition int32, when *kgo.Record,
) (int64, error) {
	return kafka.OffsetOf(topic, partition)(
		admin.ListOffsetsAfterMilli(ctx, when.Timestamp.UnixMilli(), topic))
}
