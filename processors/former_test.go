package processors_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

// The purse is an aggregate in its third generation. First, euros were put into it. Then the event was called
// Put, its money a text, and a note could be on it. Today money are cents, and a note is an event of its own.
type (
	Purse struct {
		Cents int64    `avro:"cents" json:"cents"`
		Notes []string `avro:"notes" json:"notes"`
	}
	purse1 struct {
		Money string `avro:"money"`
	}

	purseCommand interface{ isPurseCommand() }
	Fill         struct {
		Cents int64 `avro:"cents"`
	}
	give1 struct {
		Euros int64 `avro:"euros"`
	}

	purseEvent interface{ isPurseEvent() }
	Put        struct {
		Cents int64 `avro:"cents"`
	}
	Noted struct {
		Text string `avro:"text"`
	}
	put2 struct {
		Money string `avro:"money"`
		Note  string `avro:"note"`
	}
	added1 struct {
		Euros int64 `avro:"euros"`
	}
	shaken1 struct {
		Often int64 `avro:"often"`
	}
)

func (Fill) isPurseCommand() {}
func (Put) isPurseEvent()    {}
func (Noted) isPurseEvent()  {}

func purse() processors.Aggregate[Purse, purseCommand, purseEvent] {
	return processors.Aggregate[Purse, purseCommand, purseEvent]{
		Name: "purse", Plural: "purses", FoldVersion: 2,
		Decide: func(_ eventsourcing.Context, _ Purse, c purseCommand) ([]purseEvent, error) {
			return []purseEvent{Put{c.(Fill).Cents}}, nil
		},
		Evolve: func(p Purse, e eventsourcing.Recorded[purseEvent]) Purse {
			switch event := e.Event.(type) {
			case Put:
				p.Cents += event.Cents
			case Noted:
				p.Notes = append(slices.Clone(p.Notes), fmt.Sprint(e.Sequence, ": ", event.Text))
			}
			return p
		},
		Commands: []processors.Message{processors.Of(Fill{Cents: 2}, "Fills.")},
		Events: []processors.Message{
			processors.Of(Put{}, "Was put."), processors.Of(Noted{}, "Was noted."),
		},
		FormerCommands: []processors.Former{
			processors.Upcast("Give", func(c give1) Fill { return Fill{100 * c.Euros} }),
		},
		FormerEvents: []processors.Former{
			processors.Upcast("Added", func(e added1) put2 {
				return put2{Money: strconv.FormatInt(e.Euros, 10) + " EUR"}
			}),
			processors.Split("Shaken", func(shaken1) []any { return nil }),
			processors.Split("Put", func(e put2) []any {
				var euros int64
				_, _ = fmt.Sscanf(e.Money, "%d EUR", &euros)
				parts := []any{Put{100 * euros}}
				if e.Note != "" {
					parts = append(parts, Noted{e.Note})
				}
				return parts
			}),
		},
		FormerStates: []processors.Former{
			processors.UpcastState(1, func(p purse1) Purse {
				var euros int64
				_, _ = fmt.Sscanf(p.Money, "%d EUR", &euros)
				return Purse{Cents: 100 * euros}
			}),
		},
	}
}

// writers are the codecs of programs of all generations.
type writers struct {
	today            *processors.OpenAggregate
	commands1        *codecs.Set
	events1, events2 *codecs.Set
}

// fataler is a test, or a rapid one.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

func purseRecord(name string) codecs.StructOptions {
	return codecs.StructOptions{Namespace: "purses", Name: name}
}

func newWriters(t *testing.T) *writers {
	t.Helper()
	return newWritersOf(t, registryOf(t))
}

func newWritersOf(t *testing.T, registry *codecs.Registry) *writers {
	t.Helper()
	set := func(types ...codecs.Type) *codecs.Set {
		s, err := codecs.NewSet(registry, types...)
		must(t, err)
		must(t, s.Prepare(t.Context()))
		return s
	}
	w := &writers{
		commands1: set(codecs.RecordOf[give1](purseRecord("Give"))),
		events1: set(codecs.RecordOf[added1](purseRecord("Added")),
			codecs.RecordOf[shaken1](purseRecord("Shaken"))),
		events2: set(codecs.RecordOf[put2](purseRecord("Put"))),
	}
	var err error
	w.today, err = purse().Open(registry)
	must(t, err)
	must(t, w.today.Prepare(t.Context()))
	return w
}

// write returns a record of an event as a generation wrote it.
func (w *writers) write(t fataler, sequence int64, event any) *kgo.Record {
	t.Helper()
	set := w.today.Events
	switch event.(type) {
	case added1, shaken1:
		set = w.events1
	case put2:
		set = w.events2
	}
	value, err := set.Encode(event)
	if err != nil {
		t.Fatal(err)
	}
	return &kgo.Record{
		Key: []byte("p"), Value: value,
		Headers: recordHeaders(codecs.Headers(eventsourcing.Metadata{
			ID: "p/" + strconv.FormatInt(sequence, 10), Type: writtenAs(event), Subject: "p",
			Sequence: sequence, Time: commandTime,
		})),
	}
}

// writtenAs is the type of an event as its program called it.
func writtenAs(event any) string {
	name := strings.TrimRight(eventsourcing.TypeName(event), "123")
	return strings.ToUpper(name[:1]) + name[1:]
}

// fold folds records, and returns the state as JSON with its sequence.
func (w *writers) fold(t fataler, records ...*kgo.Record) (sequence int64, state string) {
	t.Helper()
	var at any
	for _, r := range records {
		event, err := w.today.Fold.Decode(r)
		if err == nil {
			at, err = w.today.Fold.Apply(at, event)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	row, err := w.today.Fold.Row(at, nil)
	if err != nil {
		t.Fatal(err)
	}
	sequence, value, err := w.today.Row(row)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return sequence, string(text)
}

// G9: whatever generations have written the events of an aggregate, it is what today's events would have made
// of it, and its sequence is the number of events that were written.
func TestHistoryOfAllGenerations(t *testing.T) {
	w := newWriters(t)
	rapid.Check(t, func(rt *rapid.T) {
		var records []*kgo.Record
		want := Purse{Notes: []string{}}
		for range rapid.IntRange(1, 12).Draw(rt, "events") {
			n := rapid.Int64Range(0, 1000).Draw(rt, "n")
			note := rapid.SampledFrom([]string{"", "thanks"}).Draw(rt, "note")
			sequence := int64(len(records) + 1)
			var event any
			kinds := []string{"added", "shaken", "put2", "put", "noted"}
			switch rapid.SampledFrom(kinds).Draw(rt, "written") {
			case "added":
				event = added1{n}
				want.Cents += 100 * n
				note = ""
			case "shaken":
				event, note = shaken1{n}, ""
			case "put2":
				event = put2{fmt.Sprint(n, " EUR"), note}
				want.Cents += 100 * n
			case "put":
				event, note = Put{n}, ""
				want.Cents += n
			case "noted":
				event = Noted{note}
				want.Notes = append(want.Notes, fmt.Sprint(sequence, ": ", note))
				note = ""
			}
			if note != "" {
				want.Notes = append(want.Notes, fmt.Sprint(sequence, ": ", note))
			}
			records = append(records, w.write(rt, sequence, event))
		}
		sequence, state := w.fold(rt, records...)
		text, _ := json.Marshal(want)
		if sequence != int64(len(records)) || state != string(text) {
			rt.Fatalf("sequence %d of %d\n%s", sequence, len(records), cmp.Diff(string(text), state))
		}
	})
}

// An event that is split counts once: the next one is due after it, and a part can't be folded again.
func TestSequencesOfPartsAreKept(t *testing.T) {
	w := newWriters(t)
	f := w.today.Fold
	split, err := f.Decode(w.write(t, 1, put2{"1 EUR", "hi"}))
	must(t, err)
	state, err := f.Apply(nil, split)
	must(t, err)
	if _, err := f.Apply(state, split); code(err) != string(processors.FoldRepeated) {
		t.Errorf("it was folded again: %v", err)
	}
	later, err := f.Decode(w.write(t, 3, put2{"1 EUR", "hi"}))
	must(t, err)
	if _, err := f.Apply(state, later); code(err) != string(processors.FoldGap) {
		t.Errorf("an event is missing: %v", err)
	}
	next, err := f.Decode(w.write(t, 2, shaken1{}))
	must(t, err)
	_, err = f.Apply(state, next)
	must(t, err)
}

// A row of a former state is read as today's, until the table is rebuilt.
func TestRowOfAFormerState(t *testing.T) {
	registry := registryOf(t)
	former := processors.Aggregate[purse1, purseCommand, purseEvent]{
		Name: "purse", Plural: "purses",
		Decide: func(eventsourcing.Context, purse1, purseCommand) ([]purseEvent, error) { return nil, nil },
		Evolve: func(p purse1, _ eventsourcing.Recorded[purseEvent]) purse1 {
			return purse1{p.Money + "1 EUR"}
		},
		Commands: purse().Commands, Events: purse().Events,
	}
	old, err := former.Open(registry)
	must(t, err)
	must(t, old.Prepare(t.Context()))
	w := newWritersOf(t, registry)
	event, err := old.Fold.Decode(w.write(t, 1, Put{100}))
	must(t, err)
	state, err := old.Fold.Apply(nil, event)
	must(t, err)
	row, err := old.Fold.Row(state, nil)
	must(t, err)
	sequence, value, err := w.today.Row(row)
	must(t, err)
	equal(t, "sequence", sequence, 1)
	equal(t, "state", value.(Purse).Cents, 100)
}

// A command of a former version is decided as today's.
func TestFormerCommandIsDecided(t *testing.T) {
	w := newWriters(t)
	s := &story{
		t: t, topics: processors.NewTopics("", "purse", "purses"), metrics: prometheus.NewRegistry(),
		codecs: map[string]goka.Codec{},
	}
	results, err := processors.NewResultSet(registryOf(t))
	must(t, err)
	must(t, results.Prepare(t.Context()))
	s.codecs[s.topics.Events], s.codecs[s.topics.Results] = w.today.Events.Codec(), results.Codec()
	graph, err := w.today.Graph(processors.GraphOptions{
		Results: results, RecordBytes: recordBytes, Version: "v7",
		Metrics: processors.NewMetrics(s.metrics), Logger: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	s.runner = newRunner(t, graph)
	value, err := w.commands1.Encode(give1{Euros: 3})
	must(t, err)
	s.sendRaw("p", value, codecs.Headers(eventsourcing.Metadata{ID: "k", Type: "Give"}))
	headers, event := s.next(s.topics.Events)
	equal(t, "event", event, any(Put{300}))
	equal(t, "type", metadataOf(t, headers).Type, "Put")
	_, result := s.next(s.topics.Results)
	equal(t, "result", result.(processors.Result).CommandType, "Fill")
	s.sendRaw("p", value, codecs.Headers(eventsourcing.Metadata{ID: "k2", Type: "Fill"}))
	s.nothing(s.topics.Events) // the header names another type than the value is of
	if _, aside := s.runner.next(s.topics.DeadLetters); !aside {
		t.Error("a command with a wrong header was not set aside")
	}
}

// A process reacts to each part, and numbers its commands as those of one event.
func TestProcessReactsToParts(t *testing.T) {
	p := eventsourcing.Process[purseEvent]{
		Name: "copy",
		React: func(e eventsourcing.Envelope[purseEvent]) []eventsourcing.Instruction {
			return []eventsourcing.Instruction{{Aggregate: "purse", Subject: e.Type, Command: Fill{1}}}
		},
	}
	m := eventsourcing.Metadata{ID: "p/1", Type: "Put", Subject: "p", Sequence: 1}
	var sent []string
	for _, s := range p.OnParts(&m, []purseEvent{Put{1}, Noted{"x"}}) {
		sent = append(sent, s.ID+" "+s.Subject+" "+s.CausationID)
	}
	equal(t, "sent", sent, []string{"p/1/copy.0 Put p/1", "p/1/copy.1 Noted p/1"})
	equal(t, "nothing", len(p.OnParts(&m, nil)), 0)
}

// Mistakes in former versions are found when the definition is opened.
func TestWrongFormers(t *testing.T) {
	type definition = processors.Aggregate[Purse, purseCommand, purseEvent]
	for want, wrong := range map[string]func(*definition){
		"FormerCommands[0] of Give: a command must become one command": func(a *definition) {
			a.FormerCommands = []processors.Former{processors.Split("Give", func(give1) []any { return nil })}
		},
		"FormerEvents[0] is none": func(a *definition) { a.FormerEvents = []processors.Former{{}} },
		"FormerStates[0] is none": func(a *definition) { a.FormerStates = a.FormerEvents },
		"none of this topic's types": func(a *definition) {
			a.FormerEvents = a.FormerEvents[:1] // Added becomes the second version of Put, which is not there
		},
	} {
		a := purse()
		wrong(&a)
		if _, err := a.Open(registryOf(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
}
