package httpapi_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"refold/client/wire"
	"refold/codecs/rules"
	"refold/eventsourcing"
	"refold/views"
	"refold/views/httpapi"
)

// deposited is the data of the command of these tests.
type deposited struct {
	Amount int64  `avro:"amount"`
	Note   string `avro:"note"`
}

// ruledBench is a server whose deposits have rules.
func ruledBench(t *testing.T) *bench {
	t.Helper()
	all := []rules.Rule{
		{Name: "amount-positive", Expr: "message.amount > 0", Message: "At least 1 cent."},
		{Name: "large-noted", Expr: `message.amount < 1000 || message.note != ""`, Message: "Say why."},
	}
	set, err := rules.Compile(reflect.TypeFor[deposited](), all)
	if err != nil {
		t.Fatal(err)
	}
	return newBench(t, func(o *httpapi.Options) {
		r := &o.Resources[0]
		r.Rules = map[string][]rules.Rule{"DepositMoney": all}
		r.RulesBroken = func(command any) []rules.Violation { // fakeTypes reads maps
			data, _ := command.(map[string]any)
			amount, _ := data["amount"].(float64)
			note, _ := data["note"].(string)
			return set.Check(deposited{int64(amount), note})
		}
	})
}

// A command that breaks rules is refused before it is sent, and each rule is named with its fields.
func TestSend_rules(t *testing.T) {
	b := ruledBench(t)
	a := b.ask(t, "POST", "/accounts/alice/commands", `{"type": "DepositMoney", "data": {"amount": 5000}}`,
		"Idempotency-Key: c-1")
	a.want(t, http.StatusUnprocessableEntity, "Idempotency-Key: c-1")
	var p wire.Problem
	if err := json.Unmarshal([]byte(a.Text), &p); err != nil {
		t.Fatal(err)
	}
	want := wire.Problem{
		Title: "Unprocessable Entity", Status: 422, Code: "rule-violated",
		Detail: "DepositMoney breaks the rule large-noted: Say why.; nothing was sent",
		Errors: []wire.Mistake{
			{Path: "body.data.amount", Allowed: "Say why.", Found: "5000", Rule: "large-noted"},
			{Path: "body.data.note", Allowed: "Say why.", Found: `""`, Rule: "large-noted"},
		},
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, want %+v", p, want)
	}
	if sent := b.sender.Sent(); len(sent) > 0 {
		t.Errorf("sent: %v", sent)
	}
	b.ask(t, "POST", "/accounts/alice/commands",
		`{"type": "DepositMoney", "data": {"amount": 5000, "note": "gift"}}`).want(t, http.StatusAccepted)
	if sent := b.sender.Sent(); len(sent) != 1 {
		t.Errorf("sent: %v", sent)
	}
}

// G1: a command that was accepted before a rule was tightened is answered with its outcome.
func TestSend_rulesAreForNewCommands(t *testing.T) {
	b := ruledBench(t)
	b.commands.CommandFn = func(key views.CommandKey) (views.Command, error) {
		return views.Command{
			CommandKey: key, Type: "DepositMoney", Time: at, Status: views.Accepted, FirstSequence: 3,
			LastSequence: 3,
		}, nil
	}
	a := b.ask(t, "POST", "/accounts/alice/commands", `{"type": "DepositMoney", "data": {"amount": -5}}`,
		"Idempotency-Key: c-1")
	a.want(t, http.StatusAccepted)
	a.wantJSON(t, map[string]any{"status": "accepted", "firstSequence": 3})
}

// The description has the rules, for people and for programs.
func TestDescriptionHasRules(t *testing.T) {
	b := ruledBench(t)
	text := b.ask(t, "GET", "/openapi.json", "").Text
	for _, part := range []string{
		`"x-rules": [`, `"expr": "message.amount \u003e 0"`, `It must keep these rules`, "`amount-positive`",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is missing", part)
		}
	}
	if wire.CodeRuleViolated != eventsourcing.CodeRuleViolated {
		t.Error("the edge and the aggregate reject with two codes")
	}
}
