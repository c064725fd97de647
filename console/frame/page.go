package frame

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"refold/client/wire"
	"refold/console/words"
)

// Page is what a page knows of the request that it answers.
type Page struct {
	Title string // before " · Refold"; set by the handler
	User  string
	Zone  *time.Location
	Theme string // "system", "light" or "dark"
	Now   time.Time
	Path  string // of the request, with its query: where the way back leads

	session Session
	site    *Site

	on, onPath string // see Concerns
}

// May reports whether the user has a right.
func (p *Page) May(right Right) bool { return p.session.may(right) }

// Why says how to get a right that the user has not. Forms of what is not allowed are shown, disabled, with
// this beside them.
func (p *Page) Why(right Right) string { return p.session.why(right) }

// Relative is a time as people read it: "12 s ago".
func (p *Page) Relative(t time.Time) string { return words.Relative(t, p.Now) }

// Exact is a time to the millisecond, in the user's zone.
func (p *Page) Exact(t time.Time) string { return words.Exact(t, p.Zone) }

// Show answers with a page: the title, and the content within the frame. Nothing is sent if it fails.
func (p *Page) Show(w http.ResponseWriter, r *http.Request, title string, content templ.Component) error {
	p.Title = title
	return p.write(w, r, http.StatusOK, layout(p, content))
}

// ShowStatus is Show with another status than 200.
func (p *Page) ShowStatus(
	w http.ResponseWriter, r *http.Request, status int, title string, content templ.Component,
) error {
	p.Title = title
	return p.write(w, r, status, layout(p, content))
}

// Fragment answers with a component alone, for a part of a page that htmx puts in.
func (p *Page) Fragment(w http.ResponseWriter, r *http.Request, content templ.Component) error {
	return p.write(w, r, http.StatusOK, content)
}

func (p *Page) write(w http.ResponseWriter, r *http.Request, status int, content templ.Component) error {
	var b bytes.Buffer
	if err := content.Render(r.Context(), &b); err != nil {
		return fmt.Errorf("render the page %q: %w", p.Title, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes()) // a client that has left is no fault
	}
	return nil
}

// Back answers a POST: the browser goes to another page of the console.
func (p *Page) Back(w http.ResponseWriter, r *http.Request, to string) error {
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // callers give paths of the console
	return nil
}

// Root is where the console is.
const Root = "/console"

// Path makes a path of the console. The segments are escaped: any ID is one.
func Path(segments ...string) string {
	var b strings.Builder
	b.WriteString(Root)
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(wire.Segment(s))
	}
	return b.String()
}

// With adds a query to a path: pairs of name and value. Pairs without a value are left out.
func With(path string, pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}
