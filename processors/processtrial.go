package processors

import (
	"slices"

	"refold/eventsourcing"
)

// Reaction is a command that a process has sent for an example.
type Reaction struct {
	// On is the type of the event, or of the process's own command whose result led to this one.
	On string
	// Outcome is "accepted" or "rejected" if a result led to the command, "" if an event did.
	Outcome string
	// Aggregate is the name of the kind that is commanded, Command the type of the command.
	Aggregate, Command string
}

// The outcomes of a Reaction.
const (
	OutcomeAccepted = "accepted"
	OutcomeRejected = "rejected"
)

// try returns how the process reacts to events, and to results of the commands that it sends for them. There
// may be more to it than the examples show.
func (p Process[E]) try(events ...any) []Reaction {
	t := processTrial[E]{process: p}
	for _, event := range events {
		if e, is := event.(E); is {
			t.react(e)
		}
	}
	for len(t.sent) > 0 {
		command := t.sent[0]
		t.sent = t.sent[1:]
		t.conclude(command, true)
		t.conclude(command, false)
	}
	return t.found
}

// processTrial tries a process.
type processTrial[E any] struct {
	process Process[E]
	found   []Reaction
	sent    []eventsourcing.Instruction // whose results are to be tried
}

// triedEvent is the event that all examples are taken for.
var triedEvent = eventsourcing.EventRef{Subject: "example-1", Sequence: 1}

func (t *processTrial[E]) react(event E) {
	defer ignorePanic() // an example may be one that is never written
	name := eventsourcing.TypeName(event)
	t.note(Reaction{On: name}, t.process.React(eventsourcing.Envelope[E]{
		Metadata: eventsourcing.Metadata{
			ID: triedEvent.ID(), Type: name, Subject: triedEvent.Subject, Sequence: triedEvent.Sequence,
			Time: TrialBegan, CorrelationID: "command-1", CausationID: "command-1",
		},
		Data: event,
	}))
}

// conclude tries an outcome of a command that the process has sent.
func (t *processTrial[E]) conclude(command eventsourcing.Instruction, accepted bool) {
	if t.process.Conclude == nil {
		return
	}
	defer ignorePanic()
	result := eventsourcing.Result{
		CommandID: "command-2", CommandType: eventsourcing.TypeName(command.Command), Accepted: accepted,
	}
	of := Reaction{On: result.CommandType, Outcome: OutcomeAccepted}
	if accepted {
		result.FirstSequence, result.LastSequence = 1, 1
	} else {
		result.Code, result.Message, of.Outcome = "rejected", "an example", OutcomeRejected
	}
	t.note(of, t.process.Conclude(eventsourcing.Reply{
		Origin: triedEvent, Subject: command.Subject, Result: result,
	}))
}

// note adds the commands that something has led to.
func (t *processTrial[E]) note(of Reaction, commands []eventsourcing.Instruction) {
	for _, c := range commands {
		r := Reaction{of.On, of.Outcome, c.Aggregate, eventsourcing.TypeName(c.Command)}
		if slices.Contains(t.found, r) {
			continue
		}
		known := slices.ContainsFunc(t.found, func(other Reaction) bool {
			return other.Aggregate == r.Aggregate && other.Command == r.Command
		})
		t.found = append(t.found, r)
		answers := slices.ContainsFunc(t.process.Results, func(a AggregateDefinition) bool {
			return a.Named().Name == r.Aggregate
		})
		if answers && !known {
			t.sent = append(t.sent, c)
		}
	}
}

func ignorePanic() { _ = recover() }
