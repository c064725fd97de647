package trail

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"refold/console/frame"
)

// Records are those of the audit trail.
type Records interface {
	Read(ctx context.Context, q Query) (Page, error)
}

// Query says which records are meant. What is empty means any.
type Query struct {
	Who, What string // parts
	Before    int64  // a sequence; 0: from the newest
	Limit     int
}

// Page are some records, the newest first.
type Page struct {
	Records []Record
	Next    int64 // Query.Before of the next page; 0: there is none
}

// Record says who did what.
type Record struct {
	Sequence       int64
	Time           time.Time
	Stage          string // begun, done, refused, failed
	Who, From, At  string
	What, On, Path string
	Parameters     map[string]string
	Outcome        string
}

// pageRows is how many records a page has.
const pageRows = 50

// Part returns the page of the audit trail.
func Part(records Records) frame.Part {
	return func(site *frame.Site) {
		at := frame.Path("audit-trail")
		site.Tab(frame.Tab{Name: "Audit trail", Path: at, Order: frame.OrderAuditTrail})
		site.Handle("GET "+at, frame.Read, func(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
			return show(w, r, p, records)
		})
	}
}

// shown is a page of records.
type shown struct {
	Page

	query Query
}

// show answers GET /console/audit-trail?who=&what=&before=.
func show(w http.ResponseWriter, r *http.Request, p *frame.Page, records Records) error {
	query := r.URL.Query()
	q := Query{
		Who: strings.TrimSpace(query.Get("who")), What: strings.TrimSpace(query.Get("what")), Limit: pageRows,
	}
	if text := query.Get("before"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			return frame.Invalid(
				"The parameter before is " + strconv.Quote(text) + "; it must be a sequence from 1.")
		}
		q.Before = n
	}
	page, err := records.Read(r.Context(), q)
	if err != nil {
		return err //nolint:wrapcheck // it becomes a page
	}
	return p.Show(w, r, "Audit trail", list(p, &shown{page, q}))
}

func (s *shown) path(before int64) string {
	text := ""
	if before > 0 {
		text = strconv.FormatInt(before, 10)
	}
	return frame.With(frame.Path("audit-trail"), "who", s.query.Who, "what", s.query.What, "before", text)
}

func (s *shown) newest() string {
	if s.query.Before == 0 {
		return ""
	}
	return s.path(0)
}

func (s *shown) older() string {
	if s.Next == 0 {
		return ""
	}
	return s.path(s.Next)
}

func stage(r *Record) frame.PillKind {
	switch r.Stage {
	case "done":
		return frame.Good
	case "begun":
		return frame.Wait
	case "refused":
		return frame.Warn
	}
	return frame.Bad
}

// from says by which way somebody came, in words.
func from(r *Record) string {
	way := map[string]string{
		"console": "the console", "http": "the HTTP API", "command-line": "the command line",
	}[r.From]
	if way == "" {
		way = r.From
	}
	if r.At != "" {
		way += " at " + r.At
	}
	return way
}

// leads is where what was touched is; empty: nowhere in this console.
func leads(r *Record) string {
	if strings.HasPrefix(r.Path, frame.Root+"/") {
		return r.Path
	}
	return ""
}

// parameters are in order of their names.
func parameters(r *Record) (all []frame.Field) {
	for _, name := range slices.Sorted(maps.Keys(r.Parameters)) {
		all = append(all, frame.Field{Name: name, Value: r.Parameters[name]})
	}
	return all
}
