package catalogue

import (
	"context"
	"fmt"
	"slices"

	"refold/codecs"
	"refold/codecs/compat"
	"refold/codecs/rules"
	"refold/kafka"
	"refold/processors"
)

// Input is what a catalogue is made of.
type Input struct {
	Title, Version string
	// Prefix is in front of the names of all topics and groups.
	Prefix string
	// Opened are the program's definitions. They need not be prepared.
	Opened *processors.Opened
	// TopicsOf returns an aggregate's topics; Results is empty if it writes none.
	TopicsOf func(processors.AggregateName) processors.Topics
	// Topics are all topics of the installation.
	Topics []kafka.TopicSpec
	// History has the versions of schemas; nil: they are not looked for.
	History History
	// Level returns the compatibility that new versions of a subject are held to; nil: it is not shown.
	Level   func(subject string) compat.Level
	Servers Servers
}

// New makes a catalogue. It tries the examples of the definitions, which takes some milliseconds for each
// aggregate, and asks the history for the versions of each subject. The errors are those of the history.
func New(ctx context.Context, in Input) (*Catalogue, error) {
	b := &builder{Input: in, topics: map[string]kafka.TopicSpec{}}
	for _, spec := range in.Topics {
		b.topics[spec.Name] = spec
	}
	c := &Catalogue{
		Title: in.Title, Version: in.Version, Servers: in.Servers,
		DeadLetters: b.topic(processors.DeadLetters(in.Prefix), "as the record was"),
	}
	if in.History != nil {
		c.History = in.History.Name()
	}
	var samples [][]any
	for _, opened := range in.Opened.Aggregates {
		a, tried, err := b.aggregate(ctx, opened)
		if err != nil {
			return nil, fmt.Errorf("catalogue of %s: %w", opened.Plural, err)
		}
		c.Aggregates, samples = append(c.Aggregates, a), append(samples, tried)
	}
	for _, p := range in.Opened.Processes {
		of := slices.IndexFunc(c.Aggregates, func(a Aggregate) bool { return a.Name == p.Of.Name })
		c.Processes = append(c.Processes, b.process(p, samples[of]))
	}
	c.connect()
	var err error
	c.Result, err = b.result(ctx)
	return c, err
}

// builder makes the parts of a catalogue.
type builder struct {
	Input
	topics map[string]kafka.TopicSpec
}

func (b *builder) topic(name, key string) Topic {
	t := Topic{TopicSpec: b.topics[name], Key: key}
	t.Name = name
	return t
}

// aggregate also returns examples of its events, of each type those that were found, then a made up one.
func (b *builder) aggregate(
	ctx context.Context, o *processors.OpenAggregate,
) (a Aggregate, samples []any, err error) {
	topics, key := b.TopicsOf(o.AggregateName), o.Name+" ID"
	a = Aggregate{
		Name: o.Name, Plural: o.Plural, Group: topics.Group, Rejections: o.Rejections,
		CommandTopic: b.topic(topics.Commands, key), EventTopic: b.topic(topics.Events, key),
		TableTopic: b.topic(topics.Table, key),
	}
	if topics.Results != "" {
		a.ResultTopic = b.topic(topics.Results, key)
	}
	t := tried{aggregate: o, Trial: o.Try(), group: topics.Group}
	for _, set := range []struct {
		set  *codecs.Set
		kind Kind
		into *[]Message
	}{{o.Commands, Command, &a.Commands}, {o.Events, Event, &a.Events}} {
		for _, schema := range set.set.Schemas() {
			m, err := b.message(ctx, set.kind, o.Name, set.set, schema)
			if err != nil {
				return a, nil, err
			}
			t.fill(&m)
			*set.into = append(*set.into, m)
		}
	}
	for _, schema := range o.Rows.Schemas() {
		if a.Row, err = b.message(ctx, Row, o.Name, o.Rows, schema); err != nil {
			return a, nil, err
		}
		t.fill(&a.Row)
	}
	a.Dropped, err = b.dropped(ctx, o)
	return a, t.samples(), err
}

// message returns a message without what examples show.
func (b *builder) message(
	ctx context.Context, kind Kind, aggregate string, set *codecs.Set, schema *codecs.Schema,
) (Message, error) {
	m := Message{
		Kind: kind, Aggregate: aggregate, Name: bare(schema.Name), Subject: schema.Name,
		Schema: describe(schema), MadeUp: true,
	}
	if len(m.Schema.Records) > 0 {
		m.Doc = m.Schema.Records[0].Doc
	}
	if b.Level != nil {
		m.Level = b.Level(m.Subject)
	}
	m.Rules, _ = rules.OfSchema(schema.Text) // the program's own are right
	shown, err := set.ShowSample(schema)
	if err != nil {
		return m, err //nolint:wrapcheck // it names the record
	}
	m.Example = shown.Data
	m.Versions, err = b.versions(ctx, set, schema)
	return m, err
}

func (b *builder) result(ctx context.Context) (Message, error) {
	set := b.Opened.Results
	m, err := b.message(ctx, Result, "", set, set.Schemas()[0])
	if err != nil {
		return m, err
	}
	example := processors.Result{CommandType: "Command", Accepted: true, FirstSequence: 1, LastSequence: 1}
	for _, o := range b.Opened.Aggregates {
		if names := o.Commands.Types(); len(names) > 0 {
			example.CommandType = names[0]
			break
		}
	}
	text, err := set.ExampleJSON(example)
	if err != nil {
		return m, err //nolint:wrapcheck // it names the type
	}
	m.Example, m.MadeUp = text, false
	return m, nil
}
