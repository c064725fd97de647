package scenario

import (
	"reflect"
	"testing"
	"time"

	"refold/eventsourcing"
)

// ProcessStory tells what a process does about events and about the results of its own commands:
//
//	story := scenario.OfProcess(t, garages.Billing.Process())
//	story.When("g-1", garages.CarLeft{Fee: 250}).
//		Then(eventsourcing.Instruction{Aggregate: "account", Subject: "alice", Command: …})
//
// A process has no state, so that one step does not change the next. It is a value.
type ProcessStory[E any] struct {
	tb      testing.TB
	process eventsourcing.Process[E]
	at      time.Time
}

// Reaction is what a process wants after an event or a result.
type Reaction[E any] struct {
	story ProcessStory[E]
	cause any
	sent  []eventsourcing.Instruction
}

// OfProcess begins a story about a process.
func OfProcess[E any](tb testing.TB, p eventsourcing.Process[E]) ProcessStory[E] {
	tb.Helper()
	return ProcessStory[E]{tb: tb, process: p}
}

// At sets the time of the events that follow.
func (s ProcessStory[E]) At(t time.Time) ProcessStory[E] {
	s.at = t
	return s
}

// When shows the process an event of the aggregate with the ID subject, its first one.
func (s ProcessStory[E]) When(subject string, event E) Reaction[E] {
	id := eventsourcing.EventRef{Subject: subject, Sequence: 1}.ID()
	return Reaction[E]{s, event, s.process.React(eventsourcing.Envelope[E]{
		Metadata: eventsourcing.Metadata{
			ID: id, Type: eventsourcing.TypeName(event), Subject: subject, Time: s.at, Sequence: 1,
			CorrelationID: "command", CausationID: "command",
		},
		Data: event,
	})}
}

// WhenAccepted shows the process that one of its commands was accepted, with one event of the given
// sequence. origin is the event that the process had sent the command for, subject the ID of the
// aggregate that has decided.
func (s ProcessStory[E]) WhenAccepted(
	origin eventsourcing.EventRef, subject string, command any, sequence int64,
) Reaction[E] {
	return s.whenResult(origin, subject, eventsourcing.Result{
		CommandType: eventsourcing.TypeName(command), Accepted: true,
		FirstSequence: sequence, LastSequence: sequence,
	})
}

// WhenRejected shows the process that one of its commands was rejected.
func (s ProcessStory[E]) WhenRejected(
	origin eventsourcing.EventRef, subject string, command any, code string,
) Reaction[E] {
	return s.whenResult(origin, subject, eventsourcing.Result{
		CommandType: eventsourcing.TypeName(command), Code: code, Message: "rejected: " + code,
	})
}

func (s ProcessStory[E]) whenResult(
	origin eventsourcing.EventRef, subject string, result eventsourcing.Result,
) Reaction[E] {
	result.CommandID = origin.ID() + "/" + s.process.Name + ".0"
	reply := eventsourcing.Reply{Origin: origin, Subject: subject, Result: result}
	return Reaction[E]{s, reply, s.process.Conclude(reply)}
}

// Then expects exactly these commands, in this order; none, if none are given.
func (r Reaction[E]) Then(want ...eventsourcing.Instruction) ProcessStory[E] {
	r.story.tb.Helper()
	if same(want, r.sent) {
		return r.story
	}
	r.story.tb.Fatal(tell(
		chapter{"when", []string{"  " + describe(r.cause)}},
		chapter{"expected", describeEvents(want, "  no command", never)},
		chapter{"got", describeEvents(r.sent, "≠ no command", func(i int) bool {
			return i >= len(want) || !reflect.DeepEqual(want[i], r.sent[i])
		})},
	))
	return r.story
}
