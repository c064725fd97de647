package operations_test

import (
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"testing"

	"golang.org/x/net/html"

	"refold/console/consoletest"
	"refold/console/frame"
	"refold/console/operations"
)

// press sends the form on a page that leads to a path, as a browser does.
func press(t *testing.T, c *consoletest.Console, page *consoletest.Page, action string) *consoletest.Page {
	t.Helper()
	form := page.One("form", "method", "post", "action", action)
	return c.Post(t, action, valuesOf(form))
}

func valuesOf(form *html.Node) url.Values {
	values := url.Values{}
	for _, field := range consoletest.All(form, "input") {
		if name := consoletest.Attr(field, "name"); name != "" {
			values.Add(name, consoletest.Attr(field, "value"))
		}
	}
	return values
}

// asked fails the test unless this is what was asked for last.
func (f *fake) asked(t *testing.T, want any) {
	t.Helper()
	if n := len(f.did); n == 0 || !reflect.DeepEqual(f.did[n-1], want) {
		t.Errorf("asked for was %+v, want %+v", f.did, want)
	}
}

func TestDryRunComesFirst(t *testing.T) {
	f := full()
	f.rebuilds = f.rebuilds[1:] // none goes on
	c := serve(t, f, frame.Operate)
	const by = "anonymous at 192.0.2.1"
	page := c.Get(t, "/console/operations/rebuilds")
	answer := press(t, c, page, "/console/operations/rebuilds").Want(http.StatusSeeOther)
	f.asked(t, askedRebuild{"accounts", by, true})
	if to := answer.Header.Get("Location"); to != "/console/operations/rebuilds/new" {
		t.Errorf("it leads to %s", to)
	}
	page = c.Get(t, page.Link("Rebuild…")).Want(http.StatusOK, "Write the rows of accounts that differ")
	press(t, c, page, "/console/operations/rebuilds").Want(http.StatusSeeOther)
	f.asked(t, askedRebuild{"accounts", by, false})
}

func TestRebuildIsCancelled(t *testing.T) {
	f := full()
	c := serve(t, f, frame.Operate)
	page := c.Get(t, c.Get(t, "/console/operations/rebuilds/r1").Link("Cancel…"))
	answer := press(t, c, page, "/console/operations/rebuilds/r1/cancel").Want(http.StatusSeeOther)
	f.asked(t, cancelled{"r1"})
	c.Get(t, answer.Header.Get("Location")).Want(http.StatusOK, "The rebuild is cancelled.")
	c.Get(t, "/console/operations/rebuilds/none").Want(http.StatusNotFound)
	// Words of others don't get into the page.
	c.Get(t, "/console/operations/rebuilds/r1?done=Send+me+money").Without("Send me money")
}

func TestViewsAreRebuilt(t *testing.T) {
	f := full()
	c := serve(t, f, frame.Operate)
	page := c.Get(t, "/console/operations/rebuilds")
	press(t, c, page, "/console/operations/views/account-table/cancel").Want(http.StatusSeeOther)
	f.asked(t, changedView{"cancel", "account-table"})
	f.views[0].Rebuild = nil
	page = c.Get(t, "/console/operations/rebuilds")
	press(t, c, page, "/console/operations/views/account-table/rebuild").Want(http.StatusSeeOther)
	f.asked(t, changedView{"rebuild", "account-table"})
}

func TestBuildsAreChanged(t *testing.T) {
	f := full()
	c := serve(t, f, frame.Operate)
	page := c.Get(t, "/console/operations/read-models")
	press(t, c, page, "/console/operations/read-models/accounts_current/rebuild").Want(http.StatusSeeOther)
	f.asked(t, changedBuild{"rebuild", "accounts_current", 0})
	for _, what := range []struct{ link, last string }{{"Take over…", "take-over"}, {"Drop…", "drop"}} {
		asking := c.Get(t, page.Link(what.link)).Want(http.StatusOK, "build 2 of accounts_current")
		answer := press(t, c, asking, "/console/operations/read-models/accounts_current/builds/2/"+what.last)
		f.asked(t, changedBuild{what.last, "accounts_current", 2})
		to := answer.Want(http.StatusSeeOther).Header.Get("Location")
		c.Get(t, to).Want(http.StatusOK, "done The build is")
	}
	const builds = "/console/operations/read-models/accounts_current/builds/"
	c.Get(t, builds+"9/drop").Want(http.StatusNotFound)
	c.Get(t, builds+"x/drop").Want(http.StatusBadRequest)
	c.Get(t, builds+"2/eat").Want(http.StatusNotFound)
	c.Post(t, builds+"2/eat", nil).Want(http.StatusNotFound)
	f.refuse = errors.New("the build is behind the live one")
	c.Post(t, builds+"2/take-over", nil).Want(http.StatusConflict, "The build is behind the live one.")
	f.refuse = operations.ErrNoBuild
	c.Post(t, builds+"2/drop", nil).Want(http.StatusNotFound)
}

func TestVerificationBegins(t *testing.T) {
	f := full()
	c := serve(t, f, frame.Operate)
	const path = "/console/operations/verification"
	form := url.Values{"of": {"accounts_current"}, "percent": {"2.5"}, "pace": {"100"}}
	answer := c.Post(t, path, form).Want(http.StatusSeeOther)
	f.asked(t, operations.VerificationRequest{
		Of: operations.Subject{Name: "accounts_current", ReadModel: true}, Share: .025, PerSecond: 100,
		By: "anonymous at 192.0.2.1",
	})
	if to := answer.Header.Get("Location"); to != path+"/new" {
		t.Errorf("it leads to %s", to)
	}
	for _, wrong := range []struct{ field, value string }{
		{"of", "nothing"},
		{"percent", "0"},
		{"percent", "101"},
		{"percent", "NaN"},
		{"percent", ""},
		{"pace", "0"},
		{"pace", "fast"},
		{"pace", "2000000"},
	} {
		bad := url.Values{"of": form["of"], "percent": form["percent"], "pace": form["pace"]}
		bad.Set(wrong.field, wrong.value)
		c.Post(t, path, bad).Want(http.StatusBadRequest)
	}
	f.refuse = operations.ErrBusy
	c.Post(t, path, form).Want(http.StatusConflict, "This worker verifies something already.")
}

func TestVerificationIsLookedAt(t *testing.T) {
	f := full()
	c := serve(t, f, frame.Operate)
	const path = "/console/operations/verification"
	c.Get(t, path+"?of=accounts_current").One("option", "value", "accounts_current", "selected", "")
	page := c.Get(t, path+"/v1").Want(http.StatusOK, "300 differences", "The first 2")
	if to := page.Link("bob"); to != "/console/accounts/bob" {
		t.Errorf("a finding leads to %s", to)
	}
	page = c.Get(t, path+"/v2").Want(http.StatusOK, "running", "25%")
	press(t, c, page, path+"/v2/cancel").Want(http.StatusSeeOther)
	f.asked(t, cancelled{"v2"})
	c.Get(t, path+"/none").Want(http.StatusNotFound)
}

func TestTransactionIsAborted(t *testing.T) {
	f := full()
	c := serve(t, f, frame.Operate)
	const path = "/console/operations/transactions"
	page := c.Get(t, path).Want(http.StatusOK, "hangs", "under way", "never")
	page = c.Get(t, page.Link("Abort…")).Want(http.StatusOK, "offset 7", "Give up the records")
	answer := press(t, c, page, path+"/abort").Want(http.StatusSeeOther)
	f.asked(t, abortedAt{consoletest.Markup, 3, 7})
	c.Get(t, answer.Header.Get("Location")).Want(http.StatusOK, "The transaction is aborted.")
	c.Get(t, path+"/abort?topic=t&partition=-1&offset=2").Want(http.StatusBadRequest)
	form := url.Values{"topic": {"t"}, "partition": {"0"}, "offset": {"1"}}
	f.refuse = operations.ErrNoTransaction
	c.Post(t, path+"/abort", form).Want(http.StatusConflict, "It is not open any more")
	f.refuse = errStore
	c.Post(t, path+"/abort", form).Want(http.StatusServiceUnavailable)
}

func TestNobodyOperatesWithoutTheRight(t *testing.T) {
	f := full()
	c := serve(t, f, frame.Command)
	for _, path := range []string{
		"rebuilds", "rebuilds/r1/cancel", "views/account-table/rebuild", "views/account-table/cancel",
		"read-models/accounts_current/rebuild", "read-models/accounts_current/builds/2/drop", "verification",
		"verification/v2/cancel", "transactions/abort",
	} {
		c.Post(t, "/console/operations/"+path, url.Values{"aggregate": {"accounts"}}).
			Want(http.StatusForbidden, "console.allow")
	}
	if len(f.did) > 0 {
		t.Errorf("it did %+v", f.did)
	}
	for _, path := range []string{"rebuilds", "read-models", "verification", "transactions"} {
		page := c.Get(t, "/console/operations/"+path).Want(http.StatusOK, "console.allow")
		for _, button := range consoletest.All(page.One("main"), "button") {
			_, copies := attr(button, "data-copy")
			if _, disabled := attr(button, "disabled"); !disabled && !copies {
				t.Errorf("%s: the button %q is not disabled", path, consoletest.Text(button))
			}
		}
	}
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}
