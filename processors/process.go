package processors

import (
	"errors"
	"fmt"

	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/eventsourcing"
)

// Process defines a process: what it reacts to, and which aggregates it commands. It is all that a
// program needs to run it. E is the interface of the events of the aggregate that it reacts to. Name,
// Of, React and Commands are required.
type Process[E any] struct {
	// Name is the process's, of its consumer group, and a part of the IDs of its commands: see
	// [eventsourcing.Process].
	Name string
	// Of is the aggregate whose events the process reacts to.
	Of EventsOf[E]
	// React and Conclude are those of [eventsourcing.Process].
	React    func(eventsourcing.Envelope[E]) []eventsourcing.Instruction
	Conclude func(eventsourcing.Reply) []eventsourcing.Instruction
	// Commands are the aggregates that the process may command.
	Commands []AggregateDefinition
	// Results are the aggregates whose results Conclude is shown, those of the process's own commands
	// alone; none if Conclude is nil.
	Results []AggregateDefinition
	// StartAtNewest makes the process begin with what happens after it was first started, instead of
	// with the first event there ever was.
	StartAtNewest bool
}

// EventsOf is an [Aggregate] by its events.
type EventsOf[E any] interface {
	AggregateDefinition
	eventsOf(E)
}

func (Aggregate[S, C, E]) eventsOf(E) {}

// ProcessDefinition is a [Process] without its types.
type ProcessDefinition interface {
	Definition
	// ProcessName returns the name of the process.
	ProcessName() string
	// Needs returns the aggregates that the process has to do with. All must be part of the program.
	Needs() []AggregateDefinition
	// Awaits returns the aggregates whose results the process is shown.
	Awaits() []AggregateDefinition
	// FromNewest is StartAtNewest.
	FromNewest() bool
	// Open makes the codec of the process's inputs. The error lists all that is wrong with the definition.
	Open(*codecs.Registry) (*OpenProcess, error)
}

// OpenProcess is a process with its codec: all that can be done with it without knowing its types.
type OpenProcess struct {
	Name   string
	Inputs *codecs.Set
	// Of is the aggregate whose events the process reacts to, Commands are those that it may command, Results
	// those whose results it is shown.
	Of                AggregateName
	Commands, Results []AggregateName
	// Graph makes the Goka group graph. targets are the aggregates by name.
	Graph func(targets map[string]Target, o GraphOptions) (*goka.GroupGraph, error)
	// FromNewest is Process.StartAtNewest.
	FromNewest bool
	// Try returns how the process reacts to examples of events, and to the results of the commands that it
	// sends for them, in the order in which they are given.
	Try func(events ...any) []Reaction
}

func (Process[E]) definition() {}

// ProcessName returns the name of the process.
func (p Process[E]) ProcessName() string { return p.Name }

// FromNewest returns StartAtNewest.
func (p Process[E]) FromNewest() bool { return p.StartAtNewest }

// Awaits returns Results.
func (p Process[E]) Awaits() []AggregateDefinition { return p.Results }

// Needs returns Of, Commands and Results.
func (p Process[E]) Needs() []AggregateDefinition {
	needs := append([]AggregateDefinition{}, p.Commands...)
	if p.Of != nil {
		needs = append(needs, p.Of)
	}
	return append(needs, p.Results...)
}

// Reaction returns the process's behaviour.
func (p Process[E]) Reaction() eventsourcing.Process[E] {
	return eventsourcing.Process[E]{Name: p.Name, React: p.React, Conclude: p.Conclude}
}

// Group returns the consumer group of the process.
func (p Process[E]) Group(prefix string) string { return prefix + p.Name }

// Open makes the codec of what the process reads; its Prepare is still to be called. The error lists all
// that is wrong with the definition.
func (p Process[E]) Open(registry *codecs.Registry) (*OpenProcess, error) {
	var errs []error
	for name, missing := range map[string]bool{
		"Of": p.Of == nil, "React": p.React == nil, "Commands": len(p.Commands) == 0,
		"Conclude (or no Results)": p.Conclude == nil && len(p.Results) > 0,
		"Results (or no Conclude)": p.Conclude != nil && len(p.Results) == 0,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("process %q: %s is missing", p.Name, name))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	types := p.Of.EventTypes()
	if len(p.Results) > 0 {
		types = append(types, resultType(p.Results))
	}
	inputs, err := codecs.NewSet(registry, types...)
	if err != nil {
		return nil, fmt.Errorf("inputs of %s: %w", p.Name, err)
	}
	return &OpenProcess{
		Name: p.Name, Inputs: inputs, FromNewest: p.StartAtNewest,
		Of: p.Of.Named(), Commands: namesOf(p.Commands), Results: namesOf(p.Results), Try: p.try,
		Graph: func(targets map[string]Target, o GraphOptions) (*goka.GroupGraph, error) {
			return p.graph(inputs, targets, o).Graph()
		},
	}, nil
}

// graph joins the definition and what the worker gives.
func (p Process[E]) graph(inputs *codecs.Set, all map[string]Target, o GraphOptions) *ProcessGraph[E] {
	g := &ProcessGraph[E]{
		Process: p.Reaction(), Group: p.Group(o.TopicPrefix), Inputs: inputs,
		Events:  topicsOf(p.Of, o.TopicPrefix).Events,
		Targets: make(map[string]Target, len(p.Commands)), DeadLetters: DeadLetters(o.TopicPrefix),
		RecordBytes: o.RecordBytes, Version: o.Version, Guard: o.Guard, Tracer: o.Tracer,
		Metrics: o.Metrics, Logger: o.Logger,
	}
	for _, a := range p.Commands {
		g.Targets[a.Named().Name] = all[a.Named().Name]
	}
	for _, a := range p.Results {
		g.Results = append(g.Results, topicsOf(a, o.TopicPrefix).Results)
	}
	return g
}

func namesOf(all []AggregateDefinition) []AggregateName {
	names := make([]AggregateName, len(all))
	for i, a := range all {
		names[i] = a.Named()
	}
	return names
}

func topicsOf(a AggregateDefinition, prefix string) Topics {
	named := a.Named()
	return NewTopics(prefix, named.Name, named.Plural)
}
