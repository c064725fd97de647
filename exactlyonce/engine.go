package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/exactlyonce/internal/outbox"
	"refold/exactlyonce/machine"
	"refold/kafka"
)

// adminMetadataAge is how old an answer about topics may be. With franz-go's default of 5 s, a worker that
// has just made its topics would wait that long to see them.
const adminMetadataAge = 50 * time.Millisecond

// engine is what all parts of one Processor share. It lives as long as the Processor; the clients of a run
// and the sessions of Goka come and go.
type engine struct {
	cfg    Config
	log    *slog.Logger
	group  string
	table  string   // the group table's topic, empty when the graph is stateless
	loop   string   // the loop's topic, empty when the graph has none
	joins  []string // topics whose stores live in a session
	writes []string // topics that the graph writes, but for the table
	// records are the input topics whose callbacks take kafka.Records.
	records map[string]bool

	// ctx ends with the Processor. Stores of lookups depend on it: they belong to no session.
	ctx    context.Context //nolint:containedctx // Goka's builders are given none
	cancel context.CancelFunc
	admin  *kgo.Client

	outbox  *outbox.Outbox
	session atomic.Pointer[session] // Goka's, from its set-up to its end
	// consuming: Goka has finished its start and joins the group.
	consuming atomic.Bool
	status    atomic.Pointer[error]   // what keeps the worker from being ready
	latest    atomic.Pointer[session] // the last one, which may be over
	faults    *kafka.FaultLog
	balancer  *balancer
	probed    atomic.Pointer[time.Time] // when this worker last asked for what it has caught up with
	// stores holds the storage.Storage that was opened last for each kafka.TopicPartition of a table.
	stores sync.Map

	mu      sync.Mutex
	closers []func() error
}

func newEngine(cfg Config, gg *goka.GroupGraph) (*engine, error) {
	opts, err := cfg.Kafka.Options()
	if err != nil {
		return nil, err
	}
	admin, err := kgo.NewClient(append(opts, kgo.MetadataMinAge(adminMetadataAge))...)
	if err != nil {
		return nil, fmt.Errorf("exactlyonce: make a client: %w", err)
	}
	e := &engine{
		cfg: cfg, log: cfg.Logger.With("group", string(gg.Group())), group: string(gg.Group()),
		joins: gg.JointTables().Topics(), writes: gg.OutputStreams().Topics(), admin: admin,
	}
	if t := gg.GroupTable(); t != nil {
		e.table = t.Topic()
	}
	reads := gg.InputStreams()
	if l := gg.LoopStream(); l != nil {
		e.loop = l.Topic()
		e.writes = append(e.writes, l.Topic())
		reads = append(slices.Clip(reads), l)
	}
	e.records = recordsTopics(reads)
	e.outbox = outbox.New(e.table)
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.setStatus(errors.New("not started"))
	e.faults = kafka.NewFaultLog(e.log)
	e.balancer = newBalancer(&e.cfg, e.log)
	cfg.Metrics.attach(e.ready)
	return e, nil
}

// close ends what Goka leaves open. It may be called twice.
func (e *engine) close() error {
	e.cancel()
	e.setStatus(errors.New("stopped"))
	e.mu.Lock()
	closers := e.closers
	e.closers = nil
	e.mu.Unlock()
	var errs []error
	for _, c := range closers {
		if err := c(); err != nil && !errors.Is(err, sarama.ErrClosedClient) {
			errs = append(errs, err)
		}
	}
	e.admin.Close()
	return errors.Join(errs...)
}

// setStatus notes what keeps the worker from being ready, nil if nothing does.
func (e *engine) setStatus(err error) { e.status.Store(&err) }

// ready returns what keeps the worker from being ready, nil if nothing does. It names the partitions that are
// held and those that stand still.
func (e *engine) ready() error {
	err := *e.status.Load()
	if s := e.latest.Load(); s != nil && s.ctx.Err() == nil {
		err = errors.Join(err, s.holds.because(), s.stalls.because())
	}
	return err
}

// startingOver names, in the log, a fault that ends a run.
const startingOver = "starting over with new clients"

// consume runs the group until ctx ends, a callback fails or a record is refused for good. A fault ends one
// run; the next run begins with new clients after a pause.
func (e *engine) consume(
	ctx context.Context, topics []string, h sarama.ConsumerGroupHandler,
) error {
	e.consuming.Store(true)
	failures := 0
	for ctx.Err() == nil {
		began := time.Now()
		r := newRun(e, topics, h)
		err := r.live(ctx)
		if fatal, is := errors.AsType[*machine.FatalError](err); is {
			e.setStatus(err)
			return fatal.Err
		}
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			e.log.Info("stopped in the middle of a fault", "error", err)
			return nil //nolint:nilerr // a stop was asked for; the fault does not matter any more
		}
		if r.progressed || time.Since(began) > time.Minute {
			failures = 0
		}
		failures++
		pause := e.cfg.backoff(failures)
		e.setStatus(err)
		e.cfg.Metrics.restart(err)
		e.faults.Failed(slog.LevelError, startingOver, err, "pause", pause)
		kafka.Sleep(ctx, pause)
	}
	return nil
}

// recordsTopics returns the topics whose codec is a kafka.RecordsCodec.
func recordsTopics(edges goka.Edges) map[string]bool {
	topics := make(map[string]bool)
	for _, edge := range edges {
		if _, is := edge.Codec().(kafka.RecordsCodec); is {
			topics[edge.Topic()] = true
		}
	}
	return topics
}
