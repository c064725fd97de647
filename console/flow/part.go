package flow

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"refold/console/frame"
)

// patience is how long the page waits for figures. What comes later is put in as soon as it is there.
const patience = 70 * time.Millisecond

const livePath = frame.Root + "/flow/live"

type pages struct {
	graph *Graph
	watch *watch
}

// Part returns the first page of the console: a program as it is, with what is measured of it.
func Part(program Program, source Source) frame.Part {
	graph := NewGraph(program)
	f := &pages{graph, newWatch(source, graph, time.Now)}
	return func(site *frame.Site) {
		site.Tab(frame.Tab{Name: "Flow", Path: frame.Root + "/", Order: frame.OrderFlow})
		site.Handle("GET "+frame.Root+"/{$}", frame.Read, f.show)
		site.Stream("GET "+livePath, frame.Read, f.live)
	}
}

// shown is the page.
type shown struct {
	*look

	whole *Graph
	graph *Graph   // what is shown of it
	focus *Node    // what is in the middle; nil: everything is shown
	drawn *Picture // of graph
	empty bool     // nothing has happened yet
}

// chosen returns the part of the graph that a request asks for.
func (f *pages) chosen(r *http.Request) (graph *Graph, focus *Node, err error) {
	id := r.FormValue("focus")
	if id == "" {
		return f.graph, nil, nil
	}
	graph = f.graph.Around(id)
	if graph == nil {
		return nil, nil, frame.NotFound("There is no such part of the program",
			"Nothing in its definitions is called "+frame.Short(id)+".")
	}
	return graph, f.graph.Node(id), nil
}

// show answers GET /console/?focus=.
func (f *pages) show(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	graph, focus, err := f.chosen(r)
	if err != nil {
		return err
	}
	s := &shown{
		look: f.watch.look(r.Context(), patience), graph: graph, whole: f.graph, focus: focus,
		drawn: Draw(graph),
	}
	s.empty = s.sample != nil && empty(f.graph, s.sample)
	title := "Flow"
	if focus != nil {
		title = "Flow around " + focus.Name
	}
	return p.Show(w, r, title, page(s))
}

// live sends what changes in a page.
func (f *pages) live(ctx context.Context, s *frame.Stream, r *http.Request, _ *frame.Page) error {
	graph, _, err := f.chosen(r)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	sent := make(map[string]string)
	for {
		now := f.watch.look(ctx, measuring)
		if text := changed(now.parts, graph, sent); text != "" {
			if err := s.Send(templ.Raw(text)); err != nil {
				return err //nolint:wrapcheck // the browser has left
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// changed returns the parts of a graph's page that are not as they were sent.
func changed(parts []part, graph *Graph, sent map[string]string) string {
	var b strings.Builder
	for _, p := range parts {
		if sent[p.target] == p.html || p.node != nil && !slices.Contains(graph.Nodes, p.node) {
			continue
		}
		sent[p.target] = p.html
		b.WriteString(p.html)
	}
	return b.String()
}

// part is a part of the page that changes, as it is sent.
type part struct {
	node   *Node // nil: it is on every page
	target string
	html   string
}

// partsOf renders the parts of the page that change, once for all who look.
func (w *watch) partsOf(l *look) []part {
	var parts []part
	render := func(n *Node, target string, content templ.Component) {
		var b strings.Builder
		// It is written to memory, and made of texts: nothing can fail.
		_ = partial(target, content).Render(context.Background(), &b)
		parts = append(parts, part{n, target, b.String()})
	}
	render(nil, "attention", attentionList(l))
	render(nil, "measured", measured(l))
	for i, n := range w.graph.Nodes {
		if n.Kind.IsTopic() || n.Kind.works() {
			for _, c := range cellsOf(n, l.figures[i]) {
				render(n, c.target, c.content)
			}
		}
	}
	return parts
}
