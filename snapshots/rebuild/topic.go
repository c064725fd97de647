package rebuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// TopicName returns the name of the topic of rebuilds. On Kafka it is called refolds, as the operation once
// was: the name and the keys are data of installations, and stay.
func TopicName(prefix string) string { return prefix + "refolds" }

// fetchBytes limits a fetch: the topic is small.
const fetchBytes = 256 << 10

// Topic follows the topic of rebuilds, and writes to it. It is safe for concurrent use.
type Topic struct {
	name   string
	client *kgo.Client
	log    *slog.Logger
	faults *kafka.FaultLog
	stall  time.Duration // see TopicOptions
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	state   State
	next    int64         // records below this offset are in the state
	changed chan struct{} // closed with the next change
	stalled error         // why nothing is read, by the last look
}

// TopicOptions say which topic is followed. All fields are required.
type TopicOptions struct {
	Kafka kafka.Settings
	// Name is TopicName's.
	Name string
	// StallAfter is how long there may be something to read in the topic of which nothing is read, before
	// Topic.Ready says so.
	StallAfter time.Duration
	Logger     *slog.Logger
}

// Open begins to follow the topic, which must exist. It does not wait for the topic. Close it.
func Open(o TopicOptions) (*Topic, error) {
	if o.Name == "" || o.StallAfter <= 0 || o.Logger == nil {
		return nil, errors.New("rebuild: TopicOptions.Name, StallAfter and Logger must be set")
	}
	opts, err := o.Kafka.Options()
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(opts,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{o.Name: {0: kgo.NewOffset().AtStart()}}),
		kgo.FetchMaxBytes(fetchBytes), kgo.DefaultProduceTopic(o.Name))...)
	if err != nil {
		return nil, fmt.Errorf("rebuild: make a client: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t := &Topic{
		name: o.Name, client: client, log: o.Logger, faults: kafka.NewFaultLog(o.Logger), stall: o.StallAfter,
		cancel: cancel, changed: make(chan struct{}),
	}
	t.work.Go(func() { t.follow(ctx) })
	t.work.Go(func() { t.watch(ctx) })
	return t, nil
}

// Close ends the reading, and all that waits.
func (t *Topic) Close() {
	t.cancel()
	t.work.Wait()
	t.client.Close()
}

// faultPause is between two fetches that fail.
const faultPause = 200 * time.Millisecond

// reading names what fails, in the fault log.
const reading = "reading the topic of rebuilds"

func (t *Topic) follow(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := t.client.PollFetches(ctx)
		fetches.EachError(func(_ string, _ int32, err error) {
			if ctx.Err() == nil {
				t.faults.Failed(slog.LevelWarn, reading, err, "topic", t.name)
				pause(ctx, faultPause)
			}
		})
		t.apply(fetches.Records())
	}
}

// watch asks the broker regularly whether the state is behind, until ctx ends: a fetch that fails for good
// may not say so.
func (t *Topic) watch(ctx context.Context) {
	watch := kafka.NewWatch(t.client, nil)
	place := kafka.TopicPartition{Topic: t.name}
	for {
		pause(ctx, t.stall/12)
		if ctx.Err() != nil {
			return
		}
		t.mu.Lock()
		next := t.next
		t.mu.Unlock()
		asking, cancel := context.WithTimeout(ctx, t.stall)
		at := watch.Look(asking, map[kafka.TopicPartition]int64{place: next})[place]
		cancel()
		var err error
		if !at.Waits.IsZero() && time.Since(at.Waits) >= t.stall && ctx.Err() == nil {
			if at.Err == nil {
				at.Err = errors.New("no fetch brings it")
			}
			err = fmt.Errorf("the topic %s stands still at offset %d since %s: %w", t.name, next,
				at.Waits.UTC().Format(time.RFC3339), at.Err)
		}
		t.mu.Lock()
		t.stalled = err
		t.mu.Unlock()
	}
}

// Ready returns nil while the topic's records reach the state. Otherwise its error says since when they
// don't, and why.
func (t *Topic) Ready() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stalled
}

func (t *Topic) apply(records []*kgo.Record) {
	if len(records) == 0 {
		return
	}
	t.faults.Ended(reading)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range records {
		if string(r.Key) != barrierKey {
			if err := t.state.Apply(r.Key, r.Value); err != nil {
				t.log.Warn("a record is left out", "topic", t.name, "offset", r.Offset, "error", err)
			}
		}
		t.next = r.Offset + 1
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// Look calls fn with the state, which fn must not keep, and returns a channel that is closed when the state
// changes.
func (t *Topic) Look(fn func(*State)) (changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fn(&t.state)
	return t.changed
}

// Wait calls fn with the state, now and after each change, until it returns true or ctx ends.
func (t *Topic) Wait(ctx context.Context, fn func(*State) bool) error {
	for {
		var enough bool
		changed := t.Look(func(s *State) { enough = fn(s) })
		if enough {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// barrierKey is the key of records without content.
const barrierKey = "barrier"

// writeTimeout limits a write and reading it back: brokers find another leader within seconds. It is a
// variable for tests.
var writeTimeout = 30 * time.Second

// ErrUnknown says that a write was not answered, or not read back, in time. It may still reach the topic.
var ErrUnknown = errors.New("the topic of rebuilds does not answer in time")

// CatchUp waits until the state holds everything that was written before the call. It writes a record and
// waits until it has read that record: compaction and transactions make the end of a log a poor sign. The
// error is ErrUnknown if that takes longer than half a minute.
func (t *Topic) CatchUp(ctx context.Context) error {
	return t.write(ctx, &kgo.Record{Key: []byte(barrierKey)})
}

// write writes records and waits until they are in the state.
func (t *Topic) write(ctx context.Context, records ...*kgo.Record) error {
	ctx, cancel := context.WithTimeoutCause(ctx, writeTimeout, ErrUnknown)
	defer cancel()
	// Once the client has sent records, it waits for an answer without limit. This caller does not.
	answer := make(chan kgo.ProduceResults, 1)
	go func() { answer <- t.client.ProduceSync(ctx, records...) }() // ends with the client, at the latest
	var results kgo.ProduceResults
	select {
	case results = <-answer:
	case <-ctx.Done():
		return fmt.Errorf("writing to the topic %s: %w", t.name, context.Cause(ctx))
	}
	var last int64
	var errs []error
	for _, result := range results {
		errs = append(errs, result.Err)
		last = max(last, result.Record.Offset)
	}
	if err := errors.Join(errs...); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("writing to the topic %s: %w", t.name, err)
	}
	if t.Wait(ctx, func(*State) bool { return t.next > last }) != nil {
		return fmt.Errorf("reading back from the topic %s: %w", t.name, context.Cause(ctx))
	}
	return nil
}

// put writes values as JSON, nil as a tombstone, and waits until they are in the state, as CatchUp does.
func (t *Topic) put(ctx context.Context, values map[key]any) error {
	records := make([]*kgo.Record, 0, len(values))
	for k, v := range values {
		r := &kgo.Record{Key: []byte(k.String())}
		if v != nil {
			var err error
			if r.Value, err = json.Marshal(v); err != nil {
				return fmt.Errorf("rebuild: encode %s: %w", k, err)
			}
		}
		records = append(records, r)
	}
	return t.write(ctx, records...)
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
