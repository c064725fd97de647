package traces

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"refold/client"
	"refold/client/wire"
	"refold/console/frame"
)

// API is the HTTP API, as far as this part needs it. A *client.Client is one.
type API interface {
	Trace(ctx context.Context, correlationID string) (*client.Trace, error)
	Listen(ctx context.Context, l client.Listen) iter.Seq2[*client.Item, error]
}

// Kind is a kind of aggregate.
type Kind struct {
	Name, Plural string
	// Meanings says of the codes that commands are rejected with what each means.
	Meanings map[string]string
}

type pages struct {
	api   API
	kinds map[string]Kind // by name
}

// Part returns the pages about traces.
func Part(api API, kinds []Kind) frame.Part {
	return func(site *frame.Site) {
		t := &pages{api, make(map[string]Kind, len(kinds))}
		for _, k := range kinds {
			t.kinds[k.Name] = k
		}
		site.Tab(frame.Tab{Name: "Traces", Path: frame.Path("traces"), Order: frame.OrderLive + 1})
		site.Handle("GET /console/traces", frame.Read, t.index)
		site.Handle("GET /console/traces/{id}", frame.Read, t.show)
		site.Handle("GET /console/traces/{id}/text", frame.Read, t.text)
	}
}

// retryAfter is the pause before a trace that is not known is asked for again: a link to the trace of a
// command that was sent a moment ago is faster than the copies that traces are read from.
const retryAfter = 500 * time.Millisecond

func (t *pages) find(ctx context.Context, id string) (*client.Trace, error) {
	trace, err := t.api.Trace(ctx, id)
	if !client.IsNotFound(err) || client.HasCode(err, wire.CodeNoTraces) {
		return trace, err //nolint:wrapcheck // it becomes a page
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err() //nolint:wrapcheck // it becomes a page
	case <-time.After(retryAfter):
	}
	return t.api.Trace(ctx, id) //nolint:wrapcheck // it becomes a page
}

// show answers GET /console/traces/{id}?from=.
func (t *pages) show(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	id := r.PathValue("id")
	trace, err := t.find(r.Context(), id)
	if client.IsNotFound(err) {
		return p.ShowStatus(w, r, http.StatusNotFound, "Trace "+id, missing(id, frame.ProblemOf(err).Detail))
	}
	if err != nil {
		return err
	}
	d := newDrawing(&trace.Trace, p.Now)
	if d.from, err = whole(r, "from"); err != nil {
		return err
	}
	return p.Show(w, r, "Trace "+id, show(p, t, d))
}

// text answers GET /console/traces/{id}/text: the same as a plain text.
func (t *pages) text(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	trace, err := t.find(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(newDrawing(&trace.Trace, p.Now).text())) // a browser that has left is no fault
	return nil
}

// index answers GET /console/traces?id=&look=.
func (t *pages) index(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	query := r.URL.Query()
	if id := strings.TrimSpace(query.Get("id")); id != "" {
		return p.Back(w, r, frame.Path("traces", id))
	}
	var chains []*chain
	looked := query.Get("look") != ""
	if looked {
		var err error
		if chains, err = t.latest(r.Context()); err != nil {
			return err
		}
	}
	return p.Show(w, r, "Traces", index(p, t, chains, looked))
}

const (
	// lookFor is how long the page listens for chains, and maxChains for how many.
	lookFor   = 1500 * time.Millisecond
	maxChains = 25
)

// chain is a trace of which something happened while we listened.
type chain struct {
	id       string
	first    *client.Item // the first message that we heard of it
	messages int
	rejected bool
}

// latest listens for a moment, and returns the chains that something happened to, the newest first.
func (t *pages) latest(ctx context.Context) ([]*chain, error) {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	var chains []*chain
	known := map[string]*chain{}
	for item, err := range t.api.Listen(ctx, client.Listen{}) {
		if err != nil {
			return nil, err
		}
		if item.Message == nil {
			continue
		}
		id := item.Message.CorrelationID
		if id == "" {
			id = item.Message.ID
		}
		c := known[id]
		if id == "" {
			continue
		}
		if c == nil {
			if len(chains) == maxChains {
				break
			}
			c = &chain{id: id, first: item}
			known[id], chains = c, append(chains, c)
		}
		c.messages++
		c.rejected = c.rejected || item.Message.Outcome == wire.StatusRejected
	}
	slices.Reverse(chains)
	return chains, nil
}
