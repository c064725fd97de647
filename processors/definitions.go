package processors

import (
	"errors"
	"fmt"
	"strings"

	"refold/codecs"
)

// Definitions are the aggregates, processes, read models and reactions of a program, in the order in which
// they were given. Make them with [Define].
type Definitions struct {
	Aggregates []AggregateDefinition
	Processes  []ProcessDefinition
	ReadModels []ReadModel
	Reactions  []ReactionDefinition
}

// Define collects the definitions of a program. The error lists names that can't be, or that stand for
// two things, and processes, projections and reactions that need an aggregate which the program does not
// have.
func Define(all ...Definition) (Definitions, error) {
	var d Definitions
	var errs []error
	for i, definition := range all {
		switch definition := definition.(type) {
		case AggregateDefinition:
			d.Aggregates = append(d.Aggregates, definition)
		case ProcessDefinition:
			d.Processes = append(d.Processes, definition)
		case ReadModel:
			d.ReadModels = append(d.ReadModels, definition)
		case ReactionDefinition:
			d.Reactions = append(d.Reactions, definition)
		default:
			errs = append(errs, fmt.Errorf("definition %d is a %T; it must be an Aggregate, a Process, a "+
				"Projection or a Reaction", i+1, definition))
		}
	}
	if len(d.Aggregates) == 0 {
		errs = append(errs, errors.New("there is no aggregate; at least one is needed"))
	}
	known := make(map[AggregateName]bool, len(d.Aggregates))
	for _, a := range d.Aggregates {
		known[a.Named()] = true
	}
	for _, p := range d.Processes {
		for _, a := range p.Needs() {
			if named := a.Named(); !known[named] {
				errs = append(errs, fmt.Errorf("process %q needs the aggregate %q, which is not among the "+
					"definitions", p.ProcessName(), named.Name))
			}
		}
	}
	errs = append(errs, d.checkReadModels(known)...)
	errs = append(errs, d.checkReactions(known)...)
	return d, errors.Join(append(errs, d.Names("").Check())...)
}

// checkReadModels lists what is wrong with the read models.
func (d Definitions) checkReadModels(known map[AggregateName]bool) (errs []error) {
	type versioned struct {
		name    string
		version int
	}
	seen := make(map[versioned]bool)
	for _, m := range d.ReadModels {
		errs = append(errs, m.Check())
		this := versioned{m.ReadModelName(), m.ReadModelVersion()}
		if seen[this] {
			errs = append(errs, fmt.Errorf("two projections are version %d of %q", this.version, this.name))
		}
		seen[this] = true
		for _, a := range m.Reads() {
			if a != nil && !known[a.Named()] {
				errs = append(errs, fmt.Errorf("projection %q takes events of the aggregate %q, which is "+
					"not among the definitions", this.name, a.Named().Name))
			}
		}
	}
	return errs
}

// checkReactions lists what is wrong with the reactions.
func (d Definitions) checkReactions(known map[AggregateName]bool) (errs []error) {
	seen := make(map[string]bool)
	for _, r := range d.Reactions {
		errs = append(errs, r.Check())
		name := r.ReactionName()
		if seen[name] {
			errs = append(errs, fmt.Errorf("two reactions are called %q", name))
		}
		seen[name] = true
		if a := r.ReactsTo(); a != nil && !known[a.Named()] {
			errs = append(errs, fmt.Errorf("reaction %q takes events of the aggregate %q, which is not "+
				"among the definitions", name, a.Named().Name))
		}
	}
	return errs
}

// Names returns what the aggregates, processes and reactions are called.
func (d Definitions) Names(prefix string) Names {
	n := Names{Prefix: prefix}
	for _, a := range d.Aggregates {
		n.Aggregates = append(n.Aggregates, a.Named())
	}
	for _, p := range d.Processes {
		n.Processes = append(n.Processes, p.ProcessName())
	}
	for _, r := range d.Reactions {
		n.Reactions = append(n.Reactions, r.ReactionName())
	}
	return n
}

// Called returns the aggregate that a user calls by its name or its plural. The error lists the names
// that there are.
func (d Definitions) Called(name string) (AggregateDefinition, error) {
	known := make([]string, 0, len(d.Aggregates))
	for _, a := range d.Aggregates {
		named := a.Named()
		if name == named.Name || name == named.Plural {
			return a, nil
		}
		known = append(known, named.Name)
	}
	return nil, fmt.Errorf("there is no aggregate %q; there is %s", name, strings.Join(known, ", "))
}

// Opened are definitions with their codecs, which share one registry.
type Opened struct {
	Aggregates []*OpenAggregate
	Processes  []*OpenProcess
	Results    *codecs.Set
}

// Open makes the codecs of all definitions; their Prepare is still to be called. The error lists all that
// is wrong with the definitions.
func (d Definitions) Open(registry *codecs.Registry) (*Opened, error) {
	o := &Opened{}
	var errs []error
	for _, definition := range d.Aggregates {
		a, err := definition.Open(registry)
		o.Aggregates, errs = append(o.Aggregates, a), append(errs, err)
	}
	for _, definition := range d.Processes {
		p, err := definition.Open(registry)
		o.Processes, errs = append(o.Processes, p), append(errs, err)
	}
	results, err := NewResultSet(registry, d.Aggregates...)
	o.Results = results
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return o, nil
}

// Targets returns the aggregates that processes may command, by name.
func (o *Opened) Targets(prefix string) map[string]Target {
	all := make(map[string]Target, len(o.Aggregates))
	for _, a := range o.Aggregates {
		all[a.Name] = Target{Topic: a.Topics(prefix).Commands, Commands: a.Commands}
	}
	return all
}

// SchemaCount returns how many schemas the definitions have, those of results included.
func (o *Opened) SchemaCount() int {
	n := len(o.Results.Types())
	for _, a := range o.Aggregates {
		for _, set := range a.Sets() {
			n += len(set.Types())
		}
	}
	return n
}
