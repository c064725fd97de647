package aggregates_test

import (
	"net/http"
	"net/url"
	"testing"

	"golang.org/x/net/html"

	"refold/client"
	"refold/client/wire"
	"refold/console/consoletest"
	"refold/console/frame"
)

// filled returns what a browser would send of the form on a page, without any button.
func filled(page *consoletest.Page) url.Values {
	form := url.Values{}
	for _, f := range consoletest.All(page.Root, "form", "method", "post") {
		if consoletest.Attr(f, "action") == "/console/preferences" {
			continue
		}
		for _, field := range consoletest.All(f, "") {
			add(form, field)
		}
	}
	return form
}

func add(form url.Values, field *html.Node) {
	name := consoletest.Attr(field, "name")
	switch field.Data {
	case "input":
		checked := len(consoletest.All(field.Parent, "input", "checked", "")) > 0
		if checked || consoletest.Attr(field, "type") != "checkbox" {
			form.Add(name, consoletest.Attr(field, "value"))
		}
	case "textarea":
		form.Add(name, consoletest.Text(field))
	case "select":
		for _, option := range consoletest.All(field, "option", "selected", "") {
			form.Add(name, consoletest.Attr(option, "value"))
		}
	}
}

func TestExampleIsSentAsItStandsInTheForm(t *testing.T) {
	f := bank()
	f.answer = &client.Command{Command: wire.Command{
		Type: "DepositMoney", Status: wire.StatusAccepted, FirstSequence: 3, LastSequence: 3,
	}}
	c := serve(t, f)
	c.Allow = []frame.Right{frame.Command}
	page := c.Get(t, "/console/accounts/alice/send").Want(http.StatusOK, "In minor units.", "It is at 3 now")
	answer := c.Post(t, "/console/accounts/alice/send", filled(page)).Want(http.StatusSeeOther)
	if len(f.sent) != 1 || string(f.sent[0].Data) != `{"amount":500,"currency":"EUR"}` ||
		f.sent[0].Expect == nil || *f.sent[0].Expect != 3 || f.sent[0].ID == "" {
		t.Fatalf("sent was %+v", f.sent)
	}
	f.answer.ID = f.sent[0].ID
	c.Get(t, answer.Header.Get("Location")).Want(http.StatusOK, "accepted", "DepositMoney led to event 3")

	page = c.Get(t, "/console/accounts/alice/send?type=PlaceOrder").Want(http.StatusOK)
	form := filled(page)
	form.Set("expect", "")
	c.Post(t, "/console/accounts/alice/send", form).Want(http.StatusSeeOther)
	want := `{"lines":[{"sku":"tea","quantity":2}],"kind":"SLOW","gift":true,"note":"hello","any":5}`
	if got := string(f.sent[1].Data); got != want || f.sent[1].Expect != nil {
		t.Errorf("sent was %s, want %s", got, want)
	}
}

func TestRowsOfAForm(t *testing.T) {
	f := bank()
	c := serve(t, f)
	c.Allow = []frame.Right{frame.Command}
	form := filled(c.Get(t, "/console/accounts/alice/send?type=PlaceOrder"))
	form.Set("add", "f.lines")
	page := c.Post(t, "/console/accounts/alice/send", form).Want(http.StatusOK, "Remove 2")
	form = filled(page)
	form.Set("f.lines.1.sku", "cup")
	form.Set("remove", "f.lines.0")
	page = c.Post(t, "/console/accounts/alice/send", form).Want(http.StatusOK).Without("Remove 2")
	if got := consoletest.Attr(page.One("input", "name", "f.lines.0.sku"), "value"); got != "cup" {
		t.Errorf("the row that is left has %q", got)
	}
	if len(f.sent) > 0 {
		t.Errorf("a row was sent: %+v", f.sent)
	}
	form = filled(page)
	form.Del("f.note?")
	form.Set("f.lines.0.quantity", "many")
	f.refuse = &client.Problem{Problem: wire.Problem{
		Status: http.StatusBadRequest, Code: wire.CodeInvalidCommand, Detail: "the command is not valid",
		Errors: []wire.Mistake{{
			Path: "body.data.lines[0].quantity", Found: `"many"`,
			Allowed: "a whole number",
		}},
	}}
	page = c.Post(t, "/console/accounts/alice/send", form).Want(http.StatusBadRequest,
		"not sent", "body.data.lines[0].quantity", "a whole number")
	if got := consoletest.Attr(page.One("input", "name", "f.lines.0.quantity"), "value"); got != "many" {
		t.Errorf("what was typed is now %q", got)
	}
	want := `{"lines":[{"sku":"cup","quantity":"many"}],"kind":"SLOW","gift":true,"note":null,"any":5}`
	if got := string(f.sent[0].Data); got != want {
		t.Errorf("sent was %s, want %s", got, want)
	}
	form.Set("f.any", "{")
	c.Post(t, "/console/accounts/alice/send", form).Want(http.StatusBadRequest, "The field any must be JSON")
}

func TestRejectionSaysWhatItMeans(t *testing.T) {
	f := bank()
	f.answer = &client.Command{Command: wire.Command{
		Status: wire.StatusRejected, Code: "currency-mismatch", Message: "the account is in EUR",
	}}
	c := serve(t, f)
	c.Allow = []frame.Right{frame.Command}
	page := c.Get(t, "/console/accounts/alice/send")
	before := filled(page)
	page = c.Post(t, "/console/accounts/alice/send", before).Want(http.StatusUnprocessableEntity,
		"rejected", "currency-mismatch", "the account is in EUR", "It is another currency.")
	if filled(page).Get("commandId") == before.Get("commandId") {
		t.Error("the next try has the ID of the one that was rejected")
	}
}

func TestFormOfWhoMayNotSend(t *testing.T) {
	f := bank()
	c := serve(t, f)
	page := c.Get(t, "/console/accounts/alice/send").Want(http.StatusOK, "console.allow")
	page.One("input", "name", "f.amount", "disabled", "")
	c.Post(t, "/console/accounts/alice/send", url.Values{"type": {"DepositMoney"}}).Want(http.StatusForbidden)
	c.Get(t, "/console/accounts/alice/send?type=Nothing").Want(http.StatusNotFound, "no such command")
	if len(f.sent) > 0 {
		t.Errorf("sent was %+v", f.sent)
	}
}

func TestPendingCommand(t *testing.T) {
	f := bank()
	f.answer = &client.Command{Command: wire.Command{
		ID: "c1", Type: "DepositMoney",
		Status: wire.StatusPending,
	}}
	page := serve(t, f).Get(t, "/console/accounts/bob?sent=c1").Want(http.StatusNotFound, "pending",
		"not decided yet")
	if got := page.Link("Look again"); got != "/console/accounts/bob?sent=c1" {
		t.Errorf("it leads to %q", got)
	}
}
