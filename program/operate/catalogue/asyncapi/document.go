package asyncapi

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"refold/program/operate/catalogue"
)

// Version is that of the specification.
const Version = "3.0.0"

// bindingVersion is that of the bindings for Kafka.
const bindingVersion = "0.5.0"

// document is a catalogue on its way to AsyncAPI.
type document struct {
	*catalogue.Catalogue
	channels, messages, operations object
}

// newDocument returns the document as an object to be written.
func newDocument(c *catalogue.Catalogue) object {
	d := &document{Catalogue: c}
	for i := range c.Aggregates {
		d.aggregate(&c.Aggregates[i])
	}
	d.message(&c.Result)
	for i := range c.Processes {
		d.process(&c.Processes[i])
	}
	d.deadLetters()
	servers, schemes := d.servers()
	headers := object{}
	for _, kind := range []catalogue.Kind{catalogue.Command, catalogue.Event, catalogue.Result} {
		headers = headers.with(headersName(kind), headersSchema(kind))
	}
	components := object{}.with("messages", d.messages).with("schemas", headers).
		with("correlationIds", object{
			{"chain", object{
				{"description", "The ID of the command that began the chain."},
				{"location", "$message.header#/ce_correlationid"},
			}},
		}).with("securitySchemes", schemes)
	return object{
		{"asyncapi", Version},
		{"info", object{
			{"title", c.Title},
			{"version", cmp.Or(c.Version, "unknown")},
			{"description", "What the worker takes and emits. Records are CloudEvents 1.0 in Kafka's " +
				"binary mode."},
		}.with("tags", d.tags())},
		{"defaultContentType", cmp.Or(c.Result.Schema.ContentType, octets)},
	}.with("servers", servers).with("channels", d.channels).with("operations", d.operations).
		with("components", components)
}

// tags are the aggregates and processes.
func (d *document) tags() (tags []object) {
	for i := range d.Aggregates {
		tags = append(tags, object{
			{"name", d.Aggregates[i].Plural}, {"description", "The aggregate " + d.Aggregates[i].Name + "."},
		})
	}
	for i := range d.Processes {
		tags = append(tags, object{
			{"name", d.Processes[i].Name}, {"description", "A process that reacts to events."},
		})
	}
	return tags
}

func tag(name string) []object { return []object{{{"name", name}}} }

// servers returns the brokers, and how clients prove who they are.
func (d *document) servers() (servers, schemes object) {
	s := d.Servers
	protocol := "kafka"
	if s.TLS {
		protocol += "-secure"
	}
	var security []object
	add := func(name string, scheme object) {
		schemes = schemes.with(name, scheme)
		security = append(security, reference("components/securitySchemes/"+name))
	}
	if s.Mechanism != "" {
		add("sasl", saslScheme(s))
	}
	if s.Certificate {
		add("certificate", object{{"type", "X509"}})
	}
	binding := object{}.with("schemaRegistryUrl", strings.Join(s.Registries, ",")).
		with("bindingVersion", bindingVersion)
	for i, broker := range s.Brokers {
		servers = servers.with("broker-"+strconv.Itoa(i+1), object{
			{"host", broker}, {"protocol", protocol},
		}.with("security", security).with("bindings", object{{"kafka", binding}}))
	}
	return servers, schemes
}

// saslScheme returns the mechanism, without any secret.
func saslScheme(s catalogue.Servers) object {
	kind := map[string]string{
		"PLAIN": "plain", "SCRAM-SHA-256": "scramSha256", "SCRAM-SHA-512": "scramSha512",
	}[s.Mechanism]
	switch {
	case kind != "":
		return object{{"type", kind}}
	case s.TokenURL == "":
		return object{
			{"type", "http"}, {"scheme", "bearer"}, {"description", "SASL " + s.Mechanism + " with a token."},
		}
	}
	scopes := object{}
	var needed []string
	if s.Scope != "" {
		scopes = append(scopes, member{s.Scope, "What a token is asked for."})
		needed = append(needed, s.Scope)
	}
	return object{
		{"type", "oauth2"},
		{"description", "SASL " + s.Mechanism + "."},
		{"flows", object{
			{"clientCredentials", object{{"tokenUrl", s.TokenURL}, {"availableScopes", scopes}}},
		}},
	}.with("scopes", needed)
}

// channel adds the channel of a topic, with its messages.
func (d *document) channel(t catalogue.Topic, about, tagged string, messages ...*catalogue.Message) {
	within := object{}
	for _, m := range messages {
		within = within.with(m.Name, reference("components/messages/"+m.ID()))
	}
	d.channels = d.channels.with(t.Name, object{{"address", t.Name}}.with("description", about).
		with("messages", within).with("tags", tag(tagged)).
		with("bindings", object{{"kafka", topicBinding(t)}}))
}

// topicBinding describes a topic, as far as the settings say.
func topicBinding(t catalogue.Topic) object {
	settings := object{}
	if policy := t.Config["cleanup.policy"]; policy != "" {
		settings = settings.with("cleanup.policy", strings.Split(policy, ","))
	}
	for _, name := range []string{
		"retention.ms", "retention.bytes", "delete.retention.ms", "max.message.bytes",
	} {
		if n, err := strconv.ParseInt(t.Config[name], 10, 64); err == nil {
			settings = append(settings, member{name, n})
		}
	}
	b := object{{"topic", t.Name}}
	if t.Partitions > 0 {
		b = append(b, member{"partitions", t.Partitions})
	}
	if t.ReplicationFactor > 0 {
		b = append(b, member{"replicas", t.ReplicationFactor})
	}
	return b.with("topicConfiguration", settings).with("bindingVersion", bindingVersion)
}

// octets is the content type of records of any kind.
const octets = "application/octet-stream"

func (d *document) deadLetters() {
	t := d.DeadLetters
	d.messages = d.messages.with("dead-letter", object{
		{"name", "DeadLetter"},
		{"title", "Dead letter"},
		{"contentType", octets},
		{"summary", "A record that could not be handled, as it came."},
		{"description", "Key, value and headers are those of the record; headers with the prefix refold_ " +
			"say where it was and why it is here."},
	})
	d.channels = d.channels.with(t.Name, object{
		{"address", t.Name},
		{"description", "What could not be handled."},
		{"messages", object{{"DeadLetter", reference("components/messages/dead-letter")}}},
		{"bindings", object{{"kafka", topicBinding(t)}}},
	})
	d.operation("send-dead-letters", "send", t.Name, "Sets aside what can't be handled.", "", "")
}

// operation adds an operation. Group is the consumer group of one that receives. Unless more names messages,
// it is about all of the channel.
func (d *document) operation(
	name, action, channel, about, tagged, group string, more ...member,
) {
	o := object{{"action", action}, {"channel", reference("channels/" + channel)}}.with("summary", about)
	o = append(o, more...)
	if tagged != "" {
		o = o.with("tags", tag(tagged))
	}
	if group != "" {
		o = o.with("bindings", object{{"kafka", object{
			{"groupId", object{{"type", "string"}, {"enum", []string{group}}}},
			{"bindingVersion", bindingVersion},
		}}})
	}
	d.operations = d.operations.with(name, o)
}

func messagesOf(channel string, names ...string) []object {
	all := make([]object, len(names))
	for i, name := range names {
		all[i] = reference(fmt.Sprintf("channels/%s/messages/%s", channel, name))
	}
	return all
}
