package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// Messages reads what verify needs of messages. processors.Messages is one.
type Messages interface {
	// Event returns the ID of the command that caused an event, and the event's sequence.
	Event(*kgo.Record) (command string, sequence int64, err error)
	// Result reads a record of the results' topic.
	Result(*kgo.Record) (Result, error)
}

// Result is the outcome of a command.
type Result struct {
	Command     string
	Accepted    bool
	First, Last int64 // sequences of its events; none if Last < First
	Repeated    bool  // it was told before
}

// place is an event by its aggregate and sequence.
type place struct {
	key      string
	sequence int64
}

// maxUnmatched limits the events and results that look for each other. They are written in the same
// order, so as a rule there are a handful.
const maxUnmatched = 1_000_000

// matcher finds the result of each event, and the events of each result.
type matcher struct {
	run *run
	// events and expected are those that have not met yet, with the ID of their command.
	events, expected map[place]string
	offsets          map[place]int64 // of events
	met              bool            // the first pair: what was before is older than the results
	results          int64
	found            []Difference
}

// match matches results and events. The order of the questions is that of the rows: the events that
// are decided, then the results, then all events.
func (r *run) match(ctx context.Context, admin *kadm.Client) error {
	decided, err := stableEnd(ctx, admin, r.Events, r.Partition)
	if err != nil {
		return err
	}
	m, from, err := r.matchFrom(ctx, admin, false)
	if err == nil && from > 0 && len(m.expected) > 0 {
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
	m = &matcher{
		run: r, events: map[place]string{}, expected: map[place]string{}, offsets: map[place]int64{},
	}
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

// step takes a record of the side that the other waits for.
func (m *matcher) step(outcomes, events *stream) error {
	if len(m.events)+len(m.expected)+len(m.found) > maxUnmatched {
		return fmt.Errorf("more than %d events and results don't find each other", maxUnmatched)
	}
	if events.open && (len(m.expected) > 0 || !outcomes.open) {
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
	for sequence := result.First; sequence <= result.Last; sequence++ {
		at := place{string(record.Key), sequence}
		command, is := m.events[at]
		if !is {
			m.expected[at] = result.Command
			continue
		}
		delete(m.events, at)
		delete(m.offsets, at)
		m.meet(at, command, result.Command)
	}
	return nil
}

func (m *matcher) event(record *kgo.Record) error {
	if m.run.Select != nil && !m.run.Select(record.Key) {
		return nil
	}
	command, sequence, err := m.run.Messages.Event(record)
	if err != nil {
		return fmt.Errorf("read the event at offset %d: %w", record.Offset, err)
	}
	at := place{string(record.Key), sequence}
	expected, is := m.expected[at]
	if !is {
		if m.met { // what came before the first pair has lost its result to retention
			m.events[at], m.offsets[at] = command, record.Offset
		}
		return nil
	}
	delete(m.expected, at)
	m.meet(at, command, expected)
	return nil
}

func (m *matcher) meet(at place, caused, told string) {
	m.met = true
	if caused != told {
		m.found = append(m.found, Difference{
			Key: at.key, Where: m.run.Results, What: OtherCommand, Sequence: at.sequence, Command: told,
			Message: fmt.Sprintf("the event says %q", caused),
		})
	}
}

// finish reports what has not met. Events behind decided may have their results behind what was read.
func (m *matcher) finish(decided int64) error {
	for _, d := range m.found {
		if err := m.run.report(d); err != nil {
			return err
		}
	}
	for _, at := range sorted(m.expected) {
		if err := m.run.report(Difference{
			Key: at.key, Where: m.run.Results, What: ResultWithoutEvent, Sequence: at.sequence,
			Command: m.expected[at],
		}); err != nil {
			return err
		}
	}
	for _, at := range sorted(m.events) {
		if m.offsets[at] >= decided {
			continue
		}
		if err := m.run.report(Difference{
			Key: at.key, Where: m.run.Results, What: EventWithoutResult, Sequence: at.sequence,
			Command: m.events[at],
		}); err != nil {
			return err
		}
	}
	return nil
}

func sorted(of map[place]string) []place {
	return slices.SortedFunc(maps.Keys(of), func(a, b place) int {
		if order := strings.Compare(a.key, b.key); order != 0 {
			return order
		}
		return int(a.sequence - b.sequence)
	})
}

// offsetAt is where a topic was when a record of another was written: they are of one transaction, and
// have its time.
func offsetAt(
	ctx context.Context, admin *kadm.Client, topic string, partition int32, when *kgo.Record,
) (int64, error) {
	return kafka.OffsetOf(topic, partition)(
		admin.ListOffsetsAfterMilli(ctx, when.Timestamp.UnixMilli(), topic))
}
