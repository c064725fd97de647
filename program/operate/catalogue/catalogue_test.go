package catalogue_test

import (
	"reflect"
	"slices"
	"testing"

	"refold/codecs/compat"
	"refold/processors"
	"refold/program/operate/catalogue"
	"refold/program/operate/catalogue/cataloguetest"
)

// A message has its fields, and what the examples show of it.
func TestMessages(t *testing.T) {
	c := cataloguetest.Small(t)
	command := c.Message("seat", catalogue.Command, "TakeSeat")
	if command == nil || command.Doc != "Wish to sit down." || command.Subject != "theatre.TakeSeat" ||
		command.Internal || command.MadeUp || !slices.Equal(command.Leads, []string{"SeatTaken"}) ||
		command.Level != compat.FullTransitive || command.ID() != "seat-command-TakeSeat" {
		t.Errorf("got %+v", command)
	}
	greet := c.Message("seat", catalogue.Command, "GreetGuest")
	if !greet.Internal || !slices.Equal(greet.Senders, []string{"ushers"}) {
		t.Errorf("got %+v", greet)
	}
	taken := c.Message("seat", catalogue.Event, "SeatTaken")
	if !slices.Equal(taken.Causes, []string{"TakeSeat"}) ||
		!slices.Equal(taken.Readers, []string{"ushers"}) ||
		string(taken.Example) != `{"guest":"Zoë","place":{"row":"A","number":1},"paid":{"EUR":2500}}` {
		t.Errorf("got %+v", taken)
	}
	for _, want := range []catalogue.HeaderValue{
		{"ce_id", "seat-1/1"},
		{"ce_source", "eu.seats"},
		{"ce_sequence", "1"},
		{"ce_time", "2026-01-31T12:00:00Z"},
	} {
		if !slices.Contains(taken.Headers, want) {
			t.Errorf("%v is not among %v", want, taken.Headers)
		}
	}
	if c.Message("seat", catalogue.Event, "Nothing") != nil ||
		c.Message("nobody", catalogue.Event, "SeatTaken") != nil {
		t.Error("there is a message that there is not")
	}
}

// Types of fields are named as people name them; what is within a record is described once.
func TestFields(t *testing.T) {
	records := cataloguetest.Small(t).Message("seat", catalogue.Command, "TakeSeat").Schema.Records
	if len(records) != 2 || records[1].Name != "Place" || len(records[1].Fields) != 2 {
		t.Fatalf("got %+v", records)
	}
	var types []string
	for i := range records[0].Fields {
		types = append(types, records[0].Fields[i].Type)
	}
	want := []string{"string", "Place", "timestamp-millis", "string, optional"}
	if !slices.Equal(types, want) {
		t.Errorf("got %q", types)
	}
	until, note := records[0].Fields[2], records[0].Fields[3]
	if until.Unit != "milliseconds since 1970-01-01T00:00:00Z" || note.Default != "null" || !note.HasDefault {
		t.Errorf("got %+v, %+v", until, note)
	}
}

// Each version says how it is read today.
func TestVersions(t *testing.T) {
	c := cataloguetest.Small(t)
	for _, test := range []struct {
		kind catalogue.Kind
		name string
		want []catalogue.Reading
		last int // number
	}{
		{catalogue.Event, "SeatTaken", []catalogue.Reading{catalogue.Upcast, catalogue.AsWritten}, 0},
		{catalogue.Event, "GuestGreeted", []catalogue.Reading{catalogue.Resolved, catalogue.AsWritten}, 0},
		{catalogue.Command, "GreetGuest", []catalogue.Reading{catalogue.Unread, catalogue.AsWritten}, 0},
		{catalogue.Command, "TakeSeat", []catalogue.Reading{catalogue.AsWritten}, 0},
	} {
		m := c.Message("seat", test.kind, test.name)
		var readings []catalogue.Reading
		for _, v := range m.Versions {
			readings = append(readings, v.Reading)
		}
		last := m.Versions[len(m.Versions)-1]
		if !slices.Equal(readings, test.want) || !last.Current || last.Number != test.last {
			t.Errorf("%s: got %+v", test.name, m.Versions)
		}
	}
	taken := c.Message("seat", catalogue.Event, "SeatTaken").Versions
	if len(taken[0].ReadAs) != 1 || taken[0].Number != 1 || len(taken[0].Changes) != 0 {
		t.Errorf("got %+v", taken[0])
	}
	for _, change := range taken[1].Changes {
		if change.What == "doc" {
			t.Errorf("a doc is a change: %+v", change)
		}
	}
}

// Types that there were are named: those of the history, and those of the definition.
func TestDroppedTypes(t *testing.T) {
	c := cataloguetest.Small(t)
	var names []string
	for _, m := range c.Aggregates[0].Dropped {
		names = append(names, m.Name+" "+string(m.Kind)+" "+string(m.Versions[0].Reading))
	}
	if want := []string{"Forgotten unknown not read", "SeatLeft event upcast"}; !slices.Equal(names, want) {
		t.Errorf("got %q", names)
	}
	if dropped := c.Aggregates[1].Dropped; len(dropped) > 0 {
		t.Errorf("doors have dropped %+v", dropped)
	}
}

// Topics and groups have the prefix, and an aggregate without results has no topic for them.
func TestTopics(t *testing.T) {
	c := cataloguetest.Small(t)
	seats, doors, ushers := c.Aggregates[0], c.Aggregates[1], c.Processes[0]
	if seats.CommandTopic.Name != "eu.seat-commands" || seats.CommandTopic.Partitions != 8 ||
		seats.ResultTopic.Name != "eu.seat-results" || doors.ResultTopic.Name != "" ||
		ushers.Group != "eu.ushers" || ushers.Events != "eu.seat-events" ||
		c.DeadLetters.Name != "eu.dead-letters" {
		t.Errorf("got %+v, %+v, %+v", seats.CommandTopic, doors.ResultTopic, ushers)
	}
	for topic, want := range map[string]string{
		catalogue.Kept(seats.EventTopic):   "forever",
		catalogue.Kept(seats.TableTopic):   "the latest of each key",
		catalogue.Kept(seats.CommandTopic): "7 days",
		catalogue.Kept(c.DeadLetters):      "30 days",
	} {
		if topic != want {
			t.Errorf("records are kept %s, want %s", topic, want)
		}
	}
}

// The flow leads through every topic, and only between nodes that there are.
func TestFlow(t *testing.T) {
	for name, c := range cataloguetest.All(t) {
		flow := c.Flow()
		known := map[string]bool{}
		for _, n := range flow.Nodes {
			if known[n.ID] {
				t.Errorf("%s: two nodes are %s", name, n.ID)
			}
			known[n.ID] = true
		}
		for _, e := range flow.Edges {
			if !known[e.From] || !known[e.To] {
				t.Errorf("%s: an edge leads from %s to %s", name, e.From, e.To)
			}
		}
	}
	want := catalogue.Edge{From: "ushers-process", To: "seat-commands", Types: []string{"GreetGuest"}}
	edges := cataloguetest.Small(t).Flow().Edges
	if !slices.ContainsFunc(edges, func(e catalogue.Edge) bool { return reflect.DeepEqual(e, want) }) {
		t.Errorf("got %+v", edges)
	}
}

// The same program has the same catalogue.
func TestSameProgramSameCatalogue(t *testing.T) {
	one, two := cataloguetest.All(t), cataloguetest.All(t)
	for name := range one {
		if !reflect.DeepEqual(one[name], two[name]) {
			t.Errorf("%s differs", name)
		}
	}
}

// The payments between accounts and orders are found by trying.
func TestReactions(t *testing.T) {
	payments := cataloguetest.All(t)["accounts and orders"].Processes[0]
	if len(payments.Reactions) < 7 || payments.Reactions[0] != (processors.Reaction{
		On: "OrderPlaced", Aggregate: "account", Command: "ChargeAccount",
	}) {
		t.Errorf("got %+v", payments.Reactions)
	}
}
