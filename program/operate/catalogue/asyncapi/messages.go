package asyncapi

import (
	"cmp"
	"encoding/json"
	"slices"

	"refold/program/operate/catalogue"
)

func pointers(messages []catalogue.Message) []*catalogue.Message {
	all := make([]*catalogue.Message, len(messages))
	for i := range messages {
		all[i] = &messages[i]
	}
	return all
}

// aggregate adds the channels, messages and operations of an aggregate.
func (d *document) aggregate(a *catalogue.Aggregate) {
	commands, events := pointers(a.Commands), pointers(a.Events)
	for _, m := range append(append(commands[:len(commands):len(commands)], events...), &a.Row) {
		d.message(m)
	}
	d.channel(a.CommandTopic, "Commands to "+a.Plural+".", a.Plural, commands...)
	d.channel(a.EventTopic, "What happened to "+a.Plural+".", a.Plural, events...)
	var reply []member
	if t := a.ResultTopic; t.Name != "" {
		d.channel(t, "The outcomes of commands to "+a.Plural+".", a.Plural, &d.Result)
		reply = append(reply, member{"reply", object{
			{"channel", reference("channels/" + t.Name)}, {"messages", messagesOf(t.Name, d.Result.Name)},
		}})
	}
	d.channel(a.TableTopic, "The latest state of each of the "+a.Plural+".", a.Plural, &a.Row)

	d.operation(a.Plural+"-receive-commands", "receive", a.CommandTopic.Name,
		"Decides commands to "+a.Plural+".", a.Plural, a.Group, reply...)
	d.operation(a.Plural+"-send-events", "send", a.EventTopic.Name, "Says what was decided.", a.Plural, "")
	if a.ResultTopic.Name != "" {
		d.operation(a.Plural+"-send-results", "send", a.ResultTopic.Name,
			"Says what became of each command.", a.Plural, "")
	}
	d.operation(a.Plural+"-send-rows", "send", a.TableTopic.Name,
		"Keeps the state after each command.", a.Plural, "")
}

// process adds the operations of a process.
func (d *document) process(p *catalogue.Process) {
	d.operation(p.Name+"-receive-events", "receive", p.Events, "Reacts to events.", p.Name, p.Group)
	for _, s := range p.Results {
		d.operation(p.Name+"-receive-results-of-"+s.Aggregate, "receive", s.Topic,
			"Goes on when its own commands were decided.", p.Name, p.Group)
	}
	for _, s := range p.Targets {
		var names []string
		for _, r := range p.Reactions {
			if r.Aggregate == s.Aggregate && !slices.Contains(names, r.Command) {
				names = append(names, r.Command)
			}
		}
		var messages []member
		if len(names) > 0 {
			messages = []member{{"messages", messagesOf(s.Topic, names...)}}
		}
		d.operation(p.Name+"-send-commands-to-"+s.Aggregate, "send", s.Topic, "Commands others.", p.Name, "",
			messages...)
	}
	d.channels = d.channels.with(p.Loop.Name, object{
		{"address", p.Loop.Name},
		{"description", "Dead letters of " + p.Name + " that are replayed."},
		{"messages", object{{"DeadLetter", reference("components/messages/dead-letter")}}},
		{"tags", tag(p.Name)},
		{"bindings", object{{"kafka", topicBinding(p.Loop)}}},
	})
}

// message adds a message to the components.
func (d *document) message(m *catalogue.Message) {
	o := object{{"name", m.Name}, {"title", m.Name}}.with("summary", m.Doc).
		with("contentType", m.Schema.ContentType).with("headers", headersOf(m.Kind))
	o = append(o, member{"payload", object{
		{"schemaFormat", m.Schema.MediaType}, {"schema", embedded(m.Schema.Text)},
	}})
	if m.Kind != catalogue.Row {
		o = o.with("correlationId", reference("components/correlationIds/chain"))
	}
	if m.Aggregate != "" {
		o = o.with("tags", []object{{{"name", string(m.Kind)}}, {{"name", m.Aggregate}}})
	} else {
		o = o.with("tags", tag(string(m.Kind)))
	}
	o = o.with("bindings", object{{"kafka", d.messageBinding(m)}}).with("examples", examples(m)).
		with("x-schema-subject", m.Subject).with("x-schema-compatibility", string(m.Level))
	var versions []int
	for _, v := range m.Versions {
		if v.Number > 0 {
			versions = append(versions, v.Number)
		}
	}
	d.messages = d.messages.with(m.ID(), o.with("x-schema-versions", versions))
}

// embedded returns a schema's text as JSON where it is that, and as a text otherwise.
func embedded(text string) any {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return text
}

// headersOf refers to the headers of a kind.
func headersOf(kind catalogue.Kind) object {
	if len(catalogue.HeadersOf(kind)) == 0 {
		return nil
	}
	return reference("components/schemas/" + headersName(kind))
}

func headersName(kind catalogue.Kind) string { return string(kind) + "-headers" }

func headersSchema(kind catalogue.Kind) object {
	headers := catalogue.HeadersOf(kind)
	if len(headers) == 0 {
		return nil
	}
	properties := object{}
	var required []string
	for _, h := range headers {
		property := object{{"type", "string"}}
		if h.Number {
			property = append(property, member{"pattern", "^[0-9]+$"})
		}
		properties = properties.with(h.Name, property.with("description", h.Doc))
		if h.Required {
			required = append(required, h.Name)
		}
	}
	return object{{"type", "object"}}.with("required", required).with("properties", properties)
}

// messageBinding says how a record's key and value are written: the wire format of Confluent's registry. Rows
// have their schema ID in the payload always.
func (d *document) messageBinding(m *catalogue.Message) object {
	location := "payload"
	if d.Servers.IDInHeader && m.Kind != catalogue.Row {
		location = "header"
	}
	return object{
		{"key", object{{"type", "string"}, {"description", "The aggregate's ID."}}},
		{"schemaIdLocation", location},
		{"schemaIdPayloadEncoding", "confluent"},
		{"schemaLookupStrategy", cmp.Or(d.Servers.Lookup, "RecordNameStrategy")},
		{"bindingVersion", bindingVersion},
	}
}

func examples(m *catalogue.Message) []object {
	if len(m.Example) == 0 {
		return nil
	}
	headers := object{}
	for _, h := range m.Headers {
		headers = headers.with(h.Name, h.Value)
	}
	example := object{}
	if m.MadeUp {
		example = example.with("summary", "Made up: only the types are right.")
	}
	return []object{example.with("headers", headers).with("payload", m.Example)}
}
