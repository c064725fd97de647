package reactions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"refold/kafka"
	"refold/processors"
)

// Runner runs a reaction in this process, as a member of its group. Its methods are safe for concurrent use.
type Runner struct {
	reaction       Reaction
	o              Options
	group          string
	events, replay string // topics
	decode         decoder
	limit          int // bytes of a dead letter
	log            *slog.Logger
	faults         *kafka.FaultLog
	slots          chan struct{} // a try takes one
	marked         chan struct{} // there is something to commit

	mu      sync.Mutex
	lines   map[kafka.TopicPartition]*line
	trouble trouble // of the group
}

// New returns a reaction that is ready to run. The error lists all that is wrong with it and with the
// options.
func New(reaction Reaction, o Options) (*Runner, error) {
	o.complete()
	if err := errors.Join(reaction.Check(), o.validate()); err != nil {
		return nil, fmt.Errorf("reaction %q: %w", reaction.Name, err)
	}
	named := reaction.From.aggregate.Named()
	r := &Runner{
		reaction: reaction, o: o, group: reaction.Group(o.TopicPrefix),
		events: processors.NewTopics(o.TopicPrefix, named.Name, named.Plural).Events,
		replay: reaction.ReplayTopic(o.TopicPrefix),
		slots:  make(chan struct{}, o.AtOnce), marked: make(chan struct{}, 1),
		lines: make(map[kafka.TopicPartition]*line),
		log:   o.Logger.With("reaction", reaction.Name),
	}
	for _, a := range o.Aggregates {
		if a.AggregateName == named {
			r.decode = reaction.From.open(a)
		}
	}
	if r.decode == nil {
		return nil, fmt.Errorf("reaction %q takes events of the aggregate %q, which is not among Aggregates",
			reaction.Name, named.Name)
	}
	r.faults = kafka.NewFaultLog(r.log)
	r.limit = processors.LetterBytes(o.Kafka.WithDefaults().RecordBytes)
	return r, nil
}

// Run sends events until ctx ends, and then returns nil. It ends in order: tries that are under way may go on
// for Options.Grace, and what was sent is committed. Faults of Kafka are logged, and reported by Ready; Run
// tries again.
func (r *Runner) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := r.session(ctx); err != nil && ctx.Err() == nil {
			r.failed(err)
			kafka.Sleep(ctx, r.o.LeastBackoff)
		}
	}
	return nil
}

// Ready returns nil, or why events are not sent: a partition that is stopped, and faults that have gone on
// for Options.UnreadyAfter.
func (r *Runner) Ready() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	errs := []error{r.trouble.after(r.o.UnreadyAfter)}
	for _, l := range r.lines {
		errs = append(errs, l.ready())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("reaction %q: %w", r.reaction.Name, err)
	}
	return nil
}

// trouble is a fault that goes on.
type trouble struct {
	err   error
	since time.Time
}

func (t *trouble) is(err error) {
	if t.err == nil {
		t.since = time.Now()
	}
	t.err = err
}

// after returns the fault if it has gone on for so long.
func (t *trouble) after(d time.Duration) error {
	if t.err == nil || time.Since(t.since) < d {
		return nil
	}
	return t.err
}

// theGroup names faults of the group.
const theGroup = "take part in the reaction's group"

// failed notes a fault of the group.
func (r *Runner) failed(err error) {
	r.faults.Failed(slog.LevelWarn, theGroup, err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trouble.is(fmt.Errorf("%s: %w", theGroup, err))
}

// well notes that the group has no fault.
func (r *Runner) well() {
	r.faults.Ended(theGroup)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trouble = trouble{}
}
