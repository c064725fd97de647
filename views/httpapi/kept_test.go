package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"refold/views"
	"refold/views/httpapi"
)

// An aggregate may keep no results: nobody waits for one then, and the status says only that a command was
// sent.
func TestNoResults(t *testing.T) {
	b := newBench(t, func(o *httpapi.Options) { o.Resources[0].NoResults = true })
	b.commands.WaitCommandFn = func(_ context.Context, key views.CommandKey, atLeast views.Status) (
		views.Command, error,
	) {
		if atLeast > views.Pending {
			t.Error("somebody waits for a result")
		}
		return views.Command{}, views.ErrNotYet
	}
	deposit := `{"type": "DepositMoney", "data": {"amount": 5}}`
	a := b.ask(t, "POST", "/accounts/alice/commands", deposit, "Prefer: wait=5", "Idempotency-Key: c-1")
	a.want(t, http.StatusAccepted, "Preference-Applied:", "Location: /accounts/alice/commands/c-1")
	a.wantJSON(t, map[string]any{"status": "pending"})

	none := b.ask(t, "GET", "/accounts/alice/commands/c-2", "", "Prefer: wait=5")
	none.want(t, http.StatusNotFound, "Preference-Applied:")
	if !strings.Contains(none.Text, "aggregates.account.results") {
		t.Errorf("the setting is not named: %s", none.Text)
	}
	sent := views.Command{
		CommandKey: views.CommandKey{Aggregate: "account", Subject: "alice", ID: "c-1"},
		Type:       "DepositMoney", Status: views.Pending,
	}
	b.commands.CommandFn = func(views.CommandKey) (views.Command, error) { return sent, nil }
	b.commands.CommandsOfFn = func(string) (views.Namesakes, error) {
		return views.Namesakes{Commands: []views.Command{sent}}, nil
	}
	for _, path := range []string{"/accounts/alice/commands/c-1", "/commands/c-1"} {
		a := b.ask(t, "GET", path, "", "Prefer: wait=5")
		a.want(t, http.StatusOK, "Preference-Applied:")
		a.wantJSON(t, map[string]any{"status": "pending", "id": "c-1"})
	}
	send := describe(t, b).Paths["/accounts/{id}/commands"]["post"]
	if send.Responses["200"] != nil || !strings.Contains(send.Description, "aggregates.account.results") {
		t.Errorf("described as %+v", send)
	}
}

// An aggregate may keep no history: a request for its past is told so, and by which setting.
func TestNoHistory(t *testing.T) {
	b := newBench(t, func(o *httpapi.Options) {
		o.Resources[0].NoHistory, o.Resources[0].Events = true, nil
		o.Resources[0].Past = fakePast(func(views.Moment) (views.PastRow, error) {
			return views.PastRow{}, views.ErrNoHistory
		})
	})
	for _, path := range []string{
		"/accounts/alice/events", "/accounts/alice?sequence=3", "/accounts/alice/why?field=owner",
	} {
		a := b.ask(t, "GET", path, "")
		a.want(t, http.StatusNotFound, "Retry-After:")
		a.wantJSON(t, map[string]any{"code": "no-history"})
		if !strings.Contains(a.Text, "aggregates.account.history") {
			t.Errorf("the setting is not named: %s", a.Text)
		}
	}
	b.ask(t, "GET", "/accounts/alice/events?limit=x", "").want(t, http.StatusBadRequest)
}

// A trace that is not known may be of an aggregate that keeps none.
func TestNoTracesOfAnAggregate(t *testing.T) {
	a := newBench(t, func(o *httpapi.Options) {
		everything(o)
		o.Resources[0].NoTraces = true
	}).ask(t, "GET", "/traces/c-1", "")
	a.want(t, http.StatusNotFound)
	if !strings.Contains(a.Text, "aggregates.account.traces") {
		t.Errorf("the setting is not named: %s", a.Text)
	}
}

// The description lists the codes with which an aggregate rejects, in their order, and leaves room for
// others.
func TestRejections(t *testing.T) {
	b := newBench(t, func(o *httpapi.Options) {
		o.Resources[0].Rejections = []httpapi.Rejection{
			{Code: "insufficient-funds", Meaning: "The balance | the limit is lower."},
			{Code: "account-closed", Meaning: "The account was closed."},
		}
	})
	d := describe(t, b)
	const table = "| code | meaning |\n|---|---|\n" +
		"| `insufficient-funds` | The balance \\| the limit is lower. |\n" +
		"| `account-closed` | The account was closed. |\n" +
		"| `sequence-mismatch` | "
	properties, _ := d.Components.Schemas["Account.Result"]["properties"].(map[string]any)
	code, _ := properties["code"].(map[string]any)
	description, _ := code["description"].(string)
	send := d.Paths["/accounts/{id}/commands"]["post"]
	if !strings.Contains(description, table) || code["enum"] != nil ||
		!strings.Contains(send.Description, table) {
		t.Errorf("the code is described as %v, the operation as %s", code, send.Description)
	}
	other, _ := d.Components.Schemas["CommandBody"]["properties"].(map[string]any)
	if text := toJSON(t, other["code"]); strings.Contains(text, "insufficient-funds") {
		t.Errorf("the code of any command is described as %s", text)
	}
	text := b.ask(t, "GET", "/openapi.json", "").Text
	if n := strings.Count(text, `"#/components/schemas/Account.Result"`); n != 3 {
		t.Errorf("the result is the answer of %d operations", n)
	}
}
