package program

import (
	"encoding/json"
	"strings"
	"testing"

	"refold/eventsourcing"
	"refold/processors"
	"refold/program/command"
)

// Nothing listens at this address: a command that gets as far as sending says so.
const nobody = "http://127.0.0.1:1"

// All mistakes in a command are shown at once, before anything is sent.
func TestSendChecksBeforeItSends(t *testing.T) {
	expect(t, command.ExitFailed,
		[]string{"amount", `"ten"`, "whole number", "currncy", "--schema", "--unchecked"},
		"send", "account", "zoe", "DepositMoney", `{"amount": "ten", "currncy": "EUR"}`, "--server", nobody)
	expect(t, command.ExitFailed, []string{`unknown type "DepositMony"`, "DepositMoney"},
		"send", "account", "zoe", "DepositMony", `{}`, "--server", nobody)
	expect(t, command.ExitFailed, []string{"is one running?"},
		"send", "account", "zoe", "DepositMoney", `{"amount": 5, "currency": "EUR"}`, "--server", nobody)
	expect(t, command.ExitFailed, []string{"is one running?"},
		"send", "account", "zoe", "Unheard", `{}`, "--unchecked", "--server", nobody)
}

// A rule that the data break is named before anything is sent, with what was found.
func TestSendChecksRules(t *testing.T) {
	p := &program{Program: &command.Program{}}
	type Ring struct {
		Times int64 `avro:"times"`
	}
	type Rang struct{}
	var err error
	p.Definitions, err = processors.Define(processors.Aggregate[struct{}, Ring, Rang]{
		Name: "bell", Plural: "bells",
		Decide: func(eventsourcing.Context, struct{}, Ring) ([]Rang, error) { return nil, nil },
		Evolve: func(s struct{}, _ eventsourcing.Recorded[Rang]) struct{} { return s },
		Commands: []processors.Message{
			processors.Of(Ring{1}, "Ring.").Rule("times-few", "message.times <= 3", "At most 3 times."),
		},
		Events: []processors.Message{processors.Of(Rang{}, "It rang.")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.checkCommand("bell", "Ring", `{"times": 3}`); err != nil {
		t.Error(err)
	}
	err = p.checkCommand("bell", "Ring", `{"times": 4}`)
	want := "Ring breaks rules of its schema:\n  times-few: At most 3 times.; found times: 4\n(--unchecked"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v; want %s", err, want)
	}
}

// The example of each command is one that can be sent.
func TestSendSchema(t *testing.T) {
	p := &program{Program: &command.Program{}}
	var err error
	if p.Definitions, err = processors.Define(shop.Definitions...); err != nil {
		t.Fatal(err)
	}
	for _, definition := range p.Definitions.Aggregates {
		aggregate := definition.Named().Name
		var types []string
		if err := p.withCommands(aggregate, func(a *processors.OpenAggregate) error {
			types = a.Commands.Types()
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for _, commandType := range types {
			text := expect(t, 0, nil, "send", aggregate, commandType, "--schema")
			var shown struct {
				Aggregate, Type string
				Schema          struct{ Type, Name string }
				Example         json.RawMessage
			}
			if err := json.Unmarshal([]byte(text), &shown); err != nil {
				t.Fatal(err)
			}
			if shown.Aggregate != aggregate || shown.Type != commandType ||
				shown.Schema.Name != commandType || shown.Schema.Type != "record" {
				t.Errorf("%s", text)
			}
			if err := p.checkCommand(aggregate, commandType, string(shown.Example)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestSendSchemaMistakes(t *testing.T) {
	for want, args := range map[string]string{
		"takes AGGREGATE TYPE, not 4": "send account zoe DepositMoney {} --schema",
		"takes AGGREGATE ID TYPE":     "send account DepositMoney",
		"there is no aggregate":       "send acount DepositMoney --schema",
		`unknown type "Deposit"`:      "send account Deposit --schema",
	} {
		expect(t, command.ExitFailed, []string{want}, strings.Fields(args)...)
	}
}
