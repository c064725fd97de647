package flow

import (
	"context"
	"sync"
	"time"

	"refold/console/frame"
)

const (
	// every is how often the program is measured while somebody looks.
	every = 2 * time.Second
	// fresh is how old a sample may be to be shown without another one, a little less than every: who looks
	// first measures, all others are shown the same.
	fresh = every - 200*time.Millisecond
	// ratable is how old a sample may be that rates are made of. It is long, so that a page that is loaded
	// again and again, without scripts, has rates too.
	ratable = time.Minute
	// measuring limits a measurement.
	measuring = 5 * time.Second
)

// look is all that can be seen at a moment. It does not change.
type look struct {
	sample  *Sample // nil: nothing was measured yet
	figures []Figures
	items   []Item
	fault   string // why nothing is measured
	parts   []part // of pages that are open
}

// watch measures the program for all who look at it, and not while nobody does.
type watch struct {
	source Source
	graph  *Graph
	now    func() time.Time

	mu      sync.Mutex
	last    *look
	tried   time.Time     // when the last measurement began
	running chan struct{} // closed when the one that is under way ends; nil: none is
}

func newWatch(source Source, graph *Graph, now func() time.Time) *watch {
	w := &watch{source: source, graph: graph, now: now}
	w.last = w.see(nil, nil, nil)
	return w
}

// see returns what can be seen with a sample. A sample that is missing leaves what was seen before.
func (w *watch) see(before *look, now *Sample, fault error) *look {
	l := &look{sample: now, figures: make([]Figures, len(w.graph.Nodes))}
	var past *Sample
	if before != nil && now != nil && before.sample != nil &&
		now.Time.Sub(before.sample.Time) <= ratable {
		past = before.sample
	}
	for i, n := range w.graph.Nodes {
		l.figures[i] = figure(n, past, now)
	}
	if now != nil {
		l.items = attention(w.graph, now)
	}
	if fault != nil {
		if before != nil {
			l.sample, l.figures, l.items = before.sample, before.figures, before.items
		}
		l.fault = short(fault.Error())
		l.items = append([]Item{{
			Kind: frame.Bad, Word: "no figures", Text: "Nothing can be measured", Detail: l.fault,
		}}, without(l.items, "no figures")...)
	}
	l.parts = w.partsOf(l)
	return l
}

func without(items []Item, word string) (others []Item) {
	for _, i := range items {
		if i.Word != word {
			others = append(others, i)
		}
	}
	return others
}

// look returns what can be seen now. It waits for a measurement for so long; after that, it returns what was
// seen last.
func (w *watch) look(ctx context.Context, wait time.Duration) *look {
	w.mu.Lock()
	if w.running == nil && w.now().Sub(w.tried) >= fresh {
		w.running, w.tried = make(chan struct{}), w.now()
		go w.measure(context.WithoutCancel(ctx))
	}
	running, last := w.running, w.last
	w.mu.Unlock()
	if running == nil {
		return last
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-running:
	case <-timer.C:
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// measure takes a sample. It goes on when the one who looked first has left: others may wait for it.
func (w *watch) measure(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, measuring)
	defer cancel()
	sample, err := w.source.Measure(ctx)
	if err != nil {
		sample = nil
	}
	seen := w.see(w.last, sample, err) // nobody else sets last
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = seen
	close(w.running)
	w.running = nil
}
