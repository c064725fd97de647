package readers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Options of a group.
type Options struct {
	Pods  []string // their URLs
	Kinds []string // of aggregates, as they stand in paths
	// Clients is how many there are. Each has one read under way at each pod.
	Clients int
	// Pause is how long a client waits on average after each read through a pod.
	Pause time.Duration
	Seed  uint64
	// Record takes findings, one JSON text a line; Report is called with the first ones of each fault. It
	// must not call the group.
	Record io.Writer
	Report func(Finding)
}

// Group is clients that read all the time, until Stop.
type Group struct {
	options Options
	record  *record
	clients []*reader
	// fresh opens a connection for each request, pooled keeps them.
	pooled, fresh *http.Client

	ctx    context.Context //nolint:containedctx // ends the readers
	cancel context.CancelFunc
	going  sync.WaitGroup
}

// Start lets clients read.
func Start(o Options) *Group {
	ctx, cancel := context.WithCancel(context.Background())
	g := &Group{
		options: o, record: newRecord(o.Record, o.Report), ctx: ctx, cancel: cancel,
		pooled: newHTTP(false), fresh: newHTTP(true),
	}
	for n := range o.Clients {
		r := &reader{known: newKnown(), http: g.pooled, record: g.record, kinds: o.Kinds}
		g.clients = append(g.clients, r)
		for p, pod := range o.Pods {
			dice := rand.New(rand.NewPCG(o.Seed, uint64(n*len(o.Pods)+p)))
			g.going.Go(func() { g.keepReading(r, pod, dice) })
		}
	}
	return g
}

// newHTTP returns a client that follows nothing.
func newHTTP(fresh bool) *http.Client {
	const idle = 64
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: fresh, MaxIdleConnsPerHost: idle},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// keepReading reads through one pod. Lists come first: there is nothing else that is known.
func (g *Group) keepReading(r *reader, pod string, dice *rand.Rand) {
	for g.ctx.Err() == nil {
		if len(r.all(r.kinds[0])) == 0 {
			r.readList(g.ctx, pod, dice)
		} else {
			r.any(g.ctx, pod, dice)
		}
		wait(g.ctx, time.Duration(dice.ExpFloat64()*float64(g.options.Pause)))
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// aimLists is how many lists each client reads through each other pod before it aims.
const aimLists = 4

// LookAround has each client read lists through all pods but one, so that it knows what has moved lately. It
// does not wait for the answers.
func (g *Group) LookAround(but string) {
	g.each(aimLists, func(r *reader, dice *rand.Rand, _ int) {
		for _, pod := range g.options.Pods {
			if pod != but {
				r.readList(g.ctx, pod, dice)
			}
		}
	})
}

// Aim has each client send so many reads to a pod at once, most of them about what has moved lately. It does
// not wait for the answers: a pod that is held still has the requests before it when it goes on.
func (g *Group) Aim(pod string, each int) {
	g.each(each, func(r *reader, dice *rand.Rand, i int) {
		const lists = 8 // one in so many is one; another, a history
		switch i % lists {
		case 0:
			r.readList(g.ctx, pod, dice)
		case 1:
			r.readHistory(g.ctx, pod, dice)
		default:
			r.readMoved(g.ctx, pod, dice)
		}
	})
}

// each has every client do something so many times at once, over new connections.
func (g *Group) each(times int, do func(r *reader, dice *rand.Rand, i int)) {
	for _, r := range g.clients {
		fresh := &reader{known: r.known, http: g.fresh, record: g.record, kinds: r.kinds}
		for i := range times {
			dice := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
			g.going.Go(func() { do(fresh, dice, i) })
		}
	}
}

// WaitAnswered waits until every pod answers for all partitions: lists, and rows that the clients know.
func (g *Group) WaitAnswered(ctx context.Context) error {
	for _, pod := range g.options.Pods {
		paths := []string{}
		for _, kind := range g.options.Kinds {
			paths = append(paths, "/"+kind)
			for _, r := range g.clients {
				for _, a := range sample(r, kind) {
					paths = append(paths, pathOf(a), pathOf(a)+"/events")
				}
			}
		}
		for _, path := range paths {
			if _, err := g.insist(ctx, pod, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// sample returns some aggregates that a client knows.
func sample(r *reader, kind string) (some []aggregate) {
	const most = 10
	ids := r.all(kind)
	for i, id := range ids {
		if i%max(len(ids)/most, 1) == 0 {
			some = append(some, aggregate{kind, id})
		}
	}
	return some
}

// insist asks until there is an answer with status 200.
func (g *Group) insist(ctx context.Context, pod, path string) (answer, error) {
	const pause = 200 * time.Millisecond
	for {
		a := get(ctx, g.pooled, pod, path, "")
		if a.err == nil && a.status == http.StatusOK {
			return a, nil
		}
		if ctx.Err() == nil {
			wait(ctx, pause)
		}
		if ctx.Err() != nil {
			return a, errors.Join(context.Cause(ctx),
				fmt.Errorf("%s answers %s with %d: %w: %.200s", pod, path, a.status, a.err, a.body))
		}
	}
}

// Tally returns what has been counted.
func (g *Group) Tally() Tally {
	g.record.mu.Lock()
	defer g.record.mu.Unlock()
	return g.record.tally
}

// Refusals returns how many reads were refused, by the code of the problem.
func (g *Group) Refusals() map[string]int {
	g.record.mu.Lock()
	defer g.record.mu.Unlock()
	return maps.Clone(g.record.codes)
}

// Stop ends the readers. Reads under way are not counted.
func (g *Group) Stop() {
	g.cancel()
	g.going.Wait()
	g.pooled.CloseIdleConnections()
}
