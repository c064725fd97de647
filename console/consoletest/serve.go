package consoletest

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"refold/console/frame"
)

// Now is the time at which pages are made.
var Now = time.Date(2026, 3, 1, 14, 5, 9, 0, time.UTC)

// Console is a console of some parts, with a user who may do what Allow says.
type Console struct {
	Allow []frame.Right // beside frame.Read
	// Header is sent with every request, such as a cookie.
	Header http.Header

	site *frame.Site
}

// Of implements frame.Access by Allow.
func (c *Console) Of(r *http.Request) frame.Session {
	return frame.Configured{Allow: c.Allow}.Of(r)
}

// Serve returns a console of the parts.
func Serve(tb testing.TB, parts ...frame.Part) *Console {
	tb.Helper()
	c := &Console{Header: http.Header{}}
	site, err := frame.New(frame.Options{
		Access: c, Version: "test", Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return Now },
	}, parts...)
	if err != nil {
		tb.Fatal(err)
	}
	c.site = site
	tb.Cleanup(site.Stop)
	return c
}

// ServeHTTP answers a request.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.site.ServeHTTP(w, r) }

// Page is an answer of the console.
type Page struct {
	Status int
	Header http.Header
	Body   string
	Root   *html.Node

	tb testing.TB
}

// Get asks for a page. Its promises are checked.
func (c *Console) Get(tb testing.TB, path string) *Page {
	tb.Helper()
	path, _, _ = strings.Cut(path, "#") // as a browser does
	return c.do(tb, httptest.NewRequestWithContext(tb.Context(), http.MethodGet, path, http.NoBody))
}

// Post sends a form, as a page of the console does.
func (c *Console) Post(tb testing.TB, path string, form url.Values) *Page {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return c.do(tb, r)
}

func (c *Console) do(tb testing.TB, r *http.Request) *Page {
	tb.Helper()
	for name, values := range c.Header {
		r.Header[name] = values
	}
	recorder := httptest.NewRecorder()
	c.site.ServeHTTP(recorder, r)
	p := &Page{Status: recorder.Code, Header: recorder.Header(), Body: recorder.Body.String(), tb: tb}
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		tb.Fatal(err)
	}
	p.Root = root
	if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") && strings.Contains(p.Body, "<html") {
		p.check(r.Method + " " + r.URL.RequestURI())
	}
	return p
}

// Want fails the test unless the page has the status and all of the texts.
func (p *Page) Want(status int, texts ...string) *Page {
	p.tb.Helper()
	if p.Status != status {
		p.tb.Fatalf("the status is %d, want %d:\n%s", p.Status, status, Text(p.Root))
	}
	all := Text(p.Root)
	for _, text := range texts {
		if !strings.Contains(all, text) {
			p.tb.Errorf("the page has no %q:\n%s", text, all)
		}
	}
	return p
}

// Without fails the test if the page has one of the texts.
func (p *Page) Without(texts ...string) *Page {
	p.tb.Helper()
	all := Text(p.Root)
	for _, text := range texts {
		if strings.Contains(all, text) {
			p.tb.Errorf("the page has %q:\n%s", text, all)
		}
	}
	return p
}
