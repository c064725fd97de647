package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"refold/client"
	"refold/client/wire"
	"refold/console/flow"
	"refold/console/frame"
	"refold/projections"
)

// seldom is what figures asks only now and then.
type seldom struct {
	at       time.Time
	letters  flow.Letters
	pods     []flow.Pod
	models   []*model
	rebuilds []flow.Rebuild
	owners   map[string][]flow.Owner // by node
	missing  []string
}

// The limits of what is counted and asked.
const (
	mostLetters = 1000
	mostPods    = 64
	podTimeout  = 2 * time.Second
)

// ask asks for all of it.
func (f *figures) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, seldomTimeout)
	defer cancel()
	s := &seldom{owners: make(map[string][]flow.Owner)}
	var mu sync.Mutex
	var together sync.WaitGroup
	for what, ask := range map[string]func(context.Context, *seldom) error{
		"dead letters": f.askLetters, "read models": f.askModels, "rebuilds": f.askRebuilds,
		"owners and readiness": f.askPods,
	} {
		together.Go(func() {
			if err := ask(ctx, s); err != nil { // each sets fields of its own
				mu.Lock()
				defer mu.Unlock()
				s.missing = append(s.missing, what+": "+err.Error())
			}
		})
	}
	together.Wait()
	slices.Sort(s.missing)
	s.at = time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seldom = s
	close(f.asking)
	f.asking = nil
}

func (f *figures) askLetters(ctx context.Context, s *seldom) error {
	found, err := f.worker.letters.index.List(ctx, false)
	since := time.Now().Add(-time.Hour)
	for _, l := range found.Letters { // the newest first
		if l.Time.Before(since) || s.letters.Count == mostLetters {
			break
		}
		if l.Settled == nil {
			s.letters.Count++
		}
	}
	s.letters.Known = err == nil
	return err //nolint:wrapcheck // it says what it was doing
}

func (f *figures) askModels(ctx context.Context, s *seldom) error {
	var errs []error
	byName := make(map[string]*model)
	for _, p := range f.worker.in.Projections() {
		m := byName[p.Name]
		if m == nil {
			m = &model{name: p.Name}
			byName[p.Name] = m
			s.models = append(s.models, m)
		}
		for _, topic := range f.worker.eventsOf(&p) {
			if !slices.Contains(m.topics, topic) {
				m.topics = append(m.topics, topic)
			}
		}
		_, store := f.worker.readStores.Of(&p)
		if store == nil || m.stored {
			continue
		}
		m.stored = true
		builds, err := store.Builds(ctx, p.Name)
		if err != nil {
			errs = append(errs, fmt.Errorf("builds of %s: %w", p.Name, err))
		}
		for i, b := range builds {
			switch b.Status {
			case projections.Live:
				m.live = &builds[i]
			case projections.Filling:
				m.filling = &builds[i] // the newest is last
			case projections.Kept:
			}
		}
	}
	return errors.Join(errs...)
}

func (f *figures) askRebuilds(ctx context.Context, s *seldom) error {
	err := f.askRebuildsOfTables(ctx, s)
	if !f.worker.config.Views.Enabled {
		return unlessNotReady(err)
	}
	return errors.Join(unlessNotReady(err), unlessNotReady(f.askRebuildsOfViews(ctx, s)))
}

func (f *figures) askRebuildsOfTables(ctx context.Context, s *seldom) error {
	tables, err := f.api.Rebuilds(ctx, "")
	if err != nil {
		return err //nolint:wrapcheck // it says what was asked
	}
	for _, table := range tables.Aggregates {
		for _, r := range table.Rebuilds {
			if slices.Contains([]string{"done", "failed", "cancelled"}, r.Stage) {
				continue
			}
			done := -1.0
			if r.Totals.EventsTotal > 0 {
				done = float64(r.Totals.EventsRead) / float64(r.Totals.EventsTotal)
			}
			s.rebuilds = append(s.rebuilds, flow.Rebuild{
				What: "the table of " + table.Aggregate, Path: rebuildsPath(), Done: done,
			})
		}
	}
	return nil
}

func (f *figures) askRebuildsOfViews(ctx context.Context, s *seldom) error {
	views, err := f.api.Views(ctx)
	if err != nil {
		return err //nolint:wrapcheck // it says what was asked
	}
	for _, v := range views.Views.Views {
		if v.Rebuild == nil || v.Rebuild.Stage != wire.ViewRebuildRunning {
			continue
		}
		done := float64(v.Rebuild.Done) / float64(max(1, len(v.Rebuild.Partitions)))
		s.rebuilds = append(s.rebuilds, flow.Rebuild{
			What: "the view " + v.Name + " in this pod", Path: rebuildsPath(), Done: done,
		})
	}
	return nil
}

func rebuildsPath() string { return frame.Path("operations", "rebuilds") }

// unlessNotReady leaves out that a worker is not ready: its readiness tells of it anyway.
func unlessNotReady(err error) error {
	if p, is := errors.AsType[*client.Problem](err); is && p.Status == http.StatusServiceUnavailable {
		return nil
	}
	return err
}

// askPods asks who owns what, and all owners whether they are ready.
func (f *figures) askPods(ctx context.Context, s *seldom) error {
	s.pods = []flow.Pod{readiness(ctx, f.api, flow.Pod{Name: f.worker.in.WorkerName(), Here: true})}
	if f.worker.directory == nil {
		return nil
	}
	owners, err := f.api.Owners(ctx)
	if err != nil {
		return unlessNotReady(err)
	}
	addresses := make(map[string]string) // of other pods, by name
	for _, a := range owners.Aggregates {
		counts := make(map[string]int)
		for _, p := range a.Partitions {
			if p.Instance == "" {
				continue
			}
			counts[p.Instance]++
			if !p.Here && p.Address != "" {
				addresses[p.Instance] = p.Address
			}
		}
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			node := flow.AggregateID(a.Aggregate)
			s.owners[node] = append(s.owners[node], flow.Owner{Name: name, Partitions: counts[name]})
		}
	}
	names := slices.Sorted(maps.Keys(addresses))
	names = names[:min(len(names), mostPods)]
	others := make([]flow.Pod, len(names))
	var together sync.WaitGroup
	for i, name := range names {
		together.Go(func() { others[i] = f.askPod(ctx, name, addresses[name]) })
	}
	together.Wait()
	s.pods = append(s.pods, others...)
	return nil
}

func (f *figures) askPod(ctx context.Context, name, address string) flow.Pod {
	ctx, cancel := context.WithTimeout(ctx, podTimeout)
	defer cancel()
	pod := flow.Pod{Name: name}
	api, err := client.New([]string{"http://" + address}, client.Options{HTTP: f.pods})
	if err != nil {
		pod.Fault = err.Error()
		return pod
	}
	return readiness(ctx, api, pod)
}

func readiness(ctx context.Context, api *client.Client, pod flow.Pod) flow.Pod {
	if _, err := api.Ready(ctx); err != nil {
		lacking, err := lacks(err)
		if err != nil {
			pod.Fault = strings.TrimSpace(err.Error())
		}
		for _, c := range lacking {
			pod.Wrong = append(pod.Wrong, flow.Check{Name: c.Name, Detail: c.Detail})
		}
	}
	return pod
}
