package processors

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/codecs/rules"
	"refold/eventsourcing"
	"refold/fold"
)

// Aggregate defines a kind of aggregate: its names, its behaviour, the types of its commands and events.
// It is all that a program needs to run it. S is the state, C the interface of the commands, E that of
// the events. Name, Plural, Decide, Evolve, Commands and Events are required.
type Aggregate[S, C, E any] struct {
	// Name is the aggregate's in the singular, such as "account", Plural that of the collection.
	// Topics, the consumer group, paths of the HTTP API and settings are named after them.
	Name, Plural string

	// Initial, Decide, Evolve and FoldVersion are those of [eventsourcing.Decider].
	Initial     S
	Decide      func(eventsourcing.Context, S, C) ([]E, error)
	Evolve      func(S, eventsourcing.Recorded[E]) S
	FoldVersion int

	// Commands and Events are all types that C and E may be: see [Of].
	Commands, Events []Message
	// FormerCommands, FormerEvents and FormerStates are versions that are read and not written any more,
	// of each record the oldest first: see [Upcast], [Split] and [UpcastState]. A version that Avro's own
	// rules make today's type of need not be here.
	FormerCommands, FormerEvents, FormerStates []Former
	// Rejections are the codes that Decide rejects with, and what each means to the sender of a command,
	// for the API's description.
	Rejections map[string]string

	// Format is what commands and events are written in; Avro if it is empty. With codecs.JSONSchema, the
	// types are structs with json tags ([codecs.JSONRecord]); with codecs.Protobuf they are generated
	// messages, *meterspb.ReadingTaken ([codecs.ProtobufRecord]), and Protos has the .proto files of the
	// generated code. Rows and results are always Avro: nobody but this program writes them.
	Format codecs.Format
	Protos fs.FS
	// Namespace is that of the records; Plural with _ for - by default. Messages of Protobuf have a package
	// instead, which must be the same.
	Namespace string
	// Example is a state, for the API's description.
	Example S
	// Traffic returns the command that one aggregate is sent as its n-th, from 0 on: for sample load and
	// benchmarks. By default the examples of Commands that are not internal, one after the other.
	Traffic func(n int, random *rand.Rand) C
	// Totals returns what a report adds up of a state, such as the balance under the name of its
	// currency. Nil: a report counts aggregates.
	Totals func(S) []Total
	// Money says which numbers of states, events and commands are minor units of a currency: by the path of
	// the number, such as "charges[].refundable", the name of the field with its ISO 4217 code, beside it or
	// beside what it is in. It is for people's eyes, and changes no schema.
	Money map[string]string

	// Defaults are the settings that hold where the configuration does not say otherwise
	// (aggregates.<name>.…).
	Defaults Settings
}

// Settings are what can be configured of an aggregate. A zero field has its general default.
type Settings struct {
	// RecentCommands is how many commands a row remembers (G1): see AggregateGraph.RecentSize. Negative:
	// none.
	RecentCommands int
	// Remember is how long outcomes are remembered beside the rows. Negative: not at all.
	Remember time.Duration
	// CommandsRetention, EventsRetention and ResultsRetention are how long topics keep their records.
	CommandsRetention, EventsRetention, ResultsRetention time.Duration
	// NoResults, NoHistory and NoTraces leave out what costs room and time: the results topic, the
	// view of the events, the index of traces.
	NoResults, NoHistory, NoTraces bool
}

// Rejection is a code that commands are rejected with, and what it means to their sender.
type Rejection struct{ Code, Meaning string }

// Definition is an [Aggregate], a [Process], a [ReadModel] or a [ReactionDefinition].
type Definition interface{ definition() }

// AggregateDefinition is an [Aggregate] without its types.
type AggregateDefinition interface {
	Definition
	// Named returns what the aggregate is called.
	Named() AggregateName
	// Settings returns the aggregate's own defaults.
	Settings() Settings
	// EventTypes returns the record types of the events, with their former versions.
	EventTypes() []codecs.Type
	// Totalled returns what a report adds up of a state as JSON: the definition's Totals, or without any,
	// that it is one aggregate.
	Totalled(state json.RawMessage) ([]Total, error)
	// Open makes the aggregate's codecs. The error lists all that is wrong with the definition.
	Open(*codecs.Registry) (*OpenAggregate, error)
}

func (Aggregate[S, C, E]) definition() {}

// Named returns what the aggregate is called.
func (a Aggregate[S, C, E]) Named() AggregateName { return AggregateName{a.Name, a.Plural} }

// Settings returns Defaults.
func (a Aggregate[S, C, E]) Settings() Settings { return a.Defaults }

// Decider returns the aggregate's behaviour, its rules included: see [Message.Rule].
func (a Aggregate[S, C, E]) Decider() eventsourcing.Decider[S, C, E] {
	return eventsourcing.Decider[S, C, E]{
		Initial: a.Initial, Decide: a.ruled(), Evolve: a.Evolve, FoldVersion: a.FoldVersion,
	}
}

// Topics returns the names of the aggregate's topics, each with the prefix in front.
func (a Aggregate[S, C, E]) Topics(prefix string) Topics { return NewTopics(prefix, a.Name, a.Plural) }

// EventTypes returns the record types of the events, with their former versions.
func (a Aggregate[S, C, E]) EventTypes() []codecs.Type {
	return on(a.Topics("").Events,
		append(recordsOf(a.Events, a.written()), a.formers(a.FormerEvents, a.written())...))
}

// CommandTypes returns the record types of the commands, with their former versions.
func (a Aggregate[S, C, E]) CommandTypes() []codecs.Type {
	return on(a.Topics("").Commands,
		append(recordsOf(a.Commands, a.written()), a.formers(a.FormerCommands, a.written())...))
}

func (a Aggregate[S, C, E]) formers(formers []Former, as codecs.StructOptions) []codecs.Type {
	return formerRecords(formers, as, rowName(a.Name))
}

// written returns what the records of commands and events have in common.
func (a Aggregate[S, C, E]) written() codecs.StructOptions {
	return codecs.StructOptions{Format: a.Format, Protos: a.Protos, Namespace: a.namespace()}
}

func (a Aggregate[S, C, E]) namespace() string {
	if a.Namespace != "" {
		return a.Namespace
	}
	return strings.ReplaceAll(a.Plural, "-", "_")
}

// validate lists what is wrong with the definition.
func (a Aggregate[S, C, E]) validate() error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("aggregate %q: "+format, append([]any{a.Name}, args...)...))
	}
	a.checkFormat(wrong)
	if a.Decide == nil || a.Evolve == nil {
		wrong("Decide and Evolve must be set")
	}
	if n := a.Defaults.RecentCommands; n > MaxRecentSize {
		wrong("Defaults.RecentCommands is %d; at most %d are allowed", n, MaxRecentSize)
	}
	check := func(field string, messages []Message, of reflect.Type) {
		if len(messages) == 0 {
			wrong("%s is empty; list all types with processors.Of", field)
		}
		for i, m := range messages {
			if m.goType == nil || !m.goType.AssignableTo(of) {
				wrong("%s[%d] is a %v; it must be a %v", field, i, m.goType, of)
			}
			if err := m.checkRules(field == "Commands"); err != nil {
				wrong("%s[%d], %v: %w", field, i, m.goType, err)
			}
		}
	}
	check("Commands", a.Commands, reflect.TypeFor[C]())
	check("Events", a.Events, reflect.TypeFor[E]())
	errs = append(errs, a.checkFormers()...)
	for code, meaning := range a.Rejections {
		if code == "" || len(code) > eventsourcing.MaxCodeBytes || meaning == "" {
			wrong("Rejections has %q: %q; it must have a code of 1 to %d bytes, and a meaning",
				code, meaning, eventsourcing.MaxCodeBytes)
		}
	}
	return errors.Join(errs...)
}

// checkFormat finds what does not go with the format.
func (a Aggregate[S, C, E]) checkFormat(wrong func(format string, args ...any)) {
	switch a.Format {
	case "", codecs.Avro, codecs.JSONSchema, codecs.Protobuf:
	default:
		wrong("Format is %q; allowed are %q, %q and %q", a.Format, codecs.Avro, codecs.JSONSchema,
			codecs.Protobuf)
	}
	if a.Protos != nil && a.Format != codecs.Protobuf {
		wrong("Protos is set, and Format is not %q", codecs.Protobuf)
	}
}

// checkFormers lists what is wrong with the former versions.
func (a Aggregate[S, C, E]) checkFormers() (errs []error) {
	for field, formers := range map[string][]Former{
		"FormerCommands": a.FormerCommands, "FormerEvents": a.FormerEvents, "FormerStates": a.FormerStates,
	} {
		for i, f := range formers {
			if err := f.check(field); err != nil {
				errs = append(errs, fmt.Errorf("aggregate %q: %s[%d] %w", a.Name, field, i, err))
			}
		}
	}
	return errs
}

// OpenAggregate is an aggregate with its codecs: all that can be done with it without knowing its types.
type OpenAggregate struct {
	AggregateName
	// Namespace is that of the records.
	Namespace string

	Commands, Events, Rows *codecs.Set
	// Table encodes eventsourcing.Snapshot[S] as a row.
	Table goka.Codec
	// Fold makes rows again from events, History makes both from commands.
	Fold    fold.RowFold
	History History
	// RowsVersion returns the fold version of the rows that are written: Fold's, or that of a former version
	// (see Downcast).
	RowsVersion func() int
	// Unreadable is told by Prepare, as an error, which versions of rows and events can't be read. Prepare
	// goes on if it returns nil. Nil: Prepare returns the error.
	Unreadable func(error) error
	// Graph makes the Goka group graph.
	Graph func(GraphOptions) (*goka.GroupGraph, error)
	// Row reads the sequence and the state of a row.
	Row func(value []byte) (sequence int64, state any, err error)
	// State is the type of states, Example one of them.
	State   reflect.Type
	Example any
	// CommandExamples are JSON, by the command's type. Internal are the types of commands that only
	// processes send.
	CommandExamples map[string]json.RawMessage
	Internal        []string
	// Rejections are in the order of their codes.
	Rejections []Rejection
	Money      map[string]string // see Aggregate.Money
	// Rules are those of the commands, by type, and RulesBroken returns the ones that a command breaks.
	Rules       map[string][]rules.Rule
	RulesBroken func(command any) []rules.Violation
	// Traffic returns the command that one aggregate is sent as its n-th; nil if it has none to send.
	Traffic func(n int, random *rand.Rand) any
	// Try returns what comes of the examples of the commands. It takes some milliseconds.
	Try func() Trial
}

// Open makes the aggregate's codecs; their Prepare is still to be called. The error lists all that is
// wrong with the definition.
func (a Aggregate[S, C, E]) Open(registry *codecs.Registry) (*OpenAggregate, error) {
	if err := a.validate(); err != nil {
		return nil, err
	}
	o := &OpenAggregate{
		AggregateName: a.Named(), Namespace: a.namespace(), State: reflect.TypeFor[S](),
		CommandExamples: make(map[string]json.RawMessage, len(a.Commands)), Traffic: a.traffic(),
		Money: a.Money,
	}
	o.Rejections, o.Rules = a.rejections(), rulesOf(a.Commands)
	o.RulesBroken, _ = broken(a.Commands) // validate has compiled them
	if !reflect.ValueOf(&a.Example).Elem().IsZero() {
		o.Example = a.Example
	}
	plain := codecs.StructOptions{Namespace: a.namespace()}
	sets := []struct {
		set   **codecs.Set
		what  string
		types []codecs.Type
	}{
		{&o.Commands, "commands", a.CommandTypes()},
		{&o.Events, "events", a.EventTypes()},
		{
			&o.Rows, "rows",
			on(a.Topics("").Table, append(a.formers(a.FormerStates, plain),
				rowType[S](a.namespace(), a.Name, a.Decider().Version()))),
		},
	}
	for _, s := range sets {
		var err error
		if *s.set, err = codecs.NewSet(registry, s.types...); err != nil {
			return nil, fmt.Errorf("%s of %s: %w", s.what, a.Plural, err)
		}
	}
	if err := errors.Join(namedAlike(o.Commands, a.Commands), namedAlike(o.Events, a.Events)); err != nil {
		return nil, fmt.Errorf("%s: %w", a.Plural, err)
	}
	for _, m := range a.Commands {
		name := m.name
		example, err := o.Commands.ExampleJSON(m.example)
		if err != nil {
			return nil, fmt.Errorf("the example of the command %s of %s: %w", name, a.Plural, err)
		}
		o.CommandExamples[name] = example
		if m.internal {
			o.Internal = append(o.Internal, name)
		}
	}
	table := tableCodec[S](o.Rows)
	o.Table = table
	decider := a.decider(o.Events, o.Rows)
	o.Fold, o.Row = NewFold(decider, o.Events, table), readRow[S](table)
	o.History = historyOf(decider, a.Plural, o.Events, table)
	o.RowsVersion = func() int { return a.rowsVersion(o.Rows) }
	o.Graph = func(g GraphOptions) (*goka.GroupGraph, error) { return a.graph(o, g).Graph() }
	o.Try = func() Trial { return a.try(o) }
	return o, nil
}

// graph joins the definition and what the worker gives.
func (a Aggregate[S, C, E]) graph(o *OpenAggregate, g GraphOptions) *AggregateGraph[S, C, E] {
	decodedBytes := 0
	if o.Rows.WritesFormer() {
		decodedBytes = -1 // a row may say less than the state that it was made of
	}
	return &AggregateGraph[S, C, E]{
		Name: a.Name, Topics: a.Topics(g.TopicPrefix), Decider: a.decider(o.Events, o.Rows),
		DecodedBytes: decodedBytes,
		Commands:     o.Commands, Events: o.Events, Results: g.Results, Rows: tableCodec[S](o.Rows),
		RecentSize: g.RecentSize, Outcomes: g.Outcomes, RecordBytes: g.RecordBytes,
		Partitions: g.Partitions, Version: g.Version, Guard: g.Guard, Tracer: g.Tracer,
		Metrics: g.Metrics, Logger: g.Logger,
	}
}

// traffic returns Traffic, or what stands in for it.
func (a Aggregate[S, C, E]) traffic() func(int, *rand.Rand) any {
	if a.Traffic != nil {
		return func(n int, random *rand.Rand) any { return a.Traffic(n, random) }
	}
	var examples []any
	for _, m := range a.Commands {
		if !m.internal {
			examples = append(examples, m.example)
		}
	}
	if len(examples) == 0 {
		return nil
	}
	return func(n int, _ *rand.Rand) any { return examples[n%len(examples)] }
}

// Sets returns the codecs.
func (o *OpenAggregate) Sets() []*codecs.Set { return []*codecs.Set{o.Commands, o.Events, o.Rows} }

// SchemaText returns the schema of a command, an event or the row; "" if there is no such type.
func (o *OpenAggregate) SchemaText(typeName string) (text string) {
	for _, set := range o.Sets() {
		text = cmp.Or(text, set.SchemaText(typeName))
	}
	return text
}

// Topics returns the names of the aggregate's topics, each with the prefix in front.
func (o *OpenAggregate) Topics(prefix string) Topics { return NewTopics(prefix, o.Name, o.Plural) }
