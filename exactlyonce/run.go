package exactlyonce

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"refold/exactlyonce/machine"
	"refold/kafka"
)

// The machine names input partitions by topic and number.
type (
	action = machine.Action[kafka.TopicPartition]
	span   = machine.Span[kafka.TopicPartition]
)

// run is one life of the clients: from their making to a fault, or to the end of the worker. It carries out
// what the machine decides. One goroutine, in live, owns the machine and the fields below it; others reach it
// by post.
type run struct {
	engine  *engine
	inputs  []string // the loop's topic among them
	handler sarama.ConsumerGroupHandler

	consumer  *kgo.Client
	lease     *lease // of the consumer
	producers []*producer
	features  kafka.Features
	topics    topics // that the graph reads and writes, as the run began

	machine    *machine.Machine[kafka.TopicPartition]
	assignment assignment
	session    *session         // Goka's, from its set-up until it is cleaned up
	running    *session         // the same while it runs, otherwise nil
	flight     *flight          // the transaction that is under way
	grown      map[string]int32 // newer partition counts of the outputs, for the next batch
	progressed bool             // something was committed

	// The poll, and the records that it brought.
	cancelPoll context.CancelFunc
	fetched    kgo.Fetches // until they are dispatched or dropped
	handling   bool        // they are with Goka's callbacks
	dispatched time.Time
	counted    int // how many

	// The open batch.
	newest time.Time // of its input records
	links  links     // of its input records
	staged int       // bytes that its callbacks have written, as last seen
	// inputsTaken are its input records, for Config.Committed; none without it.
	inputsTaken []kgo.Fetches

	gap, rest, bound *time.Timer
	waiters          []chan struct{} // consumer callbacks that wait until they may let go
	asking           []*between      // calls that wait for their turn
	inTurn           *between        // the call that has its turn
	rewritten        *between        // the call whose rows wait for their transaction
	ended            bool
	result           error

	events chan func()
	done   chan struct{} // closed when live no longer takes events
	work   sync.WaitGroup
}

// eventBuffer lets callbacks of the clients return without waiting for the loop. There are never more than a
// few events.
const eventBuffer = 16

func newRun(e *engine, inputs []string, h sarama.ConsumerGroupHandler) *run {
	stopped := func() *time.Timer {
		t := time.NewTimer(time.Hour)
		t.Stop()
		return t
	}
	return &run{
		engine: e, inputs: inputs, handler: h, lease: newLease(e.cfg.Kafka.SessionTimeout),
		machine: machine.New[kafka.TopicPartition](machine.Limits{
			Records: e.cfg.BatchRecords, Bytes: e.cfg.BatchBytes,
			Producers: e.cfg.Producers, HandleTime: e.cfg.HandleTime,
		}),
		gap: stopped(), rest: stopped(), bound: stopped(),
		events: make(chan func(), eventBuffer),
		done:   make(chan struct{}),
	}
}

// live runs until ctx ends (nil), a fault needs new clients (its error), or the worker has to end
// (a machine.FatalError).
func (r *run) live(ctx context.Context) error {
	defer r.tearDown()
	if err := r.dial(ctx); err != nil {
		return err
	}
	refresh := time.NewTicker(r.engine.cfg.TopicsMaxAge)
	defer refresh.Stop()
	stop := ctx.Done()
	for !r.ended {
		var handled chan struct{}
		if r.session != nil {
			handled = r.session.handled
		}
		select {
		case fn := <-r.events:
			fn()
		case <-handled:
			r.onHandled()
		case <-r.gap.C:
			r.do(r.machine.GapElapsed())
		case <-r.rest.C:
			r.do(r.machine.RestElapsed())
		case <-r.bound.C:
			r.do(r.machine.BoundElapsed())
		case <-refresh.C:
			r.refreshTopics(ctx)
		case <-stop:
			stop = nil
			r.do(r.machine.Stop())
		}
		r.report()
	}
	return r.result
}

// tearDown ends everything that the run started.
func (r *run) tearDown() {
	close(r.done)
	r.dismissCallers()
	if r.session != nil {
		r.session.cancel()
	}
	if r.cancelPoll != nil {
		r.cancelPoll()
	}
	if r.flight != nil {
		r.flight.cancel()
	}
	r.hangUp()
	r.work.Wait()
	if r.flight != nil {
		r.flight.tell() // live no longer takes its outcome
	}
	r.gap.Stop()
	r.rest.Stop()
	r.bound.Stop()
}

// post makes the loop call fn, and reports whether it will.
func (r *run) post(fn func()) bool {
	select {
	case r.events <- fn:
		return true
	case <-r.done:
		return false
	}
}

// leaving reports to the machine that partitions are being taken away, and waits until it lets them go.
func (r *run) leaving(tell func() []action) {
	letGo := make(chan struct{})
	if !r.post(func() {
		r.waiters = append(r.waiters, letGo)
		r.engine.cfg.Metrics.rebalance()
		r.do(tell())
	}) {
		return
	}
	select {
	case <-letGo:
	case <-r.done:
	}
}

func (r *run) onAssigned(a assignment) {
	r.engine.faults.Ended(notAMember)
	r.engine.log.Info("partitions assigned", "partitions", a.partitions,
		"member", a.member, "generation", a.generation)
	r.assignment = a
	r.do(r.machine.Assigned())
}

// do carries out what the machine decided.
func (r *run) do(actions []action) {
	for _, a := range actions {
		switch a.Do {
		case machine.SetUp:
			r.setUp()
		case machine.Begin:
			r.begin()
		case machine.Poll:
			r.poll(a.Limit)
		case machine.Take:
			r.take(a.Limit)
		case machine.CancelPoll:
			r.cancelPoll()
		case machine.Dispatch:
			r.dispatch()
		case machine.CloseBatch:
			r.closeBatch(a)
		case machine.Rewind:
			r.rewind(a.Offsets)
		case machine.StartGap:
			r.gap.Reset(r.engine.cfg.LeastGap)
		case machine.StartRest:
			r.rest.Reset(r.engine.cfg.backoff(a.Failures))
		case machine.StartBound:
			r.startBound(a.Again)
		case machine.Forsake:
			r.flight.forsaken.Store(true)
		case machine.Release:
			r.release()
		case machine.LetGo:
			r.letGo()
		case machine.End:
			r.end(a)
		case machine.GiveTurn:
			r.giveTurn()
		case machine.CommitRows:
			r.commitRows(a)
		case machine.DismissCallers:
			r.dismissCallers()
		}
	}
}

func (r *run) startBound(again bool) {
	if again {
		r.engine.log.Warn("leaving takes long; what is in hand is given up")
	}
	r.bound.Reset(r.engine.cfg.LeaveTimeout)
}

func (r *run) letGo() {
	for _, w := range r.waiters {
		close(w)
	}
	r.waiters = nil
}

func (r *run) end(a action) {
	r.ended = true
	switch a.Reason {
	case machine.Failed:
		r.result = &machine.FatalError{Err: a.Err}
	case machine.Rebuild:
		r.result = a.Err
	case machine.Stopped, machine.Stay, machine.Revoked, machine.Lost:
	}
}

// setUp sets up a session of Goka's, once the offsets of its partitions are stable.
func (r *run) setUp() {
	s := r.newSession(r.assignment)
	r.session = s
	r.engine.latest.Store(s)
	s.holdGiven()
	s.work.Add(1)
	go func() {
		r.engine.balancer.follower.Follow(s.standbys.partitions()) // closes the stores that the session opens
		err := r.prepare(s)
		if err == nil {
			err = r.open(s)
		}
		if err == nil {
			err = s.checkFit(s.ctx)
		}
		s.work.Done()
		r.post(func() {
			if r.session == s {
				r.do(r.machine.SetUp(err))
			}
		})
	}()
}

// prepare does what must be done before a session's stores are opened: what they are restored from is stable
// then, and fits. Commands wait for it in each rebalance, so that what can be asked together is.
func (r *run) prepare(s *session) error {
	var group errgroup.Group
	group.Go(func() error {
		r.abortOrphans(s)
		return kafka.WaitStable(s.ctx, r.consumer, r.engine.group, r.topics.ids, s.assigned)
	})
	group.Go(func() error { return r.checkPartitions(s.ctx) })
	group.Go(func() error { return s.checkFit(s.ctx) })
	return group.Wait() //nolint:wrapcheck // each says what it was doing
}

// open opens the session's stores, and has its inputs and what Config.Prepare prepares looked at meanwhile.
// If one of these fails, the opening, which may take minutes, is cut short.
func (r *run) open(s *session) error {
	group, ctx := errgroup.WithContext(s.ctx)
	group.Go(func() error { return r.checkInputs(ctx, s) })
	if prepare := r.engine.cfg.Prepare; prepare != nil {
		group.Go(func() error { return prepare(ctx, s.partitions()) })
	}
	asked := make(chan error, 1)
	go func() {
		err := group.Wait()
		if err != nil {
			s.cancel()
		}
		asked <- err
	}()
	opened := s.setUp()
	if err := <-asked; err != nil {
		return err
	}
	return opened
}

// begin starts what runs beside a session.
func (r *run) begin() {
	s := r.session
	r.running = s
	s.begin(func() { r.watch(s) })
	s.begin(func() { r.probe(s, s.standbys.warming()) })
	r.background(s)
}

// release ends Goka's session in the background. The end of the run does not wait for it: a callback that
// never returns must not keep the worker from stopping.
func (r *run) release() {
	s := r.session
	r.running, r.handling = nil, false
	go func() {
		err := s.end()
		r.engine.outbox.Take() // what callbacks of this session have left behind
		r.post(func() {
			r.engine.cfg.Metrics.forget(s.claims)
			r.session = nil
			r.emptyBatch()
			r.do(r.machine.CleanedUp(err))
		})
	}()
}

var errNoSession = errors.New("waiting for the group, or for tables to be restored")

// report keeps the engine's status up to date.
func (r *run) report() {
	now := *r.engine.status.Load()
	switch {
	case r.machine.Ready():
		if now != nil {
			r.engine.setStatus(nil)
		}
	case now == nil:
		r.engine.setStatus(errNoSession)
	}
}
