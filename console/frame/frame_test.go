package frame_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"refold/client"
	"refold/client/wire"
	"refold/console/assets"
	"refold/console/consoletest"
	"refold/console/frame"
)

func heading(text string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, "<h1>"+templ.EscapeString(text)+"</h1>")
		return err
	})
}

// part has a page to look at, one to do something with, and one that fails with err.
func part(err error) frame.Part {
	return func(s *frame.Site) {
		s.Tab(frame.Tab{Name: "Things", Path: "/console/things", Order: 2})
		s.Tab(frame.Tab{Name: "First", Path: "/console/first", Order: 1})
		s.Handle("GET /console/things/{id}", frame.Read,
			func(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
				return p.Show(w, r, r.PathValue("id"), heading(r.PathValue("id")))
			})
		s.Handle("POST /console/things", frame.Operate,
			func(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
				return p.Back(w, r, "/console/things/done")
			})
		s.Handle("GET /console/fails", frame.Read,
			func(http.ResponseWriter, *http.Request, *frame.Page) error { return err })
	}
}

func TestAPageInItsFrame(t *testing.T) {
	page := consoletest.Serve(t, part(nil)).Get(t, "/console/things/x")
	page.Want(http.StatusOK, "Things", "Keys", "You are anonymous at 192.0.2.1", "Refold test")
	if got := consoletest.Text(page.One("title")); got != "x · Refold" {
		t.Errorf("the title is %q", got)
	}
	for _, current := range consoletest.All(page.Root, "a", "aria-current", "page") {
		if consoletest.Text(current) != "Things" {
			t.Errorf("the tab %q is marked", consoletest.Text(current))
		}
	}
	tabs := consoletest.Text(consoletest.All(page.Root, "nav")[0])
	if tabs != "First Things" {
		t.Errorf("the tabs are %q", tabs)
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store",
		"Cross-Origin-Opener-Policy": "same-origin",
	} {
		if got := page.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestMarkupOfOthersIsText(t *testing.T) {
	c := consoletest.Serve(t, part(nil))
	c.Get(t, frame.Path("things", consoletest.Markup)).Want(http.StatusOK).Escaped()
	c = consoletest.Serve(t, part(frame.NotFound(consoletest.Markup, consoletest.Markup)))
	c.Get(t, "/console/fails").Want(http.StatusNotFound).Escaped()
}

func TestFirstPageIsSmall(t *testing.T) {
	c := consoletest.Serve(t, part(nil))
	page := c.Get(t, "/console/things/x")
	total := len(page.Body)
	for _, name := range []string{"style.css", "console.js", "htmx.js", "hx-sse.js"} {
		file := c.Get(t, assets.Path(name)).Want(http.StatusOK)
		if !strings.Contains(page.Body, assets.Path(name)) {
			t.Errorf("the page does not load %s", name)
		}
		if !strings.Contains(file.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s is kept by browsers as %q", name, file.Header.Get("Cache-Control"))
		}
		total += len(file.Body)
	}
	if total > 100_000 { // of the 150,000 bytes that the first page may have, with what is on it
		t.Errorf("the empty page has %d bytes with all that it loads", total)
	}
	c.Get(t, "/console/assets/style-000000000000.css").Want(http.StatusNotFound)
}

func TestWhoMayNotIsToldWhatAllowsIt(t *testing.T) {
	c := consoletest.Serve(t, part(nil))
	c.Post(t, "/console/things", nil).Want(http.StatusForbidden, "console.allow", "operate")
	c.Allow = []frame.Right{frame.Operate}
	page := c.Post(t, "/console/things", nil).Want(http.StatusSeeOther)
	if got := page.Header.Get("Location"); got != "/console/things/done" {
		t.Errorf("it leads to %q", got)
	}
}

func TestAnotherSiteCanNotPost(t *testing.T) {
	c := consoletest.Serve(t, part(nil))
	c.Allow = []frame.Right{frame.Operate}
	r := httptest.NewRequest(http.MethodPost, "/console/things", http.NoBody)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("the status is %d", w.Code)
	}
}

func TestErrorsBecomePages(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		text   string
	}{
		{errors.New("boom"), http.StatusInternalServerError, "Something is wrong in the console"},
		{&client.Problem{Problem: wire.Problem{
			Status: 404, Code: wire.CodeNotFound,
			Detail: "no account",
		}}, 404, "no account"},
		{&client.Problem{Problem: wire.Problem{Status: 503, Code: wire.CodeNotReady}}, 503, "Not ready yet"},
		{&client.UnavailableError{Err: io.EOF}, 503, "does not answer"},
		{context.DeadlineExceeded, http.StatusGatewayTimeout, "too long"},
		{frame.Invalid("the number is bad"), http.StatusBadRequest, "the number is bad"},
	} {
		page := consoletest.Serve(t, part(c.err)).Get(t, "/console/fails").Want(c.status, c.text)
		if strings.Contains(page.Body, "boom") {
			t.Error("the page tells what is for the log")
		}
	}
	consoletest.Serve(t, part(nil)).Get(t, "/console/nothing").Want(http.StatusNotFound, "no such page")
}

func TestPreferences(t *testing.T) {
	c := consoletest.Serve(t, part(nil))
	page := c.Post(t, "/console/preferences", url.Values{
		"theme": {"dark"}, "zone": {"Europe/Berlin"}, "back": {"/console/things/x?a=b"},
	}).Want(http.StatusSeeOther)
	if got := page.Header.Get("Location"); got != "/console/things/x?a=b" {
		t.Errorf("it leads back to %q", got)
	}
	for _, line := range page.Header["Set-Cookie"] {
		pair, _, _ := strings.Cut(line, ";")
		c.Header.Add("Cookie", pair)
	}
	page = c.Get(t, "/console/things/x")
	if got := consoletest.Attr(page.One("html"), "data-theme"); got != "dark" {
		t.Errorf("the theme is %q", got)
	}
	for _, zone := range []string{"dark", "Europe/Berlin"} {
		page.One("option", "value", zone, "selected", "")
	}
	c.Post(t, "/console/preferences", url.Values{"zone": {"../etc/passwd"}}).Want(http.StatusBadRequest,
		"IANA")
	page = c.Post(t, "/console/preferences",
		url.Values{"back": {"https://evil.example/"}}).Want(http.StatusSeeOther)
	if got := page.Header.Get("Location"); got != "/console/" {
		t.Errorf("it leads to another site: %q", got)
	}
}

func TestUsersName(t *testing.T) {
	access := frame.Configured{UserHeader: "X-User", Allow: []frame.Right{frame.Command}}
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("X-User", strings.Repeat("é", 100))
	if got := access.Of(r).User; got != strings.Repeat("é", 64) {
		t.Errorf("the user is %q", got)
	}
	r.Header.Del("X-User")
	if got := access.Of(r).User; got != "anonymous at 192.0.2.1" {
		t.Errorf("without a name the user is %q", got)
	}
}
