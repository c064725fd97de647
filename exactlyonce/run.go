package exactlyonce

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// run is one life of the clients: from their making to a fault, or to the end of the worker. One
// goroutine, in live, owns the machine and everything below it here; others reach it by post.
type run struct {
	engine  *engine
	topics  []string // the inputs, with the loop
	handler sarama.ConsumerGroupHandler

	consumer  *kgo.Client
	producers []*producer
	features  features

	machine    *machine
	assignment assignment
	session    *session
	fetched    kgo.Fetches // by the last poll, until it is dispatched or dropped
	newest     time.Time   // of the open batch's input records
	links      links       // of the same
	dispatched time.Time
	counted    int // records of this dispatch
	staged     int // bytes staged by the open batch, as last seen
	flight     *flight
	cancelPoll context.CancelFunc
	counts     map[string]int32 // newer partition counts of the outputs, if there are any
	progress   bool             // something was committed

	gap, rest, bound *time.Timer
	waiters          []chan struct{} // consumer callbacks that wait until they may let go
	asking           []*between      // calls that wait for their turn
	inTurn           *between        // the call that has it
	rewritten        *between        // the call whose rows are staged, until they are in the air
	ended            bool
	result           error

	events chan func()
	done   chan struct{} // closed when live no longer takes events
	work   sync.WaitGroup
}

// eventBuffer lets callbacks of the clients return without waiting for the loop. There are never
// more than a few.
const eventBuffer = 16

func newRun(e *engine, topics []string, h sarama.ConsumerGroupHandler) *run {
	stopped := func() *time.Timer {
		t := time.NewTimer(time.Hour)
		t.Stop()
		return t
	}
	return &run{
		engine: e, topics: topics, handler: h,
		machine: newMachine(limits{
			records: e.cfg.BatchRecords, bytes: e.cfg.BatchBytes,
			producers: e.cfg.Producers, handle: e.cfg.HandleTime,
		}),
		gap: stopped(), rest: stopped(), bound: stopped(),
		events: make(chan func(), eventBuffer),
		done:   make(chan struct{}),
	}
}

// live runs until ctx ends (nil), a fault needs new clients (its error), or the worker has to end
// (a fatalError).
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
			r.do(r.machine.gapElapsed())
		case <-r.rest.C:
			r.do(r.machine.restElapsed())
		case <-r.bound.C:
			if r.machine.leave != leaveNot {
				r.engine.log.Warn("leaving takes long; what is in hand is given up")
			}
			r.do(r.machine.boundElapsed())
		case <-refresh.C:
			r.refreshTopics(ctx)
		case <-stop:
			stop = nil
			r.do(r.machine.stop())
		}
		r.report()
	}
	return r.result
}

// tearDown ends everything that the run started.
func (r *run) tearDown() {
	close(r.done)
	r.endBetween()
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
		r.flight.tell() // nobody was left to take its outcome
	}
	r.gap.Stop()
	r.rest.Stop()
	r.bound.Stop()
}

// post has the loop call fn, and reports whether it will.
func (r *run) post(fn func()) bool {
	select {
	case r.events <- fn:
		return true
	case <-r.done:
		return false
	}
}

// leaving tells the machine that partitions are being taken away, and waits until it lets go.
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
	r.do(r.machine.assigned())
}

// do carries out what the machine says.
func (r *run) do(actions []action) {
	for _, a := range actions {
		switch a.do {
		case doSetUp:
			r.setUp()
		case doPoll:
			r.poll(a.n)
		case doCancelPoll:
			r.cancelPoll()
		case doDispatch:
			r.dispatch()
		case doClose:
			r.takeOff(r.producers[a.n], a.offsets)
		case doRewind:
			r.rewind(a.offsets)
		case doStartGap:
			r.gap.Reset(r.engine.cfg.LeastGap)
		case doStartRest:
			r.rest.Reset(r.engine.cfg.backoff(a.n))
		case doStartBound:
			r.bound.Reset(r.engine.cfg.LeaveTimeout)
		case doForsake:
			r.flight.forsaken.Store(true)
		case doRelease:
			r.release()
		case doLetGo:
			for _, w := range r.waiters {
				close(w)
			}
			r.waiters = nil
		case doEnd:
			r.end(a)
		case doTake:
			r.take(a.n)
		case doBetween:
			r.grant()
		case doRewrite:
			r.rewrite(r.producers[a.n])
		case doEndBetween:
			r.endBetween()
		}
	}
}

func (r *run) end(a action) {
	r.ended = true
	switch a.reason {
	case leaveFailed:
		r.result = &fatalError{a.err}
	case leaveRebuild:
		r.result = a.err
	case leaveStopped, leaveNot, leaveRevoked, leaveLost:
	}
}

// setUp begins a session of Goka's, once the offsets of its partitions are stable.
func (r *run) setUp() {
	s := r.newSession(r.assignment)
	r.session = s
	r.engine.latest.Store(s)
	s.holdGiven()
	s.work.Add(1)
	go func() {
		err := waitStable(s.ctx, r.consumer, r.engine.group, r.features.ids, s.assigned)
		if err == nil {
			err = r.checkPartitions(s.ctx)
		}
		if err == nil {
			err = s.checkFit(s.ctx)
		}
		if err == nil {
			err = r.checkInputs(s.ctx, s)
		}
		if err == nil && r.engine.cfg.Prepare != nil {
			err = r.engine.cfg.Prepare(s.ctx, s.partitions())
		}
		if err == nil {
			err = s.setUp()
		}
		if err == nil {
			err = s.checkFit(s.ctx)
		}
		s.work.Done()
		r.post(func() {
			if r.session != s {
				return
			}
			r.do(r.machine.setUp(err))
			if r.machine.phase == phaseRunning {
				s.begin(func() { r.watch(s) })
				r.background(s)
			}
		})
	}()
}

// release ends Goka's session in the background. The end of the run does not wait for it: a
// callback that never returns must not keep the worker from stopping.
func (r *run) release() {
	s := r.session
	go func() {
		err := s.end()
		r.engine.outputs.take() // what callbacks of this session have left behind
		r.post(func() {
			r.engine.cfg.Metrics.forget(s.claims)
			r.session, r.newest, r.links, r.staged = nil, time.Time{}, nil, 0
			r.do(r.machine.cleanedUp(err))
		})
	}()
}

func (r *run) poll(n int) {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancelPoll = cancel
	r.work.Go(func() {
		fetches := r.consumer.PollRecords(ctx, n)
		r.noteErrors(ctx, fetches)
		cancel()
		r.post(func() { r.onPolled(fetches) })
	})
}

// pollErrorPause keeps a poll that fails at once from being repeated at once.
const pollErrorPause = 100 * time.Millisecond

// noteErrors counts and logs what a poll could not fetch; the client tries again by itself.
func (r *run) noteErrors(ctx context.Context, fetches kgo.Fetches) {
	found := false
	fetches.EachError(func(topic string, partition int32, err error) {
		if errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed) {
			return
		}
		found = true
		r.engine.cfg.Metrics.fetchError()
		r.engine.faults.Failed(slog.LevelWarn, "fetch", err, "topic", topic, "partition", partition)
	})
	if found && fetches.NumRecords() == 0 {
		sleep(ctx, pollErrorPause)
	}
}

func (r *run) onPolled(fetches kgo.Fetches) {
	if err := r.session.strays(fetches); err != nil {
		r.engine.log.Error("the session ends: its batch would move offsets of records that nobody handles",
			"error", err)
		r.do(r.machine.strayed(err))
		return
	}
	spans := spansOf(fetches)
	r.fetched = fetches
	r.do(r.machine.polled(spans))
	r.fetched = nil
	if len(spans) > 0 {
		r.engine.faults.Ended("fetch")
	}
	if r.session != nil {
		r.unreadable(r.session, fetches)
	}
}

// spansOf says what a poll brought.
func spansOf(fetches kgo.Fetches) (spans []span) {
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) == 0 {
			return
		}
		s := span{
			topicPartition: topicPartition{p.Topic, p.Partition},
			first:          p.Records[0].Offset,
			next:           p.Records[len(p.Records)-1].Offset + 1,
			records:        len(p.Records),
		}
		for _, rec := range p.Records {
			s.bytes += recordSize(rec.Key, rec.Value, rec.Headers)
		}
		spans = append(spans, s)
	})
	return spans
}

func (r *run) dispatch() {
	s := r.session
	r.dispatched, r.counted = time.Now(), r.fetched.NumRecords()
	r.fetched.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) == 0 {
			return
		}
		last := p.Records[len(p.Records)-1]
		if at := kafka.ReadTime(last.Timestamp); at.After(r.newest) {
			r.newest = at
		}
		if r.engine.cfg.Tracer != nil {
			r.links.add(p.Records)
		}
	})
	s.dispatch(r.fetched)
}

func (r *run) onHandled() {
	took := time.Since(r.dispatched)
	r.engine.cfg.Metrics.handled(took)
	staged := r.engine.outputs.size() + r.session.size()
	r.do(r.machine.handled(r.counted, staged-r.staged, took))
	if r.machine.open.records > 0 {
		r.staged = staged
	}
}

var errNoSession = errors.New("waiting for the group, or for tables to be restored")

// report keeps the worker's readiness up to date.
func (r *run) report() {
	now := *r.engine.status.Load()
	switch {
	case r.machine.ready():
		if now != nil {
			r.engine.setStatus(nil)
		}
	case now == nil:
		r.engine.setStatus(errNoSession)
	}
}
