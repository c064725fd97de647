package live

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"refold/client"
	"refold/console/frame"
)

// state is what a page or a part of it shows.
type state struct {
	filter

	wrong  string // what is wrong with the expression
	after  string // the position: what came up to there has been seen
	paused bool
	looked bool // the rows are what came in a moment
	shown  []*client.Item
	totals totals

	trouble string // why nothing comes
}

// totals adds up what a viewer was told.
type totals struct {
	shown, left, unlooked, failed int
	missed                        int64
	why, failure                  string
}

func (t *totals) add(b *batch) {
	t.shown += len(b.items)
	t.left += b.left
	t.unlooked += b.unlooked
	t.failed += b.failed
	t.missed += b.missed
	if b.why != "" {
		t.why = b.why
	}
	if b.failure != "" {
		t.failure = b.failure
	}
}

// lookRows is how many messages a page has that is made at once.
const lookRows = 100

// show answers GET /console/live?filter&after=&look=&paused=&step=.
func (l *pages) show(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	s, m, err := l.state(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	switch {
	case m == nil:
		return p.ShowStatus(w, r, http.StatusBadRequest, "Live", show(p, l, s))
	case query.Get("look") != "":
		s.looked, s.paused = true, true
		err = l.look(r.Context(), s, m, lookRows, false)
	case query.Get("step") != "":
		s.looked, s.paused = true, true
		err = l.look(r.Context(), s, m, 1, true)
	case query.Get("paused") != "":
		s.paused = true
	}
	if err != nil {
		return err
	}
	return p.Show(w, r, "Live", show(p, l, s))
}

// state reads a request. Without a matcher the expression is wrong.
func (l *pages) state(r *http.Request) (*state, *matcher, error) {
	f, err := l.filterOf(r)
	if err != nil {
		return nil, nil, err
	}
	s := &state{filter: f, after: r.URL.Query().Get("after")}
	m, err := newMatcher(f, time.Now)
	if err != nil {
		s.wrong = err.Error()
		return s, nil, nil //nolint:nilerr // the page says what is wrong
	}
	return s, m, nil
}

// look listens for a moment, and fills in what came: the latest messages, or the next ones.
func (l *pages) look(ctx context.Context, s *state, m *matcher, most int, next bool) error {
	ctx, cancel := context.WithTimeout(ctx, l.Look)
	defer cancel()
	c := newCollector(m, most)
	err := c.listen(ctx, l.api, s.after, func(kept int) bool { return next && kept == most })
	if err != nil {
		return err
	}
	b := c.take()
	if b.position != "" {
		s.after = b.position
	}
	s.totals.add(&b)
	s.shown = b.items
	slices.Reverse(s.shown)
	return nil
}

// step answers GET /console/live/step: the next message, as a part of a page.
func (l *pages) step(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	s, m, err := l.state(r)
	if err == nil && m == nil {
		err = frame.Invalid(s.wrong)
	}
	if err != nil {
		return err
	}
	s.paused, s.looked = true, true
	if err := l.look(r.Context(), s, m, 1, true); err != nil {
		return err
	}
	return p.Fragment(w, r, stepped(p, l, s))
}

// controls answers GET /console/live/controls: pausing, or going on, as a part of a page.
func (l *pages) controls(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	s, m, err := l.state(r)
	if err == nil && m == nil {
		err = frame.Invalid(s.wrong)
	}
	if err != nil {
		return err
	}
	s.paused = r.URL.Query().Get("paused") != ""
	return p.Fragment(w, r, controls(l, s))
}

// stream answers GET /console/live/stream: what comes, as it comes.
func (l *pages) stream(ctx context.Context, out *frame.Stream, r *http.Request, p *frame.Page) error {
	s, m, err := l.state(r)
	if err == nil && m == nil {
		err = frame.Invalid(s.wrong)
	}
	if err != nil {
		return err
	}
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		s.after = last // the connection was lost
	}
	ctx, cancel := context.WithCancel(ctx)
	c, ended := newCollector(m, l.Rows), make(chan error, 1)
	after := s.after
	go func() {
		defer close(ended)
		ended <- c.listen(ctx, l.api, after, func(int) bool { return false })
	}()
	defer func() {
		cancel()
		for range ended { // nobody is there to be told of it
		}
	}()
	ticker := time.NewTicker(l.Every)
	defer ticker.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				problem := frame.ProblemOf(err)
				s.trouble = problem.Title + ". " + problem.Detail
				_ = out.Send(update(p, l, s)) // a browser that has left is no fault
			}
			return err
		case <-ticker.C:
		}
		b := c.take()
		if b.isEmpty() {
			continue
		}
		p.Now = time.Now()
		s.after = b.position
		s.totals.add(&b)
		s.shown = b.items
		slices.Reverse(s.shown)
		if err := out.SendAt(s.after, update(p, l, s)); err != nil {
			return nil // the browser has left
		}
	}
}

// export answers GET /console/live/export: what matches, as JSON lines, as it comes.
func (l *pages) export(w http.ResponseWriter, r *http.Request, _ *frame.Page) error {
	s, m, err := l.state(r)
	if err == nil && m == nil {
		err = frame.Invalid(s.wrong)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), l.ExportTime)
	defer cancel()
	begun, lines := false, 0
	begin := func() {
		if !begun {
			w.Header().Set("Content-Type", "application/x-ndjson")
			w.Header().Set("Content-Disposition", `attachment; filename="refold-live.jsonl"`)
			begun = true
		}
	}
	for item, err := range l.api.Listen(ctx, m.listen(s.after)) {
		if err != nil {
			if ctx.Err() == nil && !begun {
				return err
			}
			break
		}
		if item.Message != nil && !m.fits(ctx, item.Message) {
			continue
		}
		begin()
		lines++
		if !writeLine(w, item.Raw) || lines == l.ExportLines {
			break
		}
	}
	begin()
	_ = http.NewResponseController(w).Flush() // test recorders may have none
	return nil
}

// writeLine reports whether the browser still reads.
func writeLine(w http.ResponseWriter, raw json.RawMessage) bool {
	var line bytes.Buffer
	if json.Compact(&line, raw) != nil {
		return true
	}
	line.WriteByte('\n')
	_, err := w.Write(line.Bytes())
	return err == nil
}
