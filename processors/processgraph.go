package processors

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/lovoo/goka"
	"go.opentelemetry.io/otel/trace"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
)

// ProcessGraph is everything that the Goka group graph of a process needs: events and results in,
// commands out, all in the transaction of the input's offset. E is the interface of the events that
// the process reacts to. The graph has no table: a process remembers nothing.
type ProcessGraph[E any] struct {
	eventsourcing.Process[E]

	// Group is the consumer group, and the name of the Goka group graph.
	Group string
	// Events and Results are the topics that it reads. Results are those of the aggregates that
	// it commands; none if it doesn't care for the outcome.
	Events  string
	Results []string
	// Inputs decodes the events, and Result.
	Inputs *codecs.Set
	// Targets are the aggregates that it may command, by name.
	Targets map[string]Target
	// DeadLetters is where records go that it can't handle. They are replayed to its loop topic,
	// for an event must not be put a second time into its own.
	DeadLetters string

	// RecordBytes, Version, Guard and Tracer are AggregateGraph's.
	RecordBytes int
	Version     string
	Guard       *Guard
	Tracer      trace.Tracer
	Metrics     *Metrics
	Logger      *slog.Logger

	aside deadLetters
}

// Target is an aggregate that a process commands.
type Target struct {
	Topic    string // of its commands
	Commands *codecs.Set
}

// LoopTopic returns the topic that dead letters of the process or reaction of that group are replayed to. It
// has as many partitions as the inputs.
func LoopTopic(group string) string {
	return goka.DefineGroup(goka.Group(group),
		goka.Loop(kafka.RecordsCodec{}, func(goka.Context, any) {})).LoopStream().Topic()
}

// Validate reports whether a graph can be made of the description.
func (p *ProcessGraph[E]) Validate() error {
	for name, missing := range map[string]bool{
		"Name": p.Name == "", "React": p.React == nil,
		"Conclude (or no Results)": p.Conclude == nil && len(p.Results) > 0,
		"Group":                    p.Group == "", "Events": p.Events == "",
		"Inputs": p.Inputs == nil, "Targets": len(p.Targets) == 0,
		"DeadLetters": p.DeadLetters == "",
		"Metrics":     p.Metrics == nil, "Logger": p.Logger == nil,
	} {
		if missing {
			return fmt.Errorf("process %q: %s is missing", p.Name, name)
		}
	}
	const limit = eventsourcing.MaxProcessNameBytes
	if wrong := eventsourcing.CheckID("its name", p.Name, limit); wrong != nil {
		return fmt.Errorf("process %q: %w", p.Name, wrong)
	}
	if strings.ContainsAny(p.Name, "/.") {
		return fmt.Errorf(`process %q: its name has a "/" or a ".", which separate the parts of IDs`, p.Name)
	}
	return nil
}

func (p *ProcessGraph[E]) recordBytes() int { return cmp.Or(p.RecordBytes, kafka.DefaultRecordBytes) }

// Graph returns the process's Goka group graph.
func (p *ProcessGraph[E]) Graph() (*goka.GroupGraph, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	p.aside = deadLetters{
		topic: p.DeadLetters, owner: p.Name, group: p.Group, replay: LoopTopic(p.Group),
		version: p.Version, limit: LetterBytes(p.recordBytes()),
		guard: p.Guard, metrics: p.Metrics, logger: p.Logger, named: new(atomic.Bool),
	}
	input := kafka.RecordsCodec{}
	edges := []goka.Edge{
		goka.Input(goka.Stream(p.Events), input, p.handle),
		goka.Loop(input, p.handle),
		goka.Output(goka.Stream(p.DeadLetters), kafka.RecordsCodec{}),
	}
	for _, topic := range p.Results {
		edges = append(edges, goka.Input(goka.Stream(topic), input, p.handle))
	}
	for _, target := range p.Targets {
		edges = append(edges, goka.Output(goka.Stream(target.Topic), kafka.RecordsCodec{}))
	}
	return goka.DefineGroup(goka.Group(p.Group), edges...), nil
}

// handle is the graph's one callback: each event or result becomes commands, or a dead letter.
func (p *ProcessGraph[E]) handle(ctx goka.Context, _ any) {
	records := given(ctx)
	var record received
	for record.next(records) {
		if p.passesOver(&record) {
			p.aside.count(records, &record, nil)
			continue
		}
		record.decode(p.Inputs)
		traced(p.Tracer, records, &record, "react to", p.Name, p.work)
	}
}

// passesOver reports whether a record is the result of a command that the process has not sent. That can be
// seen in one header, and is true of nearly all results: they are neither decoded nor traced, and what else
// may be wrong with them is not the process's concern.
func (p *ProcessGraph[E]) passesOver(record *received) bool {
	if !slices.Contains(p.Results, record.Topic) {
		return false
	}
	command := kafka.Header(record.Headers, codecs.HeaderCausationID)
	return len(command) > 0 && !p.Own(string(command))
}

// work is handle without its span.
func (p *ProcessGraph[E]) work(records kafka.Records, record *received) verdict {
	p.aside.wait(records, record)
	sent, poison := p.react(record)
	if poison != nil {
		return p.aside.setAside(records, record, poison)
	}
	out := newOutbox(p.recordBytes())
	defer out.close()
	for i := range sent {
		target := p.Targets[sent[i].Aggregate]
		err := out.add(target.Topic, sent[i].Subject, target.Commands,
			codecs.Message{Metadata: &sent[i].Metadata, Data: sent[i].Data})
		if err != nil {
			return p.aside.refuse(records, record, err)
		}
	}
	p.aside.count(records, record, nil)
	out.send(records)
	for i := range sent {
		p.Metrics.sent(p.Name, sent[i].Aggregate, sent[i].Type)
	}
	return verdict{outcome: outcomeReacted}
}

// react calls the process, which is pure. A panic there is a bug of it, and this record's alone.
func (p *ProcessGraph[E]) react(record *received) (
	sent []eventsourcing.Sent, poison *codecs.Malformed,
) {
	metadata, poison := record.describe(p.recordBytes())
	if poison != nil {
		return nil, poison
	}
	metadata.Time = kafka.ClampTime(metadata.Time) // the commands' too, which aggregates must take
	defer func() {
		if r := recover(); r != nil {
			p.Logger.Error("panic while reacting", "process", p.Name, "cause", metadata.ID,
				"panic", r, "stack", string(debug.Stack()))
			sent, poison = nil, bug(fmt.Errorf("panic: %v", r))
		}
	}()
	switch data := record.value.(type) {
	case Result:
		sent = p.OnResult(&metadata, data.of(&metadata))
	case codecs.Upcast:
		parts, poison := eventsOf[E](data.Values)
		if poison != nil {
			return nil, poison
		}
		sent = p.OnParts(&metadata, parts)
	case E:
		sent = p.On(eventsourcing.Envelope[E]{Metadata: metadata, Data: data})
	default:
		return nil, &codecs.Malformed{
			Reason: codecs.ReasonUnknownType,
			Err:    fmt.Errorf("%T is no input of %s", record.value, p.Name),
		}
	}
	for _, s := range sent {
		if err := p.check(s); err != nil {
			return nil, bug(err)
		}
		// By the rule that the aggregate goes by: it would set the command aside, and there would be no
		// result for the process to go on with. What else is in its headers are copies of the input's.
		if wrong := eventsourcing.CheckCommand(s.ID, s.Subject); wrong != nil {
			return nil, &codecs.Malformed{
				Reason: codecs.ReasonBeyondLimits,
				Err:    fmt.Errorf("the %s that it leads to, for a %s: %w", s.Type, s.Aggregate, wrong),
			}
		}
	}
	return sent, nil
}

// check finds a command that can't be sent, before anything is.
func (p *ProcessGraph[E]) check(s eventsourcing.Sent) error {
	target, known := p.Targets[s.Aggregate]
	switch {
	case !known:
		return fmt.Errorf("the process commands a %q, which it has no target for", s.Aggregate)
	case s.Subject == "":
		return errors.New("the process commands an aggregate without an ID")
	case !target.Commands.Has(s.Data):
		return fmt.Errorf("the process sends a %T to a %s, which has no such command",
			s.Data, s.Aggregate)
	}
	return nil
}
