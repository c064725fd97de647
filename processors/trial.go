package processors

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"refold/codecs"
	"refold/eventsourcing"
)

// Trial is how an aggregate answers the examples of its commands: real events for documentation. It is found
// by deciding the examples in every order, from an aggregate without events on, and is the same every time.
// There may be more to an aggregate than its examples show.
type Trial struct {
	// Events has the first event of each type that an example led to, by the type's name.
	Events map[string]TriedEvent
	// Leads are the types of the events that each type of command has led to, sorted.
	Leads map[string][]string
	// Row is a row after two commands, as JSON; nil if no command was accepted.
	Row json.RawMessage
}

// TriedEvent is an event of a [Trial].
type TriedEvent struct {
	// Data is the event, and JSON the same as the API shows it.
	Data any
	JSON json.RawMessage
	// Metadata are those of its record.
	Metadata eventsourcing.Metadata
}

// Limits of a trial: it takes some milliseconds, and a program of few examples much less.
const (
	maxTriedCommands = 5000
	maxTriedDepth    = 8
	rowDepth         = 2
)

// TrialBegan is the time of the first command of a [Trial]; each command is an hour after the one before.
var TrialBegan = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// trial tries the examples of an aggregate's commands.
type trial[S, C, E any] struct {
	decider  eventsourcing.Decider[S, C, E]
	examples []C
	subject  string
	events   *codecs.Set
	rows     *codecs.Set

	found Trial
	tried int
	seen  map[string]bool // states, as JSON
	next  []triedState[S]
	rowAt int // the depth of found.Row
}

type triedState[S any] struct {
	state    S
	sequence int64
	depth    int
}

// try returns what comes of the examples of the commands.
func (a Aggregate[S, C, E]) try(o *OpenAggregate) Trial {
	t := &trial[S, C, E]{
		decider: a.Decider(), subject: a.Name + "-1", events: o.Events, rows: o.Rows,
		seen: map[string]bool{}, next: []triedState[S]{{state: a.Initial}},
		found: Trial{Events: map[string]TriedEvent{}, Leads: map[string][]string{}},
	}
	for _, m := range a.Commands {
		if command, is := m.example.(C); is {
			t.examples = append(t.examples, command)
		}
	}
	for len(t.next) > 0 && t.tried < maxTriedCommands {
		from := t.next[0]
		t.next = t.next[1:]
		for _, command := range t.examples {
			t.tried++
			t.decide(from, command)
		}
	}
	for name := range t.found.Leads {
		slices.Sort(t.found.Leads[name])
	}
	return t.found
}

// decide decides a command in a state, and notes what comes of it.
func (t *trial[S, C, E]) decide(from triedState[S], command C) {
	defer ignorePanic() // an example may be one that no aggregate is ever sent in this state
	commandType, at := eventsourcing.TypeName(command), TrialBegan.Add(time.Duration(from.depth)*time.Hour)
	id := fmt.Sprintf("command-%d", from.depth+1)
	events, err := t.decider.Decide(eventsourcing.Context{
		CommandID: id, Subject: t.subject, Sequence: from.sequence, Time: at, CorrelationID: id,
	}, from.state, command)
	if err != nil {
		return // a rejection shows nothing
	}
	to := triedState[S]{from.state, from.sequence, from.depth + 1}
	for _, recorded := range eventsourcing.Record(from.sequence+1, at, events...) {
		to.state, to.sequence = t.decider.Evolve(to.state, recorded), recorded.Sequence
		t.note(commandType, recorded, id)
	}
	t.enter(to)
}

// note notes an event that a command has led to.
func (t *trial[S, C, E]) note(commandType string, recorded eventsourcing.Recorded[E], command string) {
	name := eventsourcing.TypeName(recorded.Event)
	if !slices.Contains(t.found.Leads[commandType], name) {
		t.found.Leads[commandType] = append(t.found.Leads[commandType], name)
	}
	if _, has := t.found.Events[name]; has {
		return
	}
	text, err := t.events.ExampleJSON(recorded.Event)
	if err != nil {
		return // graphs would report it; an example is not worth an error
	}
	t.found.Events[name] = TriedEvent{
		Data: recorded.Event, JSON: text, Metadata: eventsourcing.Metadata{
			ID:   eventsourcing.EventRef{Subject: t.subject, Sequence: recorded.Sequence}.ID(),
			Type: name, Subject: t.subject, Time: recorded.Time, Sequence: recorded.Sequence,
			CorrelationID: command, CausationID: command,
		},
	}
}

// enter goes on from a state, unless it is known or far away.
func (t *trial[S, C, E]) enter(to triedState[S]) {
	text, err := t.rows.ExampleJSON(row[S]{State: to.state})
	if err != nil || t.seen[string(text)] || to.depth >= maxTriedDepth {
		return
	}
	t.seen[string(text)] = true
	t.next = append(t.next, to)
	if to.depth > rowDepth || to.depth <= t.rowAt {
		return
	}
	if text, err = t.rows.ExampleJSON(row[S]{State: to.state, Sequence: to.sequence}); err == nil {
		t.found.Row, t.rowAt = text, to.depth
	}
}
