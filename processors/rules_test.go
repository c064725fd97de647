package processors_test

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"refold/codecs"
	"refold/codecs/rules"
	"refold/eventsourcing"
	"refold/processors"
)

type purseDefinition = processors.Aggregate[Purse, purseCommand, purseEvent]

// ruled is the purse with rules: cents are put in one by one, and never more than 100.
func ruled() purseDefinition {
	a := purse()
	a.Commands = []processors.Message{
		processors.Of(Fill{Cents: 2}, "Fills.").
			Rule("cents-positive", "message.cents > 0", "At least 1 cent.").
			Rule("cents-even", "message.cents % 2 == 0", "An even number."),
	}
	a.Events = []processors.Message{
		processors.Of(Put{}, "Was put.").Rule("cents-few", "message.cents <= 100", "At most 100 cents."),
		a.Events[1],
	}
	return a
}

// purseStory is a story of purses.
func purseStory(t *testing.T, registry *codecs.Registry, a purseDefinition) *story {
	t.Helper()
	opened, err := a.Open(registry)
	must(t, err)
	must(t, opened.Prepare(t.Context()))
	results, err := processors.NewResultSet(registry)
	must(t, err)
	must(t, results.Prepare(t.Context()))
	s := &story{
		t: t, topics: processors.NewTopics("", "purse", "purses"), metrics: prometheus.NewRegistry(),
		commands: opened.Commands,
	}
	s.codecs = map[string]goka.Codec{
		s.topics.Events: opened.Events.Codec(), s.topics.Results: results.Codec(),
	}
	graph, err := opened.Graph(processors.GraphOptions{
		Results: results, RecordBytes: recordBytes, RecentSize: 4, Version: "v7",
		Metrics: processors.NewMetrics(s.metrics), Logger: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	s.runner = newRunner(t, graph)
	return s
}

// fill sends a command, and returns its result.
func (s *story) fill(id string, cents int64) processors.Result {
	s.t.Helper()
	value, err := s.commands.Encode(Fill{cents})
	must(s.t, err)
	s.sendRaw("p", value, codecs.Headers(eventsourcing.Metadata{ID: id, Type: "Fill"}))
	_, result := s.next(s.topics.Results)
	return result.(processors.Result)
}

// A command that comes straight from its topic is rejected if it breaks rules, and Decide is not asked.
func TestCommandThatBreaksARuleIsRejected(t *testing.T) {
	a := ruled()
	asked, decide := 0, a.Decide
	a.Decide = func(c eventsourcing.Context, p Purse, command purseCommand) ([]purseEvent, error) {
		asked++
		return decide(c, p, command)
	}
	s := purseStory(t, registryOf(t), a)
	want := processors.Result{
		CommandType: "Fill", Code: eventsourcing.CodeRuleViolated,
		Message: "Fill breaks the rules cents-positive: At least 1 cent.; cents-even: An even number.",
	}
	equal(t, "result", s.fill("k-1", -3), want)
	again := s.fill("k-1", 4)
	equal(t, "its outcome is that of the first", again.Code, eventsourcing.CodeRuleViolated)
	equal(t, "Decide was asked", asked, 0)
	equal(t, "a good one is accepted", s.fill("k-2", 4).Accepted, true)
	equal(t, "Decide was asked", asked, 1)
	s.next(s.topics.Events)
	s.nothing(s.topics.Events, s.topics.DeadLetters)
}

// G1: a command that was accepted has its first outcome, whatever the rules have become since.
func TestRulesDoNotUndoAnOutcome(t *testing.T) {
	registry := registryOf(t)
	before := purseStory(t, registry, purse())
	equal(t, "accepted", before.fill("k-1", 3).Accepted, true)
	after := purseStory(t, registry, ruled())
	after.rows = before.rows
	result := after.fill("k-1", 3)
	equal(t, "the same", result, processors.Result{
		CommandType: "Fill", Accepted: true, FirstSequence: 1, LastSequence: 1,
	})
	equal(t, "another one", after.fill("k-2", 3).Code, eventsourcing.CodeRuleViolated)
}

// G8: an event that breaks a rule is a bug of Decide. Its command is set aside, and the rule is named.
func TestEventThatBreaksARuleIsABug(t *testing.T) {
	s := purseStory(t, registryOf(t), ruled())
	value, err := s.commands.Encode(Fill{102})
	must(t, err)
	s.sendRaw("p", value, codecs.Headers(eventsourcing.Metadata{ID: "k", Type: "Fill"}))
	headers, _ := s.next(s.topics.DeadLetters)
	equal(t, "reason", string(headers[processors.HeaderReason]), string(processors.ReasonBug))
	message := string(headers[processors.HeaderMessage])
	if !strings.Contains(message, "event 1 of 1: Put breaks the rule cents-few: At most 100 cents.") {
		t.Error(message)
	}
	s.nothing(s.topics.Events, s.topics.Results)
}

// G9: history that breaks today's rules is read and folded as it always was, to the same row.
func TestRulesAreNotForHistory(t *testing.T) {
	registry := registryOf(t)
	w := newWritersOf(t, registry)
	records := []any{Put{1000}, put2{"500 EUR", "thanks"}, added1{70}, Put{-5}}
	strict, err := ruled().Open(registry)
	must(t, err)
	must(t, strict.Prepare(t.Context()))
	must(t, strict.Commands.CheckVersions(t.Context()))
	var plain, checked any
	for i, event := range records {
		record := w.write(t, int64(i+1), event)
		for into, of := range map[*any]*processors.OpenAggregate{&plain: w.today, &checked: strict} {
			decoded, err := of.Fold.Decode(record)
			must(t, err)
			*into, err = of.Fold.Apply(*into, decoded)
			must(t, err)
		}
	}
	want, err := w.today.Fold.Row(plain, nil)
	must(t, err)
	got, err := strict.Fold.Row(checked, nil)
	must(t, err)
	equal(t, "row", got, want)
}

// Rules travel with the schema. A program with other rules has another version of it, and each reads what the
// other writes as its own.
func TestRulesAreInTheSchema(t *testing.T) {
	registry := registryOf(t)
	plain, err := purse().Open(registry)
	must(t, err)
	must(t, plain.Prepare(t.Context()))
	strict, err := ruled().Open(registry)
	must(t, err)
	must(t, strict.Prepare(t.Context()))
	found, err := rules.OfSchema(strict.SchemaText("Fill"))
	must(t, err)
	equal(t, "rules", found, []rules.Rule{
		{Name: "cents-positive", Expr: "message.cents > 0", Message: "At least 1 cent."},
		{Name: "cents-even", Expr: "message.cents % 2 == 0", Message: "An even number."},
	})
	equal(t, "of the definition", strict.Rules, map[string][]rules.Rule{"Fill": found})
	none, err := rules.OfSchema(plain.SchemaText("Fill"))
	must(t, err)
	equal(t, "without rules", none, nil)

	versions, err := registry.Versions(t.Context(), "purses.Fill")
	must(t, err)
	equal(t, "versions", len(versions), 2)
	for writer, reader := range map[*codecs.Set]*codecs.Set{
		plain.Commands: strict.Commands, strict.Commands: plain.Commands,
	} {
		value, err := writer.Encode(Fill{-1})
		must(t, err)
		read, err := reader.Decode(t.Context(), value)
		must(t, err)
		equal(t, "read", read, any(Fill{-1}))
		must(t, reader.CheckVersions(t.Context()))
	}
}

// The description of the API says that commands are held to rules.
func TestRejectionsOfRules(t *testing.T) {
	a := ruled()
	opened, err := a.Open(registryOf(t))
	must(t, err)
	equal(t, "codes", len(opened.Rejections), 1)
	equal(t, "code", opened.Rejections[0].Code, eventsourcing.CodeRuleViolated)
	equal(t, "broken", len(opened.RulesBroken(Fill{-1})), 2)
	equal(t, "kept", len(opened.RulesBroken(&Fill{2})), 0)
}

// Mistakes in rules are the definition's, each with its place.
func TestWrongRules(t *testing.T) {
	fill := func(example int64, expr string) processors.Message {
		return processors.Of(Fill{example}, "").Rule("even", expr, "Even.")
	}
	for want, wrong := range map[string]processors.Message{
		`Commands[0], processors_test.Fill: rule "even": line 1, column 8: undefined field 'euros'`: fill(2,
			"message.euros % 2 == 0"),
		"Commands[0], processors_test.Fill: its example: Fill breaks rules of its schema:\n" +
			"  even: Even.; found cents: 1": fill(1, "message.cents % 2 == 0"),
	} {
		a := purse()
		a.Commands = []processors.Message{wrong}
		if _, err := a.Open(registryOf(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
	a := purse()
	a.Events[0] = a.Events[0].Rule("cents", "message.cents", "Cents.")
	_, err := a.Open(registryOf(t))
	if err == nil || !strings.Contains(err.Error(), "Events[0], processors_test.Put: rule") {
		t.Error(err)
	}
	// Tests of a definition may do without Open.
	_, err = a.Decider().Decide(eventsourcing.Context{}, Purse{}, Fill{2})
	if err == nil || !strings.Contains(err.Error(), "the expression is a int") {
		t.Error(err)
	}
}

// An aggregate without rules is not slowed down: its Decide is asked as it is. A type without rules costs no
// memory.
func TestNoRulesCostNothing(t *testing.T) {
	a := purse()
	if reflect.ValueOf(a.Decider().Decide).Pointer() != reflect.ValueOf(a.Decide).Pointer() {
		t.Error("Decide of an aggregate without rules is wrapped")
	}
	none := []purseEvent{}
	a.Decide = func(eventsourcing.Context, Purse, purseCommand) ([]purseEvent, error) { return none, nil }
	a.Events = []processors.Message{a.Events[0].Rule("few", "message.cents < 9", "Few.")}
	decide, command := a.Decider().Decide, purseCommand(Fill{3})
	allocated := testing.AllocsPerRun(100, func() {
		if _, err := decide(eventsourcing.Context{}, Purse{}, command); err != nil {
			t.Fatal(err)
		}
	})
	equal(t, "allocations", allocated, 0)
}

// upcastByRules is the purse with an expression for each function that an expression can be for.
func upcastByRules() purseDefinition {
	a := purse()
	a.FormerCommands = []processors.Former{
		processors.UpcastBy[give1, Fill]("Give", `{"cents": 100 * message.euros}`),
	}
	a.FormerEvents[0] = processors.UpcastBy[added1, put2]("Added",
		`put2{money: string(message.euros) + " EUR", note: ""}`)
	return a
}

// G9: a migration in CEL reads every record as the same function in Go does.
func TestUpcastByEqualsUpcast(t *testing.T) {
	registry := registryOf(t)
	w := newWritersOf(t, registry)
	byRules, err := upcastByRules().Open(registry)
	must(t, err)
	same := func(t *rapid.T, inGo, inCEL *codecs.Set, b []byte) {
		want, err := inGo.Decode(context.Background(), b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := inCEL.Decode(context.Background(), b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v, %v; in Go %v", got, err, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(-1<<56, 1<<56).Draw(t, "n")
		value, err := w.commands1.Encode(give1{n})
		if err != nil {
			t.Fatal(err)
		}
		same(t, w.today.Commands, byRules.Commands, value)
		same(t, w.today.Events, byRules.Events, w.write(t, 1, added1{n}).Value)
	})
}

// A record that the expression can't be evaluated for is poison, as with a function that panics.
func TestUpcastByThatFails(t *testing.T) {
	registry := registryOf(t)
	w := newWritersOf(t, registry)
	byRules, err := upcastByRules().Open(registry)
	must(t, err)
	value, err := w.commands1.Encode(give1{1 << 62})
	must(t, err)
	_, err = byRules.Commands.Decode(t.Context(), value)
	poison, is := errors.AsType[*codecs.Malformed](err)
	if !is || poison.Reason != codecs.ReasonIncompatible || !strings.Contains(err.Error(), "overflow") {
		t.Error(err)
	}
	a := purse()
	a.FormerCommands = []processors.Former{
		processors.UpcastBy[give1, Fill]("Give", `{"cents": message.euro}`),
	}
	_, err = a.Open(registry)
	want := "FormerCommands[0] of Give: line 1, column " + strconv.Itoa(len(`{"cents": message.`)) +
		": undefined field 'euro'"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v; want %s", err, want)
	}
}
