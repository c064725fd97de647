package worker

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"refold/client"
	"refold/console/flow"
	"refold/processors"
	"refold/projections"
	"refold/projections/projector"
	"refold/worker/measure"
)

// figures measures the program for the console.
type figures struct {
	worker *Worker
	api    *client.Client
	meter  *measure.Meter
	topics []string
	fixed  map[string]measure.Group // by node: aggregates, processes, reactions

	mu      sync.Mutex
	seldom  *seldom       // nil: not known yet
	asking  chan struct{} // closed when what is asked seldom is known; nil: it is not being asked
	closed  bool
	pods    *http.Client // asks other pods
	pending sync.WaitGroup
}

func newFigures(w *Worker, api *client.Client, program flow.Program) *figures {
	f := &figures{worker: w, api: api, meter: measure.New(w.kafka), fixed: make(map[string]measure.Group)}
	f.pods = &http.Client{Transport: &http.Transport{IdleConnTimeout: 3 * seldomEvery}}
	f.topics = []string{program.DeadLetters}
	topics := make(map[string]flow.Aggregate)
	for i, a := range program.Aggregates {
		topics[a.Name] = a
		f.topics = append(f.topics, a.Commands, a.Events, a.Table)
		if a.Results != "" {
			f.topics = append(f.topics, a.Results)
		}
		f.fixed[flow.AggregateID(a.Name)] = measure.Group{
			Name: w.in.Topics(w.opened.Aggregates[i].AggregateName).Group, Topics: []string{a.Commands},
		}
	}
	for _, p := range program.Processes {
		group := measure.Group{Name: w.in.Prefix() + p.Name, Topics: []string{topics[p.Of].Events}}
		for _, name := range p.Results {
			group.Topics = append(group.Topics, topics[name].Results)
		}
		f.fixed[flow.ProcessID(p.Name)] = group
	}
	for _, r := range program.Reactions {
		f.fixed[flow.ReactionID(r.Name)] = measure.Group{
			Name:   processors.ReactionGroup(w.in.Prefix(), r.Name),
			Topics: []string{topics[r.Of].Events},
		}
	}
	return f
}

// Measure measures the program.
func (f *figures) Measure(ctx context.Context) (*flow.Sample, error) {
	seldom := f.known(ctx)
	groups := make([]measure.Group, 0, len(f.fixed))
	for _, g := range f.fixed {
		groups = append(groups, g)
	}
	for _, m := range seldom.models {
		groups = append(groups, m.groups(f)...)
	}
	reading, err := f.meter.Measure(ctx, f.topics, groups)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what was asked
	}
	sample := &flow.Sample{
		Time: reading.Time, Ends: reading.Ends, Readers: make(map[string]flow.Reader),
		Letters: seldom.letters, Pods: seldom.pods, Rebuilds: seldom.rebuilds, Missing: seldom.missing,
	}
	for node, g := range f.fixed {
		if s, is := reading.Groups[g.Name]; is {
			reader := readerOf(s)
			reader.Owners = seldom.owners[node]
			sample.Readers[node] = reader
		}
	}
	for _, m := range seldom.models {
		sample.Readers[flow.ProjectionID(m.name)] = m.reader(f, reading)
	}
	f.addHeld(sample)
	return sample, nil
}

func readerOf(s measure.Standing) flow.Reader {
	return flow.Reader{
		Known: s.Known, Next: s.Next, Waiting: s.Waiting, Oldest: s.Oldest,
		Counted: s.Counted, Workers: s.Members, Partitions: s.Partitions, Owned: s.Owned,
		Followed: s.Followed, Filling: -1,
	}
}

// model is a read model, with the builds that matter.
type model struct {
	name          string
	topics        []string
	stored        bool
	live, filling *projections.Build // nil: there is none
}

func (m *model) groups(f *figures) (groups []measure.Group) {
	for _, b := range []*projections.Build{m.live, m.filling} {
		if b != nil {
			name := projector.Group(f.worker.in.Prefix(), *b)
			groups = append(groups, measure.Group{Name: name, Topics: m.topics})
		}
	}
	return groups
}

func (m *model) reader(f *figures, reading *measure.Reading) flow.Reader {
	if !m.stored {
		return flow.Reader{Off: "no store is given"}
	}
	standing := func(b *projections.Build) measure.Standing {
		return reading.Groups[projector.Group(f.worker.in.Prefix(), *b)]
	}
	reader := flow.Reader{Filling: -1}
	switch {
	case m.live != nil:
		reader = readerOf(standing(m.live))
		reader.Build = strconv.Itoa(m.live.Number)
	case m.filling != nil:
		reader = readerOf(standing(m.filling))
	}
	if m.filling != nil {
		reader.Filling = 0
		if s := standing(m.filling); s.Next+s.Waiting > 0 {
			reader.Filling = float64(s.Next) / float64(s.Next+s.Waiting)
		}
	}
	return reader
}

// addHeld adds which partitions are held in this pod. Metrics know all causes.
func (f *figures) addHeld(sample *flow.Sample) {
	held := make(map[string]map[string]bool) // partitions by group
	for _, m := range f.worker.gauges("exactlyonce_held_partition", "refold_projection_held_partitions") {
		node := flow.ProjectionID(m.labels["projection"])
		if reader, is := sample.Readers[node]; is {
			reader.Held += int(m.value)
			sample.Readers[node] = reader
		} else if m.value > 0 {
			group := m.labels["group"]
			if held[group] == nil {
				held[group] = make(map[string]bool)
			}
			held[group][m.place()] = true
		}
	}
	for node, g := range f.fixed {
		if reader, is := sample.Readers[node]; is {
			reader.Held = len(held[g.Name])
			sample.Readers[node] = reader
		}
	}
}

// seldomEvery is how often it is asked what changes seldom, or costs more than a look.
const (
	seldomEvery   = 10 * time.Second
	seldomTimeout = 8 * time.Second
	// firstPatience is how long the first look waits for it; a page is to be there within 100 ms.
	firstPatience = 40 * time.Millisecond
)

// known returns what is asked seldom, as it was known last, and asks anew if that is long ago.
func (f *figures) known(ctx context.Context) *seldom {
	f.mu.Lock()
	if f.asking == nil && !f.closed && (f.seldom == nil || time.Since(f.seldom.at) >= seldomEvery) {
		f.asking = make(chan struct{})
		f.pending.Go(func() { f.ask(context.WithoutCancel(ctx)) })
	}
	known, asking := f.seldom, f.asking
	f.mu.Unlock()
	if known != nil {
		return known
	}
	if asking != nil {
		timer := time.NewTimer(firstPatience)
		defer timer.Stop()
		select {
		case <-asking:
		case <-timer.C:
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seldom == nil {
		return &seldom{}
	}
	return f.seldom
}

// close ends what goes on.
func (f *figures) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.meter.Close()
	f.pending.Wait()
	f.pods.CloseIdleConnections()
}

var _ flow.Source = (*figures)(nil)
