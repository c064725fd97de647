package scenario

import (
	"cmp"
	"fmt"
	"reflect"
	"runtime/debug"
	"testing"
	"time"

	"refold/eventsourcing"
)

// Story is an aggregate with a past. It is a value: telling on from it does not change it, so
// that several stories can begin alike.
type Story[S, C, E any] struct {
	tb       testing.TB
	decider  eventsourcing.Decider[S, C, E]
	past     []eventsourcing.Recorded[E]
	metadata eventsourcing.Metadata // of the commands to come
}

// Turn is a command that has just been handled, and what came of it.
type Turn[S, C, E any] struct {
	story   Story[S, C, E]
	state   S // before the command
	command C
	events  []E
	result  eventsourcing.Result
	failure error // a bug of the aggregate: it broke its contract, or panicked
}

// Of begins a story without a past.
func Of[S, C, E any](tb testing.TB, d eventsourcing.Decider[S, C, E]) Story[S, C, E] {
	tb.Helper()
	return Story[S, C, E]{tb: tb, decider: d, metadata: eventsourcing.Metadata{
		ID: "command", Subject: "aggregate",
	}}
}

// At sets the time of all events and commands that follow; it is the zero time at first.
func (s Story[S, C, E]) At(t time.Time) Story[S, C, E] {
	s.metadata.Time = t
	return s
}

// By sets the source, the ID of the aggregate and the ID of the commands that follow; what is empty
// stays as it is.
func (s Story[S, C, E]) By(source, subject, commandID string) Story[S, C, E] {
	m := &s.metadata
	m.Source, m.Subject = cmp.Or(source, m.Source), cmp.Or(subject, m.Subject)
	m.ID = cmp.Or(commandID, m.ID)
	return s
}

// Given adds events to the past, at the story's time. Nobody asks whether they could have happened.
func (s Story[S, C, E]) Given(events ...E) Story[S, C, E] {
	first := int64(len(s.past)) + 1
	s.past = append(s.past[:len(s.past):len(s.past)],
		eventsourcing.Record(first, s.metadata.Time, events...)...)
	return s
}

// State returns the fold of the past.
func (s Story[S, C, E]) State() S {
	return s.decider.Fold(s.decider.Initial, s.past...)
}

// When has the aggregate handle a command, through [eventsourcing.Handle].
func (s Story[S, C, E]) When(command C) Turn[S, C, E] {
	turn := Turn[S, C, E]{story: s, command: command}
	turn.run()
	return turn
}

func (t *Turn[S, C, E]) run() {
	defer func() {
		if p := recover(); p != nil {
			t.failure = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	t.state = t.story.State()
	outcome, err := eventsourcing.Handle(t.story.decider, 0,
		eventsourcing.Snapshot[S]{State: t.state, Sequence: int64(len(t.story.past))},
		eventsourcing.Envelope[C]{Metadata: t.story.metadata, Data: t.command})
	t.failure, t.result = err, outcome.Result
	for _, envelope := range outcome.Events {
		t.events = append(t.events, envelope.Data)
	}
}

// Then expects the command to have been accepted with exactly these events, in this order; with
// none, if none are given. It returns the story with the events in its past.
func (t Turn[S, C, E]) Then(events ...E) Story[S, C, E] {
	t.story.tb.Helper()
	if t.failure != nil || !t.result.Accepted || !same(events, t.events) {
		t.fail(describeEvents(events, "  accepted without an event", never), events)
	}
	return t.story.Given(t.events...)
}

// ThenRejected expects the command to have been rejected with the code. It returns the story as
// it was.
func (t Turn[S, C, E]) ThenRejected(code string) Story[S, C, E] {
	t.story.tb.Helper()
	if t.failure != nil || t.result.Accepted || t.result.Code != code {
		t.fail([]string{"  rejected with " + code}, nil)
	}
	return t.story
}

// Message returns the rejection's message; "" if the command was accepted.
func (t Turn[S, C, E]) Message() string { return t.result.Message }

// HasState expects the past to amount to the state.
func (s Story[S, C, E]) HasState(want S) Story[S, C, E] {
	s.tb.Helper()
	if got := s.State(); !reflect.DeepEqual(want, got) {
		s.tb.Fatal(tell(
			chapter{"given", describeEvents(eventsOf(s.past), "  no event", never)},
			chapter{"expected", []string{"  state " + describe(want)}},
			chapter{"got", []string{"≠ state " + describe(got)}},
		))
	}
	return s
}

func (t Turn[S, C, E]) fail(expected []string, events []E) {
	t.story.tb.Helper()
	t.story.tb.Fatal(tell(
		chapter{"given", describeEvents(eventsOf(t.story.past), "  no event", never)},
		chapter{"state", []string{"  " + describe(t.state)}},
		chapter{"when", []string{"  " + describe(t.command)}},
		chapter{"expected", expected},
		chapter{"got", t.describeOutcome(events)},
	))
}

// describeOutcome tells what came, with a mark at what differs from the expected events.
func (t Turn[S, C, E]) describeOutcome(expected []E) []string {
	switch {
	case t.failure != nil:
		return []string{"≠ " + t.failure.Error()}
	case !t.result.Accepted:
		return []string{"≠ rejected with " + t.result.Code + ": " + t.result.Message}
	}
	return describeEvents(t.events, "≠ accepted without an event", func(i int) bool {
		return i >= len(expected) || !reflect.DeepEqual(expected[i], t.events[i])
	})
}

func eventsOf[E any](recorded []eventsourcing.Recorded[E]) []E {
	events := make([]E, len(recorded))
	for i, r := range recorded {
		events[i] = r.Event
	}
	return events
}

func same[E any](want, got []E) bool {
	return len(want) == 0 && len(got) == 0 || reflect.DeepEqual(want, got)
}
