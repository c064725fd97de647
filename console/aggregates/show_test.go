package aggregates_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"refold/client"
	"refold/client/wire"
	"refold/console/consoletest"
	"refold/console/frame"
)

func TestList(t *testing.T) {
	f := bank()
	for i := range 120 {
		f.accounts[fmt.Sprintf("bob-%03d", i)] = []string{account(i, "Bob")}
	}
	c := serve(t, f)
	page := c.Get(t, "/console/accounts").Want(http.StatusOK, "alice", "12.50 EUR", "bob-048", "3")
	page.Without("bob-049")
	page = c.Get(t, page.Link("Next →")).Want(http.StatusOK, "bob-049", "bob-098").Without("alice", "bob-099")
	page = c.Get(t, page.Link("Next →")).Want(http.StatusOK, "bob-099", "bob-119")
	if next := consoletest.All(page.Root, "a", "rel", "next"); len(next) > 0 {
		t.Error("the last page has a next one")
	}
	c.Get(t, "/console/accounts?prefix=bob-11").Want(http.StatusOK, "bob-110",
		"bob-119").Without("alice", "bob-109")
	c.Get(t, "/console/accounts?prefix=alice").Want(http.StatusOK, "alice").Without("bob")
	c.Get(t, "/console/accounts?prefix=zoe").Want(http.StatusOK, "No account has an ID that begins so")
	serve(t, &fake{}).Get(t, "/console/accounts").Want(http.StatusOK, "There are no accounts yet")
}

func TestStateNowWithItsHistory(t *testing.T) {
	page := serve(t, bank()).Get(t, "/console/accounts/alice")
	page.Want(http.StatusOK, "State now", "Alicia", "12.50 EUR", "order-1", "History", "MoneyDeposited",
		"balance 5.00 EUR → 12.50 EUR", `owner "Alice" → "Alicia"`, "by a client", "57 min ago",
		"correlation-3",
		"1.00 EUR")
	if got := page.Link("← Earlier"); got != "/console/accounts/alice?at=2" {
		t.Errorf("earlier is %q", got)
	}
}

func TestStepsThroughTime(t *testing.T) {
	c := serve(t, bank())
	page := c.Get(t, "/console/accounts/alice?at=2").Want(http.StatusOK,
		"State after event 2", "What event 2 changed", "after event 2 of 3")
	if got := consoletest.Text(page.One("span", "class", "changed")); got != "Alicia" {
		t.Errorf("marked is %q", got)
	}
	c.Get(t, page.Link("Later →")).Want(http.StatusOK, "State now")
	first := c.Get(t, page.Link("← Earlier")).Want(http.StatusOK, "State after event 1")
	if earlier := consoletest.All(first.Root, "a", "data-step", "back"); len(earlier) > 0 {
		t.Error("there is something before the first event")
	}
	c.Get(t, "/console/accounts/alice?at=99").Want(http.StatusOK, "State now")
	c.Get(t, "/console/accounts/alice?at=x").Want(http.StatusBadRequest, "whole number")
}

func TestTwoMomentsCompared(t *testing.T) {
	serve(t, bank()).Get(t, "/console/accounts/alice?at=3&compare=1").Want(http.StatusOK,
		"From event 1 to event 3", `owner "Alice" → "Alicia"`, "charges[0].refundable 5.00 EUR → 12.50 EUR")
}

func TestWhy(t *testing.T) {
	c := serve(t, bank())
	page := c.Get(t, "/console/accounts/alice?why=owner").Want(http.StatusOK,
		"Why is owner \"Alicia\"?", "2, MoneyDeposited", "command-2", "Sent by a client")
	if got := page.Link("correlation-2"); got != "/console/traces/correlation-2" {
		t.Errorf("the trace is at %q", got)
	}
	c.Get(t, "/console/accounts/alice?at=2&why=charges[0].refundable").Want(http.StatusOK,
		"1, MoneyDeposited")
	c.Get(t, "/console/accounts/alice?why=saldo").Want(http.StatusNotFound, "There is no such field",
		"It must be a field of the state: balance.")
	c.Get(t, "/console/accounts/alice?why=a..b").Want(http.StatusBadRequest, "charges[0].refundable")

	f := bank()
	f.answer = &client.Command{Command: wire.Command{ID: "command-2", Source: "billing"}}
	serve(t, f).Get(t, "/console/accounts/alice?why=owner").Want(http.StatusOK, "Sent by billing")

	f = &fake{accounts: map[string][]string{"long": {account(1, "Old")}}}
	for i := range 600 {
		f.accounts["long"] = append(f.accounts["long"], account(i, "New"))
	}
	c = serve(t, f)
	page = c.Get(t, "/console/accounts/long?why=owner").Want(http.StatusOK,
		"None of the events from 346 to 601")
	page = c.Get(t, page.Link("Look further back")).Want(http.StatusOK, "None of the events from 90 to 345")
	c.Get(t, page.Link("Look further back")).Want(http.StatusOK, "2, MoneyDeposited")
}

func TestProcessThatSentACommand(t *testing.T) {
	f := bank()
	f.events = []wire.Event{{
		ID: "alice/1", Type: "AccountCharged", Sequence: 1, CausationID: "order-1/1/order-payments.0",
		CorrelationID: "c", Time: consoletest.Now,
	}}
	serve(t, f).Get(t, "/console/accounts/alice").Want(http.StatusOK, "by the process order-payments")
}

func TestHistoryIsPaged(t *testing.T) {
	f := &fake{accounts: map[string][]string{}}
	for i := range 25 {
		f.accounts["a"] = append(f.accounts["a"], account(i, "A"))
	}
	c := serve(t, f)
	page := c.Get(t, "/console/accounts/a").Want(http.StatusOK, "0.23 EUR → 0.24 EUR", "0.14 EUR → 0.15 EUR")
	page.Without("0.13 EUR → 0.14 EUR")
	page = c.Get(t, page.Link("Next →")).Want(http.StatusOK,
		"0.13 EUR → 0.14 EUR").Without("0.14 EUR → 0.15 EUR")
	page = c.Get(t, page.Link("Next →")).Want(http.StatusOK, "0.03 EUR → 0.04 EUR", "account a")
	if next := consoletest.All(page.Root, "a", "rel", "next"); len(next) > 0 {
		t.Error("there is something before the first event")
	}
	c.Get(t, page.Link("← Previous")).Want(http.StatusOK, "0.13 EUR → 0.14 EUR")
}

func TestWithoutHistory(t *testing.T) {
	f := bank()
	f.past = &client.Problem{Problem: wire.Problem{
		Status: 404, Code: wire.CodeNoHistory,
		Detail: "none is kept",
	}}
	serve(t, f).Get(t, "/console/accounts/alice").Want(http.StatusOK, "12.50 EUR",
		"No history is kept").Without("why?")
}

func TestWhatIsNotThere(t *testing.T) {
	page := serve(t, bank()).Get(t, "/console/accounts/bob").Want(http.StatusNotFound,
		"There is no account bob")
	if got := page.Link("Send a command"); got != "/console/accounts/bob/send" {
		t.Errorf("it leads to %q", got)
	}
}

func TestMarkupInIDsAndStates(t *testing.T) {
	f := &fake{accounts: map[string][]string{
		consoletest.Markup: {account(1, consoletest.Markup), account(2, consoletest.Markup+"!")},
	}}
	f.events = []wire.Event{{
		Sequence: 1, Type: consoletest.Markup, CausationID: consoletest.Markup,
		CorrelationID: consoletest.Markup,
	}}
	c := serve(t, f)
	path := frame.Path("accounts", consoletest.Markup)
	for _, at := range []string{
		"/console/accounts", path, path + "?at=1", path + "?why=owner", path + "/send",
		frame.Path("accounts", consoletest.Markup+"?"),
	} {
		c.Get(t, at).Escaped()
	}
	for _, id := range []string{"..", ".", "a/b", "?", "%2F", "a b"} {
		f.accounts[id] = []string{account(1, "x")}
		page := c.Get(t, frame.Path("accounts", id)).Want(http.StatusOK)
		if !strings.Contains(consoletest.Text(page.One("h1")), id) {
			t.Errorf("%q is called %q", id, consoletest.Text(page.One("h1")))
		}
	}
}
