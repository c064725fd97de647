package markdown

import (
	"strings"

	"refold/program/operate/catalogue"
)

// The files of a folder.
const (
	overviewFile = "README.md"
	suffix       = ".md"
)

// Text returns the catalogue as one text.
func Text(c *catalogue.Catalogue) string {
	b := &book{c, map[string]place{}}
	b.text()
	return b.text()
}

func (b *book) text() string {
	p := b.page("")
	p.overview()
	for i := range b.Aggregates {
		p.aggregate(&b.Aggregates[i], 2)
	}
	p.shared()
	return p.String()
}

// Folder returns the catalogue as files by their names: README.md, and one for each aggregate.
func Folder(c *catalogue.Catalogue) map[string]string {
	b := &book{c, map[string]place{}}
	b.folder()
	return b.folder()
}

func (b *book) folder() map[string]string {
	files := map[string]string{}
	overview := b.page(overviewFile)
	overview.overview()
	overview.shared()
	files[overviewFile] = overview.String()
	for i := range b.Aggregates {
		a := &b.Aggregates[i]
		p := b.page(a.Plural + suffix)
		p.aggregate(a, 1)
		files[p.file] = p.String()
	}
	return files
}

// String returns the page with one line break at its end.
func (p *page) String() string { return strings.TrimRight(p.text.String(), "\n") + "\n" }

func (p *page) overview() {
	p.heading(1, p.Title, "")
	p.text.WriteString("<!-- Made by \"schemas docs\". Edit the definitions, not this file. -->\n\n")
	var names []string
	for i := range p.Aggregates {
		names = append(names, p.link(p.Aggregates[i].Plural, p.Aggregates[i].Name))
	}
	text := "Aggregates: " + list(names) + "."
	names = nil
	for i := range p.Processes {
		names = append(names, p.link(p.Processes[i].Name, p.Processes[i].Name))
	}
	if len(names) > 0 {
		text += " Processes between them: " + list(names) + "."
	}
	p.line(text, " Each record is described by its fields, as JSON of the HTTP API has them. What leads to "+
		"what was found by trying the examples; there may be more.")
	p.heading(2, "Flow", "")
	p.mermaid()
	p.topics()
	for i := range p.Processes {
		p.process(&p.Processes[i])
	}
}

func (p *page) topics() {
	p.heading(2, "Topics", "")
	var rows [][]string
	add := func(t catalogue.Topic, records, from string) {
		if t.Name != "" {
			rows = append(rows, []string{
				code(t.Name), records, t.Key, catalogue.Count(int(t.Partitions)),
				catalogue.Kept(t), from,
			})
		}
	}
	for i := range p.Aggregates {
		a := &p.Aggregates[i]
		own := p.link(a.Plural, a.Name)
		add(a.CommandTopic, "commands of "+own, p.readers(own, nil))
		add(a.EventTopic, "events of "+own, p.readers(own, p.reactingTo(a.Name)))
		add(a.ResultTopic, p.link("results", "result")+" of "+own,
			p.readers("senders of commands", a.Waiting))
		add(a.TableTopic, "rows of "+own, p.readers(own, nil))
	}
	for i := range p.Processes {
		add(p.Processes[i].Loop, "replayed dead letters", p.link(p.Processes[i].Name, p.Processes[i].Name))
	}
	add(p.DeadLetters, "what could not be handled, as it came", "operators")
	p.table([]string{"topic", "records", "key", "partitions", "kept", "read by"}, rows)
}

// readers names those that read a topic.
func (p *page) readers(first string, processes []string) string {
	all := []string{first}
	for _, name := range processes {
		all = append(all, p.link(name, name))
	}
	return list(all)
}

func (p *page) reactingTo(aggregate string) (names []string) {
	for i := range p.Processes {
		if p.Processes[i].Of == aggregate {
			names = append(names, p.Processes[i].Name)
		}
	}
	return names
}

func (p *page) process(of *catalogue.Process) {
	p.heading(2, of.Name, of.Name)
	inputs := []string{"events of " + p.collection(of.Of)}
	for _, s := range of.Results {
		inputs = append(inputs, "results of its own commands to "+p.collection(s.Aggregate))
	}
	since := ""
	if of.FromNewest {
		since = " It began with the events after its first start."
	}
	p.line("A process; its consumer group is ", code(of.Group), ". It reads ", list(inputs), ".", since)
	var rows [][]string
	for _, r := range of.Reactions {
		on := p.link(r.On, messageID(of.Of, catalogue.Event, r.On))
		if r.Outcome != "" {
			on = escape(r.On) + " was " + r.Outcome
			for _, s := range of.Results {
				if p.Message(s.Aggregate, catalogue.Command, r.On) != nil {
					on = p.link(r.On, messageID(s.Aggregate, catalogue.Command, r.On)) + " was " + r.Outcome
				}
			}
		}
		rows = append(rows, []string{
			on, p.link(r.Command, messageID(r.Aggregate, catalogue.Command, r.Command)),
			p.collection(r.Aggregate),
		})
	}
	if len(rows) > 0 {
		p.table([]string{"when", "it sends", "to"}, rows)
	}
}

// collection links to an aggregate by its plural.
func (p *page) collection(aggregate string) string {
	for i := range p.Aggregates {
		if a := &p.Aggregates[i]; a.Name == aggregate {
			return p.link(a.Plural, a.Name)
		}
	}
	return escape(aggregate)
}

func messageID(aggregate string, kind catalogue.Kind, name string) string {
	return catalogue.Message{Aggregate: aggregate, Kind: kind, Name: name}.ID()
}

// shared writes what all aggregates have in common.
func (p *page) shared() {
	p.heading(2, "Results", p.Result.ID())
	p.line(escape(p.Result.Doc))
	p.body(&p.Result)
	p.heading(2, "Headers", "")
	p.line("Records are CloudEvents 1.0 in Kafka's binary mode. Rows have no headers.")
	type use struct {
		doc   string
		kinds []string
	}
	uses := map[string]*use{}
	var order []string
	for _, kind := range []catalogue.Kind{catalogue.Command, catalogue.Event, catalogue.Result} {
		for _, h := range catalogue.HeadersOf(kind) {
			u := uses[h.Name]
			if u == nil {
				u = &use{}
				uses[h.Name], order = u, append(order, h.Name)
			}
			if !strings.Contains(u.doc, h.Doc) { // it may mean something else of another kind
				u.doc = strings.TrimSpace(u.doc + " " + h.Doc)
			}
			label := string(kind) + "s"
			if h.Required {
				label = "**" + label + "**"
			}
			u.kinds = append(u.kinds, label)
		}
	}
	var rows [][]string
	for _, name := range order {
		u := uses[name]
		rows = append(rows, []string{code(name), strings.Join(u.kinds, ", "), escape(u.doc)})
	}
	p.table([]string{"header", "of (**always**)", "meaning"}, rows)
}
