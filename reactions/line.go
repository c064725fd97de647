package reactions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
	"refold/processors"
)

// line sends the events of one partition, one after the other, as long as the partition is here.
type line struct {
	runner *Runner
	client *kgo.Client
	at     kafka.TopicPartition

	wake     chan struct{}
	stopping chan struct{} // closed: no further try
	cancel   func()        // of the try that is under way
	done     chan struct{}

	mu      sync.Mutex
	queue   []*kgo.Record
	paused  bool
	over    bool // nothing is marked any more
	offset  int64
	trouble trouble
	stopped error // why the partition is held for good
}

// begin begins a line.
func begin(r *Runner, client *kgo.Client, at kafka.TopicPartition) *line {
	l := &line{
		runner: r, client: client, at: at, offset: -1,
		wake: make(chan struct{}, 1), stopping: make(chan struct{}), done: make(chan struct{}),
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	go func() {
		defer close(l.done)
		l.run(ctx)
	}()
	return l
}

// stop ends the line after the try that is under way.
func (l *line) stop() { close(l.stopping) }

// end waits for the end of the line. When the grace is over, the try is cancelled; a function that does not
// heed that is left alone in the end.
func (l *line) end(grace, last context.Context) {
	select {
	case <-l.done:
	case <-grace.Done():
		l.cancel()
		select {
		case <-l.done:
		case <-last.Done():
		}
	}
	l.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

// add adds records, and stops fetching if there are too many.
func (l *line) add(records []*kgo.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(l.queue, records...)
	if len(l.queue) >= l.runner.o.Records && !l.paused {
		l.paused = true
		l.client.PauseFetchPartitions(map[string][]int32{l.at.Topic: {l.at.Partition}})
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// errLost says that records are gone before they were sent. Nobody knows how many, and what they would have
// led to, so a person decides where to go on.
var errLost = errors.New("records were deleted before they were sent; to go on after them, stop all " +
	"processes of the reaction, and reset the offset of its group")

// lost holds the line for good: the topic no longer has the record that is to be sent next.
func (l *line) lost() {
	l.client.PauseFetchPartitions(map[string][]int32{l.at.Topic: {l.at.Partition}})
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped == nil {
		l.stopped = errLost
		l.runner.log.Error("a partition stops", "topic", l.at.Topic, "partition", l.at.Partition,
			"group", l.runner.group, "error", errLost)
	}
}

// first returns the record that is to be sent next. It reports false if the line ends.
func (l *line) first() (*kgo.Record, bool) {
	for {
		select {
		case <-l.stopping:
			return nil, false
		default:
		}
		l.mu.Lock()
		if len(l.queue) > 0 {
			record := l.queue[0]
			l.mu.Unlock()
			return record, true
		}
		l.mu.Unlock()
		select {
		case <-l.wake:
		case <-l.stopping:
		}
	}
}

// passed notes that a record is done with.
func (l *line) passed(record *kgo.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trouble = trouble{}
	if l.over {
		return
	}
	l.queue[0] = nil
	l.queue = l.queue[1:]
	l.offset = record.Offset + 1
	l.client.MarkCommitRecords(record)
	l.runner.mark()
	if l.paused && len(l.queue) <= l.runner.o.Records/2 {
		l.paused = false
		l.client.ResumeFetchPartitions(map[string][]int32{l.at.Topic: {l.at.Partition}})
	}
}

// next returns the offset of the next record, -1 if it is not known, and the time of the one that waits.
func (l *line) next() (offset int64, waits time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) > 0 {
		return l.queue[0].Offset, kafka.ReadTime(l.queue[0].Timestamp)
	}
	return l.offset, time.Time{}
}

// ready returns why the line is held, or has been for a while.
func (l *line) ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped != nil {
		return fmt.Errorf("%s: %w", l.at, l.stopped)
	}
	if err := l.trouble.after(l.runner.o.UnreadyAfter); err != nil {
		return fmt.Errorf("%s: %w", l.at, err)
	}
	return nil
}

// run sends record after record.
func (l *line) run(ctx context.Context) {
	for {
		record, is := l.first()
		if !is || !record.Attrs.IsControl() && !l.handle(ctx, record) {
			return
		}
		l.passed(record)
	}
}

// handle sends all events of a record, or sets it aside. It reports false if the line ends before that.
func (l *line) handle(ctx context.Context, record *kgo.Record) bool {
	what := "send events of " + l.at.String()
	var events []sending
	err := l.retry(what, 0, func(int) (err error) {
		events, err = l.runner.decode(ctx, record)
		return err
	})
	for i := 0; err == nil && i < len(events); i++ {
		err = l.retry(what, l.runner.o.GiveUp, func(attempt int) error {
			return l.try(ctx, events[i], attempt)
		})
	}
	if poison, is := errors.AsType[*codecs.Malformed](err); is {
		return l.setAside(ctx, record, poison)
	}
	return err == nil
}

// errStopping says that the line ends.
var errStopping = errors.New("the partition goes, or the process ends")

// retry calls do until it succeeds, fails for good, or has failed for so long as giveUp says, if it is not 0.
// Then the error is a *codecs.Malformed. It is errStopping if the line ends.
func (l *line) retry(what string, giveUp time.Duration, do func(attempt int) error) error {
	o, began := &l.runner.o, time.Now()
	backoff := o.LeastBackoff
	for attempt := 1; ; attempt++ {
		err := do(attempt)
		if err == nil {
			l.runner.faults.Ended(what)
			return nil
		}
		if _, is := errors.AsType[*codecs.Malformed](err); is || errors.Is(err, errStopping) {
			return err
		}
		if giveUp > 0 && time.Since(began) >= giveUp {
			return &codecs.Malformed{Reason: ReasonGaveUp, Err: err}
		}
		l.runner.faults.Failed(slog.LevelWarn, what, err)
		l.mu.Lock()
		l.trouble.is(err)
		l.mu.Unlock()
		pause := max(backoff+rand.N(backoff/4+1), waitOf(err))
		if !l.pause(pause) {
			return errStopping
		}
		backoff = min(2*backoff, o.MostBackoff)
	}
}

// pause waits. It reports false if the line ends meanwhile.
func (l *line) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.stopping:
		return false
	}
}

// try sends an event once, when there is a slot.
func (l *line) try(ctx context.Context, e sending, attempt int) (err error) {
	r := l.runner
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-l.stopping:
		return errStopping
	}
	ctx, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("panic while sending", "event", e.key, "panic", p, "stack", string(debug.Stack()))
			err = &codecs.Malformed{Reason: ReasonPanic, Err: fmt.Errorf("panic: %v", p)}
		}
	}()
	r.o.Metrics.tried(r.reaction.Name, attempt)
	if err := e.send(ctx, r.reaction.Name+"/"+e.key, attempt); err != nil {
		return err
	}
	r.o.Metrics.delivered(r.reaction.Name)
	return nil
}

// setAside does with a record that can't be sent what the options say. It reports whether the line goes on.
func (l *line) setAside(ctx context.Context, record *kgo.Record, poison *codecs.Malformed) bool {
	r := l.runner
	r.o.Metrics.poison(r.reaction.Name, poison.Reason)
	log := r.log.With("topic", record.Topic, "partition", record.Partition, "offset", record.Offset,
		"reason", poison.Reason, "error", poison.Err)
	if r.o.Poison == Stop {
		log.Error("an event can't be sent; its partition stops until the process is started again")
		l.mu.Lock()
		l.stopped = fmt.Errorf("the event at offset %d can't be sent: %w", record.Offset, poison)
		l.mu.Unlock()
		<-l.stopping
		return false
	}
	err := l.retry("write a dead letter of "+l.at.String(), 0, func(int) error {
		ctx, cancel := context.WithTimeout(ctx, r.o.Timeout)
		defer cancel()
		letter := processors.SetAside{
			Reason: poison.Reason, Err: poison.Err, Version: r.o.Version,
			Group: r.group, ReplayTopic: r.replay, LimitBytes: r.limit,
		}.Letter(record)
		letter.Topic = processors.DeadLetters(r.o.TopicPrefix)
		return l.client.ProduceSync(ctx, &letter).FirstErr()
	})
	if err != nil {
		return false
	}
	log.Warn("an event can't be sent, and was set aside in the dead letters")
	return true
}
