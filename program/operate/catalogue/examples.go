package catalogue

import (
	"slices"

	"refold/eventsourcing"
	"refold/processors"
)

// tried is an aggregate with what comes of its examples.
type tried struct {
	processors.Trial
	aggregate *processors.OpenAggregate
	group     string
}

// fill fills in what examples show.
func (t *tried) fill(m *Message) {
	m.Key = t.aggregate.Name + "-1"
	switch m.Kind {
	case Command:
		m.Internal = slices.Contains(t.aggregate.Internal, m.Name)
		m.Leads = t.Leads[m.Name]
		if example := t.aggregate.CommandExamples[m.Name]; example != nil {
			m.Example, m.MadeUp = example, false
		}
		m.Headers = headerValues(Command, eventsourcing.Metadata{
			ID: "command-1", Type: m.Name, Subject: m.Key, CorrelationID: "command-1",
		})
	case Event:
		for _, command := range t.aggregate.Commands.Types() {
			if slices.Contains(t.Leads[command], m.Name) {
				m.Causes = append(m.Causes, command)
			}
		}
		metadata := eventsourcing.Metadata{
			ID: m.Key + "/1", Type: m.Name, Subject: m.Key, Sequence: 1, Time: processors.TrialBegan,
			CorrelationID: "command-1", CausationID: "command-1",
		}
		if e, has := t.Events[m.Name]; has {
			m.Example, m.MadeUp, metadata = e.JSON, false, e.Metadata
		}
		metadata.Source = t.group
		m.Headers = headerValues(Event, metadata)
	case Row:
		if t.Row != nil {
			m.Example, m.MadeUp = t.Row, false
		}
	case Result, Unknown:
	}
}

// samples returns examples of the events: of each type the one that was found, then a made up one, for a
// process may do nothing for one of them.
func (t *tried) samples() (events []any) {
	for _, name := range t.aggregate.Events.Types() {
		if e, has := t.Events[name]; has {
			events = append(events, e.Data)
		}
		if e, err := t.aggregate.Events.SampleOf(name); err == nil {
			events = append(events, e)
		}
	}
	return events
}

// process returns a process, with what it does for events.
func (b *builder) process(p *processors.OpenProcess, events []any) Process {
	out := Process{
		Name: p.Name, Group: b.Prefix + p.Name, Of: p.Of.Name, Events: b.TopicsOf(p.Of).Events,
		Loop:       b.topic(processors.LoopTopic(b.Prefix+p.Name), "as the record was"),
		FromNewest: p.FromNewest, Reactions: p.Try(events...),
	}
	for _, a := range p.Results {
		if topic := b.TopicsOf(a).Results; topic != "" {
			out.Results = append(out.Results, Source{a.Name, topic})
		}
	}
	for _, a := range p.Commands {
		out.Targets = append(out.Targets, Source{a.Name, b.TopicsOf(a).Commands})
	}
	return out
}

// connect notes at messages and aggregates which processes have to do with them.
func (c *Catalogue) connect() {
	for _, p := range c.Processes {
		for _, r := range p.Reactions {
			if m := c.Message(r.Aggregate, Command, r.Command); m != nil {
				m.Senders = once(m.Senders, p.Name)
			}
			if m := c.Message(p.Of, Event, r.On); m != nil && r.Outcome == "" {
				m.Readers = once(m.Readers, p.Name)
			}
		}
		for i := range c.Aggregates {
			a := &c.Aggregates[i]
			if slices.ContainsFunc(p.Results, func(s Source) bool { return s.Aggregate == a.Name }) {
				a.Waiting = once(a.Waiting, p.Name)
			}
		}
	}
}

func once(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}
