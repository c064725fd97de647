package frame

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"refold/console/assets"
)

// Options says what a site is made of. Access and Logger are required.
type Options struct {
	Access  Access
	Version string // of the program, for the footer
	Logger  *slog.Logger
	// Trail remembers each POST that needs another right than Read; nil: nothing does.
	Trail Trail
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// Timeout limits how long a page may take; 35 s: what the API gives a request that waits.
	Timeout time.Duration
	// Streams limits the pages that are live at the same time; 64. Each has a connection.
	Streams int
	// Heartbeat is how often a stream with nothing to say shows that it is alive; 15 s, which most
	// proxies wait for. WriteTimeout limits how long a browser may take to read a message; 10 s.
	Heartbeat, WriteTimeout time.Duration
}

// Part registers the pages of a part of the console.
type Part func(*Site)

// Handler answers a request for a page. An error becomes a problem page; nothing may be sent before.
type Handler func(http.ResponseWriter, *http.Request, *Page) error

// Tab is an entry of the navigation.
type Tab struct {
	Name, Path string
	// Order puts tabs in a row: the lower comes first.
	Order int
}

// The orders of tabs that there are; what comes between stands between them.
const (
	OrderFlow        = 0
	OrderAggregates  = 100
	OrderLive        = 200
	OrderDeadLetters = 300
	OrderOperations  = 400
	OrderAuditTrail  = 500
)

// Site takes pages and serves them.
type Site struct {
	options  Options
	mux      *http.ServeMux
	patterns []string
	tabs     []Tab
	streams  chan struct{}
	stopping context.Context //nolint:containedctx // a signal, not a request's context
	stop     context.CancelFunc
	handler  http.Handler
}

// New returns a site with the pages of the parts, and those of its own: the keys and the preferences.
func New(o Options, parts ...Part) (*Site, error) {
	if o.Access == nil || o.Logger == nil {
		return nil, errors.New("console: Options.Access and Logger must be set")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	def(&o.Timeout, 35*time.Second)
	def(&o.Streams, 64)
	def(&o.Heartbeat, 15*time.Second)
	def(&o.WriteTimeout, 10*time.Second)
	s := &Site{options: o, mux: http.NewServeMux(), streams: make(chan struct{}, o.Streams)}
	s.stopping, s.stop = context.WithCancel(context.Background())
	for _, part := range parts {
		part(s)
	}
	s.own()
	slices.SortStableFunc(s.tabs, func(a, b Tab) int { return a.Order - b.Order })
	// A POST of another site's page is refused, whatever the browser's cookies say.
	s.handler = guarded(http.NewCrossOriginProtection().Handler(s.mux))
	return s, nil
}

func def[T comparable](value *T, byDefault T) {
	var zero T
	if *value == zero {
		*value = byDefault
	}
}

// Tab adds an entry to the navigation.
func (s *Site) Tab(t Tab) { s.tabs = append(s.tabs, t) }

// Handle adds a page. The pattern is one of net/http.ServeMux with a method: "GET /console/accounts/{id}".
// Whoever lacks the right gets a page that says how to get it.
func (s *Site) Handle(pattern string, right Right, h Handler) {
	s.patterns = append(s.patterns, pattern)
	if s.options.Trail != nil && right != Read && strings.HasPrefix(pattern, http.MethodPost+" ") {
		h = s.recorded(pattern, h)
	}
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(withCaller(r.Context(), r), s.options.Timeout)
		defer cancel()
		r = r.WithContext(ctx)
		p := s.page(r)
		if err := s.permit(p, right); err != nil {
			s.fail(w, r, p, err)
			return
		}
		if err := h(w, r, p); err != nil {
			s.fail(w, r, p, err)
		}
	})
}

func (s *Site) permit(p *Page, right Right) error {
	if p.May(right) {
		return nil
	}
	return &Problem{
		Status: http.StatusForbidden, Title: "You may not " + right.verb() + " here",
		Detail: "This page needs the right " + string(right) + ".", Do: p.Why(right),
	}
}

// has reports whether there is a page under a pattern.
func (s *Site) has(pattern string) bool { return slices.Contains(s.patterns, pattern) }

// Stop ends all streams, so that the server can stop. It may be called more than once.
func (s *Site) Stop() { s.stop() }

// ServeHTTP answers a request.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// policy lets a page load nothing but our own files, and run no script that stands in it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; font-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guarded sets the headers that keep what is not ours out of pages.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// own adds the pages of the site itself.
func (s *Site) own() {
	s.mux.HandleFunc("GET "+assets.Below, func(w http.ResponseWriter, r *http.Request) {
		if !assets.Serve(w, r) {
			// A page of another version of the program asks for its own files.
			http.NotFound(w, r)
		}
	})
	s.Handle("POST "+Root+"/preferences", Read, s.prefer)
	s.Handle("GET "+Root+"/keys", Read, func(w http.ResponseWriter, r *http.Request, p *Page) error {
		return p.Show(w, r, "Keys", keys())
	})
	home := "GET " + Root + "/{$}"
	if !s.has(home) {
		s.Handle(home, Read, func(w http.ResponseWriter, r *http.Request, p *Page) error {
			if len(s.tabs) == 0 {
				return NotFound("The console is empty", "No part of it is there.")
			}
			return p.Back(w, r, s.tabs[0].Path)
		})
	}
	s.Handle("GET "+Root, Read, func(w http.ResponseWriter, r *http.Request, p *Page) error {
		return p.Back(w, r, Root+"/")
	})
	s.Handle(Root+"/", Read, func(_ http.ResponseWriter, r *http.Request, _ *Page) error {
		return NotFound("There is no such page", "The console has nothing at "+r.URL.Path+".")
	})
}

// active returns the tab that a path is under; -1: none.
func (s *Site) active(path string) int {
	path, _, _ = strings.Cut(path, "?")
	best, length := -1, 0
	for i, t := range s.tabs {
		below := strings.TrimSuffix(t.Path, "/") + "/"
		fits := path == t.Path || strings.HasPrefix(path, below) && t.Path != Root+"/"
		if fits && len(t.Path) > length {
			best, length = i, len(t.Path)
		}
	}
	return best
}
