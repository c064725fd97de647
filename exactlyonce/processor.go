package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/lovoo/goka"

	"refold/kafka"
)

// Processor is a goka.Processor whose group graph runs exactly once. It has all methods of goka.Processor,
// and they do what they do in Goka, except Run, Stop and Ready.
type Processor struct {
	*goka.Processor
	engine *engine
	ran    atomic.Bool
}

var errRanBefore = errors.New("exactlyonce: the Processor has run before; make another one with New")

// NewProcessor is New with defaults for everything but the brokers. Tables are kept in memory and restored
// from their topic at the start.
func NewProcessor(
	brokers []string, gg *goka.GroupGraph, options ...goka.ProcessorOption,
) (*Processor, error) {
	return New(Config{Kafka: kafka.Settings{Brokers: brokers}}, gg, options...)
}

// New prepares a Processor for the group graph, and makes the graph's loop and table topics if they are
// missing. It asks the brokers, so it fails when they can't be reached. The options are Goka's; the error
// names those that would take exactly once away (see the package comment).
func New(
	cfg Config, gg *goka.GroupGraph, options ...goka.ProcessorOption,
) (*Processor, error) {
	if err := checkGraph(gg); err != nil {
		return nil, err
	}
	cfg, err := cfg.withDefaults(gg.Group())
	if err != nil {
		return nil, err
	}
	e, err := newEngine(cfg, gg)
	if err != nil {
		return nil, err
	}
	all, refused := e.options(options)
	gp, err := goka.NewProcessor(cfg.Kafka.Brokers, gg, all...)
	if err = errors.Join(refused(), err); err != nil {
		return nil, errors.Join(fmt.Errorf("exactlyonce: group %s: %w", gg.Group(), err), e.close())
	}
	return &Processor{Processor: gp, engine: e}, nil
}

// Run processes until ctx ends or Stop is called: it then finishes what is in hand, leaves the group and
// returns nil. It returns an error when a callback fails, or when a record can never be written. Faults of
// the cluster do not end it, except at the beginning, when Goka connects and gives up if it can't. Run can be
// called once; after that it returns an error.
func (p *Processor) Run(ctx context.Context) (err error) {
	if p.ran.Swap(true) {
		return errRanBefore
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer func() { err = errors.Join(err, p.engine.close()) }()
	defer context.AfterFunc(ctx, p.engine.cancel)()
	defer context.AfterFunc(p.engine.ctx, stop)() // Stop
	err = p.Processor.Run(ctx)
	if err != nil && !p.engine.consuming.Load() && (ctx.Err() != nil || p.engine.ctx.Err() != nil) {
		// Goka returns an error when it is stopped while it starts; a stop that was asked for is none.
		p.engine.log.Info("stopped while starting", "error", err)
		return nil
	}
	return err
}

// Stop asks Run to end, as the end of its context does, and does not wait. Unlike Goka's it may be called at
// any time: a Run that is called later ends at once.
func (p *Processor) Stop() { p.engine.cancel() }

// Ready returns nil while the worker is a member of its group, its tables are restored and it commits; also
// when it has no partitions because there are more workers than partitions. Otherwise it returns an error
// that says what the worker waits for.
func (p *Processor) Ready() error { return p.engine.ready() }

// InSession reports whether the group has given partitions to this worker, or none because there are too many
// workers. Ready then names those of its own partitions that are held.
func (p *Processor) InSession() bool {
	s := p.engine.latest.Load()
	return s != nil && s.ctx.Err() == nil
}

// TransactionalID returns the name of this worker's transactions, as configured or made up. Its producers
// append "-0", "-1" … to it.
func (p *Processor) TransactionalID() string { return p.engine.cfg.TransactionalID }

// checkGraph refuses what can't be run exactly once.
func checkGraph(gg *goka.GroupGraph) error {
	if gg == nil {
		return errors.New("exactlyonce: the group graph is nil")
	}
	known := len(gg.InputStreams()) + len(gg.OutputStreams()) + len(gg.JointTables()) +
		len(gg.LookupTables())
	if gg.LoopStream() != nil {
		known++
	}
	if gg.GroupTable() != nil {
		known++
	}
	// A graph lists its visitors only among all edges, where they come last.
	if all := gg.AllEdges(); len(all) > known {
		return fmt.Errorf("exactlyonce: group %s has a goka.Visitor (%s): a visit belongs to no "+
			"input record, so no transaction can hold what it writes; send it a record instead",
			gg.Group(), all[len(all)-1])
	}
	return nil
}
