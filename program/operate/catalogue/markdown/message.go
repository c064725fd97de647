package markdown

import (
	"encoding/json"
	"strings"

	"refold/codecs/compat"
	"refold/program/operate/catalogue"
)

func (p *page) aggregate(a *catalogue.Aggregate, level int) {
	p.heading(level, a.Plural, a.Name)
	topics := "Commands are read from " + code(a.CommandTopic.Name) + ", events written to " +
		code(a.EventTopic.Name)
	if a.ResultTopic.Name != "" {
		topics += ", results to " + code(a.ResultTopic.Name)
	}
	p.line(topics, ", rows to ", code(a.TableTopic.Name), "; the key is the ", escape(a.CommandTopic.Key),
		". The consumer group is ", code(a.Group), ".")
	section := func(title string, messages []catalogue.Message) {
		p.heading(level+1, title, "")
		for i := range messages {
			p.message(&messages[i], level+2)
		}
	}
	section("Commands", a.Commands)
	section("Events", a.Events)
	section("Row", []catalogue.Message{a.Row})
	if len(a.Rejections) > 0 {
		p.heading(level+1, "Rejections", "")
		var rows [][]string
		for _, r := range a.Rejections {
			rows = append(rows, []string{code(r.Code), escape(r.Meaning)})
		}
		p.table([]string{"code", "meaning"}, rows)
	}
	if len(a.Dropped) > 0 {
		section("Types that there were", a.Dropped)
	}
}

func (p *page) message(m *catalogue.Message, level int) {
	p.heading(level, m.Name, m.ID())
	facts := []string{escape(m.Doc)}
	if ways := p.ways(m); ways != "" {
		facts = append(facts, ways)
	}
	if p.History != "" && len(m.Versions) == 1 && m.Versions[0].Current {
		facts = append(facts, p.VersionText(m.Versions[0])+".")
	}
	if text := strings.TrimSpace(strings.Join(facts, " ")); text != "" {
		p.line(text)
	}
	p.body(m)
}

// ways says what leads to a message, and what it leads to.
func (p *page) ways(m *catalogue.Message) string {
	links := func(kind catalogue.Kind, names []string) string {
		all := make([]string, len(names))
		for i, name := range names {
			all[i] = p.link(name, messageID(m.Aggregate, kind, name))
		}
		return list(all)
	}
	processes := func(names []string) string { return p.readers("", names)[len(" and "):] }
	var parts []string
	add := func(has []string, text string, is func() string) {
		if len(has) > 0 {
			parts = append(parts, text+" "+is()+".")
		}
	}
	switch only := "Sent by"; m.Kind {
	case catalogue.Command:
		if m.Internal {
			only = "Sent by processes only:"
			if len(m.Senders) == 0 {
				parts = append(parts, "Sent by processes only.")
			}
		}
		add(m.Senders, only, func() string { return processes(m.Senders) })
		add(m.Leads, "Leads to", func() string { return links(catalogue.Event, m.Leads) })
	case catalogue.Event:
		add(m.Causes, "Caused by", func() string { return links(catalogue.Command, m.Causes) })
		add(m.Readers, "Reacting to it:", func() string { return processes(m.Readers) })
	case catalogue.Row, catalogue.Result, catalogue.Unknown:
	}
	return strings.Join(parts, " ")
}

// body writes fields, example and versions.
func (p *page) body(m *catalogue.Message) {
	if len(m.Schema.Records) == 0 && m.Schema.Text != "" {
		p.line("```\n", m.Schema.Text, "\n```")
	}
	for i := range m.Schema.Records {
		p.record(&m.Schema.Records[i], i > 0)
	}
	p.rules(m)
	if len(m.Schema.Records) != 1 || len(m.Schema.Records[0].Fields) > 0 {
		p.example(m)
	}
	if len(m.Versions) > 1 || len(m.Versions) == 1 && !m.Versions[0].Current {
		p.versions(m)
	}
}

// rules writes what each value must hold to.
func (p *page) rules(m *catalogue.Message) {
	var rows [][]string
	for _, r := range m.Rules {
		rows = append(rows, []string{code(r.Name), code(r.Expr), escape(r.Message)})
	}
	if len(rows) > 0 {
		p.table([]string{"rule", "must be true", "or else"}, rows)
	}
}

func (p *page) example(m *catalogue.Message) {
	label := "Example: "
	switch {
	case len(m.Example) == 0:
		return
	case m.MadeUp:
		label = "Made up: "
	}
	p.line(label, code(string(m.Example)))
}

// record writes the fields of a record, or the values of an enum.
func (p *page) record(r *catalogue.Record, nested bool) {
	doc := ""
	if r.Doc != "" {
		doc = ": " + escape(r.Doc)
	}
	if nested {
		p.line(code(r.Name), doc)
	}
	switch {
	case len(r.Symbols) > 0:
		symbols := make([]string, len(r.Symbols))
		for i, symbol := range r.Symbols {
			symbols[i] = code(symbol)
		}
		text := "One of " + strings.Join(symbols, ", ") + "."
		if r.Default != "" {
			text += " Unknown ones are read as " + code(r.Default) + "."
		}
		p.line(text)
	case r.Kind == "fixed":
		p.line(catalogue.Count(r.Size), " bytes.")
	case len(r.Fields) == 0:
		p.line("It has no fields.")
	default:
		var rows [][]string
		for i := range r.Fields {
			f := &r.Fields[i]
			rows = append(rows, []string{code(f.Name), escape(f.Type), p.meaning(f)})
		}
		p.table([]string{"field", "type", "meaning"}, rows)
	}
}

// meaning returns a field's documentation with its default and what else is to know.
func (p *page) meaning(f *catalogue.Field) string {
	parts := []string{}
	if f.Doc != "" {
		parts = append(parts, escape(f.Doc))
	}
	if f.Unit != "" {
		parts = append(parts, "Counts "+escape(f.Unit)+".")
	}
	if f.HasDefault {
		parts = append(parts, "Default "+code(f.Default)+".")
	}
	if len(f.Aliases) > 0 {
		parts = append(parts, "It was called "+escape(strings.Join(f.Aliases, ", "))+".")
	}
	return strings.Join(parts, " ")
}

func (p *page) versions(m *catalogue.Message) {
	var rows [][]string
	for _, v := range m.Versions {
		rows = append(rows, []string{p.VersionText(v), changes(v.Changes), p.reading(v)})
	}
	p.table([]string{"version", "what changed", "read today"}, rows)
}

func changes(all []compat.Change) string {
	lines := make([]string, len(all))
	for i, c := range all {
		lines[i] = code(c.Path) + " " + escape(catalogue.ChangeText(c))
	}
	return strings.Join(lines, "<br>")
}

func (p *page) reading(v catalogue.Version) string {
	switch {
	case v.Reading == catalogue.Unread:
		return "**not read**: " + escape(v.Problem)
	case v.Reading != catalogue.Upcast:
		return string(v.Reading)
	case len(v.ReadAs) == 0:
		return "upcast: it means nothing any more"
	}
	parts := make([]string, len(v.ReadAs))
	for i, part := range v.ReadAs {
		parts[i] = escape(part.Type) + " " + code(compact(part.Data))
	}
	return "upcast: " + code(compact(v.Written)) + " is read as " + list(parts)
}

func compact(data json.RawMessage) string { return string(data) }
